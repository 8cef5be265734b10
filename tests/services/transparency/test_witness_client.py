"""Asking witnesses: what each of their answers means, and what is kept of it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import psycopg
import pytest

from domain.evidence.checkpoints import LogCheckpoint, parse_checkpoint
from domain.evidence.note_keys import KeyKind, SigningKey
from domain.evidence.signed_notes import parse_note
from domain.evidence.witness_policies import Witness, WitnessPolicy, parse_policy
from services.ledger.database import Database, connect
from services.outbound.fetcher import FetchedAnswer, Fetcher, OutboundError
from services.transparency.checkpointer import Checkpointer
from services.transparency.cosigning import Cosigning
from services.transparency.head_log import newest_checkpoint
from services.transparency.log_health import LogHealth
from services.transparency.proofs import prove_entry
from services.transparency.published import PublishedFile
from services.transparency.tiles import SQL
from services.transparency.witness_client import WitnessContradicts, WitnessUnavailable, ask_witness
from services.transparency.witness_server import WitnessApp
from services.transparency.witness_state import WitnessState, load_keys
from tests.domain.evidence import naive_tree
from tests.services.ledger.rounds import ACCOUNT
from tests.services.transparency.conftest import Write
from tests.services.transparency.test_log_check import KEYS, ORIGIN, publish
from tests.services.transparency.test_witness_server import ENTRIES, checkpoint, grown, request

KEY = SigningKey("w.example", KeyKind.ED25519_COSIGNATURE, bytes([3]) * 32)
OTHER_KEY = SigningKey("w.example", KeyKind.ED25519_COSIGNATURE, bytes([4]) * 32)
KEYS_CHECKPOINT = parse_note(KEYS.sign(LogCheckpoint(ORIGIN, 9, bytes(32))).encode())
WITNESS = Witness(KEY.verifier, "http://127.0.0.1:1/w/")
Answering = Callable[[bytes], FetchedAnswer]


class Answers:
    """In the place of the fetcher: what a function answers to a request's body."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.bodies: list[bytes] = []

    def fetch(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> FetchedAnswer:
        assert (method, url) == ("POST", "http://127.0.0.1:1/w/add-checkpoint")
        assert headers
        self.bodies.append(body)
        return self.answering(body)


def told(status: int, body: bytes = b"") -> FetchedAnswer:
    return FetchedAnswer(status, body, is_whole=True)


def asked(answering: Answering, known: int = 7) -> tuple[Sequence[Any], Answers]:
    answers = Answers(answering)
    prove = lambda old, new: naive_tree.proof(old, ENTRIES[:new]) if 0 < old < new else []  # noqa: E731
    return ask_witness(cast("Fetcher", answers), WITNESS, checkpoint(20), known, prove), answers


def signing(_body: bytes, key: SigningKey = KEY) -> FetchedAnswer:
    return told(200, f"{key.sign(checkpoint(20).text, 1_800_000_000)}\n".encode())


def test_it_signs() -> None:
    signatures, answers = asked(signing)
    assert [each.name for each in signatures] == ["w.example"]
    assert answers.bodies == [grown(7, 20)]


def test_it_knows_another_size() -> None:
    """Which it tells, and is asked once more from there."""
    answers = [told(409, b"11\n"), signing(b"")]
    _, found = asked(lambda _body: answers.pop(0))
    assert found.bodies == [grown(7, 20), grown(11, 20)]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([told(409, b"21\n")], "has signed 21 entries of the log of heads; there are 20 here"),
        ([told(409, b"7\n")], "has signed another log of heads with 7 entries"),
        ([told(422)], "has signed another history: our log of 20 does not go on from its one of 7"),
        ([told(409, b"9\n"), told(409, b"9\n")], "has signed another log of heads with 9 entries"),
    ],
)
def test_it_contradicts(answers: list[FetchedAnswer], why: str) -> None:
    with pytest.raises(WitnessContradicts, match=why):
        asked(lambda _body: answers.pop(0))


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([told(404)], "answered 404: it does not know this log"),
        ([told(403)], "answered 403: it does not know the key of this log"),
        ([told(500)], "answered 500"),
        ([told(409, b"many")], "answered 409 and no size"),
        ([told(409, b"9\n"), told(409, b"8\n")], "says another size each time"),
        ([told(200, b"")], "no signature of its key"),
        ([told(200, b"\xff")], "no signature of its key"),
        (
            [signing(b"", SigningKey("w.example", KeyKind.ED25519_COSIGNATURE, bytes([4]) * 32))],
            "no signature of its key",
        ),
        (
            [told(200, f"{KEY.sign(checkpoint(19).text, 1)}\n".encode())],
            "no signature of its key: .* not one of this text",
        ),
    ],
)
def test_it_does_not_sign(answers: list[FetchedAnswer], why: str) -> None:
    with pytest.raises(WitnessUnavailable, match=why):
        asked(lambda _body: answers.pop(0))


