"""The runner: nothing lost, nothing doubled, nothing skipped, whatever breaks."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import psycopg
import pytest
from psycopg.abc import Params, QueryNoTemplate

from domain.compliance.check import CheckFailed
from domain.families.sessions import SessionRevoked
from domain.families.users import UserCreated
from projections.engine.apply import apply_batch
from projections.engine.definition import Projection, load_projections, set_search_path
from projections.engine.runner import ProjectionRunner
from projections.engine.sql_files import SqlStatement
from projections.tables import compliance
from services.ledger.database import Database, connect
from tests.projections.ledger import SECOND, Ledger, new_account_id
from tests.projections.use_events import CALLED, issued

LONG = 60.0
"""Seconds; only a defect waits so long."""
NEVER = 3_600.0

Run = Callable[..., ProjectionRunner]


@pytest.fixture
def run(database: Database) -> Iterator[Run]:
    """Starts runners, and stops them in the end."""
    with ExitStack() as stack:

        def run(connect_projector: Callable[[], psycopg.Connection] | None = None, **options: Any) -> ProjectionRunner:
            runner = ProjectionRunner(connect_projector or (lambda: connect(database, "projector")), **options)
            stack.callback(runner.stop)
            runner.start()
            return runner

        yield run


def many(ledger: Ledger, count: int) -> None:
    """Changes, calls and sessions, mixed."""
    for number in range(count):
        match number % 3:
            case 0:
                name = f"u{ledger.position}"
                ledger.append(UserCreated(user_id=f"AIDA{name}", user_name=name, path="/"))
            case 1:
                ledger.append(CALLED, CALLED)
            case _:
                ledger.append(issued(ledger, f"S{ledger.position}", at=ledger.at + SECOND))


def rows(cursor: psycopg.Cursor, ledger: Ledger) -> list[tuple[str, int]]:
    """Which position each table of facts has of the account, sorted; a doubled row would stand here twice."""
    return cursor.execute(
        """
        select 'principals', valid_from from views.principals where account_id = %(a)s
        union all select 'key_owners', valid_from from views.key_owners where account_id = %(a)s
        union all select 'sessions', position from views.sessions where account_id = %(a)s
        union all select 'trail', position from views.trail where account_id = %(a)s
        order by 1, 2
        """,
        {"a": ledger.account_id},
    ).fetchall()


def expected(cursor: psycopg.Cursor, ledger: Ledger) -> list[tuple[str, int]]:
    tables = {
        "iam.user.created.v1": ("key_owners", "principals"),
        "sts.session.issued.v1": ("sessions",),
        "api.called.v1": ("trail",),
    }
    events = cursor.execute(
        "select topic, position from ledger.changes where account_id = %(a)s"
        " union all select topic, position from ledger.uses where account_id = %(a)s",
        {"a": ledger.account_id},
    ).fetchall()
    return sorted((table, position) for topic, position in events for table in tables.get(topic, ()))


def test_what_is_touched_is_projected(run: Run, writer: psycopg.Connection, reader: psycopg.Cursor) -> None:
    """Told of a commit, every projection comes to its position, in batches, and `wait` knows when."""
    runner = run(sweep_seconds=NEVER, positions_a_batch=4)
    ledger = Ledger(writer)
    many(ledger, 30)
    runner.notify_changed(frozenset({ledger.account_id}))
    assert runner.wait(ledger.account_id, ledger.position, LONG)
    assert rows(reader, ledger) == expected(reader, ledger)
    assert [(p.lag_positions, p.lag_positions_max, p.halted) for p in runner.status().projections] == [
        (0, 0, ())
    ] * len(load_projections())
    assert runner.status().running


def test_what_a_dead_process_left_is_found(run: Run, writer: psycopg.Connection, reader: psycopg.Cursor) -> None:
    """A start finds what was written while no runner lived."""
    ledger = Ledger(writer)
    many(ledger, 10)
    runner = run(sweep_seconds=NEVER)
    assert runner.wait(ledger.account_id, ledger.position, LONG)
    assert rows(reader, ledger) == expected(reader, ledger)


def test_what_nobody_told_of_is_found(run: Run, writer: psycopg.Connection, reader: psycopg.Cursor) -> None:
    """The sweep finds what another process committed and did not tell of, again and again."""
    probe = Projection(
        name="probe",
        schema=SqlStatement(b"create table probe ()"),
        entry_statements={
            "account.created.v1": SqlStatement(b"select pg_notify('seen', %(account_id)s) where %(entry)s is not null")
        },
        batch_statements={},
    )
    reader.execute("listen seen")
    run(projections=[probe], sweep_seconds=0.01)
    for _ in range(3):
        ledger = Ledger(writer)
        (notified,) = reader.connection.notifies(timeout=LONG, stop_after=1)
        assert notified.payload == ledger.account_id


def test_a_cursor_is_in_one_hand(
    database: Database, writer: psycopg.Connection, projector: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """While one process reads a batch, another neither waits for it nor reads the same."""
    ledger = Ledger(writer)
    many(ledger, 3)
    (trail,) = (projection for projection in load_projections() if projection.name == "trail")
    with connect(database, "projector") as other:
        set_search_path(other)
        other.execute("set lock_timeout = '5s'")  # whoever waits after all fails instead of hanging
        assert apply_batch(other, trail, ledger.account_id, 1) == (1, ledger.position, False)
        with projector.transaction():
            assert apply_batch(projector, trail, ledger.account_id, 1_000) == (ledger.position, ledger.position, False)
            assert apply_batch(other, trail, ledger.account_id, 1_000) is None
        assert apply_batch(other, trail, ledger.account_id, 1_000) == (ledger.position, ledger.position, False)
    assert reader.execute("select count(*) from views.trail").fetchone() == (2,)


def test_waiting_has_an_end(run: Run, writer: psycopg.Connection) -> None:
    """For a position that does not come, and for an account that does not exist, the answer is no."""
    runner = run()
    ledger = Ledger(writer)
    assert runner.wait(ledger.account_id, ledger.position, LONG)
    assert not runner.wait(ledger.account_id, ledger.position + 1, 0.01)
    assert not runner.wait("999999999999", 1, 0.01)


def test_lag_is_shown(database: Database, writer: psycopg.Connection) -> None:
    """Before anything is read, the status tells the positions that wait, in sum and for the account that waits most."""
    runner = ProjectionRunner(lambda: connect(database, "projector"))
    runner.start()
    runner.stop()
    one, other = Ledger(writer), Ledger(writer)
    many(one, 2)
    many(other, 4)
    status = runner.status()
    assert not status.running
    assert [projection.name for projection in status.projections] == [
        projection.name for projection in load_projections()
    ]
    for projection in status.projections:
        assert (projection.lag_positions, projection.lag_positions_max) == (
            one.position + other.position,
            other.position,
        )


@contextmanager
def killed_on(statement: bytes, database: Database, times: int) -> Iterator[Callable[[], psycopg.Connection]]:
    """Connections whose server process is killed just before they send a certain statement, so many times in all."""
    left = [times]

    class Cursor(psycopg.Cursor):
        def execute(  # type: ignore[override]  # the overload for templates is not used here
            self, query: QueryNoTemplate, params: Params | None = None, **options: bool | None
        ) -> Self:
            if left[0] and isinstance(query, bytes) and statement in query:
                left[0] -= 1
                with connect(database, "owner") as owner:
                    owner.execute("select pg_terminate_backend(%s)", (self.connection.info.backend_pid,))
            return super().execute(query, params, **options)

    def connected() -> psycopg.Connection:
        connection = connect(database, "projector")
        connection.cursor_factory = Cursor
        return connection

    yield connected
    assert left == [0], "the statement was not sent often enough"


@pytest.mark.parametrize(
    "statement",
    [b"select cursors.position", b"with called", b"insert into principals", b"update cursors set position"],
    ids=["between batches", "before rows of a batch", "between rows", "after the rows, before the cursor"],
)
def test_a_lost_connection_loses_and_doubles_nothing(
    database: Database, run: Run, writer: psycopg.Connection, reader: psycopg.Cursor, statement: bytes
) -> None:
    """Killed twice in the middle of its work, at any point, the runner connects again and ends with the same rows."""
    ledger = Ledger(writer)
    many(ledger, 30)
    with killed_on(statement, database, times=2) as connected:
        runner = run(connected, positions_a_batch=4)
        assert runner.wait(ledger.account_id, ledger.position, LONG)
    assert rows(reader, ledger) == expected(reader, ledger)
    assert all(projection.halted == () for projection in runner.status().projections)


def test_two_runners_double_nothing(run: Run, writer: psycopg.Connection, reader: psycopg.Cursor) -> None:
    """Both follow the same growing ledgers at the same time, each sees the end, and every row is there once."""
    runners = [run(positions_a_batch=3) for _ in range(2)]
    both = [Ledger(writer) for _ in range(2)]
    for _ in range(5):
        for ledger in both:
            many(ledger, 6)
        for runner in runners:
            runner.notify_changed(frozenset(ledger.account_id for ledger in both))
    for ledger in both:
        for runner in runners:
            assert runner.wait(ledger.account_id, ledger.position, LONG)
        assert rows(reader, ledger) == expected(reader, ledger)


def test_a_poison_event_halts_what_reads_it_in_one_account(
    run: Run, writer: psycopg.Connection, reader: psycopg.Cursor, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes before it in the same batch is projected, it stands in status and log with position and reason, and
    neither the account's other projections nor other accounts wait. `wait` does not hang on it. Computed projections
    fold it, and halt too."""
    ledger, healthy = Ledger(writer), Ledger(writer)
    many(ledger, 9)
    poison = ledger.append_bytes("iam.managed_catalogue.adopted.v1", b'{"event":{"versions":[{}]}}')
    ledger.append(UserCreated(user_id="AIDAAFTER", user_name="after", path="/"))
    many(healthy, 9)
    with caplog.at_level(logging.ERROR, "muniment.projections"):
        runner = run()
        assert runner.wait(healthy.account_id, healthy.position, LONG)
        assert not runner.wait(ledger.account_id, ledger.position, LONG)
    halted = {projection.name: projection.halted for projection in runner.status().projections}
    for name, error in (("permissions", "NotNullViolation"), ("compliance", "KeyError")):
        (halt,) = halted.pop(name)
        assert (halt.account_id, halt.position) == (ledger.account_id, poison)
        assert error in halt.reason
    assert set(halted.values()) == {()}
    assert f"permissions of account {ledger.account_id} halts at position {poison}" in caplog.text
    assert rows(reader, healthy) == expected(reader, healthy)
    all_but_the_last = [row for row in expected(reader, ledger) if row != ("principals", ledger.position)]
    assert rows(reader, ledger) == all_but_the_last


