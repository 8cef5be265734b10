"""The tiles of the logs: kept when they are full, made from entries where they are not (docs/adr/0066)."""

from collections.abc import Sequence

import psycopg

from domain.account import CorruptLedger
from domain.evidence.merkle import HASH_BYTES, ReadNode
from domain.evidence.tiles import LEVELS_MAX, TILE_WIDTH, hash_tile, read_from_tiles, width_of
from projections.engine.sql_files import load_statements
from services.ledger.trees import read_leaves

SQL = load_statements("services.transparency", "log.sql")
HEADS = "heads"
"""The name of the log of heads. Those of accounts have the accounts' ids."""
TILES_A_STEP = 64
"""In one transaction: some 100 ms."""


def leaf_hashes(cursor: psycopg.Cursor, log: str, first: int, end: int) -> Sequence[bytes]:
    """Of the leaves from `first` up to `end`, from their entries. Raises CorruptLedger where one is missing."""
    if log != HEADS:
        return read_leaves(cursor, log, first, end)
    rows = cursor.execute(SQL["leaves_of_heads"], {"after": first, "to": end}, binary=True)
    leaves = [leaf for (leaf,) in rows]
    if len(leaves) != end - first:
        raise CorruptLedger(f"Of the entries {first} to {end - 1} of the log of heads, {len(leaves)} are there.")
    return leaves


def build_tiles(cursor: psycopg.Cursor, log: str, size: int) -> bool:
    """Keeps the next full tiles of a log of so many entries, in the transaction of the caller. Whether there are more.
    Raises CorruptLedger."""
    row = cursor.execute(SQL["tiled_size"], {"log": log}).fetchone()
    first = row[0] // TILE_WIDTH if row else 0
    end = min(size // TILE_WIDTH, first + TILES_A_STEP)
    for tile in range(first, end):
        leaves = leaf_hashes(cursor, log, tile * TILE_WIDTH, (tile + 1) * TILE_WIDTH)
        _put(cursor, log, 0, tile, b"".join(leaves))
        level, index = 0, tile
        while index % TILE_WIDTH == TILE_WIDTH - 1:
            level, index = level + 1, index // TILE_WIDTH
            _put(cursor, log, level, index, _roots(cursor, log, level, index, TILE_WIDTH))
    if end > first:
        cursor.execute(SQL["put_tiled"], {"log": log, "size": end * TILE_WIDTH})
    return end < size // TILE_WIDTH


def node_reader(cursor: psycopg.Cursor, log: str, size: int) -> ReadNode:
    """Nodes of the tree of a log's first `size` entries. Raises CorruptLedger. It keeps what it has read, so it is for
    one answer."""
    known: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        if (level, index) not in known:
            known[level, index] = read_tile(cursor, log, level, index, width_of(level, index, size))
        return known[level, index]

    return read_from_tiles(read)


def read_tile(cursor: psycopg.Cursor, log: str, level: int, index: int, width: int) -> bytes:
    """The first so many hashes of a tile. Raises CorruptLedger."""
    place = {"log": log, "level": level, "tile": index}
    row = cursor.execute(SQL["tile"], place, binary=True).fetchone()
    if row is not None:
        return bytes(row[0])[: width * HASH_BYTES]
    first = index * TILE_WIDTH
    if level == 0:
        return b"".join(leaf_hashes(cursor, log, first, first + width))
    kept = _roots(cursor, log, level, index, width)
    # Full tiles below that are not kept yet: few, unless whoever keeps them is far behind.
    missing = range(first + len(kept) // HASH_BYTES, first + width)
    return kept + b"".join(hash_tile(read_tile(cursor, log, level - 1, each, TILE_WIDTH)) for each in missing)


def _roots(cursor: psycopg.Cursor, log: str, level: int, index: int, width: int) -> bytes:
    """The hashes of a tile, as far as the tiles below it are kept."""
    assert 0 < level < LEVELS_MAX
    first = index * TILE_WIDTH
    place = {"log": log, "level": level - 1, "first": first, "end": first + width}
    return b"".join(root for (root,) in cursor.execute(SQL["tile_roots"], place, binary=True))


def _put(cursor: psycopg.Cursor, log: str, level: int, tile: int, hashes: bytes) -> None:
    place = {"log": log, "level": level, "tile": tile}
    cursor.execute(SQL["put_tile"], {**place, "hashes": hashes, "root": hash_tile(hashes)})
