"""The access history: every call once, found by whatever is known of it."""

from datetime import datetime, timedelta

import psycopg
import pytest

from domain.calls import ApiCalled, DecisionRecord, RefusalsCounted, StatementRef
from domain.foundation.abridged import abridge
from domain.foundation.errors import ValidationError
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf
from projections.queries import history
from projections.queries.history import History, HistoryPosition, search_history
from projections.queries.history_filters import HistoryFilters
from tests.projections.conftest import Project
from tests.projections.ledger import NOW, SECOND, Ledger, cause_of
from tests.projections.use_events import CALLED, DENIED, role_principal, stranger

DECISION = DecisionRecord(
    action="iam:GetUser",
    resources=("arn:aws:iam::111111111111:user/ada",),
    result="allowed",
    layer="identity",
    matched=(StatementRef(source_type="user", source_id="AIDAX", sha256="00", index=1),),
    context={"aws:tagkeys": ("a", "b")},
    positions={"111111111111": 7},
    evaluator=1,
)


def positions(page: History) -> list[int]:
    return [call.position for call in page.calls]


def test_a_call_is_told_whole(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """What the ledger knows of a call stands in its row, typed: cause, principal, parameters, error and decisions."""
    ledger = Ledger(writer)
    principal = role_principal(ledger.account_id, "AROAX", "builder", "ci")
    cause = cause_of(
        ledger.account_id,
        principal=principal,
        access_key_id="ASIAX",
        session_id="SESNX",
        forwarded_address="198.51.100.7",
        user_agent="aws-cli/2",
        tls=True,
        region="eu-west-1",
    )
    called = ApiCalled(
        read_only=True,
        parameters={"UserName": "ada", "MaxItems": 3},
        error_code="AccessDenied",
        error_message="Ünzulässig",
        decisions=(DECISION,),
    )
    ledger.append(called, cause=cause)
    project(ledger.account_id)
    (call,) = search_history(reader, ledger.account_id, HistoryFilters(), AsOf(NOW)).calls
    assert (call.account_id, call.position, call.at) == (ledger.account_id, ledger.position, ledger.at)
    assert call.event_id == f"{ledger.account_id}-{ledger.position}"
    for name in ("request_id", "shared_id", "service", "operation", "access_key_id", "session_id", "peer_address"):
        assert getattr(call, name) == getattr(cause, name)
    assert (call.forwarded_address, call.user_agent, call.tls, call.region) == (
        "198.51.100.7",
        "aws-cli/2",
        True,
        "eu-west-1",
    )
    assert (call.principal_type, call.principal_id, call.principal_arn) == ("AssumedRole", "AROAX:ci", principal.arn)
    assert call.issuer_arn == f"arn:aws:iam::{ledger.account_id}:role/builder"
    assert (call.read_only, call.parameters) == (True, called.parameters)
    assert (call.error_code, call.error_message) == ("AccessDenied", "Ünzulässig")
    assert call.decisions == (DECISION,)


@pytest.fixture
def busy(writer: psycopg.Connection, project: Project) -> Ledger:
    """Positions 2 to 7: four calls of users, one of a role, one denied."""
    ledger = Ledger(writer)
    account = ledger.account_id
    role = role_principal(account, "AROA" + "X" * 17, "builder", "ci")
    ledger.append(CALLED, cause=cause_of(account, "ada", access_key_id="AKIA1"))
    ledger.append(CALLED, cause=cause_of(account, "ada", access_key_id="AKIA2", peer_address="203.0.113.9"))
    ledger.append(CALLED, cause=cause_of(account, "bob", access_key_id="AKIA3", operation="ListUsers"))
    ledger.append(
        CALLED,
        cause=cause_of(account, principal=role, access_key_id="ASIA1", session_id="SESN1", peer_address="192.0.2.2"),
    )
    ledger.append(DENIED, cause=cause_of(account, "ada", access_key_id="AKIA1", operation="DeleteUser"))
    ledger.append(CALLED, cause=cause_of(account, "bob", forwarded_address="203.0.113.9", access_key_id="AKIA3"))
    project(account)
    return ledger


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (HistoryFilters(), [2, 3, 4, 5, 6, 7]),
        (HistoryFilters(access_key_id="AKIA1"), [2, 6]),
        (HistoryFilters(session_id="SESN1"), [5]),
        (HistoryFilters(principal="ada"), [2, 3, 6]),
        (HistoryFilters(principal="arn:aws:iam::{account}:user/bob"), [4, 7]),
        (HistoryFilters(principal="AIDAADA" + "A" * 14), [2, 3, 6]),
        (HistoryFilters(principal="arn:aws:iam::{account}:role/builder"), [5]),
        (HistoryFilters(principal="arn:aws:sts::{account}:assumed-role/builder/ci"), [5]),
        (HistoryFilters(principal="AROA" + "X" * 17), [5]),
        (HistoryFilters(principal="AROA" + "X" * 17 + ":ci"), [5]),
        (HistoryFilters(principal="AROA" + "X" * 17 + ":other"), []),
        (HistoryFilters(principal="ASIA1"), [5]),
        (HistoryFilters(principal="user/ada"), [2, 3, 6]),
        (HistoryFilters(source_address="203.0.113.0/24"), [3, 7]),
        (HistoryFilters(source_address="192.0.0.0/8"), [2, 4, 5, 6]),
        (HistoryFilters(source_address="203.0.113.9/32"), [3, 7]),
        (HistoryFilters(operation="iam:listusers"), [4]),
        (HistoryFilters(operation="list-users"), [4]),
        (HistoryFilters(error_code="accessdenied"), [6]),
        (HistoryFilters(source_address="203.0.113.9"), [3, 7]),
        (HistoryFilters(operation="ListUsers"), [4]),
        (HistoryFilters(error_code="AccessDenied"), [6]),
        (HistoryFilters(principal="ada", access_key_id="AKIA1", error_code="AccessDenied"), [6]),
        (HistoryFilters(principal="ada", operation="ListUsers"), []),
    ],
    ids=str,
)
def test_filters(busy: Ledger, reader: psycopg.Cursor, filters: HistoryFilters, expected: list[int]) -> None:
    """Each finds its calls and no others; together they narrow."""
    if filters.principal is not None:
        given = {name: getattr(filters, name) for name in filters.__slots__}
        filters = HistoryFilters(**given | {"principal": filters.principal.format(account=busy.account_id)})
    page = search_history(reader, busy.account_id, filters, AsOf(NOW))
    assert positions(page) == expected
    assert page.complete


