"""When users and roles last used services and their operations, up to a position."""

from collections.abc import Collection, Sequence
from datetime import datetime

import psycopg

from domain.foundation.moments import AsOf
from domain.read_models.last_accesses import OperationUse, ServiceUse
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import resolve_in_projection

SQL = load_statements("projections.queries", "last_accesses.sql")
ENTITIES_PER_SELECT = 100
"""So that no statement takes long, however many there are."""


def last_uses(
    cursor: psycopg.Cursor, account_id: str, entity_ids: Sequence[str], position: int, since: datetime
) -> list[OperationUse]:
    """Of each of these users and roles the last use of each operation. Raises what `resolve_in_projection` raises."""
    asked = _asked(cursor, account_id, position, since)
    found: list[OperationUse] = []
    for start in range(0, len(entity_ids), ENTITIES_PER_SELECT):
        some = entity_ids[start : start + ENTITIES_PER_SELECT]
        rows = cursor.execute(SQL["of_entities"], {**asked, "entity_ids": list(some)}, prepare=False).fetchall()
        found += [OperationUse(*row) for row in rows]
    return found


def last_uses_of_services(
    cursor: psycopg.Cursor, account_id: str, services: Collection[str], position: int, since: datetime
) -> list[ServiceUse]:
    """The last use of each by anybody of the account. Raises what `resolve_in_projection` raises."""
    asked = _asked(cursor, account_id, position, since)
    rows = cursor.execute(SQL["of_account"], {**asked, "services": list(services)}, prepare=False).fetchall()
    return [ServiceUse(*row) for row in rows]


def _asked(cursor: psycopg.Cursor, account_id: str, position: int, since: datetime) -> dict[str, object]:
    moment = resolve_in_projection(cursor, "last_accesses", account_id, AsOf(since, position=position))
    return {"account_id": account_id, "position": moment.position, "until": moment.at, "since": since}
