"""What anybody may read of the logs where the operator wants it: checkpoints and hashes that make one tree."""

import asyncio
import struct
from typing import Any

import pytest

from domain.evidence.checkpoints import parse_checkpoint
from domain.evidence.merkle import hash_leaf, root_hash
from domain.evidence.note_keys import VerifierKey, verify_note
from domain.evidence.signed_notes import parse_note
from domain.evidence.tiles import TileCoordinates, read_from_tiles, width_of
from services.api.server.log_endpoint import LogEndpoint
from services.wire.request_pipeline import Response
from tests.services.api.in_process_server import InProcessServer
from tests.services.api.test_evidence import ORIGIN, keys, publish

__all__ = ["keys"]  # A fixture: pytest finds it here.


@pytest.fixture
def filled(house: InProcessServer, keys: object) -> InProcessServer:
    """An account with some three hundred entries, published at three places."""
    assert keys
    publish(house)
    for number in range(150):
        house.aws_does("iam", "CreateUser", UserName=f"u{number}")
    publish(house)
    house.aws_does("iam", "CreateUser", UserName="last")
    publish(house)
    return house


def get(house: InProcessServer, path: str, method: str = "GET") -> Response:
    ledger = house.ledger
    return asyncio.run(LogEndpoint(ledger.readers.connection, lambda: ledger.log_keys).answer(method, path.encode()))


def test_the_tree_is_that_of_its_tiles(filled: InProcessServer) -> None:
    """Of the account's log and of the log of heads: keys, checkpoint, tiles and, of the latter, entries."""
    log = filled.asks("/v1/evidence/log").body
    for prefix, verifier_keys, origin in (
        ("/log", log["verifier_keys"], ORIGIN),
        (f"/log/{filled.account_id}", log["account_verifier_keys"], f"{ORIGIN}/{filled.account_id}"),
    ):
        answered = get(filled, f"{prefix}/checkpoint")
        assert answered.content_type == "text/plain; charset=utf-8"
        note = parse_note(answered.body)
        verify_note(note, map(VerifierKey.parse, verifier_keys))
        checkpoint = parse_checkpoint(note.text)
        assert checkpoint.origin == origin

        def read_tile(level: int, index: int, prefix: str = prefix, size: int = checkpoint.size) -> bytes:
            tile = TileCoordinates(level, index, width_of(level, index, size))
            found = get(filled, f"{prefix}/{tile.path}")
            assert (found.status, found.content_type) == (200, "application/octet-stream")
            assert len(found.body) == 32 * tile.width
            return found.body

        assert root_hash(checkpoint.size, read_from_tiles(read_tile)) == checkpoint.root
    heads = checkpoint_size(filled, "/log")
    bundle = get(filled, f"/log/{TileCoordinates(None, 0, heads).path}").body
    entries = []
    while bundle:
        (length,) = struct.unpack(">H", bundle[:2])
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    hashes = get(filled, f"/log/{TileCoordinates(0, 0, heads).path}").body
    assert b"".join(map(hash_leaf, entries)) == hashes


def checkpoint_size(house: InProcessServer, prefix: str) -> int:
    return parse_checkpoint(parse_note(get(house, f"{prefix}/checkpoint").body).text).size


def test_what_is_not_there(filled: InProcessServer) -> None:
    """Other forms of a path, what no checkpoint has, and what accounts' entries say."""
    own = f"/log/{filled.account_id}"
    for path in (
        *("/log/", "/log", "/log/x", "/log//checkpoint", "/log/1/checkpoint", "/log/tile/0/000", "/log/tile/0/0.p/1"),
        *("/log/tile/0/000.p/0", "/log/tile/9/000.p/1", f"{own}/tile/0/001.p/200", "/log/tile/entries/001.p/1"),
        *("/log/999999999999/checkpoint", "/log/999999999999/tile/0/000.p/1", "/log/tile/0/../000"),
    ):
        assert get(filled, path).status == 404, path
    assert get(filled, "/log/checkpoint", "POST").status == 404
    refused = get(filled, f"{own}/tile/entries/000")
    assert (refused.status, refused.body) == (
        403,
        b"Entries of accounts are under /v1/evidence/entries, for signed requests.\n",
    )


def test_before_the_first_checkpoint(house: InProcessServer) -> None:
    assert get(house, "/log/checkpoint").body == b"No checkpoint yet.\n"


def test_how_long_it_is_kept(filled: InProcessServer) -> None:
    """By whoever keeps answers: tiles for good, a checkpoint for a second."""
    found: dict[str, Any] = {path: get(filled, path).headers for path in ("/log/checkpoint", "/log/tile/0/000.p/1")}
    assert found["/log/checkpoint"] == ((b"cache-control", b"public, max-age=1"),)
    assert found["/log/tile/0/000.p/1"] == ((b"cache-control", b"public, max-age=31536000, immutable"),)


def test_how_many_may_read(house: InProcessServer) -> None:
    """What is too much is refused at once, and whoever waits is answered."""

    async def many() -> list[int]:
        ledger = house.ledger
        endpoint = LogEndpoint(ledger.readers.connection, lambda: ledger.log_keys)
        answers = await asyncio.gather(*(endpoint.answer("GET", b"/log/checkpoint") for _ in range(100)))
        return [answer.status for answer in answers]

    statuses = asyncio.run(many())
    assert (statuses.count(404), statuses.count(503)) == (64, 36)
