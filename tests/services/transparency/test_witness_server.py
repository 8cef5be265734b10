"""A witness: every answer of the specification, what it remembers, and that it never signs two histories."""

import asyncio
import threading
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from domain.evidence.checkpoints import LogCheckpoint
from domain.evidence.note_keys import KeyKind, SigningKey, sign_note, verify_note
from domain.evidence.signed_notes import SignedNote, parse_signatures
from services.transparency.witness_server import BODY_BYTES_MAX, WitnessApp
from services.transparency.witness_state import WitnessKeysInvalid, WitnessState, load_keys
from tests.domain.evidence import naive_tree

ORIGIN = "example.com/log"
LOG = SigningKey(ORIGIN, KeyKind.ED25519, bytes(32))
ENTRIES = [str(number).encode() for number in range(40)]
FORK = [*ENTRIES[:5], b"fork", *ENTRIES[6:]]


def checkpoint(
    size: int, entries: Sequence[bytes] = ENTRIES, key: SigningKey = LOG, origin: str = ORIGIN
) -> SignedNote:
    return sign_note(LogCheckpoint(origin, size, naive_tree.mth(entries[:size])).body, [key], 0)


def request(old: int, note: SignedNote, proof: Sequence[bytes] = ()) -> bytes:
    lines = [f"old {old}", *(b64encode(each).decode() for each in proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + str(note).encode()


def grown(old: int, new: int, entries: Sequence[bytes] = ENTRIES) -> bytes:
    proof = naive_tree.proof(old, entries[:new]) if 0 < old < new else []
    return request(old, checkpoint(new, entries), proof)


@pytest.fixture
def witness(tmp_path: Path) -> WitnessApp:
    return opened(tmp_path)


def opened(place: Path) -> WitnessApp:
    return WitnessApp(load_keys(place, "witness.example/w"), [LOG.verifier], WitnessState(place))


def asked(
    witness: WitnessApp, body: bytes, path: bytes = b"/add-checkpoint", method: str = "POST"
) -> tuple[int, bytes, bytes]:
    """Over ASGI, in two parts. Status, type of content and body."""
    parts = [
        {"type": "http.request", "body": body[:10], "more_body": True},
        {"type": "http.request", "body": body[10:], "more_body": False},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(witness({"type": "http", "method": method, "raw_path": path}, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])[b"content-type"], sent[1]["body"]


def test_it_signs_what_goes_on(witness: WitnessApp, tmp_path: Path) -> None:
    """From nothing, by one, by many, and the same again; after a start, too."""
    for old, new in ((0, 1), (1, 7), (7, 7), (7, 40)):
        status, _, body = asked(witness if new < 40 else opened(tmp_path), grown(old, new))
        assert status == 200
        note = SignedNote(checkpoint(new).text, parse_signatures(body.decode()))
        verified = verify_note(note, [key.verifier for key in load_keys(tmp_path, None)])
        assert {key.kind for key in verified} == {KeyKind.ED25519_COSIGNATURE, KeyKind.ML_DSA_44}
        assert all(at is not None and at > 1_700_000_000 for at in verified.values())


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, b"Expected a line `old SIZE`"),
        (b"old 7\n\n", 400, b"an empty line"),
        (grown(7, 9).replace(b"old 7", b"old 07"), 400, b"without leading zeroes"),
        (grown(7, 9).replace(b"old 7", b"new 7"), 400, b"Expected a line `old SIZE`"),
        (request(7, checkpoint(9), [bytes(32)] * 64), 400, b"at most 63 hashes"),
        (request(9, checkpoint(7)), 400, b"The old size 9 is larger"),
        (request(7, checkpoint(9, key=SigningKey(ORIGIN, KeyKind.ED25519, bytes([1]) * 32))), 403, b"of a known key"),
        (
            request(0, checkpoint(9, origin="other", key=SigningKey("other", KeyKind.ED25519, bytes(32)))),
            404,
            b"not known",
        ),
        (grown(0, 9), 409, b"7\n"),
        (grown(6, 9), 409, b"7\n"),
        (grown(8, 9), 409, b"7\n"),
        (request(7, checkpoint(7, FORK)), 409, b"7\n"),
        (request(7, checkpoint(9)), 422, b"is missing"),
        (request(7, checkpoint(7), [bytes(32)]), 422, b"is empty; got 1"),
        (grown(7, 9, FORK), 422, b"leads to another old root"),
    ],
)
def test_what_it_does_not_sign(witness: WitnessApp, body: bytes, status: int, said: bytes) -> None:
    """And what it remembers is as before."""
    assert asked(witness, grown(0, 7))[0] == 200
    found = asked(witness, body)
    assert (found[0], said in found[2]) == (status, True), found
    assert found[1] == (b"text/x.tlog.size" if status == 409 else b"text/plain; charset=utf-8")
    assert asked(witness, grown(7, 8))[0] == 200


def test_other_paths_and_sizes(witness: WitnessApp) -> None:
    assert asked(witness, b"", path=b"/")[0] == 404
    assert asked(witness, b"", method="GET")[0] == 404
    assert asked(witness, bytes(BODY_BYTES_MAX + 1))[0] == 413


def test_of_two_histories_it_signs_one(tmp_path: Path) -> None:
    """Whoever comes first, in whatever process: the other is told the size, or that it does not go on."""
    first, second = opened(tmp_path), opened(tmp_path)
    assert first.add_checkpoint(grown(0, 4))[0] == 200
    statuses: list[int] = []
    begin = threading.Barrier(2)

    def offer(witness: WitnessApp, body: bytes) -> None:
        begin.wait()
        statuses.append(witness.add_checkpoint(body)[0])

    threads = [
        threading.Thread(target=offer, args=(witness, grown(4, 20, entries)))
        for witness, entries in ((first, ENTRIES), (second, FORK))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409]


def test_what_cannot_be_remembered_is_not_signed(witness: WitnessApp, tmp_path: Path) -> None:
    (tmp_path / "logs.sqlite3").write_bytes(b"no database" * 100)
    for beside in tmp_path.glob("logs.sqlite3-*"):
        beside.unlink()
    assert asked(witness, grown(0, 4))[0] == 503


def test_keys(tmp_path: Path) -> None:
    """Made once, for their owner alone, under a name that stays."""
    with pytest.raises(WitnessKeysInvalid, match="the first start makes it, and needs --name"):
        load_keys(tmp_path, None)
    made = load_keys(tmp_path / "new", "w.example")
    path = tmp_path / "new" / "witness.key"
    assert path.stat().st_mode & 0o777 == 0o400
    assert [str(key.verifier) for key in load_keys(tmp_path / "new", None)] == [str(key.verifier) for key in made]
    with pytest.raises(WitnessKeysInvalid, match=r"is of the witness w\.example, not of other"):
        load_keys(tmp_path / "new", "other")
    path.chmod(0o600)
    path.write_text("{}")
    with pytest.raises(WitnessKeysInvalid, match="cannot be used"):
        load_keys(tmp_path / "new", None)
