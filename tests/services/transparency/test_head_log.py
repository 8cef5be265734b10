"""The log of heads: one log, whoever publishes, and proofs that lead from an entry to its checkpoint."""

import queue
from contextlib import suppress

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.evidence.checkpoints import LogCheckpoint
from domain.evidence.merkle import hash_leaf, verify_inclusion
from domain.evidence.range_proofs import verify_range
from services.ledger.database import Database, connect
from services.transparency.checkpointer import Checkpointer
from services.transparency.head_log import (
    LogReplaced,
    NotNow,
    PublishedCheckpoint,
    account_origin,
    newest_checkpoint,
    publish_heads,
)
from services.transparency.proofs import NoSuchEntry, NotPublished, prove_entries, prove_entry
from services.transparency.tiles import SQL
from tests.domain.evidence import naive_tree
from tests.services.ledger.rounds import ACCOUNT, ANSWER_SECONDS_MAX, OTHER
from tests.services.transparency.conftest import Write

ORIGIN = "example.com/log"


def sign(checkpoint: LogCheckpoint) -> str:
    return f"{checkpoint.body}\nsigned"


def publish(connection: psycopg.Connection, *accounts: str, origin: str = ORIGIN) -> PublishedCheckpoint | None:
    """As if the second were over."""
    connection.execute("update log.state set at = 'epoch'")
    with connection.transaction(), connection.cursor() as cursor:
        return publish_heads(cursor, origin, sign, accounts or None)


def heads(connection: psycopg.Connection) -> list[bytes]:
    rows = connection.execute(SQL["entries_of_heads"], {"after": 0, "to": 2**62}, binary=True)
    return [entry for (entry,) in rows]


def body(account_id: str, entries: list[bytes]) -> bytes:
    return LogCheckpoint(account_origin(ORIGIN, account_id), len(entries), naive_tree.mth(entries)).body.encode()


def test_what_is_published(writer: psycopg.Connection, write: Write) -> None:
    """Of every account that has gone on, once; nothing where none has."""
    first, other = write(3), write(2, OTHER)
    published = publish(writer)
    expected = [body(ACCOUNT, first), body(OTHER, other)]
    assert heads(writer) == expected
    assert published is not None
    assert published.note == sign(LogCheckpoint(ORIGIN, 2, naive_tree.mth(expected)))
    assert publish(writer) is None
    more = write(1)
    assert publish(writer, OTHER) is None
    published = publish(writer, ACCOUNT, OTHER)
    expected.append(body(ACCOUNT, more))
    assert heads(writer) == expected
    assert published == newest_checkpoint(writer.cursor())
    assert published is not None
    assert published.note == sign(LogCheckpoint(ORIGIN, 3, naive_tree.mth(expected)))


def test_once_a_second_and_one_at_a_time(database: Database, writer: psycopg.Connection, write: Write) -> None:
    write(3)
    assert publish(writer)
    write(1)
    with pytest.raises(NotNow), writer.transaction(), writer.cursor() as cursor:
        publish_heads(cursor, ORIGIN, sign, None)
    with connect(database, "writer") as busy, busy.transaction():
        busy.execute("update log.state set at = 'epoch'")
        with pytest.raises(NotNow), writer.transaction(), writer.cursor() as cursor:
            publish_heads(cursor, ORIGIN, sign, None)
    assert publish(writer)


def test_a_name_that_is_no_more(writer: psycopg.Connection, write: Write) -> None:
    write(1)
    publish(writer)
    write(1)
    with pytest.raises(LogReplaced, match=r"is example.com/log; this server signs for other"):
        publish(writer, origin="other")
    assert len(heads(writer)) == 1


def test_what_cannot_be_signed_is_not_there(writer: psycopg.Connection, write: Write) -> None:
    write(1)

    def fail(_: LogCheckpoint) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), writer.transaction(), writer.cursor() as cursor:
        publish_heads(cursor, ORIGIN, fail, None)
    assert heads(writer) == []
    assert newest_checkpoint(writer.cursor()) is None
    assert publish(writer)


