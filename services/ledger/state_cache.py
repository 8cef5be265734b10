"""The newest values of accounts, kept in memory: caught up from the ledger inside a round, loaded outside of it."""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass

import psycopg
from eventsourcing.persistence import StoredEvent

from domain.account import CorruptLedger
from domain.ledger_state import LedgerState, empty, evolve
from services.ledger import snapshots
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select, select_snapshot

CHANGES_A_ROUND_MAX = 1_000
"""What a round folds, under its locks, of what other processes have written: as much as a few rounds of theirs, and
some 15 ms. What is farther behind is loaded outside."""
CHANGES_UNLOADED_MAX = 50
"""Of an account that is not in memory at all. Outside, a snapshot may spare most of its changes."""
CHANGES_A_SELECT = 200
"""Small enough for the buffers of a connection: PostgreSQL ends an idle transaction, not one whose rows a process that
stands still does not take."""
CHANGES_A_STEP = 1_000
"""Of loading, before it is another account's turn."""
CACHE_BYTES_MAX = 256 * 1024 * 1024
"""All values of a process together, estimated as the bytes of the changes that made them."""
TYPICAL_CHANGE_BYTES = 1_000

log = logging.getLogger("muniment.ledger")


@dataclass(frozen=True, slots=True)
class CachedState:
    value: LedgerState
    folded_bytes: int
    changes_since_snapshot: int

    def with_change(self, value: LedgerState) -> "CachedState":
        return CachedState(value, self.folded_bytes + TYPICAL_CHANGE_BYTES, self.changes_since_snapshot + 1)


class StateCache:
    """A cache of values, least recently used out first, for all threads. A value is immutable and was true at its
    position, so it may be kept by whoever has it; the newest one stays."""

    def __init__(self, mapper: EntryMapper, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._mapper = mapper
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._bytes = 0
        self._held: OrderedDict[str, CachedState] = OrderedDict()

    def at_head(
        self, cursor: psycopg.Cursor, account_id: str, last_change: int, changes_max: int
    ) -> tuple[CachedState | None, int]:
        """The value with every change up to `last_change`, which the caller read from the locked head, and how many
        had to be folded. None when it is more than so many changes behind; what has been folded until then is kept."""
        held = self._held.get(account_id)
        if held is not None and held.value.position > last_change:
            # The ledger was restored to an earlier state beneath us; what is in memory is no longer true.
            self._forget(account_id)
            held = None
        if held is None:
            if last_change > min(changes_max, CHANGES_UNLOADED_MAX):
                return None, 0
            held = CachedState(empty(account_id), 0, 0)
        folded = 0
        while held.value.position < last_change:
            limit = min(changes_max - folded, CHANGES_A_SELECT)
            if not limit:
                self.keep(account_id, held)
                return None, folded
            after = held.value.position
            rows = select(cursor, "select_changes", account_id, after=after, to=last_change, limit=limit)
            if not rows:
                raise CorruptLedger(
                    f"Account {account_id}: the head names change {last_change}, the ledger ends at {after}."
                )
            held = self._with_changes(held, rows)
            folded += len(rows)
        return held, folded

    def load_step(self, cursor: psycopg.Cursor, account_id: str, *, first: bool) -> bool:
        """Outside of any lock: one step towards the newest value, the first from the snapshot if there is one that is
        newer. Whether it has come to the end."""
        held = self._held.get(account_id) or CachedState(empty(account_id), 0, 0)
        if first:
            held = self._from_snapshot(cursor, held)
        rows = select(cursor, "select_changes", account_id, after=held.value.position, limit=CHANGES_A_STEP)
        self.keep(account_id, self._with_changes(held, rows))
        return len(rows) < CHANGES_A_STEP

    def keep(self, account_id: str, held: CachedState) -> None:
        """Of what has been committed: from here on it is what rounds of this process begin with."""
        with self._lock:
            former = self._held.pop(account_id, None)
            if former is not None and former.value.position > held.value.position:
                held = former
            self._held[account_id] = held
            self._bytes += held.folded_bytes - (former.folded_bytes if former else 0)
            while self._bytes > self._bytes_max and len(self._held) > 1:
                _, oldest = self._held.popitem(last=False)
                self._bytes -= oldest.folded_bytes

    def _forget(self, account_id: str) -> None:
        with self._lock:
            forgotten = self._held.pop(account_id, None)
            self._bytes -= forgotten.folded_bytes if forgotten else 0

    def _from_snapshot(self, cursor: psycopg.Cursor, held: CachedState) -> CachedState:
        account_id = held.value.id
        found = select_snapshot(cursor, account_id, snapshots.snapshot_topic(account_id))
        if found is None or found.originator_version <= held.value.position:
            return held
        try:
            return CachedState(snapshots.restore_snapshot(found), len(found.state), 0)
        except snapshots.CorruptSnapshot as broken:
            # The changes tell the same, and they are the truth; the account's next snapshot takes this one's place.
            log.error("%s It is left aside.", broken)  # noqa: TRY400  the message says it all
            return held

    def _with_changes(self, held: CachedState, rows: list[StoredEvent]) -> CachedState:
        value, size = held.value, held.folded_bytes
        for row in rows:
            value = evolve(value, self._mapper.to_domain_event(row))
            size += len(row.state)
        return CachedState(value, size, held.changes_since_snapshot + len(rows))
