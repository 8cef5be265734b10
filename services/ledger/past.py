"""Values as they were."""

import psycopg

from domain.ledgers import Folded, empty, evolve
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select

CHANGES_A_SELECT = 1_000


def value_at(cursor: psycopg.Cursor, mapper: EntryMapper, account_id: str, position: int) -> Folded:
    """The value after the last change at or before the position; an empty one where nothing had happened yet."""
    value = empty(account_id)
    while rows := select(
        cursor, "select_changes", account_id, after=value.position, to=position, limit=CHANGES_A_SELECT
    ):
        for row in rows:
            value = evolve(value, mapper.to_domain_event(row))
    return value