def test_times_are_inclusive(busy: Ledger, reader: psycopg.Cursor) -> None:
    """`since` and `until` take in what happened at that very time; a past moment knows nothing later."""

    def found(since: datetime | None, until: datetime | None, as_of: AsOf) -> list[int]:
        span = [None if at is None else AsOf(NOW, at=at) for at in (since, until)]
        filters = HistoryFilters(since=span[0], until=span[1])
        return positions(search_history(reader, busy.account_id, filters, as_of))

    assert found(busy.times[3], busy.times[5], AsOf(NOW)) == [3, 4, 5]
    assert found(busy.times[3] + SECOND / 2, busy.times[5] - SECOND / 2, AsOf(NOW)) == [4]
    assert found(busy.times[3], None, AsOf(NOW, position=4)) == [3, 4]
    assert found(None, busy.times[5], AsOf(NOW, at=busy.times[4])) == [2, 3, 4]
    with pytest.raises(ValidationError, match="ends before it begins: from position 5 to 3"):
        found(busy.times[5], busy.times[3], AsOf(NOW))


@pytest.mark.parametrize("size", range(1, 8))
def test_pages(busy: Ledger, reader: psycopg.Cursor, size: int) -> None:
    """Pages of any size give each call once, in order; only the last is complete, and none is empty."""
    after, seen = HistoryPosition(), []
    while True:
        page = search_history(reader, busy.account_id, HistoryFilters(), AsOf(NOW), after=after, limit=size)
        seen += positions(page)
        after = page.after
        if page.complete:
            break
        assert len(page.calls) == size
    assert page.calls
    assert seen == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_a_page_has_bounds(busy: Ledger, reader: psycopg.Cursor, limit: int) -> None:
    """A limit outside of them is refused with what was expected."""
    with pytest.raises(ValidationError, match=f"1 to 1000 calls; got {limit}"):
        search_history(reader, busy.account_id, HistoryFilters(), AsOf(NOW), limit=limit)