def test_it_cannot_be_asked() -> None:
    def away(_body: bytes) -> FetchedAnswer:
        raise OutboundError("127.0.0.1 cannot be asked: ConnectionRefusedError.")

    with pytest.raises(WitnessUnavailable, match="cannot be asked"):
        asked(away)


class WitnessAtHand:
    """A real one, asked without a network."""

    def __init__(self, place: Any) -> None:
        self.place = place
        self.keys = load_keys(place, "w.example/1")
        self.away = False
        self.app = WitnessApp(self.keys, [key.verifier for key in KEYS.named(ORIGIN)], WitnessState(place))

    def fetch(self, _method: str, _url: str, *, headers: Mapping[str, str], body: bytes) -> FetchedAnswer:
        assert headers
        if self.away:
            raise OutboundError("w.example cannot be asked: TimeoutError.")
        status, _, answer = self.app.add_checkpoint(body)
        return told(status, answer)

    @property
    def policy(self) -> WitnessPolicy:
        logs = "".join(f"log {key.verifier}\n" for key in KEYS.named(ORIGIN))
        return parse_policy(f"{logs}witness w {self.keys[0].verifier} https://w.example\nquorum w\n".encode())


@pytest.fixture
def witness(tmp_path: Any) -> WitnessAtHand:
    return WitnessAtHand(tmp_path)


def cosigning(database: Database, witness: WitnessAtHand) -> Cosigning:
    return Cosigning(lambda: connect(database, "writer"), witness.policy, cast("Fetcher", witness))


def turn(database: Database, witness: WitnessAtHand, writer: psycopg.Connection) -> None:
    cosigning(database, witness)._turn(writer, "w", witness.policy.witnesses["w"])


def test_what_a_witness_signed_is_kept(
    database: Database, writer: psycopg.Connection, write: Write, witness: WitnessAtHand
) -> None:
    """With the checkpoint, which satisfies the policy then, and which proofs prefer; a newer one does not wait long."""
    write(3)
    turn(database, witness, writer)
    publish(writer)
    for _ in range(2):
        turn(database, witness, writer)
    newest = newest_checkpoint(writer.cursor())
    assert newest is not None
    assert witness.policy.verify(parse_note(newest.note.encode())).size == 1
    health = LogHealth(Checkpointer(lambda: writer), cosigning(database, witness), 3_600)
    status = health.status(writer)
    assert status.is_well
    assert status.told["unwitnessed_seconds"] == 0
    write(1)
    publish(writer)
    witness.away = True
    with pytest.raises(WitnessUnavailable):
        turn(database, witness, writer)
    proved = prove_entry(writer.cursor(), ACCOUNT, 3)
    assert parse_checkpoint(proved.head.checkpoint.note.split("\n\n")[0] + "\n").size == 1
    assert prove_entry(writer.cursor(), ACCOUNT, 4).head.checkpoint.size == 2
    writer.execute("update log.checkpoints set at = at - interval '2 hours'")
    status = health.status(writer)
    assert not status.is_well
    (told_of,) = cast("list[dict[str, object]]", status.told["witnesses"])
    assert (told_of["name"], told_of["size"], told_of["signs"]) == ("w", 1, "no")
    witness.away = False
    turn(database, witness, writer)
    assert health.status(writer).is_well


def test_a_database_that_was_put_back(
    database: Database,
    writer: psycopg.Connection,
    owner: psycopg.Connection,
    write: Write,
    witness: WitnessAtHand,
    tmp_path: Any,
) -> None:
    """Is behind its own file, and behind its witness; one that went on otherwise is another."""
    published = PublishedFile(tmp_path / "checkpoint")
    assert published.contradiction(writer.cursor()) is None
    write(3)
    publish(writer)
    write(3)
    publish(writer)
    newest = newest_checkpoint(writer.cursor())
    assert newest is not None
    published.write(newest.note)
    assert cosigning(database, witness).compare() == []
    assert published.contradiction(writer.cursor()) is None
    owner.execute("delete from log.heads where index = 1; delete from log.checkpoints where size = 2")
    owner.execute("update log.state set size = 1")
    assert published.contradiction(writer.cursor()) == (
        f"{tmp_path}/checkpoint: 2 entries of the log of heads were published; there are 1 here."
    )
    assert cosigning(database, witness).compare() == [
        "The witness w has signed 2 entries of the log of heads; there are 1 here."
    ]


