"""What keys and sessions did, counted in the trail."""

import psycopg
import pytest

from domain.calls import ApiCalled
from projections.queries import credential_activity
from projections.queries.credential_activity import (
    CredentialActivity,
    CredentialIds,
    activity_of,
    first_and_last_call,
    traced_calls,
)
from tests.projections.conftest import Project
from tests.projections.ledger import Ledger, cause_of
from tests.projections.test_trail import DECISION
from tests.projections.use_events import CALLED, DENIED, stranger

ALLOWED = CALLED.model_copy(update={"decisions": (DECISION,)})
REFUSED = DENIED.model_copy(
    update={"decisions": (DECISION.model_copy(update={"action": "iam:Refused", "result": "implicitly denied"}),)}
)


def calls(ledger: Ledger, key: str, event: ApiCalled = CALLED, **more: object) -> int:
    return ledger.append(event, cause=cause_of(ledger.account_id, "ada", access_key_id=key, **more))


def did(reader: psycopg.Cursor, ledger: Ledger, credentials: CredentialIds) -> CredentialActivity:
    return activity_of(reader, ledger.account_id, credentials, ledger.position)


@pytest.fixture
def story(writer: psycopg.Connection, project: Project) -> Ledger:
    """From position 2: a key from two addresses, its session, another key, and a stranger who claims the first key."""
    ledger = Ledger(writer)
    calls(ledger, "AKIAONE", ALLOWED, peer_address="192.0.2.1", user_agent="cli", operation="GetUser")
    calls(ledger, "AKIAONE", REFUSED, peer_address="192.0.2.2", user_agent="cli", operation="DeleteUser")
    calls(ledger, "ASIAONE", session_id="SESNONE", peer_address="192.0.2.2", operation="ListUsers")
    calls(ledger, "AKIATWO", peer_address="192.0.2.9", operation="ListRoles")
    claimed = cause_of(ledger.account_id, principal=None, peer_address="203.0.113.1")
    ledger.append(stranger("AKIAONE", ledger.account_id), cause=claimed)
    project(ledger.account_id)
    return ledger


def test_doings_are_counted(story: Ledger, reader: psycopg.Cursor) -> None:
    """By address, user agent and operation, with first and last and what was refused; of the credentials that are asked
    about and of nobody who only claims one."""
    found = did(reader, story, CredentialIds(["AKIAONE"], ["SESNONE"]))
    assert (found.positions, found.last and found.last.position, found.stopped_position) == ((2, 3, 4), 4, None)
    assert [
        (row.text, row.first.position, row.last.position, row.answered, row.refused) for row in found.addresses.rows
    ] == [("192.0.2.1", 2, 2, 1, 0), ("192.0.2.2", 3, 4, 1, 1)]
    assert [(row.text, row.answered + row.refused) for row in found.user_agents.rows] == [("cli", 2), (None, 1)]
    assert [row.text for row in found.operations.rows] == ["iam:GetUser", "iam:DeleteUser", "iam:ListUsers"]
    assert found.operations.rows[0].first.at == story.times[2]


def test_what_was_used(story: Ledger, reader: psycopg.Cursor) -> None:
    """Actions that were allowed, and operations that were answered, whether anybody had to be asked or not; not what
    was refused."""
    assert did(reader, story, CredentialIds(["AKIAONE"], ["SESNONE"])).used == {"iam:getuser", "iam:listusers"}


def test_the_calls_themselves(story: Ledger, reader: psycopg.Cursor) -> None:
    """The first and the last, and each with what permission was asked for on."""
    found = first_and_last_call(reader, story.account_id, CredentialIds(["AKIAONE"]), story.position)
    assert found is not None
    assert [call.position for call in found] == [2, 3]
    first, second = traced_calls(reader, story.account_id, [2, 4])
    assert (first.operation, first.error_code, list(first.resources)) == ("GetUser", None, list(DECISION.resources))
    assert (second.session_id, second.source_address, list(second.resources)) == ("SESNONE", "192.0.2.2", [])


def test_a_credential_that_did_nothing(story: Ledger, reader: psycopg.Cursor) -> None:
    found = did(reader, story, CredentialIds(["AKIANONE"]))
    assert (found.positions, found.last, found.stopped_position, found.used) == ((), None, None, frozenset())
    assert first_and_last_call(reader, story.account_id, CredentialIds(["AKIANONE"]), story.position) is None


def test_before_the_position(story: Ledger, reader: psycopg.Cursor) -> None:
    """What came after the moment is not told."""
    found = activity_of(reader, story.account_id, CredentialIds(["AKIAONE"], ["SESNONE"]), 3)
    assert (found.positions, found.last and found.last.position) == ((2, 3), 3)


def test_credentials_are_looked_up_in_parts(
    story: Ledger, reader: psycopg.Cursor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few at a time, the calls of all come in order, and the first ones when there are too many."""
    monkeypatch.setattr(credential_activity, "CREDENTIALS_PER_SELECT", 1)
    credentials = CredentialIds(["AKIATWO", "AKIAONE"], ["SESNONE"])
    assert did(reader, story, credentials).positions == (2, 3, 4, 5)
    monkeypatch.setattr(credential_activity, "CALLS_MAX", 3)
    assert did(reader, story, credentials).positions == (2, 3, 4)


def test_bounds_are_told(story: Ledger, reader: psycopg.Cursor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many calls the first are looked at, and it is said where that ends and that there are more; so with too
    many addresses."""
    monkeypatch.setattr(credential_activity, "CALLS_MAX", 2)
    monkeypatch.setattr(credential_activity, "TALLIES_MAX", 1)
    found = did(reader, story, CredentialIds(["AKIAONE"], ["SESNONE"]))
    assert (found.positions, found.stopped_position) == ((2, 3), 3)
    assert found.last is not None
    assert found.last.position == 4
    assert ([row.text for row in found.addresses.rows], found.addresses.count) == (["192.0.2.1"], 2)