@pytest.mark.parametrize("size", [1, 2, 10])
def test_claims_of_a_key_stand_in_its_history(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, size: int
) -> None:
    """Requests that claimed the key and proved nothing come between the key's calls by time, page by page; claims of
    other keys, and of the same key id with another account, do not; nor does what came after the moment."""
    ledger = Ledger(writer)
    installation = Ledger(writer, INSTALLATION)
    start = ledger.at

    def minutes(count: int) -> datetime:
        return start + timedelta(minutes=count)

    mine = cause_of(ledger.account_id, access_key_id="AKIA1")
    nobody = cause_of(INSTALLATION, principal=None)
    ledger.append(CALLED, cause=mine, at=minutes(1))
    installation.append(stranger("AKIA1", ledger.account_id), cause=nobody, at=minutes(2))
    installation.append(stranger("AKIA2", ledger.account_id), stranger("AKIA1", "2" * 12), cause=nobody, at=minutes(3))
    ledger.append(CALLED, cause=mine, at=minutes(4))
    installation.append(stranger("AKIA1", ledger.account_id), cause=nobody, at=minutes(5))
    for account_id in (ledger.account_id, INSTALLATION):
        project(account_id)

    def read(as_of: AsOf) -> list[tuple[str, int]]:
        after, seen = HistoryPosition(), []
        while True:
            page = search_history(
                reader, ledger.account_id, HistoryFilters(access_key_id="AKIA1"), as_of, after=after, limit=size
            )
            seen += [(call.account_id, call.position) for call in page.calls]
            after = page.after
            if page.complete:
                return seen

    expected = [(ledger.account_id, 2), (INSTALLATION, 1), (ledger.account_id, 3), (INSTALLATION, 4)]
    assert read(AsOf(NOW)) == expected
    assert read(AsOf(NOW, at=minutes(2))) == expected[:2]
    assert read(AsOf(NOW, position=3)) == expected[:3]
    everybody = search_history(reader, INSTALLATION, HistoryFilters(error_code="InvalidClientTokenId"), AsOf(NOW))
    assert positions(everybody) == [1, 2, 3, 4]
    assert {call.principal_arn for call in everybody.calls} == {None}


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_page_is_bounded_in_bytes(
    writer: psycopg.Connection,
    reader: psycopg.Cursor,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    *,
    newest_first: bool,
) -> None:
    """Calls with much in them come on more pages, none twice and none left out; one that is too long comes alone."""
    monkeypatch.setattr(history, "PAGE_BYTES_MAX", 3_000)
    monkeypatch.setattr(history, "CALLS_PER_SELECT_MAX", 3)
    ledger = Ledger(writer)
    for size in (1, 1, 400, 400, 400, 5_000, 1, 1, 1, 1, 1):
        ledger.append(ApiCalled(read_only=True, parameters={"policy": "p" * size}))
    project(ledger.account_id)
    seen, after, pages = list[int](), None, list[int]()
    while True:
        page = search_history(
            reader, ledger.account_id, HistoryFilters(), AsOf(NOW), after=after, newest_first=newest_first
        )
        seen, after, pages = seen + positions(page), page.after, [*pages, len(page.calls)]
        if page.complete:
            break
    assert seen == sorted(range(2, ledger.position + 1), reverse=newest_first)
    assert len(pages) > 3
    assert all(pages)


def test_counted_refusals(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """One row tells how many calls were refused, from when to when and about what, and each of these finds it."""
    ledger = Ledger(writer)
    counted = RefusalsCounted(
        read_only=True,
        error_code="AccessDenied",
        count=4_812,
        first=NOW,
        last=NOW + SECOND,
        named=(f"arn:aws:iam::{ledger.account_id}:user/x/Ada", "user/ada", "arn:aws:iam::1:role/ops"),
        named_not_kept=7,
    )
    ledger.append(counted, cause=cause_of(ledger.account_id, "bob", access_key_id="AKIACOUNTED", request_id="counted"))
    ledger.append(DENIED)
    project(ledger.account_id)
    for filters in (
        HistoryFilters(resource="ada"),
        HistoryFilters(resource="arn:aws:iam::1:role/ops"),
        HistoryFilters(access_key_id="AKIACOUNTED"),
    ):
        (call,) = search_history(reader, ledger.account_id, filters, AsOf(NOW)).calls
        assert (call.position, call.requests, call.error_code) == (2, 4_812, "AccessDenied")
        assert (call.counted_from, call.counted_to) == (NOW, NOW + SECOND)
        assert call.resources == ("arn:aws:iam::1:role/ops", "user/Ada")
        assert call.parameters == {"named_not_kept": 7}


def test_what_stands_for_a_long_value_is_no_name(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """The beginning of a text that was not kept is no ARN, and an abridged name no entity."""
    ledger = Ledger(writer)
    long = {"name": "arn:aws:iam::1:role/" + "x" * 900, "user_name": "u" * 900, "role_name": "ops"}
    ledger.append(ApiCalled(read_only=False, parameters=abridge(long, refused=True)))
    project(ledger.account_id)
    (call,) = search_history(reader, ledger.account_id, HistoryFilters(), AsOf(NOW)).calls
    assert call.resources == ("role/ops",)
