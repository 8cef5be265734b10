"""Which sessions there were, and which of them were alive, at any moment."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from domain.foundation.moments import AsOf
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import resolve_in_projection

SQL = load_statements("projections.queries", "queries.sql")
SESSIONS_PER_PAGE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """A session as it was known at the moment."""

    position: int
    session_id: str
    access_key_id: str
    principal_type: str
    principal_arn: str
    entity_id: str
    """The unique id of the role or user, or the account's id for root, whose permissions count."""
    entity_arn: str
    minted_by_arn: str
    """Who asked for it, perhaps from another account."""
    minted_by_access_key_id: str
    minted_by_session_id: str | None
    issued_at: datetime
    expires_at: datetime
    source_address: str | None
    user_agent: str | None
    revoked_position: int | None
    revoked_at: datetime | None
    revoked_by: str | None
    orphaned_at: datetime | None
    """When its role or user was deleted before the session's time was over."""
    active: bool
    """Issued, and neither expired nor revoked nor orphaned."""


def issued_sessions(
    cursor: psycopg.Cursor,
    account_id: str,
    as_of: AsOf,
    *,
    active_only: bool = False,
    after_position: int = 0,
    limit: int = SESSIONS_PER_PAGE_MAX,
) -> list[IssuedSession]:
    """In the order in which they were issued; the next page begins after the last one's position.

    Raises what `resolve_in_projection` raises.
    """
    moment = resolve_in_projection(cursor, "sessions", account_id, as_of)
    parameters = {
        "account_id": account_id,
        "position": moment.position,
        "at": moment.at,
        "active_only": active_only,
        "after": after_position,
        "limit": min(limit, SESSIONS_PER_PAGE_MAX),
    }
    return [IssuedSession(*row) for row in cursor.execute(SQL["sessions"], parameters).fetchall()]
