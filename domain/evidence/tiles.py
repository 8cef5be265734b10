"""Where the hashes of a Merkle tree lie: tiles of 256, eight levels of the tree high (C2SP tlog-tiles)."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from domain.evidence.merkle import HASH_BYTES, ReadNode, hash_nodes

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
LEVELS_MAX = 8
"""Of the tiles of a tree of at most 2^63 - 1 leaves."""
ENTRY_BYTES_MAX = 0xFFFF
"""An entry bundle has the length of each entry in two bytes."""

_PATH = re.compile(
    r"tile/(?P<level>0|[1-9][0-9]?|entries)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileCoordinates:
    level: int | None
    """0 for the hashes of leaves; None for the entries themselves."""
    index: int
    width: int = TILE_WIDTH
    """How many hashes, or entries, it has; less than 256 for a partial tile."""

    @property
    def path(self) -> str:
        """Below a log's prefix."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        part = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{'entries' if self.level is None else self.level}/{'/'.join(groups)}{part}"


def parse_tile_path(path: str) -> TileCoordinates | None:
    """None for what is no tile's path, another spelling of one among it."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    level, width = found["level"], int(found["width"] or TILE_WIDTH)
    index = int(found["index"].replace("x", "").replace("/", ""))
    tile = TileCoordinates(None if level == "entries" else int(level), index, width)
    return tile if tile.path == path and width <= TILE_WIDTH and (tile.level or 0) < LEVELS_MAX else None


def width_of(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in the tree of that size; 0 where it is not there."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH))


def tiles_of(size: int) -> list[TileCoordinates]:
    """The tiles of hashes that a tree of that size consists of."""
    return [
        TileCoordinates(level, index, width_of(level, index, size))
        for level in range(LEVELS_MAX)
        for index in range(-(-(size >> TILE_HEIGHT * level) // TILE_WIDTH))
    ]


def hash_tile(hashes: bytes, height: int = TILE_HEIGHT) -> bytes:
    """The root of the subtree over so many hashes, 2 to the power of `height`."""
    nodes = [hashes[at : at + HASH_BYTES] for at in range(0, HASH_BYTES << height, HASH_BYTES)]
    while len(nodes) > 1:
        nodes = [hash_nodes(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
    return nodes[0]


def read_from_tiles(read_tile: Callable[[int, int], bytes]) -> ReadNode:
    """Nodes from tiles; `read_tile` gives the hashes of one, by level and index, as many as there are."""

    def read(height: int, index: int) -> bytes:
        level, height_in_tile = divmod(height, TILE_HEIGHT)
        first = index << height_in_tile
        hashes = read_tile(level, first // TILE_WIDTH)
        at = first % TILE_WIDTH * HASH_BYTES
        found = hashes[at : at + (HASH_BYTES << height_in_tile)]
        if len(found) != HASH_BYTES << height_in_tile:
            raise LookupError(f"The tile {TileCoordinates(level, first // TILE_WIDTH).path} has not so many hashes.")
        return hash_tile(found, height_in_tile)

    return read
