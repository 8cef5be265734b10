"""Whether a ledger that is read is the one of which its Merkle tree was made, round by round (docs/adr/0066)."""

from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

import psycopg
from psycopg.rows import TupleRow

from domain.evidence.merkle import HASH_BYTES, Frontier, hash_leaf
from domain.evidence.tiles import TILE_WIDTH
from projections.engine.damage import damage_raised
from projections.engine.sql_files import load_statements
from services.ledger.discrepancy import Discrepancy

SQL = load_statements("services.ledger", "verification.sql")
HEADS_A_FETCH = 1_000


class _Unreadable(Exception):  # noqa: N818  carries what PostgreSQL says
    pass


class TreeCheck:
    """Takes one entry after the other; in the transaction of the caller. What of the trees cannot be read is a finding,
    too, and the entries are read on."""

    def __init__(self, connection: psycopg.Connection, account_id: str) -> None:
        self._connection = connection
        self._account = {"account_id": account_id}
        self._kept = self._grown = Frontier()
        self._tile: list[bytes] = []
        self._heads = self._published()
        self._next: tuple[int, str] | None = None
        self._finding = self._look(self._begin)
        """The first."""

    def take(self, state: bytes) -> None:
        """The bytes of the next entry."""
        if self._finding is None:
            self._finding = self._look(partial(self._compare, state))

    def finding_at_end(self) -> Discrepancy | None:
        """What does not fit, if anything does not, when no more entries follow."""
        return self._finding or self._look(self._compare_end)

    def _look(self, compare: Callable[[], Discrepancy | None]) -> Discrepancy | None:
        try:
            return compare()
        except _Unreadable as damage:
            return Discrepancy(None, "its Merkle tree, as rounds have made it", str(damage))

    def _begin(self) -> None:
        for size, packed in self._rows("tree"):
            self._kept = Frontier.unpack(size, packed)
        self._next = next(self._heads, None)

    def _compare(self, state: bytes) -> Discrepancy | None:
        leaf = hash_leaf(state)
        self._grown = self._grown.with_leaves([leaf])
        self._tile.append(leaf)
        size = self._grown.size
        if size == self._kept.size and self._grown != self._kept:
            return self._differs("the entries that were hashed when they were written")
        while self._next is not None and self._next[0] == size:
            if self._next[1] != f"{size}\n{b64encode(self._grown.root).decode()}\n":
                return self._differs("the entries that the log of heads has told of")
            self._next = next(self._heads, None)
        return self._compare_tile(size // TILE_WIDTH - 1) if len(self._tile) == TILE_WIDTH else None

    def _compare_tile(self, tile: int) -> Discrepancy | None:
        leaves, self._tile = self._tile, []
        for (hashes,) in self._rows("tile", tile=tile):
            kept = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
            for position, (leaf, found) in enumerate(zip(leaves, kept, strict=True), tile * TILE_WIDTH + 1):
                if leaf != found:
                    return Discrepancy(position, "the entry whose hash is kept", "another")
        return None

    def _compare_end(self) -> Discrepancy | None:
        size = self._grown.size
        *_, last = deque(self._heads, 1) or [self._next]
        told = 0 if last is None else last[0]
        for reached, who in ((self._kept.size, "its Merkle tree has"), (told, "the log of heads has told of")):
            if reached > size:
                return Discrepancy(size + 1, f"an event, for {who} {reached}", "the end of the ledger")
        return None

    def _differs(self, expected: str) -> Discrepancy:
        return Discrepancy(self._grown.size, expected, "others")

    def _published(self) -> Iterator[tuple[int, str]]:
        """Sizes that the log of heads has told of, and with which lines."""
        after = 0
        while True:
            rows = self._rows("published", after=after, limit=HEADS_A_FETCH)
            yield from ((size, entry.partition("\n")[2]) for size, entry in rows)
            if len(rows) < HEADS_A_FETCH:
                return
            after = rows[-1][0]

    def _rows(self, name: str, **place: int) -> list[TupleRow]:
        """Raises _Unreadable."""
        with damage_raised(self._connection, _Unreadable):
            return self._connection.execute(SQL[name], {**self._account, **place}, binary=True).fetchall()
        raise AssertionError("Either is the end of the block.")
