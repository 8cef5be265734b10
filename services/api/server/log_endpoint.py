"""The logs, for whoever watches them: checkpoints and tiles under /log/, as C2SP tlog-tiles has them.

Unsigned, and off unless the operator wants it: it tells which accounts there are and how much they do. What entries of
accounts say is for those who may read their history, under /v1/evidence/.
"""

import asyncio
import re
import uuid
from collections.abc import Callable

import psycopg

from domain.evidence.checkpoints import parse_checkpoint
from domain.evidence.tiles import TILE_WIDTH, TileCoordinates, parse_tile_path, width_of
from services.ledger.recorder import ConnectionSource
from services.transparency.head_log import newest_checkpoint, newest_head
from services.transparency.log_keys import LogKeys
from services.transparency.tiles import HEADS, SQL, read_tile
from services.wire.request_pipeline import Response

PREFIX = b"/log/"
OK, FORBIDDEN, NOT_FOUND, BUSY = 200, 403, 404, 503
TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"
READS_MAX, WAITING_MAX = 2, 64
"""At a time: anybody may ask."""
FOR_GOOD = ((b"cache-control", b"public, max-age=31536000, immutable"),)
FOR_A_SECOND = ((b"cache-control", b"public, max-age=1"),)
_PATH = re.compile(r"(?:([0-9]{12})/)?(checkpoint|tile/[0-9a-z/.]{1,64})")


class LogEndpoint:
    """One event loop's."""

    def __init__(self, readers: ConnectionSource, keys: Callable[[], LogKeys | None]) -> None:
        self._readers = readers
        self._keys = keys
        self._places = asyncio.Semaphore(READS_MAX)
        self._waiting = 0

    async def answer(self, method: str, path: bytes) -> Response:
        found = _PATH.fullmatch(path.removeprefix(PREFIX).decode("ascii", errors="replace"))
        if found is None or method != "GET":
            return _refused(NOT_FOUND, "Expected GET of /log/[ACCOUNT/]checkpoint or /log/[ACCOUNT/]tile/L/N[.p/W].")
        account_id, name = found.groups()
        if self._waiting >= WAITING_MAX:
            return _refused(BUSY, "Too many tiles are being read.")
        self._waiting += 1
        try:
            async with self._places:
                return await asyncio.to_thread(self._read, account_id or HEADS, name)
        finally:
            self._waiting -= 1

    def _read(self, log: str, name: str) -> Response:
        keys = self._keys()
        with self._readers() as connection, connection.cursor() as cursor:
            if name == "checkpoint":
                note = None if keys is None else _checkpoint(cursor, log, keys)
                return (
                    _refused(NOT_FOUND, "No checkpoint yet.") if note is None else _answered(note, TEXT, FOR_A_SECOND)
                )
            tile = parse_tile_path(name)
            if tile is None or tile.width > width_of(tile.level or 0, tile.index, _size(cursor, log)):
                return _refused(NOT_FOUND, "No checkpoint has such a tile.")
            if tile.level is not None:
                return _answered(read_tile(cursor, log, tile.level, tile.index, tile.width), BYTES, FOR_GOOD)
            if log != HEADS:
                return _refused(FORBIDDEN, "Entries of accounts are under /v1/evidence/entries, for signed requests.")
            return _answered(_bundle(cursor, tile), BYTES, FOR_GOOD)


def _checkpoint(cursor: psycopg.Cursor, log: str, keys: LogKeys) -> bytes | None:
    if log == HEADS:
        newest = newest_checkpoint(cursor)
        return None if newest is None else newest.note.encode()
    head = newest_head(cursor, log)
    return None if head is None else keys.sign(parse_checkpoint(head.entry)).encode()


def _size(cursor: psycopg.Cursor, log: str) -> int:
    """Of the newest checkpoint: nobody has seen more."""
    newest = newest_checkpoint(cursor) if log == HEADS else newest_head(cursor, log)
    return 0 if newest is None else newest.size


def _bundle(cursor: psycopg.Cursor, tile: TileCoordinates) -> bytes:
    first = tile.index * TILE_WIDTH
    rows = cursor.execute(SQL["entries_of_heads"], {"after": first, "to": first + tile.width}, binary=True)
    return b"".join(len(entry).to_bytes(2, "big") + entry for (entry,) in rows)


def _answered(body: bytes, content_type: str, headers: tuple[tuple[bytes, bytes], ...]) -> Response:
    return Response(OK, body, str(uuid.uuid4()), None, content_type, headers)


def _refused(status: int, why: str) -> Response:
    return Response(status, f"{why}\n".encode(), str(uuid.uuid4()), None, TEXT)
