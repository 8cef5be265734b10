"""The newest values of accounts, kept in memory, caught up from the ledger inside a round."""

import logging
from collections import OrderedDict
from dataclasses import dataclass

import psycopg

from domain.account import Corrupt
from domain.ledgers import Folded, empty, evolve
from services.ledger import snapshots
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select, select_snapshot

CHANGES_A_SELECT = 5_000
VALUE_BYTES_MAX = 256 * 1024 * 1024
"""All values of a committing thread together, estimated as the bytes of the changes that made them."""
TYPICAL_CHANGE_BYTES = 1_000

log = logging.getLogger("muniment.ledger")


@dataclass(frozen=True, slots=True)
class Held:
    value: Folded
    folded_bytes: int
    changes_since_snapshot: int

    def with_change(self, value: Folded) -> "Held":
        return Held(value, self.folded_bytes + TYPICAL_CHANGE_BYTES, self.changes_since_snapshot + 1)


class Values:
    """A cache of values, least recently used out first. Used by one thread at a time: the one that holds the heads."""

    def __init__(self, mapper: EntryMapper, bytes_max: int = VALUE_BYTES_MAX) -> None:
        self._mapper = mapper
        self._bytes_max = bytes_max
        self._bytes = 0
        self._held: OrderedDict[str, Held] = OrderedDict()

    def at_head(self, cursor: psycopg.Cursor, account_id: str, last_change: int) -> Held:
        """The value with every change up to `last_change`, which the caller read from the locked head."""
        held = self._held.get(account_id)
        if held is not None and held.value.position > last_change:
            held = None  # The ledger was restored to an earlier state beneath us; what is in memory is no longer true.
        if held is None:
            held = self._from_snapshot(cursor, account_id)
        if held.value.position < last_change:
            held = self._caught_up(cursor, held, last_change)
        return held

    def keep(self, account_id: str, held: Held) -> None:
        """Only after the commit: from here on the value is what rounds of this process begin with."""
        former = self._held.pop(account_id, None)
        self._held[account_id] = held
        self._bytes += held.folded_bytes - (former.folded_bytes if former else 0)
        while self._bytes > self._bytes_max and len(self._held) > 1:
            _, oldest = self._held.popitem(last=False)
            self._bytes -= oldest.folded_bytes

    def _from_snapshot(self, cursor: psycopg.Cursor, account_id: str) -> Held:
        found = select_snapshot(cursor, account_id, snapshots.topic_for(account_id))
        if found is None:
            return Held(empty(account_id), 0, 0)
        try:
            return Held(snapshots.restored(found), len(found.state), 0)
        except snapshots.SnapshotBroken as broken:
            # The changes tell the same, and they are the truth; the account's next snapshot takes this one's place.
            log.error("%s It is left aside.", broken)  # noqa: TRY400  the message says it all
            return Held(empty(account_id), 0, 0)

    def _caught_up(self, cursor: psycopg.Cursor, held: Held, to: int) -> Held:
        value, size, count = held.value, held.folded_bytes, held.changes_since_snapshot
        while value.position < to:
            rows = select(cursor, "select_changes", value.id, after=value.position, to=to, limit=CHANGES_A_SELECT)
            for row in rows:
                value = evolve(value, self._mapper.to_domain_event(row))
                size += len(row.state)
            count += len(rows)
            if not rows:
                raise Corrupt(f"Account {value.id}: the head names change {to}, the ledger ends at {value.position}.")
        return Held(value, size, count)
