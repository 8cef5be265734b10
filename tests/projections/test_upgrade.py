"""Upgrading: the tables of another version are replaced by this one's, whoever reads, writes, builds or dies."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from domain.foundation.moments import AsOf
from projections.engine.apply import apply_batch
from projections.engine.definition import LIVE_SCHEMA, SHARED_TABLES, digests, fitting_digests, load_projections
from projections.engine.progress import ProgressWatcher
from projections.engine.rebuild import REBUILD_SCHEMA, Connect, open_rebuild
from projections.engine.runner import ProjectionRunner
from projections.engine.swap import RebuildBusy
from projections.engine.upgrade import RebuildProgress, pending_names
from projections.queries.due import find_due
from projections.queries.permissions import permissions_of
from projections.queries.readable import ProjectionUnreadable, require_readable, same_tables
from projections.queries.sessions import issued_sessions
from projections.tables import compliance
from services.ledger.database import ExternalDatabase, connect
from tests.projections.conftest import Project
from tests.projections.ledger import NOW, Ledger
from tests.projections.processes import upgrading
from tests.projections.test_properties import rows
from tests.projections.test_rebuild import compared, user
from tests.projections.test_runner import LONG, many

NAMES = [projection.name for projection in load_projections()]
EARLIER = {SHARED_TABLES: "659f2f881af96d4d2d766f45fce4ca361be132e0aafe468eeb23142cf5df2035"} | {
    projection.name: min(projection.fits, default=projection.digest) for projection in load_projections()
}
"""Digests of texts whose tables fit, one for each."""
UNKNOWN = "0" * 64
FUNCTION = re.compile(rb"create or replace function (\w+)")
DEFINITIONS = {
    "compliance": "81698938f20ff43f739c2a31de666f19c6817167134d56f09dbc895353fa65fd",
    "credentials": "a47c6d9412ea60ce17e8ad1e8d3d7cd16ef438089b61a6a5c49cac571293bd34",
    "due": "677112ad57d4bacc4468a755d23dc2096d9e30cb714831b87f99afa628b0be19",
    "last_accesses": "d0a4ba2ce723861b062d421ced40f4fa804a09100dfc0bef80a0cb737370750d",
    "lineage": "72d5f748b41d1664b7da1afce6f465acd229a4a8c8541105af6879b6827c90a8",
    "permissions": "bdc01d0989c1e45c1e22747e5501b288d9ea7fbac57fea0ec4686558bf72e76d",
    "sessions": "eff59297d448e49081239a359842bad7e117e41aa5e261a94e5b10413c9506bb",
    "trail": "a64288210b5089164d7b60a5e5711395a943c9aff0337624162096f8358b95b2",
    "views": "0b7ddaad35de71f459d5552fe05959be48626b1758372924aa3ddb57ea9ff669",
}
"""What this version's texts do."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds another at it, or no room, tries again at once."""
    monkeypatch.setattr("projections.engine.upgrade.RETRY_SECONDS", 0.01)


@pytest.fixture
def ledger(writer: psycopg.Connection, project: Project) -> Ledger:
    """With some history, projected."""
    ledger = Ledger(writer)
    many(ledger, 12)
    project(ledger.account_id)
    return ledger


def made_by(owner: psycopg.Connection, texts: dict[str, str]) -> None:
    """As if these texts had made the live tables; functions of texts that are others now, they did not know."""
    for name, digest in texts.items():
        owner.execute("update views.schemas set sha256 = %s where name = %s", (digest, name))
    if texts != EARLIER:
        return
    same = [projection for projection in load_projections() if projection.digest == EARLIER[projection.name]]
    known = ["actor", *(name.decode() for each in same for name in FUNCTION.findall(bytes(each.functions or b"")))]
    functions = "select oid::regprocedure::text from pg_proc where pronamespace = 'views'::regnamespace"
    for (function,) in owner.execute(functions + " and proname <> all(%s)", (known,)).fetchall():
        owner.execute(f"drop function {function}".encode())


def live(cursor: psycopg.Connection | psycopg.Cursor) -> dict[str, str]:
    return dict(cursor.execute("select name, sha256 from views.schemas").fetchall())


