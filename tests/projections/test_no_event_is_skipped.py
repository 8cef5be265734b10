"""Whoever writes, dies, or commits late: every event is projected, once."""

import signal
from contextlib import ExitStack

import psycopg
import pytest

from domain.foundation.events import Entry
from domain.foundation.moments import AsOf
from projections.engine.definition import load_projections
from projections.queries.history import search_history
from projections.queries.history_filters import HistoryFilters
from services.ledger.database import Database, connect
from services.ledger.recorder import SQL, LedgerRecorder
from tests.projections.conftest import Project
from tests.projections.ledger import MAPPER, NOW, Ledger, cause_of
from tests.projections.processes import following, writing
from tests.projections.test_runner import LONG, NEVER, Run, expected, many, rows, run
from tests.projections.use_events import CALLED
from tests.services.ledger.heads import move_head
from tests.services.ledger.rounds import USE_TOPICS

__all__ = ["run"]  # A fixture: pytest finds it here.
WRITTEN = 40
"""Users that a process creates in an account."""
TABLES = {"principals": "permissions", "key_owners": "credentials", "sessions": "sessions", "trail": "trail"}
"""Of those that are looked at, and the projection that each belongs to."""
PLAIN_NAMES = [each.name for each in load_projections() if each.computed is None]


def cursors(reader: psycopg.Cursor, ledger: Ledger) -> dict[str, int]:
    found = "select projection, position from views.cursors where account_id = %s"
    return dict(reader.execute(found, (ledger.account_id,)).fetchall())


