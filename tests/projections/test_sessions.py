"""Sessions: which there were, and which were alive."""

import psycopg

from domain.families.roles import RoleCreated, RoleDeleted
from domain.families.sessions import SessionRevoked
from domain.foundation.moments import AsOf
from projections.queries.sessions import issued_sessions
from tests.projections.conftest import Project
from tests.projections.histories import TRUST
from tests.projections.ledger import NOW, SECOND, Ledger, cause_of
from tests.projections.use_events import HOUR, issued

ROLE = RoleCreated(
    role_id="AROAX", role_name="builder", path="/", session_seconds_max=3600, trust_policy=TRUST, trusted={}
)


def active(reader: psycopg.Cursor, ledger: Ledger, as_of: AsOf) -> list[str]:
    return [session.session_id for session in issued_sessions(reader, ledger.account_id, as_of, active_only=True)]


def test_a_session_lives_until_it_expires(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """From its issue, inclusive, to its expiry, exclusive; before its issue it is not known at all."""
    ledger = Ledger(writer)
    at = ledger.at + SECOND
    ledger.append(ROLE)
    ledger.append(issued(ledger, "S1", at=at), at=at)
    project(ledger.account_id)
    assert issued_sessions(reader, ledger.account_id, AsOf(NOW, at=at - SECOND / 2)) == []
    assert active(reader, ledger, AsOf(NOW, at=at)) == ["S1"]
    assert active(reader, ledger, AsOf(NOW, at=at + HOUR - SECOND)) == ["S1"]
    assert active(reader, ledger, AsOf(NOW, at=at + HOUR)) == []
    (expired,) = issued_sessions(reader, ledger.account_id, AsOf(NOW, at=at + HOUR))
    assert not expired.active
    assert (expired.issued_at, expired.expires_at, expired.source_address) == (at, at + HOUR, "192.0.2.1")
    assert expired.entity_arn == f"arn:aws:iam::{ledger.account_id}:role/builder"


def test_a_revoked_session_is_over_from_that_position(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """Before it the revocation is not even known; after it the session is over, and a second revocation changes
    neither time nor name. Other sessions live on."""
    ledger = Ledger(writer)
    at = ledger.at + SECOND
    ledger.append(ROLE)
    ledger.append(issued(ledger, "S1", at=at), issued(ledger, "S2", at=at), at=at)
    revoked = ledger.append(SessionRevoked(session_id="S1"), cause=cause_of(ledger.account_id, "eve"))
    revoked_at = ledger.at
    ledger.append(SessionRevoked(session_id="S1"), cause=cause_of(ledger.account_id, "bob"))
    ledger.append(SessionRevoked(session_id="unheard-of"))
    project(ledger.account_id)
    assert active(reader, ledger, AsOf(NOW, position=revoked - 1)) == ["S1", "S2"]
    before, _ = issued_sessions(reader, ledger.account_id, AsOf(NOW, position=revoked - 1))
    assert (before.revoked_position, before.revoked_at, before.revoked_by) == (None, None, None)
    assert active(reader, ledger, AsOf(NOW, position=revoked)) == ["S2"]
    after, _ = issued_sessions(reader, ledger.account_id, AsOf(NOW))
    assert (after.revoked_position, after.revoked_at) == (revoked, revoked_at)
    assert after.revoked_by == f"arn:aws:iam::{ledger.account_id}:user/eve"


def test_a_session_ends_with_its_role(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """The deletion orphans the sessions of that role that were alive, in the same batch too, and no others."""
    ledger = Ledger(writer)
    at = ledger.at + SECOND
    ledger.append(ROLE)
    ledger.append(issued(ledger, "OLD", at=at, lasts=SECOND), at=at)
    ledger.append(issued(ledger, "MINE", at=at), issued(ledger, "OTHER", at=at, entity_id="AROAY"), at=at + SECOND)
    deleted = ledger.append(RoleDeleted(role_id="AROAX", role_name="builder"))
    project(ledger.account_id)
    assert active(reader, ledger, AsOf(NOW, position=deleted - 1)) == ["MINE", "OTHER"]
    assert active(reader, ledger, AsOf(NOW, position=deleted)) == ["OTHER"]
    orphaned = {
        session.session_id: session.orphaned_at for session in issued_sessions(reader, ledger.account_id, AsOf(NOW))
    }
    assert orphaned == {"OLD": None, "MINE": ledger.at, "OTHER": None}


def test_pages(writer: psycopg.Connection, reader: psycopg.Cursor, project: Project) -> None:
    """Page after page gives every session once, in order."""
    ledger = Ledger(writer)
    for number in range(5):
        ledger.append(issued(ledger, f"S{number}", at=ledger.at + SECOND))
    project(ledger.account_id)
    seen: list[str] = []
    after = 0
    while page := issued_sessions(reader, ledger.account_id, AsOf(NOW), after_position=after, limit=2):
        assert len(page) <= 2
        seen += [session.session_id for session in page]
        after = page[-1].position
    assert seen == [f"S{number}" for number in range(5)]