def test_another_server_is_faster(
    database: Database, writer: psycopg.Connection, write: Write, witness: WitnessAtHand
) -> None:
    """It publishes more, and has that signed, while this one asks: nothing is lost."""
    write(3)
    publish(writer)
    fetch = witness.fetch

    def overtaken(_method: str, _url: str, *, headers: Mapping[str, str], body: bytes) -> FetchedAnswer:
        witness.fetch = fetch  # type: ignore[method-assign]
        write(1)
        publish(writer)
        assert cosigning(database, witness).compare() == []
        return fetch("POST", "", headers=headers, body=body)

    witness.fetch = overtaken  # type: ignore[method-assign]
    asking = cosigning(database, witness)
    assert asking.compare() == []
    newest = newest_checkpoint(writer.cursor())
    assert newest is not None
    assert (newest.size, witness.policy.verify(parse_note(newest.note.encode())).size) == (2, 2)


def test_a_history_that_went_on_otherwise(
    database: Database,
    writer: psycopg.Connection,
    owner: psycopg.Connection,
    write: Write,
    witness: WitnessAtHand,
    tmp_path: Any,
) -> None:
    published = PublishedFile(tmp_path / "checkpoint")
    write(3)
    publish(writer)
    newest = newest_checkpoint(writer.cursor())
    assert newest is not None
    published.write(newest.note)
    assert cosigning(database, witness).compare() == []
    owner.execute("truncate log.heads, log.checkpoints, log.progress; update log.state set size = 0, tree = ''")
    write(1)
    publish(writer)
    said = published.contradiction(writer.cursor())
    assert said == f"{tmp_path}/checkpoint: the first 1 entries of the log of heads were others than here."
    assert cosigning(database, witness).compare() == ["The witness w has signed another log of heads with 1 entries."]
    write(1)
    publish(writer)
    (found,) = cosigning(database, witness).compare()
    assert found.startswith("The witness w has signed another history: our log of 2 does not go on from")


def test_a_log_that_was_replaced(
    database: Database, writer: psycopg.Connection, write: Write, witness: WitnessAtHand, tmp_path: Any
) -> None:
    """Contradicts nobody, neither in the file of another server nor at a witness; one that was never here does."""
    published = PublishedFile(tmp_path / "checkpoint")
    write(3)
    publish(writer)
    newest = newest_checkpoint(writer.cursor())
    assert newest is not None
    published.write(newest.note.replace("\n1\n", "\n9\n"))
    witness.fetch(*("POST", ""), headers={"": ""}, body=request(0, KEYS_CHECKPOINT))
    assert len(cosigning(database, witness).compare()) == 1
    writer.execute(SQL["take_over"], {"origin": f"{ORIGIN}-r20261201000000"})
    assert newest_checkpoint(writer.cursor()) is None
    assert published.contradiction(writer.cursor()) is None
    assert cosigning(database, witness).compare() == []
    published.write(newest.note.replace(ORIGIN, f"{ORIGIN}-r20261202000000"))
    assert published.contradiction(writer.cursor()) == (
        f"{tmp_path}/checkpoint: 1 entries were published as {ORIGIN}-r20261202000000, of which nothing is here; "
        f"the log here is {ORIGIN}-r20261201000000."
    )


def test_a_file_that_is_none(writer: psycopg.Connection, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """As after a loss of power: it is told, and keeps no server from starting."""
    path = tmp_path / "checkpoint"
    path.write_bytes(b"")
    assert PublishedFile(path).contradiction(writer.cursor()) is None
    assert "is no checkpoint that can be read, and is not compared" in caplog.text


def test_a_stop_is_not_lost(database: Database, witness: WitnessAtHand) -> None:
    """Not where it comes just before the thread clears what wakes it."""
    asking = cosigning(database, witness)

    class Stopped(threading.Event):
        def clear(self) -> None:
            asking._stopping.set()
            self.set()
            super().clear()

    asking._published["w"] = Stopped()
    asking.start()
    asking._threads[0].join(20)
    assert not asking._threads[0].is_alive()


def test_witnesses_are_asked_of_what_is_published(
    database: Database, writer: psycopg.Connection, write: Write, witness: WitnessAtHand
) -> None:
    """By a thread of its own, until it is stopped."""
    write(3)
    publish(writer)
    asking = cosigning(database, witness)
    asking.start()
    try:
        while writer.execute("select count(*) from log.checkpoints where witnessed_at is not null").fetchone() != (1,):
            asking.notify_published()
    finally:
        asking.stop()
    assert not any(thread.is_alive() for thread in asking._threads)
