"""Which sessions there were, and which of them were alive, at any moment."""

import psycopg

from domain.foundation.moments import AsOf
from domain.read_models.sessions import SessionDetails
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import resolve_in_projection

SQL = load_statements("projections.queries", "queries.sql")
SESSIONS_PER_PAGE_MAX = 1_000


def issued_sessions(
    cursor: psycopg.Cursor,
    account_id: str,
    as_of: AsOf,
    *,
    active_only: bool = False,
    after_position: int = 0,
    limit: int = SESSIONS_PER_PAGE_MAX,
) -> list[SessionDetails]:
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
    return [SessionDetails.of_row(row) for row in cursor.execute(SQL["sessions"], parameters).fetchall()]
