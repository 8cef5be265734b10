"""The values that accounts fold into, kept for projections that are computed from them."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg

from domain.account import Account, FoldStep, evolve
from domain.foundation.events import Entry, read_entry
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.engine", "apply.sql")
KEPT_BYTES_MAX = 64 * 1024 * 1024
"""All values that are kept together, estimated as the stored bytes that each was folded from."""
CHANGE_BYTES = 500
"""About, of a change that somebody else has read."""
CHANGES_A_SELECT = 1_000
ValueAt = Callable[[str, int], Account | None]
"""The value of an account with every change up to a position, from a snapshot; None: it is to be folded."""


class _Folded(NamedTuple):
    value: Account
    position: int
    """To which its ledger was read, uses among it."""
    from_bytes: int


class FoldedAccounts:
    """Of each account the newest value that was made, least recently used out first. For one thread."""

    def __init__(self, value_at: ValueAt | None = None, bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._value_at = value_at
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[str, _Folded] = OrderedDict()

    def steps(self, cursor: psycopg.Cursor, account_id: str, *, after: int, to: int) -> Iterator[FoldStep]:
        """The changes of an account behind one position and up to another, each with the values before and after it.
        Raises CorruptLedger, and what `read_entry` raises."""
        value, _, size = self._at(cursor, account_id, after)
        for entry, entry_bytes in _changes(cursor, account_id, after, to):
            changed = evolve(value, entry)
            yield value, entry, changed
            value, size = changed, size + entry_bytes
        self._keep(_Folded(value, to, size))

    def history(self, cursor: psycopg.Cursor, account_id: str, to: int) -> Iterator[FoldStep]:
        """As `steps`, from the beginning; nothing of it is kept. For one of whom other steps are under way, too."""
        value = Account(account_id)
        for entry, _ in _changes(cursor, account_id, 0, to):
            changed = evolve(value, entry)
            yield value, entry, changed
            value = changed

    def _at(self, cursor: psycopg.Cursor, account_id: str, position: int) -> _Folded:
        kept = self._kept.get(account_id)
        if kept is None or kept.position > position:
            found = None if self._value_at is None else self._value_at(account_id, position)
            value = found or Account(account_id)
            kept = _Folded(value, value.position, value.position * CHANGE_BYTES)
        value, reached, size = kept
        for entry, entry_bytes in _changes(cursor, account_id, reached, position):
            value, size = evolve(value, entry), size + entry_bytes
        return _Folded(value, position, size)

    def _keep(self, folded: _Folded) -> None:
        former = self._kept.pop(folded.value.id, None)
        self._kept[folded.value.id] = folded
        self._bytes += folded.from_bytes - (0 if former is None else former.from_bytes)
        while self._bytes > self._bytes_max and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.from_bytes


def _changes(cursor: psycopg.Cursor, account_id: str, after: int, to: int) -> Iterator[tuple[Entry, int]]:
    """With the size of each."""
    while after < to:
        span = {"account_id": account_id, "after": after, "to": to, "limit": CHANGES_A_SELECT}
        rows = cursor.execute(SQL["changes"], span).fetchall()
        for position, stored in rows:
            yield read_entry(stored)[1], len(stored)
            after = position
        if len(rows) < CHANGES_A_SELECT:
            return
