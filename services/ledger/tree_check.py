"""Whether a ledger that is read is the one of which its Merkle tree was made, round by round (docs/adr/0066)."""

from base64 import b64encode
from collections import deque
from collections.abc import Iterator

import psycopg

from domain.evidence.merkle import HASH_BYTES, Frontier, hash_leaf
from domain.evidence.tiles import TILE_WIDTH
from projections.engine.sql_files import load_statements
from services.ledger.discrepancy import Discrepancy

SQL = load_statements("services.ledger", "verification.sql")
HEADS_A_FETCH = 1_000


class TreeCheck:
    """Takes one entry after the other; in the transaction of the caller."""

    def __init__(self, connection: psycopg.Connection, account_id: str) -> None:
        self._connection = connection
        self._account = {"account_id": account_id}
        row = connection.execute(SQL["tree"], self._account, binary=True).fetchone()
        self._kept = Frontier() if row is None else Frontier.unpack(*row)
        self._grown = Frontier()
        self._tile: list[bytes] = []
        self._heads = self._published()
        self._next = next(self._heads, None)
        self._finding: Discrepancy | None = None
        """The first."""

    def take(self, state: bytes) -> None:
        """The bytes of the next entry."""
        if self._finding is None:
            self._finding = self._compare(state)

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
        if len(self._tile) == TILE_WIDTH:
            found = self._connection.execute(
                SQL["tile"], {**self._account, "tile": size // TILE_WIDTH - 1}, binary=True
            ).fetchone()
            hashes, self._tile = self._tile, []
            if found is not None and found[0] != b"".join(hashes):
                pairs = zip(hashes, range(0, len(found[0]), HASH_BYTES), strict=True)
                first = next(i for i, (leaf, at) in enumerate(pairs) if found[0][at : at + HASH_BYTES] != leaf)
                return self._differs("the entry whose hash is kept", size - TILE_WIDTH + first + 1)
        return None

    def finding_at_end(self) -> Discrepancy | None:
        """What does not fit, if anything does not, when no more entries follow."""
        if self._finding is not None:
            return self._finding
        size = self._grown.size
        *_, last = deque(self._heads, 1) or [self._next]
        told = 0 if last is None else last[0]
        for reached, who in ((self._kept.size, "its Merkle tree has"), (told, "the log of heads has told of")):
            if reached > size:
                return Discrepancy(size + 1, f"an event, for {who} {reached}", "the end of the ledger")
        return None

    def _differs(self, expected: str, position: int | None = None) -> Discrepancy:
        return Discrepancy(position or self._grown.size, expected, "others" if position is None else "another")

    def _published(self) -> Iterator[tuple[int, str]]:
        """Sizes that the log of heads has told of, and with which lines."""
        after = 0
        while True:
            place = {**self._account, "after": after, "limit": HEADS_A_FETCH}
            rows = self._connection.execute(SQL["published"], place).fetchall()
            yield from ((size, entry.partition("\n")[2]) for size, entry in rows)
            if len(rows) < HEADS_A_FETCH:
                return
            after = rows[-1][0]