@contextmanager
def running(database: ExternalDatabase, **options: Any) -> Iterator[ProjectionRunner]:
    runner = ProjectionRunner(lambda: connect(database, "projector"), **options)
    runner.start()
    try:
        runner.upgrade()
        yield runner
    finally:
        runner.stop()


def upgraded(runner: ProjectionRunner) -> None:
    runner._upgrade._thread.join(LONG)
    assert not runner._upgrade._thread.is_alive()


def test_a_changed_definition_is_noticed() -> None:
    """Whoever changes what a text does decides here what becomes of the tables that the former one has made.

    If this version's questions read them as they are, and its sections may go on writing there, the former digest gets
    a `-- fits:` line in the text; all lines for which that is not so any more go. Then the new digest stands here.
    """
    assert digests(load_projections()) == DEFINITIONS


def test_what_fits_is_read_and_written_meanwhile(
    database: ExternalDatabase, opens: Connect, owner: psycopg.Connection, reader: psycopg.Cursor, ledger: Ledger
) -> None:
    """While the new tables are not there, those of the earlier version follow the ledger and answer. Then the new ones
    are in their place, say the same, and nothing is left beside them."""
    made_by(owner, EARLIER)
    with ExitStack() as building, ExitStack() as running_one:
        building.enter_context(open_rebuild(opens))  # is in the way of whoever builds
        runner = running_one.enter_context(running(database))
        position = ledger.append(user("meanwhile"))
        runner.notify_changed(frozenset({ledger.account_id}))
        assert runner.wait(ledger.account_id, position, LONG)
        assert permissions_of(reader, ledger.account_id, "meanwhile", AsOf(NOW, position=position)).entity_id
        assert live(owner) == EARLIER
        statuses = runner.status().projections
        assert all(status.rebuild is not None and status.rebuild.answers_meanwhile for status in statuses)
        before = rows(owner, LIVE_SCHEMA, ledger.account_id)
        building.close()
        upgraded(runner)
        assert live(owner) == digests(load_projections())
        assert rows(owner, LIVE_SCHEMA, ledger.account_id) == before
        assert all(status.rebuild is None for status in runner.status().projections)
        position = ledger.append(user("afterwards"))
        runner.notify_changed(frozenset({ledger.account_id}))
        assert runner.wait(ledger.account_id, position, LONG)
    left = owner.execute("select count(*) from pg_class where relnamespace = %s::regnamespace", (REBUILD_SCHEMA,))
    assert left.fetchone() == (0,)
    assert compared(opens).is_equal


@pytest.mark.parametrize("unknown", ["sessions", SHARED_TABLES])
def test_what_is_not_known_is_not_read(
    database: ExternalDatabase,
    opens: Connect,
    owner: psycopg.Connection,
    reader: psycopg.Cursor,
    ledger: Ledger,
    unknown: str,
) -> None:
    """Of tables that a text has made which this program does not know, it believes nothing and writes nothing there:
    who asks is told how far the new ones are. Nobody waits for them, and all else is answered."""
    made_by(owner, {unknown: UNKNOWN})
    cursors = "select position from views.cursors where projection = 'sessions' and account_id = %s"
    former = owner.execute(cursors, (ledger.account_id,)).fetchone()
    watcher = ProgressWatcher(lambda: connect(database, "projector"))
    watcher.start()
    with ExitStack() as building, ExitStack() as running_one:
        building.enter_context(open_rebuild(opens))  # is in the way of whoever builds
        runner = running_one.enter_context(running(database))
        position = ledger.append(user("meanwhile"))
        as_of = AsOf(NOW, position=position)
        runner.notify_changed(frozenset({ledger.account_id}))
        assert runner.wait(ledger.account_id, position, LONG)
        assert watcher.wait(ledger.account_id, position, LONG)
        with pytest.raises(ProjectionUnreadable, match=r"tables of sessions .*0 of \d+ positions so far \(0 %\)"):
            issued_sessions(reader, ledger.account_id, as_of, active_only=False, after_position=0, limit=10)
        if unknown == "sessions":
            assert permissions_of(reader, ledger.account_id, "meanwhile", as_of).entity_id
        else:
            with pytest.raises(ProjectionUnreadable), connect(database, "reader") as other:
                find_due(other, NOW + timedelta(days=1), limit=10)
        assert owner.execute(cursors, (ledger.account_id,)).fetchone() == former
        by_name = {status.name: status.rebuild for status in watcher.status().projections}
        assert by_name["sessions"] is not None
        assert not by_name["sessions"].answers_meanwhile
        assert (by_name["trail"] is None) == (unknown == "sessions")
        building.close()
        upgraded(runner)
        assert runner.wait(ledger.account_id, position, LONG)
        assert watcher.wait(ledger.account_id, position, LONG)
        assert issued_sessions(reader, ledger.account_id, as_of, active_only=False, after_position=0, limit=10)
    watcher.stop()
    assert compared(opens).is_equal