def test_two_processes_write_while_one_follows(
    database: Database, run: Run, writer: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """Both to one account, and each to one of its own, while a runner reads what is there, a few positions at a time:
    in the end every position of every ledger has its row, and none has two."""
    shared, *own = (Ledger(writer) for _ in range(3))
    runner = run(sweep_seconds=0.01, positions_a_batch=3)
    processes = [
        writing(database, f"writer{number}", WRITTEN, [shared.account_id, ledger.account_id])
        for number, ledger in enumerate(own)
    ]
    with ExitStack() as ended:
        for process in processes:
            ended.callback(process.kill)
        assert [process.wait(LONG) for process in processes] == [0, 0]
    for ledger, writers in ((shared, 2), *((ledger, 1) for ledger in own)):
        (head,) = reader.execute(
            "select position from ledger.heads where account_id = %s", (ledger.account_id,)
        ).fetchone() or (0,)
        assert head == 1 + 2 * writers * WRITTEN
        assert runner.wait(ledger.account_id, head, LONG)
        found = rows(reader, ledger)
        assert found == expected(reader, ledger)
        assert len(found) == 3 * writers * WRITTEN


@pytest.mark.parametrize(
    ("when", "statement"),
    [
        ("before", b"update cursors set position"),
        ("after", b"update cursors set position"),
        ("before", b"select cursors.position"),
    ],
    ids=["between rows and cursor", "between cursor and commit", "between commit and next batch"],
)
def test_a_killed_process_leaves_rows_and_cursors_together(
    database: Database, run: Run, writer: psycopg.Connection, reader: psycopg.Cursor, when: str, statement: bytes
) -> None:
    """SIGKILL, in the middle of the work: what each projection's rows say ends exactly where its cursor stands, and
    another process goes on from there to the end, without a row too many."""
    ledger = Ledger(writer)
    many(ledger, 30)
    process = following(database, when, statement, times=2 * len(PLAIN_NAMES) + 1)
    assert process.wait(LONG) == -signal.SIGKILL
    reached = cursors(reader, ledger)
    assert 0 < min(reached.values()) < ledger.position
    assert rows(reader, ledger) == [
        (table, position) for table, position in expected(reader, ledger) if position <= reached[TABLES[table]]
    ]
    runner = run(sweep_seconds=NEVER, positions_a_batch=4)
    assert runner.wait(ledger.account_id, ledger.position, LONG)
    assert rows(reader, ledger) == expected(reader, ledger)


@pytest.mark.parametrize("positions_a_batch", [1, 3, 1_000])
def test_equal_times(
    writer: psycopg.Connection, reader: psycopg.Cursor, project: Project, positions_a_batch: int
) -> None:
    """Many rounds of one and the same time, cut between any two of them: all are there, as of that time and, to the
    position, as of each; pages through them give each once."""
    ledger = Ledger(writer)
    for _ in range(7):
        ledger.append(CALLED, CALLED, at=ledger.at)
        project(ledger.account_id, positions_a_batch)
    assert rows(reader, ledger) == expected(reader, ledger)
    whole = range(2, ledger.position + 1)
    for position in (0, *whole):
        as_of = AsOf(NOW, position=position) if position else AsOf(NOW, at=ledger.at)
        page = search_history(reader, ledger.account_id, HistoryFilters(), as_of, limit=4)
        seen = [call.position for call in page.calls]
        while not page.complete:
            page = search_history(reader, ledger.account_id, HistoryFilters(), as_of, after=page.after, limit=4)
            seen += [call.position for call in page.calls]
        assert seen == [each for each in whole if each <= (position or ledger.position)]


def append(connection: psycopg.Connection, ledger: Ledger, position: int) -> None:
    """Does what a round does behind its lock, and leaves the commit to whoever has begun the transaction."""
    cause, event_id = cause_of(ledger.account_id), f"{ledger.account_id}-{position}"
    entry = Entry(ledger.account_id, position, event_id, ledger.at, cause, CALLED)
    with connection.cursor() as cursor:
        recorder = LedgerRecorder(lambda: connection, USE_TOPICS)
        recorder.insert_events([MAPPER.to_stored_event(entry)], cursor=cursor, at=ledger.at)
        move_head(cursor, ledger.account_id, position, 1, ledger.at)


def test_a_later_position_cannot_be_committed_first(
    database: Database, writer: psycopg.Connection, reader: psycopg.Cursor, project: Project
) -> None:
    """While a transaction that has taken a position is open, nobody commits the next one: who asks for the head, as
    rounds do, does not get it, and who writes without asking cannot move it. So no reader ever sees a gap: it stays in
    front of both, and reads both when they are there."""
    ledger = Ledger(writer)
    with connect(database, "writer") as early, connect(database, "writer") as late:
        late.execute("set lock_timeout = '10ms'")
        with early.transaction():
            append(early, ledger, 2)
            assert late.execute(SQL["lock"], {"accounts": [ledger.account_id]}).fetchall() == []
            with pytest.raises(psycopg.errors.LockNotAvailable), late.transaction():
                append(late, ledger, 3)
            project(ledger.account_id)
            assert {*cursors(reader, ledger).values()} == {1}
        with late.transaction():
            append(late, ledger, 3)
    project(ledger.account_id)
    assert {*cursors(reader, ledger).values()} == {3}
    assert rows(reader, ledger) == expected(reader, ledger) == [("trail", 2), ("trail", 3)]


def test_what_commits_late_is_not_passed_over(
    database: Database, run: Run, writer: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """A transaction that began first, with the earlier time, commits after one of another account has been projected:
    each account is followed by its own positions, so nothing of it is behind the reader."""
    early, late = Ledger(writer), Ledger(writer)
    runner = run(sweep_seconds=NEVER)
    with connect(database, "writer") as slow:
        with slow.transaction():
            append(slow, early, 2)
            late.append(CALLED)
            runner.notify_changed(frozenset({early.account_id}))
            assert runner.wait(late.account_id, late.position, LONG)
            assert not runner.wait(early.account_id, 2, 0.01)
        assert runner.wait(early.account_id, 2, LONG)
    for ledger in (early, late):
        assert rows(reader, ledger) == expected(reader, ledger) == [("trail", 2)]
