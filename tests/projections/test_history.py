"""Filters of the access history: what they find is what a plain look at every event finds, along an index each."""

from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.calls import ApiCalled, DecisionRecord
from domain.foundation.events import Cause
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf
from domain.read_models.history import HistoryCall
from projections.queries import history, history_filters
from projections.queries.history import HistoryPosition, search_history
from projections.queries.history_filters import EVERY_CALL, HistoryFilters
from projections.queries.history_search import INDEX_SCANS
from tests.projections.conftest import Project
from tests.projections.ledger import NOW, Ledger, cause_of
from tests.projections.use_events import CALLED, role_principal, stranger

FEW = st.integers(0, 2)


def decision(*resources: str) -> DecisionRecord:
    return DecisionRecord(
        action="iam:GetUser",
        resources=resources,
        result="allowed",
        layer="identity",
        matched=(),
        context={},
        positions={},
        evaluator=1,
    )


def arn(account_id: str, number: int) -> str:
    return f"arn:aws:iam::{account_id}:user/{number}"


def who(account_id: str, number: int, whose: int) -> Cause:
    """A user of the account, a user of another one with the same name, or a role's session."""
    match number:
        case 0:
            return cause_of(account_id, "ada")
        case 1:
            return cause_of("9" * 12, "ada")
        case _:
            principal = role_principal(account_id, f"AROA{'X' * 16}{'AB'[whose % 2]}", f"r{whose % 2}", "ci")
            return cause_of(account_id, principal=principal, session_id=f"SESN{whose}")


@st.composite
def calls(draw: st.DrawFn, account_id: str) -> tuple[ApiCalled, Cause]:
    resources = draw(st.lists(st.lists(FEW.map(lambda n: arn(account_id, n) if n else "*"), max_size=2), max_size=2))
    called = ApiCalled(
        read_only=True,
        parameters={},
        error_code=draw(st.sampled_from([None, "AccessDenied", "NoSuchEntity"])),
        decisions=tuple(decision(*each) for each in resources),
    )
    given_by = who(account_id, draw(FEW), draw(FEW))
    return called, given_by.model_copy(
        update={
            "access_key_id": f"AKIA{draw(FEW)}",
            "peer_address": f"192.0.2.{draw(FEW)}",
            "forwarded_address": draw(st.sampled_from([None, "192.0.2.1"])),
            "user_agent": draw(st.sampled_from([None, "aws-cli/2", "Boto3"])),
            "operation": draw(st.sampled_from(["GetUser", "ListUsers"])),
        }
    )


@st.composite
def filters(draw: st.DrawFn, account_id: str) -> HistoryFilters:
    def maybe(*values: str) -> str | None:
        return draw(st.none() | st.sampled_from(values))

    role = "AROA" + "X" * 16 + "A"
    principals = (
        *("ada", "bob", f"arn:aws:iam::{account_id}:user/ada", f"arn:aws:iam::{'9' * 12}:user/ada"),
        *(f"arn:aws:iam::{account_id}:role/r0", f"arn:aws:sts::{account_id}:assumed-role/r1/ci"),
        *("AIDAADA" + "A" * 14, role, f"{role}:ci", f"{role}:other"),
    )
    return HistoryFilters(
        access_key_id=maybe("AKIA0", "AKIA1", "AKIA9"),
        session_id=maybe("SESN0", "SESN1"),
        principal=maybe(*principals),
        source_address=maybe("192.0.2.0", "192.0.2.1", "192.0.2.2/31"),
        user_agent=maybe("aws-cli/2", "AWS-CLI", "oto", "curl"),
        operation=maybe("GetUser", "iam:listusers", "DeleteUser"),
        resource=maybe(arn(account_id, 1), arn(account_id, 2), arn(account_id, 3), "*"),
        error_code=maybe("AccessDenied"),
    )


def fits(account_id: str, called: ApiCalled, cause: Cause, wanted: HistoryFilters) -> bool:
    principal = cause.principal
    assert principal is not None
    names = {principal.arn, principal.principal_id, principal.principal_id.split(":")[0]}
    if principal.account_id == account_id and principal.user_name is not None:
        names.add(principal.user_name)
    if principal.issuer is not None:
        names.add(principal.issuer.arn)
    address = cause.forwarded_address or cause.peer_address or ""
    resources = {resource for each in called.decisions for resource in each.resources} - {"*"}
    held: dict[str, set[str | None]] = {
        "access_key_id": {cause.access_key_id},
        "session_id": {cause.session_id},
        "principal": {*names},
        "source_address": {address, f"{address[:-1]}2/31" if address.endswith("2") else address},
        "operation": {cause.operation, f"iam:{cause.operation.lower()}"},
        "resource": {*resources},
        "error_code": {called.error_code},
    }
    if wanted.user_agent is not None and wanted.user_agent.lower() not in (cause.user_agent or "").lower():
        return False
    return all(getattr(wanted, name) is None or getattr(wanted, name) in values for name, values in held.items())