@pytest.mark.parametrize(
    ("when", "statement"),
    [
        ("after", b"insert into cursors"),  # in the middle of building
        ("after", b"insert into views.schemas"),  # at the end of the swap, before its commit
        ("before", b"pg_advisory_unlock"),  # after the commit
    ],
)
def test_a_process_that_dies_leaves_no_half_of_it(
    database: ExternalDatabase, opens: Connect, owner: psycopg.Connection, ledger: Ledger, when: str, statement: bytes
) -> None:
    """Killed while it builds, or before or after the commit of the swap: the live tables are all of one version or all
    of the other, the same rows stand there, and the next process brings it to its end."""
    made_by(owner, EARLIER)
    before = rows(owner, LIVE_SCHEMA, ledger.account_id)
    process = upgrading(database, when, statement)
    process.wait(LONG)
    assert process.returncode == -9
    expected = digests(load_projections()) if when == "before" else EARLIER
    assert live(owner) == expected
    assert rows(owner, LIVE_SCHEMA, ledger.account_id) == before
    with running(database) as runner:
        upgraded(runner)
    assert live(owner) == digests(load_projections())
    assert rows(owner, LIVE_SCHEMA, ledger.account_id) == before
    assert compared(opens).is_equal


def test_two_processes_at_once(
    database: ExternalDatabase,
    opens: Connect,
    owner: psycopg.Connection,
    ledger: Ledger,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One builds; the other sees that there is nothing left to do, and both follow the new tables."""
    made_by(owner, EARLIER)
    with running(database) as one, running(database) as other:
        upgraded(one)
        upgraded(other)
        position = ledger.append(user("afterwards"))
        for runner in (one, other):
            assert runner.wait(ledger.account_id, position, LONG)
    assert len([record for record in caplog.records if "have taken their place" in record.getMessage()]) == 1
    assert compared(opens).is_equal


def test_progress_is_logged(
    database: ExternalDatabase,
    owner: psycopg.Connection,
    ledger: Ledger,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With positions and percent, and what it is about."""
    monkeypatch.setattr("projections.engine.upgrade.REPORT_SECONDS", 0.0)
    made_by(owner, {"permissions": EARLIER["permissions"]})
    with running(database) as runner:
        upgraded(runner)
    lines = [record.getMessage() for record in caplog.records]
    assert (
        f"The new tables are at permissions of {ledger.account_id}: {ledger.position} of {ledger.position} positions, "
        "100 %." in lines
    )
    assert lines[-1] == "The new tables of permissions have taken their place."


def test_an_older_program_does_not_undo_it(
    database: ExternalDatabase,
    owner: psycopg.Connection,
    opens: Connect,
    reader: psycopg.Cursor,
    ledger: Ledger,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A newer program has put its tables of one projection in the place of ours: we neither write there nor build, and
    what it has left alone goes on. Who asks, the log and health are told why. An operator who wants ours back swaps,
    and they are ours again."""
    owner.execute("insert into views.replaced_definitions select sha256 from views.schemas where name = 'trail'")
    made_by(owner, {"trail": UNKNOWN})
    with opens() as connection:
        assert pending_names(connection, load_projections()) == ()
        connection.execute("set search_path = views")
        (trail,) = (projection for projection in load_projections() if projection.name == "trail")
        ledger.append(user("meanwhile"))
        assert apply_batch(connection, trail, ledger.account_id, 10) is None
        with running(database) as runner:
            upgraded(runner)
            found = {status.name: status.rebuild for status in runner.status().projections}
        assert found.pop("trail") == RebuildProgress(0, 0, answers_meanwhile=False, state="superseded")
        assert set(found.values()) == {None}
        said = [record.getMessage() for record in caplog.records]
        assert said == ["The tables are those of a newer version of muniment: they stay. Update this server."]
        with pytest.raises(ProjectionUnreadable, match=r"trail .*newer version of muniment: update this server, or go"):
            require_readable(reader, "trail")
        with open_rebuild(opens, ["trail"]) as rebuild:
            rebuild.swap()
        assert pending_names(connection, load_projections()) == ()
    assert live(owner) == digests(load_projections())
    replaced = owner.execute("select sha256 from views.replaced_definitions").fetchall()
    assert replaced == [(UNKNOWN,)]


@pytest.fixture
def add() -> Iterator[Callable[[str], None]]:
    """Lets the program have these checks of an operator's own, by their digest."""
    with pytest.MonkeyPatch.context() as patch:

        def add(addition: str) -> None:
            patch.setattr(compliance, "addition", lambda: addition)
            fitting_digests.cache_clear()

        yield add
    fitting_digests.cache_clear()


def test_what_an_operator_adds_makes_no_newer_program(
    owner: psycopg.Connection, opens: Connect, reader: psycopg.Cursor, ledger: Ledger, add: Callable[[str], None]
) -> None:
    """Whoever starts with a module more, or less, builds the tables anew, be it for the second time; an older program
    with whatever additions does not."""

    def pending(addition: str) -> tuple[str, ...]:
        add(addition)
        with opens() as connection:
            return pending_names(connection, load_projections())

    assert ledger.position > 2
    for addition, other in (("1", ""), ("", "1"), ("2", "1"), ("1", "2")):
        assert pending(addition) == ("compliance",)
        with open_rebuild(opens, ["compliance"]) as rebuild:
            rebuild.swap()
        assert pending(addition) == ()
        assert pending(other) == ("compliance",)
        with pytest.raises(ProjectionUnreadable, match="made with another MUNIMENT_COMPLIANCE_CHECKS than"):
            require_readable(reader, "compliance")
    made_by(owner, {"compliance": UNKNOWN})
    own = DEFINITIONS["compliance"]
    owner.execute("insert into views.replaced_definitions values (%s)", (f"{own}:3",))
    assert {pending(each) for each in ("", "1", "3")} == {()}


def test_new_tables_that_halt_stay_beside(
    database: ExternalDatabase, owner: psycopg.Connection, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the new tables cannot come as far as those that are there and fit, these stay, and answer."""
    made_by(owner, {"permissions": EARLIER["permissions"]})
    assert ledger.position > 2
    owner.execute("alter table ledger.changes disable trigger append_only")
    owner.execute("update ledger.changes set topic = 'iam.unheard_of.v1' where position = 2")
    with running(database) as runner:
        upgraded(runner)
        (found,) = (status.rebuild for status in runner.status().projections if status.name == "permissions")
    assert live(owner)["permissions"] == EARLIER["permissions"]
    assert any("do not take the place" in record.getMessage() for record in caplog.records)
    assert found is not None
    assert (found.state, found.percent) == ("failed", None)
    assert "halt at position 2" in (found.reason or "")


def test_tables_that_change_during_an_answer(owner: psycopg.Connection, reader: psycopg.Cursor, ledger: Ledger) -> None:
    """An answer that a newer program's swap has met is not given; one that was about other tables is, by the next."""
    assert ledger.position
    with pytest.raises(ProjectionUnreadable, match="tables of trail"), same_tables(reader):
        made_by(owner, {"trail": UNKNOWN})
    with same_tables(reader):
        require_readable(reader, "permissions")
        with pytest.raises(ProjectionUnreadable):
            require_readable(reader, "permissions", "trail")


def test_an_operator_is_told_that_it_is_under_way(opens: Connect) -> None:
    """Who rebuilds or verifies meanwhile is told why that cannot be now."""
    with open_rebuild(opens), pytest.raises(RebuildBusy, match="a server is upgrading"), open_rebuild(opens):
        raise AssertionError