def test_nothing_waits_for_what_is_computed(
    run: Run, writer: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a batch of it is under way, which may take a minute, and when it has halted, all other tables go on."""
    ledger, other = Ledger(writer), Ledger(writer)
    begun, go_on = threading.Event(), threading.Event()

    def failing(*_arguments: object) -> dict[str, object]:
        begun.set()
        assert go_on.wait(LONG)
        raise CheckFailed("The check is at fault.")

    monkeypatch.setattr(compliance, "rows", failing)
    runner = run()
    assert begun.wait(LONG)
    for each in (ledger, other):
        many(each, 9)
        assert runner.wait(each.account_id, each.position, LONG, computed=False)
    go_on.set()
    assert not runner.wait(ledger.account_id, ledger.position, LONG)
    assert runner.wait(ledger.account_id, ledger.position, LONG, computed=False)


def test_a_halted_projection_goes_on_when_it_is_told_to(
    database: Database, run: Run, writer: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """With the obstacle still there it halts again; with the obstacle gone it comes to the end, whether this account
    was resumed or, by a server that starts, whatever had halted. A runner that merely starts resumes nothing: somebody
    who only looks starts one too."""
    with connect(database, "owner") as owner:
        for go_on in ("resume", "restart"):
            ledger = Ledger(writer)
            runner = run()
            assert runner.wait(ledger.account_id, ledger.position, LONG)
            owner.execute(
                "insert into views.sessions (account_id, position, session_id, access_key_id, principal_type,"
                " principal_arn, entity_id, entity_arn, minted_by_arn, minted_by_access_key_id, issued_at, expires_at,"
                " tags, policies, assumed_root)"
                " values (%s, 1, 'DOUBLE', '', '', '', '', '', '', '', now(), now(), '[]', '[]', false)",
                (ledger.account_id,),
            )
            ledger.append(issued(ledger, "DOUBLE", at=ledger.at + SECOND))
            assert not runner.wait(ledger.account_id, ledger.position, LONG)
            runner.resume("sessions", ledger.account_id)
            assert not runner.wait(ledger.account_id, ledger.position, LONG)
            owner.execute("delete from views.sessions where position = 1")
            if go_on == "resume":
                runner.resume("sessions", ledger.account_id)
            else:
                runner.stop()
                runner = run()
                assert not runner.wait(ledger.account_id, ledger.position, LONG)
                runner.resume()
            assert runner.wait(ledger.account_id, ledger.position, LONG)
            assert rows(reader, ledger) == expected(reader, ledger)
            runner.stop()


def test_an_unknown_topic_halts_every_projection(run: Run, writer: psycopg.Connection) -> None:
    """What a newer program wrote is not passed over by an older one."""
    ledger = Ledger(writer)
    unknown = ledger.append_bytes("iam.unheard_of.v1", b"{}")
    runner = run()
    assert not runner.wait(ledger.account_id, unknown, LONG)
    for projection in runner.status().projections:
        (halt,) = projection.halted
        assert (halt.account_id, halt.position) == (ledger.account_id, unknown)
        assert "iam.unheard_of.v1" in halt.reason


def test_missing_positions_halt(run: Run, writer: psycopg.Connection) -> None:
    """A head behind which an event is missing is not followed over the gap."""
    ledger = Ledger(writer)
    writer.execute("update ledger.heads set position = position + 1 where account_id = %s", (ledger.account_id,))
    runner = run()
    assert not runner.wait(ledger.account_id, ledger.position + 1, LONG)
    for projection in runner.status().projections:
        (halt,) = projection.halted
        assert halt.position == ledger.position + 1
        assert "PositionsMissing" in halt.reason


def test_uses_among_the_changes_halt(run: Run, writer: psycopg.Connection) -> None:
    """A use that stands in the wrong table would be overlooked by the statement that reads all uses at once."""
    ledger = Ledger(writer)
    writer.execute(
        "insert into ledger.changes values (%(a)s, 2, 'api.called.v1', now(), '{}')", {"a": ledger.account_id}
    )
    writer.execute("update ledger.heads set position = 2 where account_id = %s", (ledger.account_id,))
    runner = run()
    assert not runner.wait(ledger.account_id, 2, LONG)
    halts = [halt for projection in runner.status().projections for halt in projection.halted]
    assert {halt.position for halt in halts} == {2}
    assert all("found among the uses" in halt.reason for halt in halts)


def test_revocations_behind_their_session_in_one_batch(
    run: Run, writer: psycopg.Connection, reader: psycopg.Cursor
) -> None:
    """Sessions are read a batch at a time and revocations one by one; in one batch they still meet."""
    ledger = Ledger(writer, new_account_id())
    ledger.append(issued(ledger, "S1", at=ledger.at + SECOND))
    revoked = ledger.append(SessionRevoked(session_id="S1"))
    ledger.append(issued(ledger, "S2", at=ledger.at + SECOND))
    assert run().wait(ledger.account_id, ledger.position, LONG)
    found = reader.execute("select session_id, revoked_position from views.sessions order by 1").fetchall()
    assert found == [("S1", revoked), ("S2", None)]


def test_what_a_crash_took_is_not_known_any_more(database: Database, run: Run, writer: psycopg.Connection) -> None:
    """The projector's commits do not wait for the disk: after a crash of the database its cursors may stand where they
    stood before. Whoever connects again waits until they have come forward once more."""
    ledger = Ledger(writer)
    ledger.append(CALLED)
    connections: list[psycopg.Connection] = []

    def connected() -> psycopg.Connection:
        connections.append(connect(database, "projector"))
        return connections[-1]

    (permissions,) = (projection for projection in load_projections() if projection.name == "permissions")
    runner = run(connected, projections=[permissions], sweep_seconds=NEVER)
    assert runner.wait(ledger.account_id, ledger.position, LONG)
    with connect(database, "owner") as owner, owner.transaction():
        back = "update views.cursors set position = 1 where account_id = %s"
        owner.execute(back, (ledger.account_id,))
        owner.execute("select pg_terminate_backend(%s)", (connections[-1].info.backend_pid,))
        # Nobody can move the cursor before this transaction ends.
        runner.notify_changed(frozenset({ledger.account_id}))
        until = time.monotonic() + LONG
        while runner.wait(ledger.account_id, ledger.position, 0.01):
            assert time.monotonic() < until
    assert runner.wait(ledger.account_id, ledger.position, LONG)
