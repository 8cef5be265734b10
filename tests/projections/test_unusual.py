"""What is unusual: found where it is, told with its calls, page by page, and not found where all is usual."""

from datetime import timedelta

import psycopg
import pytest

from domain.families.access_keys import AccessKeyCreated
from domain.families.credential_use import CredentialUsed
from domain.foundation.errors import ValidationError
from domain.foundation.events import Principal
from domain.foundation.moments import AsOf
from domain.read_models.unusual import Anomaly, UnusualKind
from projections.queries import unusual as looking
from projections.queries.unusual import FIRST_POSITION, UnusualPosition, position_range, search_unusual
from tests.projections.conftest import Project
from tests.projections.ledger import BEGINNING as BEGAN
from tests.projections.ledger import NOW, Ledger, cause_of
from tests.projections.use_events import CALLED, DENIED, issued, role_principal

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SILENCE = 90 * DAY


def found(
    reader: psycopg.Cursor, ledger: Ledger, since: AsOf | None = None, until: AsOf | None = None
) -> list[Anomaly]:
    over = position_range(reader, ledger.account_id, since, until or AsOf(NOW))
    page = search_unusual(reader, ledger.account_id, over, SILENCE, limit=100)
    assert page.after is None
    assert page.cut_sessions == ()
    return list(page.findings)


def in_session(ledger: Ledger, session_id: str, address: str, **more: str) -> int:
    principal = role_principal(ledger.account_id, "AROAX", "builder", session_id)
    fields: dict[str, object] = {
        "principal": principal,
        "session_id": session_id,
        "access_key_id": f"ASIA{session_id}",
        "peer_address": address,
    }
    cause = cause_of(ledger.account_id).model_copy(update={**fields, **more})
    return ledger.append(CALLED, cause=cause)


def of_root(account_id: str) -> Principal:
    return Principal(type="Root", principal_id=account_id, arn=f"arn:aws:iam::{account_id}:root", account_id=account_id)


def uses_key(ledger: Ledger, access_key_id: str, at: timedelta, *, first_in_window: bool = True) -> int:
    """A call with the key so long after the beginning, as a round writes it."""
    used = CredentialUsed(credential="access_key", credential_id=access_key_id, service="iam", region="eu-west-1")
    cause = cause_of(ledger.account_id, "ada", access_key_id=access_key_id, request_id=f"r{at}")
    return ledger.append(*([used] if first_in_window else []), DENIED, cause=cause, at=BEGAN + at)