def read(
    reader: psycopg.Cursor,
    account_id: str,
    wanted: HistoryFilters,
    as_of: AsOf,
    limit: int,
    *,
    newest_first: bool = False,
) -> list[HistoryCall]:
    """Page after page; each begins behind the one before. In the order of the ledger."""
    end = 2**40 if newest_first else 0
    after, seen = HistoryPosition(end, end), list[HistoryCall]()
    while True:
        page = search_history(reader, account_id, wanted, as_of, after=after, limit=limit, newest_first=newest_first)
        assert len(page.calls) <= limit
        seen += page.calls
        if page.complete:
            return seen[::-1] if newest_first else seen
        assert page.after != after
        after = page.after


@settings(
    max_examples=20,
    deadline=None,
    # Every example has an account of its own; what is patched does not depend on it.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_filters_find_what_fits(
    writer: psycopg.Connection,
    reader: psycopg.Cursor,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    data: st.DataObject,
) -> None:
    """Any combination of filters, in pages of any size, from either end, however few positions are looked at for a page
    and however few values are compared, finds the very calls that fit, once each and in order."""
    ledger = Ledger(writer)
    made = data.draw(st.lists(calls(ledger.account_id), max_size=12))
    at = {ledger.append(called, cause=cause): (called, cause) for called, cause in made}
    project(ledger.account_id)
    for _ in range(8):
        wanted = data.draw(filters(ledger.account_id))
        limit = data.draw(st.integers(1, 5))
        monkeypatch.setattr(history, "POSITIONS_PER_CALL_MAX", data.draw(st.sampled_from([1, 5, 10_000])))
        monkeypatch.setattr(history_filters, "VALUES_MAX", data.draw(st.sampled_from([0, 1, 500])))
        backwards = data.draw(st.booleans())
        found = read(reader, ledger.account_id, wanted, AsOf(NOW), limit, newest_first=backwards)
        expected = [position for position, call in at.items() if fits(ledger.account_id, *call, wanted)]
        assert [call.position for call in found] == expected


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("at_most", [1, 2, 10_000])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_two_ledgers_in_one_order(
    writer: psycopg.Connection,
    reader: psycopg.Cursor,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    at_most: int,
    *,
    newest_first: bool,
) -> None:
    """Where the search in one ledger stops early, nothing later from the other comes before what it has not yet found;
    equal times are ordered by account."""
    monkeypatch.setattr(history, "POSITIONS_PER_CALL_MAX", at_most)
    monkeypatch.setattr(history, "POSITIONS_PER_SCAN_MAX", 2)
    ledger, installation = Ledger(writer), Ledger(writer, INSTALLATION)
    mine = cause_of(ledger.account_id, access_key_id="AKIA1")
    start, expected = ledger.at, []
    for minute, who_called in enumerate("smmSsmSsssmmmSm"):
        time = start + timedelta(minutes=minute // 2)
        match who_called:
            case "m":
                expected.append((time, ledger.account_id, ledger.append(CALLED, cause=mine, at=time)))
            case "s":
                claim = stranger("AKIA1", ledger.account_id)
                at = installation.append(claim, cause=cause_of(INSTALLATION, principal=None), at=time)
                expected.append((time, INSTALLATION, at))
            case _:
                installation.append(stranger("AKIA1", "2" * 12), cause=cause_of(INSTALLATION, principal=None), at=time)
    for account_id in (ledger.account_id, INSTALLATION):
        project(account_id)
    mine_only = HistoryFilters(access_key_id="AKIA1")
    found = read(reader, ledger.account_id, mine_only, AsOf(NOW), limit, newest_first=newest_first)
    assert [(call.at, call.account_id, call.position) for call in found] == sorted(expected)


def test_a_page_has_an_end(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters that fit many calls each and none together end a page that is empty, and says that it is not the last."""
    monkeypatch.setattr(history, "POSITIONS_PER_CALL_MAX", 6)
    ledger = Ledger(writer)
    busy = [
        cause_of(ledger.account_id, access_key_id="AKIA1", operation="GetUser"),
        cause_of(ledger.account_id, access_key_id="AKIA2", operation="GetRole"),
    ]
    for _ in range(30):
        for cause in busy:
            ledger.append(CALLED, cause=cause)
    project(ledger.account_id)
    wanted = HistoryFilters(access_key_id="AKIA1", operation="GetRole")
    page = search_history(reader, ledger.account_id, wanted, AsOf(NOW), limit=1)
    assert (page.calls, page.complete) == ((), False)
    assert 0 < page.after.position < ledger.position
    assert read(reader, ledger.account_id, wanted, AsOf(NOW), 1) == []


def test_a_hash_is_no_proof(
    writer: psycopg.Connection, projector: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """A call whose resource only has the same hash is not found."""
    ledger = Ledger(writer)
    resource = arn(ledger.account_id, 1)
    ledger.append(CALLED.model_copy(update={"decisions": (decision(resource),)}))
    ledger.append(CALLED)
    project(ledger.account_id)
    projector.execute(
        "insert into trail_resources values (%s, hashtextextended(%s, 0), 3)", (ledger.account_id, resource)
    )
    found = search_history(reader, ledger.account_id, HistoryFilters(resource=resource), AsOf(NOW))
    assert [call.position for call in found.calls] == [2]


def test_what_a_client_chooses_fits(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """No length of a user agent or of a resource's name is too much for an index, which would halt the projection."""
    long = "".join(chr(0x4E00 + number * 7_919 % 20_000) for number in range(2_048))
    ledger = Ledger(writer)
    resource = f"arn:aws:iam::{ledger.account_id}:role/{long}"
    cause = cause_of(ledger.account_id, user_agent=long)
    ledger.append(CALLED.model_copy(update={"decisions": (decision(resource),)}), cause=cause)
    project(ledger.account_id)
    found = search_history(reader, ledger.account_id, HistoryFilters(resource=resource, user_agent=long), AsOf(NOW))
    assert [call.position for call in found.calls] == [2]


INDEXES = {
    "access_key_id": "trail_by_access_key",
    "session_id": "trail_by_session",
    "entity_id": "trail_by_entity",
    "user_name": "trail_by_user_name",
    "principal_arn": "trail_by_principal",
    "issuer_arn": "trail_by_issuer",
    "source_identity": "trail_by_source_identity",
    "operator": "trail_by_operator",
    "source_address": "trail_by_source",
    "user_agent": "trail_by_user_agent",
    "operation": "trail_by_operation",
    "resource": "trail_resources_pkey",
    "error_code": "trail_by_error",
}
FILLED = """
insert into trail (account_id, position, at, request_hash, requests, allowed, service, operation, principal_id,
    principal_arn, entity_id, user_name, issuer_arn, source_identity, operator, access_key_id, session_id,
    source_address, user_agent_key, error_code, resources)
select '111111111111', n, now(), n, 1, false, 'iam', 'same', 'same', 'same', 'same', 'same', 'same', 'same', 'same',
    'same', 'same', 'same', user_agent_key('same'), 'same', '{}'
from generate_series(1, 3000) as n
"""
CONCERNED = """
insert into trail_resources select '111111111111', hashtextextended('same', 0), n from generate_series(1, 3000) as n
"""


@pytest.mark.parametrize("analysed", [False, True])
def test_each_filter_has_its_index(projector: psycopg.Connection, *, analysed: bool) -> None:
    """Whether statistics know of it or not that every row has the same value, the positions of a filter come along its
    own index: nothing is read from end to end, and nothing sorted."""
    assert INDEXES.keys() == INDEX_SCANS.keys()
    with projector.transaction(force_rollback=True):
        projector.execute(FILLED)
        projector.execute(CONCERNED)
        if analysed:
            projector.execute("analyze trail, trail_resources")
        projector.execute(history.SQL["in_order"])
        parameters = {"account_id": "111111111111", "sought": "same", "after": 5, "to": 2_900, "limit": 100}
        for column, statement in INDEX_SCANS.items():
            for direction in filter(None, statement):
                lines = projector.execute(b"explain " + direction, parameters).fetchall()
                plan = "\n".join(line for (line,) in lines)
                assert f" using {INDEXES[column]} " in plan, plan
                assert "Seq Scan" not in plan
                assert "Sort" not in plan


def test_the_rows_come_by_their_positions(projector: psycopg.Connection) -> None:
    """What is at the positions is found by them, whatever else is asked of it."""
    with projector.transaction(force_rollback=True):
        projector.execute(FILLED)
        projector.execute("analyze trail")
        projector.execute(history.SQL["in_order"])
        row = {**EVERY_CALL, "concerns_account_id": None, "newest_first": False, "user_agent": "same"}
        parameters = {**row, "account_id": "111111111111", "positions": [7, 8, 9], "limit": 2}
        lines = projector.execute(b"explain " + history.SQL["history"], parameters).fetchall()
        plan = "\n".join(line for (line,) in lines)
        assert "Seq Scan" not in plan, plan
        by_key = [line for line in plan.splitlines() if "Index Cond:" in line]
        assert all("(account_id = " in line and '"position" = ' in line for line in by_key), plan
        assert any('"position" = ANY' in line for line in by_key), plan
