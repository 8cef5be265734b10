"""Swapping: the new tables in the place of the live ones, whoever reads and writes there, and whatever breaks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from domain.families.access_keys import AccessKeyCreated, AccessKeyDeleted
from domain.foundation.moments import AsOf
from projections.engine.definition import (
    LIVE_SCHEMA,
    PROJECTION_NAMES,
    load_projections,
    prepare_live_tables,
    try_prepare_lock,
)
from projections.engine.rebuild import REBUILD_LOCK, REBUILD_SCHEMA, Connect, open_rebuild
from projections.engine.runner import ProjectionRunner
from projections.engine.swap import RebuildBusy, RebuildRefused, swap_tables
from projections.queries.permissions import permissions_of
from services.ledger.database import Database, connect
from tests.conftest import TEMPLATE, copied
from tests.projections.conftest import Project
from tests.projections.ledger import NOW, Ledger
from tests.projections.test_properties import rows
from tests.projections.test_rebuild import compared, differences, swapped, user
from tests.projections.test_runner import LONG, many
from tests.projections.use_events import CALLED


@contextmanager
def following(database: Database) -> Iterator[ProjectionRunner]:
    runner = ProjectionRunner(lambda: connect(database, "projector"))
    runner.start()
    try:
        yield runner
    finally:
        runner.stop()


@pytest.mark.parametrize("names", [(), ("permissions",)])
def test_a_swap_under_a_live_runner(
    database: Database,
    opens: Connect,
    writer: psycopg.Connection,
    reader: psycopg.Cursor,
    caplog: pytest.LogCaptureFixture,
    names: tuple[str, ...],
) -> None:
    """A runner and a reader that have prepared their statements go on over two swaps, without a word in the log, and
    nothing is lost or doubled."""
    ledger = Ledger(writer)
    with following(database) as runner:
        for swaps in range(3):
            for number in range(8):  # psycopg prepares what is sent for the sixth time
                name = f"u{swaps}{number}"
                position = ledger.append(user(name), CALLED)
                runner.notify_changed(frozenset({ledger.account_id}))
                assert runner.wait(ledger.account_id, position, LONG)
                assert permissions_of(reader, ledger.account_id, name, AsOf(NOW, position=position)).entity_id
            if swaps < 2:
                swapped(opens, *names)
        statuses = runner.status()
    assert statuses.running
    assert all(projection.halted == () and projection.lag_positions == 0 for projection in statuses.projections)
    assert caplog.records == []
    assert reader.execute("select count(*), count(distinct position) from views.trail").fetchone() == (24, 24)
    assert reader.execute("select count(*) from views.principals").fetchone() == (24,)
    assert compared(opens).is_equal


def test_statements_that_name_only_a_row_type(opens: Connect, writer: psycopg.Connection, project: Project) -> None:
    """Deleting a key closes intervals, and names their tables by their row types only: who has done so many times goes
    on after a swap, on the same connection."""
    ledger = Ledger(writer)
    for number in range(20):
        if number == 16:
            swapped(opens)
        key = {"access_key_id": f"AKIA{number}", "user_id": "AIDAADA", "user_name": "ada"}
        ledger.append(AccessKeyCreated(**key))
        ledger.append(AccessKeyDeleted(**key))
        project(ledger.account_id)
    assert compared(opens).is_equal


def test_a_swap_waits_for_readers(
    database: Database, opens: Connect, writer: psycopg.Connection, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who reads in a transaction is neither ended nor waited for with locks held: the swap tries again, and
    when the reading has no end, everything is as it was. Between two tries the tables are followed and prepared as
    ever; in a try the cursors come last."""
    ledger = Ledger(writer)
    many(ledger, 3)
    project(ledger.account_id)
    monkeypatch.setattr("projections.engine.rebuild.SWAP_ATTEMPTS_MAX", 3)
    tries: list[int] = []

    def follow_meanwhile(_seconds: float) -> None:
        position = ledger.append(user(f"meanwhile-{len(tries)}"))
        tries.append(position)
        project(ledger.account_id)
        with connect(database, "projector") as other:
            other.execute("set lock_timeout = '1ms'")
            prepare_live_tables(other, load_projections())
            assert other.execute("select min(position) from cursors").fetchone() == (position,)

    with connect(database, "reader") as reader, reader.transaction():
        reader.execute("select from views.trail")
        monkeypatch.setattr("projections.engine.rebuild.time.sleep", follow_meanwhile)
        with pytest.raises(RebuildBusy, match="without a pause"):
            swapped(opens)
        monkeypatch.undo()
        assert len(tries) == 3
        assert reader.execute("select count(*) from views.principals").fetchone() == (4,)
    swapped(opens)
    assert compared(opens).is_equal


