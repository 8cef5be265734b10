"""What an account was at a position, from the ledger: the nearest snapshot before it, and the changes since."""

import logging

import psycopg

from domain.ledgers import Folded, empty, evolve
from services.ledger import snapshots
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select, select_snapshot

CHANGES_A_SELECT = 1_000
"""So that no statement of a reader takes long, however much there is to fold."""

log = logging.getLogger("muniment.ledger")


def value_at(cursor: psycopg.Cursor, mapper: EntryMapper, account_id: str, position: int) -> Folded:
    """The value with every change up to the position, and none after it; empty where there is no ledger. Blocks as
    long as folding takes: for threads that readers wait in, never for a round.

    Raises StoredBytesBroken and Corrupt.
    """
    value = _nearest(cursor, account_id, position)
    while True:
        rows = select(cursor, "select_changes", account_id, after=value.position, to=position, limit=CHANGES_A_SELECT)
        for row in rows:
            value = evolve(value, mapper.to_domain_event(row))
        if len(rows) < CHANGES_A_SELECT:
            return value


def _nearest(cursor: psycopg.Cursor, account_id: str, position: int) -> Folded:
    found = select_snapshot(cursor, account_id, snapshots.topic_for(account_id), to=position)
    if found is None:
        return empty(account_id)
    try:
        return snapshots.restored(found)
    except snapshots.SnapshotBroken as broken:
        # The changes tell the same, and they are the truth.
        log.error("%s It is left aside.", broken)  # noqa: TRY400  the message says it all
        return empty(account_id)