def test_proofs(writer: psycopg.Connection, write: Write) -> None:
    """Of any entry, at the first checkpoint that has it, whatever came later."""
    for _ in range(5):
        entries = write(130)
        write(3, OTHER)
        publish(writer)
    with writer.cursor() as cursor:
        for position in (1, 130, 131, 256, 257, 512, 513, 650):
            proved = prove_entry(cursor, ACCOUNT, position)
            head = proved.head
            size = -(-position // 130) * 130
            assert (proved.entry, head.size) == (entries[position - 1], size)
            assert head.entry.encode() == body(ACCOUNT, entries[:size])
            root = naive_tree.mth(entries[:size])
            verify_inclusion(hash_leaf(proved.entry), position - 1, head.size, proved.proof, root)
            leaf, log_root = hash_leaf(head.entry.encode()), naive_tree.mth(heads(writer))
            verify_inclusion(leaf, head.index, head.checkpoint.size, head.proof, log_root)
        for first, last in ((1, 1), (1, 650), (200, 300), (256, 257), (650, 650)):
            ranged = prove_entries(cursor, ACCOUNT, first, last)
            root = naive_tree.mth(entries[: ranged.head.size])
            verify_range(ranged.before, entries[first - 1 : last], ranged.consistency, ranged.head.size, root)
        write(1)
        with pytest.raises(NotPublished, match="No checkpoint has position 651"):
            prove_entry(cursor, ACCOUNT, 651)
        with pytest.raises(NoSuchEntry, match="no entry at position 652"):
            prove_entry(cursor, ACCOUNT, 652)


class Killed(Exception):  # noqa: N818  what has happened
    pass


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["publish", "die"]), st.integers(0, 1))
        | st.tuples(st.sampled_from([ACCOUNT, OTHER]), st.integers(1, 200)),
        max_size=12,
    )
)
def test_several_processes_make_one_log(
    database: Database, writer: psycopg.Connection, owner: psycopg.Connection, write: Write, acts: list[tuple[str, int]]
) -> None:
    """Each checkpoint goes on from the one before, whoever signs it and whoever dies over it, and none is unfounded."""
    owner.execute("truncate ledger.heads, ledger.changes, ledger.uses, log.heads, log.checkpoints, log.progress")
    owner.execute("update log.state set size = 0, tree = ''")
    notes, entries = [], {ACCOUNT: list[bytes](), OTHER: list[bytes]()}
    with connect(database, "writer") as another:
        for act, value in acts:
            if act == "publish":
                if (published := publish((writer, another)[value])) is not None:
                    notes.append(published)
            elif act == "die":
                connection = (writer, another)[value]
                connection.execute("update log.state set at = 'epoch'")
                with suppress(Killed), connection.transaction(), connection.cursor() as cursor:
                    publish_heads(cursor, ORIGIN, sign, None)
                    raise Killed
            else:
                entries[act] = write(value, act)
    known = {body(account_id, of[:size]) for account_id, of in entries.items() for size in range(1, len(of) + 1)}
    told = heads(writer)
    assert {*told} <= known
    assert len({*told}) == len(told)
    for published in notes:
        assert published.note == sign(LogCheckpoint(ORIGIN, published.size, naive_tree.mth(told[: published.size])))
    assert [each.size for each in notes] == sorted({each.size for each in notes})


def test_who_is_told_of_a_commit_publishes_it(database: Database, writer: psycopg.Connection, write: Write) -> None:
    """And keeps the tiles that have become full; a start finds what others have left."""
    notes: queue.Queue[str] = queue.Queue()
    write(300)
    checkpointer = Checkpointer(lambda: connect(database, "writer"))
    checkpointer.start(ORIGIN, sign, notes.put)
    try:
        assert notes.get(timeout=ANSWER_SECONDS_MAX).startswith(f"{ORIGIN}\n1\n")
        writer.execute("update log.state set at = 'epoch'")
        write(1, OTHER)
        checkpointer.notify_changed(frozenset({OTHER}))
        assert notes.get(timeout=ANSWER_SECONDS_MAX).startswith(f"{ORIGIN}\n2\n")
    finally:
        checkpointer.stop()
    assert checkpointer.failure is None
    assert writer.execute("select log, level, tile from log.tiles").fetchall() == [(ACCOUNT, 0, 0)]