def test_who_is_frozen_loses_his_locks(
    opens: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A process that holds the lock of a swap and says nothing any more does not keep another from starting, which
    says what it waits for; while it lives, the other waits for so long only."""
    monkeypatch.setattr("projections.engine.definition.TRANSACTION_IDLE_SECONDS_MAX", 0.1)
    with opens() as frozen, frozen.cursor() as cursor:
        cursor.execute("begin")
        assert try_prepare_lock(cursor)
        cursor.execute("lock table views.trail, views.cursors in access exclusive mode")
        with opens() as other:
            prepare_live_tables(other, load_projections())
            other.execute("select from trail, cursors limit 1")
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            cursor.execute("select 1")
    assert [record.getMessage() for record in caplog.records] == [
        "Waiting for another process, which creates or replaces the tables of the projections."
    ]
    monkeypatch.setattr("projections.engine.definition.TRANSACTION_IDLE_SECONDS_MAX", LONG)
    monkeypatch.setattr("projections.engine.definition.PREPARE_SECONDS_MAX", 0.01)
    with opens() as busy, busy.transaction(), busy.cursor() as cursor:
        assert try_prepare_lock(cursor)
        with opens() as other, pytest.raises(psycopg.errors.LockNotAvailable, match="another process has been"):
            prepare_live_tables(other, load_projections())


def test_what_is_another_s_is_not_dropped(opens: Connect, owner: psycopg.Connection) -> None:
    """Whose connection is lost has lost the lock too. What another has begun by then stays."""
    tables = "select count(*) from pg_class where relnamespace = %s::regnamespace and relkind = 'r'"
    end = "select pg_terminate_backend(pid, 60000) from pg_locks where locktype = 'advisory' and objid = %s"
    with ExitStack() as first, ExitStack() as second:
        rebuild = first.enter_context(open_rebuild(opens))
        assert owner.execute(end, (REBUILD_LOCK,)).fetchall() == [(True,)]
        second.enter_context(open_rebuild(opens))
        begun = owner.execute(tables, (REBUILD_SCHEMA,)).fetchone()
        with pytest.raises(psycopg.OperationalError):
            rebuild.read()
        first.close()
        assert owner.execute(tables, (REBUILD_SCHEMA,)).fetchone() == begun
    assert owner.execute(tables, (REBUILD_SCHEMA,)).fetchone() == (0,)
    with ExitStack() as lost:
        rebuild = lost.enter_context(open_rebuild(opens))
        assert owner.execute(end, (REBUILD_LOCK,)).fetchall() == [(True,)]
        with pytest.raises(psycopg.OperationalError):
            rebuild.read()
    assert owner.execute(tables, (REBUILD_SCHEMA,)).fetchone() == (0,)


def test_only_what_is_named_is_replaced(
    opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection, project: Project
) -> None:
    """Of the other projections not even the tables are others than before, and the doors may read the new ones."""
    ledger = Ledger(writer)
    many(ledger, 9)
    project(ledger.account_id)

    def tables() -> dict[str, int]:
        return dict(
            owner.execute(
                "select relname, oid::bigint from pg_class where relnamespace = 'views'::regnamespace and relkind = 'r'"
            )
        )

    before = tables()
    swapped(opens, "trail", "sessions")
    after = tables()
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"trail", "trail_resources", "sessions"}
    rights = "select bool_and(has_table_privilege('muniment_reader', oid, 'select')) from pg_class"
    assert owner.execute(rights + " where relnamespace = 'views'::regnamespace and relkind = 'r'").fetchone() == (True,)
    assert compared(opens).is_equal


def test_a_halted_projection_is_healed(
    database: Database, opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection
) -> None:
    """The live table stumbles over a row that nobody should have put there. Rebuilt, it comes to the end; after the
    swap it is halted no more, and a runner that remembers it as halted waits for it again."""
    ledger = Ledger(writer)
    with following(database) as runner:
        assert runner.wait(ledger.account_id, ledger.position, LONG)
        owner.execute(
            "insert into views.key_owners (account_id, valid_from, valid_from_at, opened_by, user_id, user_name)"
            " values (%s, 1, now(), 'x', 'AIDAann', 'ann')",
            (ledger.account_id,),
        )
        position = ledger.append(user("ann"))
        runner.notify_changed(frozenset({ledger.account_id}))
        assert not runner.wait(ledger.account_id, position, LONG)
        comparison = compared(opens)
        ((halt,), none) = comparison.live_halts, comparison.rebuilt_halts
        assert (halt.projection, halt.halted.account_id, halt.halted.position) == (
            *("credentials", ledger.account_id),
            position,
        )
        assert "UniqueViolation" in halt.halted.reason
        assert none == ()
        assert differences(comparison).keys() == {"key_owners"}
        swapped(opens, "credentials")
        assert runner.wait(ledger.account_id, position, LONG)
        assert not any(projection.halted for projection in runner.status().projections)
    assert compared(opens).is_equal


def stale(owner: psycopg.Connection, *names: str) -> None:
    """As if another text had made the tables of these, and one table more."""
    owner.execute("update views.schemas set sha256 = 'another' where name = any(%s)", (list(names),))
    owner.execute("set role muniment_projector")
    owner.execute("create table views.former (account_id text)")
    owner.execute("reset role")


@pytest.mark.parametrize(
    ("names", "cure"), [(("trail",), ("trail",)), (("trail", "sessions"), ("sessions", "trail")), (("views",), ())]
)
def test_tables_of_another_version(
    opens: Connect,
    owner: psycopg.Connection,
    writer: psycopg.Connection,
    project: Project,
    names: tuple[str, ...],
    cure: tuple[str, ...],
) -> None:
    """What is not comparable is not compared; once swapped, what only the former version had is gone."""
    ledger = Ledger(writer)
    many(ledger, 9)
    project(ledger.account_id)
    before = rows(owner, LIVE_SCHEMA, ledger.account_id)
    stale(owner, *names)
    with open_rebuild(opens, cure) as rebuild:
        rebuild.read()
        comparison = rebuild.compare()
        assert comparison.incomparable == (cure or PROJECTION_NAMES)
        assert comparison.tables == ()
        assert not comparison.is_equal
        rebuild.swap()
    assert rows(owner, LIVE_SCHEMA, ledger.account_id) == before
    assert compared(opens).is_equal


def test_one_event_does_not_keep_a_server_from_starting(
    database: Database, opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection, project: Project
) -> None:
    """Where the live tables are of no use, the new ones take their place although one account's halt; the others are
    whole, and the halt stands where the next start finds it."""
    ledger, honest = Ledger(writer), Ledger(writer)
    many(honest, 3)
    project(honest.account_id)
    poison = ledger.append_bytes("iam.policy.attached.v1", b'{"event":{"entity":"user"}}')
    stale(owner, "permissions")
    swapped(opens, "permissions")
    with following(database) as runner:
        assert runner.wait(honest.account_id, honest.position, LONG)
        halts = {projection.name: projection.halted for projection in runner.status().projections}
    (halt,) = halts["permissions"]
    assert (halt.account_id, halt.position) == (ledger.account_id, poison)
    assert owner.execute("select count(*) from views.principals").fetchone() == (1,)


def test_part_of_what_is_stale_is_refused(
    opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection, project: Project
) -> None:
    """Whose the tables of another version are is not known, so all that are stale are replaced together."""
    ledger = Ledger(writer)
    project(ledger.account_id)
    stale(owner, "trail", "sessions")
    with pytest.raises(RebuildRefused, match="sessions were made by another version"):
        swapped(opens, "trail")
    assert owner.execute("select to_regclass('views.former') is not null").fetchone() == (True,)
    swapped(opens)
    assert owner.execute("select to_regclass('views.former') is not null").fetchone() == (False,)
    assert compared(opens).is_equal


def test_where_nothing_was_ever_projected(template: str) -> None:
    """In a database whose views no program has made yet, rebuilding makes them."""
    with (
        copied(template, TEMPLATE) as database,
        connect(database, "writer") as writer,
        connect(database, "reader") as reader,
    ):
        many(Ledger(writer), 3)
        comparison = compared(lambda: connect(database, "projector"))
        assert comparison.incomparable == PROJECTION_NAMES
        swapped(lambda: connect(database, "projector"))
        assert reader.execute("select count(*) from views.trail").fetchone() == (2,)


@pytest.mark.parametrize("killed_in", ["read", "swap"])
def test_a_crash_is_begun_anew(
    opens: Connect,
    owner: psycopg.Connection,
    writer: psycopg.Connection,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    killed_in: str,
) -> None:
    """Whoever is ended in the middle of reading, or at the end of the swap before its commit, leaves the live tables as
    they were, and a second schema, here even with a wrong row in it; the next begins anew and ends well."""
    ledger = Ledger(writer)
    many(ledger, 9)
    project(ledger.account_id)
    before = rows(owner, LIVE_SCHEMA, ledger.account_id)
    monkeypatch.setattr("projections.engine.rebuild.drop_objects", lambda *_: None)  # a dead process does not tidy up
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(psycopg.OperationalError))
        rebuild = stack.enter_context(open_rebuild(opens))
        connection = rebuild._connection

        def kill() -> None:
            owner.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))

        def swap_and_die(*how: Any) -> None:
            swap_tables(*how)
            kill()

        if killed_in == "read":
            monkeypatch.setattr(rebuild, "_tell", lambda *_: kill())
            rebuild.read()
        else:
            rebuild.read()
            monkeypatch.setattr("projections.engine.rebuild.swap_tables", swap_and_die)
            rebuild.swap()
    monkeypatch.undo()
    assert rows(owner, LIVE_SCHEMA, ledger.account_id) == before
    left = sql.SQL("update {} set operation = 'wrong'").format(sql.Identifier(REBUILD_SCHEMA, "trail"))
    owner.execute(left)
    assert compared(opens).is_equal
    swapped(opens)
    assert rows(owner, LIVE_SCHEMA, ledger.account_id) == before
