"""Tiles: their paths as the specification writes them, and the tree that they hold."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.evidence.merkle import HASH_BYTES, Frontier, frontier, hash_leaf, root_hash
from domain.evidence.tiles import TileCoordinates, hash_tile, parse_tile_path, read_from_tiles, tiles_of, width_of

LEAVES = [hash_leaf(str(number).encode()) for number in range(1000)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (TileCoordinates(0, 0), "tile/0/000"),
        (TileCoordinates(1, 1_234_067), "tile/1/x001/x234/067"),
        (TileCoordinates(None, 999, 1), "tile/entries/999.p/1"),
        (TileCoordinates(7, 1000, 255), "tile/7/x001/000.p/255"),
    ],
)
def test_paths(tile: TileCoordinates, path: str) -> None:
    assert tile.path == path
    assert parse_tile_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        *("tile/00/000", "tile/8/000", "tile/64/000", "tile/-1/000", "tile/0/00", "tile/0/0000", "tile/0/x000/000"),
        *("tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/07", "tile/0/001/000", "tile/0/x001/x000", "/tile/0/000"),
        *(
            "tile/0/000\n",
            "tile/data/000",
            "tile/0/" + 3 * chr(0x660),
            "",
            "checkpoint",
            "tile/0/" + "x001/" * 7 + "000",
        ),
    ],
)
def test_no_paths(path: str) -> None:
    assert parse_tile_path(path) is None


def test_the_tiles_of_seventy_thousand() -> None:
    """The specification's example: 273 full ones of level 0, one of 112 hashes; 1 and 17; and one hash of level 2."""
    tiles = tiles_of(70_000)
    assert len(tiles) == 273 + 1 + 1 + 1 + 1
    assert [tile for tile in tiles if tile.width < 256] == [
        *(TileCoordinates(0, 273, 112), TileCoordinates(1, 1, 17), TileCoordinates(2, 0, 1))
    ]
    assert tiles_of(256) == [TileCoordinates(0, 0), TileCoordinates(1, 0, 1)]
    assert tiles_of(0) == []


@given(st.integers(0, len(LEAVES)))
def test_the_tree_is_that_of_its_tiles(size: int) -> None:
    @cache
    def read_tile(level: int, index: int) -> bytes:
        assert width_of(level, index, size) > 0
        if level == 0:
            return b"".join(LEAVES[index * 256 : min(size, (index + 1) * 256)])
        return b"".join(hash_tile(read_tile(level - 1, child)) for child in range(index * 256, size >> 8 * level))

    grown = Frontier().with_leaves(LEAVES[:size])
    read = read_from_tiles(read_tile)
    assert frontier(size, read) == grown
    assert root_hash(size, read) == grown.root
    assert {(tile.level, tile.index, tile.width) for tile in tiles_of(size)} == {
        (level, index, len(read_tile(level, index)) // HASH_BYTES)
        for level in (0, 1)
        for index in range(5)
        if width_of(level, index, size)
    }


def test_a_tile_that_is_too_short() -> None:
    with pytest.raises(LookupError, match=r"tile/0/000 has not so many"):
        read_from_tiles(lambda _level, _index: b"".join(LEAVES[:3]))(2, 0)