def test_a_session_from_two_addresses(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """The finding stands at the first call from the second address and shows the first call from each, behind a proxy
    by the address that the proxy reported. A session that stays where it is, is none."""
    ledger = Ledger(writer)
    for session_id in ("SESNSTAYS", "SESNMOVES"):
        ledger.append(issued(ledger, session_id, at=ledger.at, lasts=DAY))
    first = in_session(ledger, "SESNMOVES", "192.0.2.1", request_id="r1")
    in_session(ledger, "SESNSTAYS", "192.0.2.1")
    in_session(ledger, "SESNSTAYS", "192.0.2.1")
    in_session(ledger, "SESNMOVES", "192.0.2.1")
    second = in_session(ledger, "SESNMOVES", "192.0.2.1", forwarded_address="198.51.100.9", user_agent="curl/8")
    in_session(ledger, "SESNMOVES", "192.0.2.1")
    project(ledger.account_id)
    (finding,) = found(reader, ledger)
    assert (finding.kind, finding.credential, finding.calls) == (UnusualKind.SEVERAL_ADDRESSES, "SESNMOVES", 4)
    assert (finding.position, finding.at) == (second, ledger.times[second])
    assert [(call.position, call.source_address) for call in finding.evidence] == [
        (first, "192.0.2.1"),
        (second, "198.51.100.9"),
    ]
    assert (finding.evidence[0].request_id, finding.evidence[1].user_agent) == ("r1", "curl/8")
    before = AsOf(NOW, position=second - 1)
    assert found(reader, ledger, until=before) == []
    assert found(reader, ledger, since=AsOf(NOW, position=second + 1)) == []


def test_a_session_older_than_the_span(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """A session that was issued before the span and moves within it is found; by time as by position."""
    ledger = Ledger(writer)
    ledger.append(issued(ledger, "SESNLONG", at=ledger.at, lasts=DAY))
    first = in_session(ledger, "SESNLONG", "192.0.2.1")
    in_session(ledger, "SESNLONG", "192.0.2.2")
    project(ledger.account_id)
    for since in (AsOf(NOW, position=first), AsOf(NOW, at=ledger.times[first])):
        assert [finding.credential for finding in found(reader, ledger, since)] == ["SESNLONG"]


def test_a_session_with_more_calls_than_are_looked_at(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not looked at is said, and a shorter span looks at it."""
    monkeypatch.setattr(looking, "CALLS_PER_SESSION_MAX", 2)
    ledger = Ledger(writer)
    ledger.append(issued(ledger, "SESNBUSY", at=ledger.at, lasts=DAY))
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        last = in_session(ledger, "SESNBUSY", address)
    project(ledger.account_id)
    over = position_range(reader, ledger.account_id, None, AsOf(NOW))
    page = search_unusual(reader, ledger.account_id, over, SILENCE, limit=10)
    assert (page.findings, page.cut_sessions) == ((), ("SESNBUSY",))
    assert [finding.credential for finding in found(reader, ledger, AsOf(NOW, position=last - 1))] == ["SESNBUSY"]


@pytest.mark.parametrize(("days", "silent"), [(89, False), (90, True), (200, True)])
def test_a_silent_key(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, days: int, *, silent: bool
) -> None:
    """From the last call, even one that the window of CredentialUsed swallowed, to the next is the silence."""
    ledger = Ledger(writer)
    ledger.append(AccessKeyCreated(access_key_id="AKIAQUIET", user_id="AIDAADA", user_name="ada"))
    uses_key(ledger, "AKIAQUIET", DAY)
    last = uses_key(ledger, "AKIAQUIET", DAY + 10 * MINUTE, first_in_window=False)
    woken = uses_key(ledger, "AKIAQUIET", DAY + 10 * MINUTE + days * DAY)
    project(ledger.account_id)
    findings = found(reader, ledger)
    assert [finding.position for finding in findings] == ([woken] if silent else [])
    for finding in findings:
        assert (finding.kind, finding.credential) == (UnusualKind.SILENT_KEY, "AKIAQUIET")
        assert finding.silent_since == ledger.times[last]
        assert [call.position for call in finding.evidence] == [last, woken]
        assert finding.evidence[-1].error_code == "AccessDenied"


def test_almost_a_silence(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Between two CredentialUsed lie ninety days, between the calls ten minutes less: no finding."""
    ledger = Ledger(writer)
    ledger.append(AccessKeyCreated(access_key_id="AKIAALMOST", user_id="AIDAADA", user_name="ada"))
    uses_key(ledger, "AKIAALMOST", DAY)
    uses_key(ledger, "AKIAALMOST", DAY + 10 * MINUTE, first_in_window=False)
    uses_key(ledger, "AKIAALMOST", DAY + SILENCE)
    project(ledger.account_id)
    assert found(reader, ledger) == []


def test_a_key_never_used_and_then_used(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Without a call before, the silence began with the key; a span that ends before the use does not know of it."""
    ledger = Ledger(writer)
    created = ledger.append(AccessKeyCreated(access_key_id="AKIANEW", user_id="AIDAADA", user_name="ada"))
    woken = uses_key(ledger, "AKIANEW", 100 * DAY)
    project(ledger.account_id)
    (finding,) = found(reader, ledger)
    assert (finding.silent_since, finding.position) == (ledger.times[created], woken)
    assert [call.position for call in finding.evidence] == [woken]
    assert found(reader, ledger, until=AsOf(NOW, position=created)) == []


def test_root_by_day_and_credential(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Each day with root in it, by key and session, with the first and the last call; days are those of UTC."""
    ledger = Ledger(writer)
    root = of_root(ledger.account_id)
    hours = [1, 2, 23, 25, 26]
    keys = ["AKIAROOT", "AKIAOTHER", "AKIAROOT", "AKIAROOT", "AKIAROOT"]
    made = [
        ledger.append(
            CALLED,
            cause=cause_of(ledger.account_id, principal=root, access_key_id=key),
            at=BEGAN + timedelta(hours=hour),
        )
        for hour, key in zip(hours, keys, strict=True)
    ]
    ledger.append(CALLED, cause=cause_of(ledger.account_id, "ada"))
    project(ledger.account_id)
    findings = found(reader, ledger)
    assert {finding.kind for finding in findings} == {UnusualKind.ROOT}
    assert [
        (finding.credential, finding.calls, [call.position for call in finding.evidence]) for finding in findings
    ] == [("AKIAROOT", 2, [made[0], made[2]]), ("AKIAOTHER", 1, [made[1]]), ("AKIAROOT", 2, [made[3], made[4]])]


def test_pages_are_one_listing(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Page by page, whatever their size, everything is found once and in one order."""
    ledger = Ledger(writer)
    root = of_root(ledger.account_id)
    for number in range(3):
        ledger.append(issued(ledger, f"SESN{number}", at=ledger.at, lasts=DAY))
        in_session(ledger, f"SESN{number}", "192.0.2.1")
        in_session(ledger, f"SESN{number}", "192.0.2.2")
    for name in ("AKIAONE", "AKIATWO"):
        ledger.append(AccessKeyCreated(access_key_id=name, user_id="AIDAADA", user_name="ada"))
    for times in (100, 200, 300):
        uses_key(ledger, "AKIAONE", times * DAY)
        uses_key(ledger, "AKIATWO", times * DAY + MINUTE)
        for key in ("AKIAROOT", "AKIAOTHER"):
            ledger.append(CALLED, cause=cause_of(ledger.account_id, principal=root, access_key_id=key))
    project(ledger.account_id)
    whole = found(reader, ledger)
    assert [finding.kind for finding in whole] == [UnusualKind.SEVERAL_ADDRESSES] * 3 + [UnusualKind.SILENT_KEY] * 6 + [
        UnusualKind.ROOT
    ] * 6
    over = position_range(reader, ledger.account_id, None, AsOf(NOW))
    for limit in (1, 2, 7):
        paged: list[Anomaly] = []
        place: UnusualPosition | None = FIRST_POSITION
        while place is not None:
            page = search_unusual(reader, ledger.account_id, over, SILENCE, after=place, limit=limit)
            assert len(page.findings) <= limit
            paged += page.findings
            place = page.after
        assert paged == whole


def test_a_page_looks_at_no_more_than_it_may(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is unusual, a page ends all the same, empty, and the next ones come to the end."""
    monkeypatch.setattr(looking, "EXAMINED_PER_PAGE_MAX", 2)
    ledger = Ledger(writer)
    for number in range(5):
        ledger.append(issued(ledger, f"SESN{number}", at=ledger.at, lasts=DAY))
        in_session(ledger, f"SESN{number}", "192.0.2.1")
    project(ledger.account_id)
    over = position_range(reader, ledger.account_id, None, AsOf(NOW))
    place: UnusualPosition | None = FIRST_POSITION
    pages = 0
    while place is not None:
        page = search_unusual(reader, ledger.account_id, over, SILENCE, after=place, limit=10)
        assert page.findings == ()
        place, pages = page.after, pages + 1
    assert pages == 3


def test_a_span_the_wrong_way_round(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    ledger = Ledger(writer)
    ledger.append(CALLED)
    project(ledger.account_id)
    with pytest.raises(ValidationError, match="from position 2 to 0"):
        position_range(reader, ledger.account_id, AsOf(NOW, position=2), AsOf(NOW, at=BEGAN - DAY))
