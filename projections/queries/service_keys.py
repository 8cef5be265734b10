"""The keys of registered services, which are in no account: which sessions they have there (docs/adr/0049)."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg

from domain.foundation.identifiers import INSTALLATION, account_of_access_key_id
from domain.foundation.moments import AsOf, Moment
from domain.foundation.suggested_commands import suggested_command
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import resolve_in_projection
from projections.queries.readable import require_readable

SQL = load_statements("projections.queries", "lineage.sql")
SESSIONS_TOLD_MAX, SESSIONS_READ_MAX = 20, 1_000


class ServiceSession(NamedTuple):
    account_id: str
    session_id: str
    access_key_id: str
    service_name: str
    expires_at: datetime
    is_over: bool


def service_sessions(
    cursor: psycopg.Cursor,
    keys: Sequence[str],
    at: datetime,
    account_id: str | None = None,
    position: int | None = None,
) -> list[ServiceSession]:
    """That were given to these keys, in all accounts or in one, up to its position: SESSIONS_READ_MAX at most, active
    ones first, the oldest first. Raises ProjectionUnreadable."""
    require_readable(cursor, "lineage")
    sought = {"keys": list(keys), "at": at, "account_id": account_id, "position": position, "limit": SESSIONS_READ_MAX}
    return [ServiceSession(*row) for row in cursor.execute(SQL["sessions_of_service"], sought).fetchall()]


def told_of_service(cursor: psycopg.Cursor, account_id: str, named: str, moment: Moment) -> str | None:
    """In sentences, what to do about a registered service that is called so, or that has this key; None where the
    account knows of none. Raises what `resolve_in_projection` raises."""
    keys, is_key = [named], account_of_access_key_id(named) == INSTALLATION
    if not is_key:
        resolve_in_projection(cursor, "trail", account_id, AsOf(moment.at, position=moment.position))
        rows = cursor.execute(SQL["keys_of_service"], {"account_id": account_id, "name": named}).fetchall()
        keys = [key for (key,) in rows]
    if not keys:
        return None
    sessions = service_sessions(cursor, keys, moment.at, account_id, moment.position)
    name = sessions[0].service_name if sessions else "NAME" if is_key else named
    what = "the key of a registered service" if is_key else "a registered service"
    deregister = suggested_command("muniment", "service-principal", "deregister", name)
    told = f"{named} is {what}, which is in no account: the operator ends its key, but no session, by {deregister}."
    if not sessions:
        return f"{told} It has had no session in {account_id}."
    history = suggested_command("muniment", "history", principal=name)
    alive = [session for session in sessions if not session.is_over]
    return (
        f"{told} Of its sessions in {account_id}, {counted(sessions)} in all, {counted(alive)} are active; what it "
        f"asked for: {history}.{told_endings(alive)}"
    )


def counted(sessions: Sequence[ServiceSession]) -> str:
    return f"{len(sessions):,}" if len(sessions) < SESSIONS_READ_MAX else f"{SESSIONS_READ_MAX:,} or more"


def told_endings(alive: Sequence[ServiceSession]) -> str:
    """The commands that end these sessions with all that they have made; empty where there is none."""
    if not alive:
        return ""
    commands = [suggested_command("muniment", "contain", each.access_key_id) for each in alive[:SESSIONS_TOLD_MAX]]
    more = f"; and {len(alive) - SESSIONS_TOLD_MAX} more" if len(alive) > SESSIONS_TOLD_MAX else ""
    return f" To end a session with all that it has made: {'; '.join(commands)}{more}."
