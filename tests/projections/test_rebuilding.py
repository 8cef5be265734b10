"""Rebuilding: what the new tables say, what the live ones say instead, and the change from the one to the other."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, LiteralString

import psycopg
import pytest
from hypothesis import given, settings
from psycopg import sql

from domain.users import UserCreated
from projections.asof import AsOf
from projections.comparing import Difference
from projections.permissions import permissions
from projections.rebuilding import SECOND, Comparison, rebuilding
from projections.runner import Runner
from projections.swapping import RebuildRefused, swap
from projections.views import NAMES, SCHEMA, MustBeRebuilt, live, prepare
from services.ledger.database import Database, Role, connect
from tests.projections.conftest import Project
from tests.projections.histories import Attempt, attempts, play
from tests.projections.ledger import NOW, Ledger
from tests.projections.test_properties import few, rows
from tests.projections.test_runner import LONG, many
from tests.projections.uses import CALLED, issued

Connect = Callable[[Role], psycopg.Connection]


@pytest.fixture
def opens(database: Database) -> Connect:
    return lambda role: connect(database, role)


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database, "owner") as connection:
        yield connection


def compared(opens: Connect, *names: str, account_id: str | None = None) -> Comparison:
    with rebuilding(opens, names, account_id=account_id) as rebuild:
        rebuild.read()
        return rebuild.compare()


def swapped(opens: Connect, *names: str) -> None:
    with rebuilding(opens, names) as rebuild:
        rebuild.read()
        rebuild.swap()


def differences(comparison: Comparison) -> dict[str, Difference]:
    return {table.table: table.difference for table in comparison.tables if table.difference is not None}


def user(name: str) -> UserCreated:
    return UserCreated(user_id=f"AIDA{name}", user_name=name, path="/")


@settings(few, max_examples=5)
@given(attempts())
def test_honest_tables_are_equal(
    opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection, project: Project, tried: list[Attempt]
) -> None:
    """Of any legal history the new tables say what the live ones say, in the same number of rows; and when they have
    taken their place, nothing is told differently and nothing is left of the second schema."""
    ledger = Ledger(writer)
    play(ledger, tried)
    project(ledger.account_id, 7)
    before = rows(owner, SCHEMA, ledger.account_id)
    with rebuilding(opens, account_id=ledger.account_id) as rebuild:
        rebuild.read()
        comparison = rebuild.compare()
    assert comparison.equal
    assert {table.projection for table in comparison.tables} == set(NAMES)
    counted = {table.table: (table.rows_live, table.rows_rebuilt) for table in comparison.tables}
    assert counted == {name: (len(found), len(found)) for name, found in before.items() if name in counted}
    swapped(opens)
    assert rows(owner, SCHEMA, ledger.account_id) == before
    assert owner.execute("select to_regnamespace(%s)", (SECOND,)).fetchone() == (None,)


def test_they_are_compared_at_equal_positions(
    opens: Connect, writer: psycopg.Connection, project: Project, database: Database
) -> None:
    """What the live tables learn after the new ones were read, and what the ledger holds that they do not know yet,
    makes no difference."""
    ledger, other = Ledger(writer), Ledger(writer)
    many(ledger, 9)
    project(ledger.account_id)
    with rebuilding(opens) as rebuild:
        rebuild.read()
        many(ledger, 9)
        project(ledger.account_id)
        many(ledger, 9)
        comparison = rebuild.compare()
        assert comparison.equal
        (trail,) = (table for table in comparison.tables if table.table == "trail")
        assert trail.rows_live == trail.rows_rebuilt == 12
        many(other, 9)
        project(other.account_id)
        rebuild.swap()
    with connect(database, "reader") as reader:
        found = reader.execute("select account_id, count(*) from views.trail group by 1 order by 1").fetchall()
        cursors = reader.execute("select distinct account_id, position from views.cursors order by 1").fetchall()
    assert found == [(ledger.account_id, 18), (other.account_id, 6)]
    assert cursors == [(ledger.account_id, ledger.position), (other.account_id, other.position)]


TAMPERINGS: dict[LiteralString, tuple[str, str | None, object, object]] = {
    "update views.principals set name = 'eve' where name = 'bob'": ("principals", "name", "eve", "bob"),
    "update views.principals set valid_to = 9, valid_to_at = now(), closed_by = 'x' where name = 'bob'": (
        *("principals", "valid_to", 9),
        None,
    ),
    'update views.trail set parameters = \'{"UserName": "eve"}\'': (
        *("trail", "parameters", {"UserName": "eve"}),
        {"UserName": "ada"},
    ),
    "update views.sessions set expires_at = '2030-01-01Z'": (
        *("sessions", "expires_at", "2030-01-01T00:00:00+00:00"),
        "2025-01-01T01:00:00+00:00",
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_the_first_difference(
    opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection, project: Project, tampering: LiteralString
) -> None:
    """An altered row is found, and told with its table, its key, the first column that differs, and both values. Asked
    about another account, there is none; and with the swap it is gone."""
    honest, ledger = Ledger(writer), Ledger(writer)
    ledger.append(user("ann"), user("bob"), CALLED, issued(ledger, "S", at=ledger.times[0]))
    for account_id in (honest.account_id, ledger.account_id):
        project(account_id)
    owner.execute(tampering)
    comparison = compared(opens)
    table, column, is_live, is_rebuilt = TAMPERINGS[tampering]
    assert not comparison.equal
    assert differences(comparison).keys() == {table}
    difference = differences(comparison)[table]
    assert difference.key["account_id"] == ledger.account_id
    assert (difference.column, difference.live, difference.rebuilt) == (column, is_live, is_rebuilt)
    assert compared(opens, account_id=honest.account_id).equal
    swapped(opens)
    assert compared(opens).equal


def test_rows_too_few_and_too_many(
    opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection, project: Project
) -> None:
    """A row that stands in only one of the two is shown whole, with the side on which it is missing; of several the
    first by the key."""
    ledger = Ledger(writer)
    ledger.append(user("ann"), user("bob"))
    project(ledger.account_id)
    owner.execute("delete from views.principals")
    owner.execute("insert into views.accounts values ('999999999999', 'aws')")
    comparison = compared(opens, "permissions")
    found = differences(comparison)
    assert found.keys() == {"principals", "accounts"}
    assert found["principals"].key == {"account_id": ledger.account_id, "valid_from": 2, "entity_id": "AIDAann"}
    assert (found["principals"].column, found["principals"].live) == (None, None)
    invented = {"account_id": "999999999999", "partition": "aws"}
    assert found["accounts"] == Difference({"account_id": "999999999999"}, None, invented, None)
    (principals,) = (table for table in comparison.tables if table.table == "principals")
    assert (principals.rows_live, principals.rows_rebuilt) == (0, 2)


@contextmanager
def following(database: Database) -> Iterator[Runner]:
    runner = Runner(lambda: connect(database, "projector"))
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
                runner.touched(frozenset({ledger.account_id}))
                assert runner.wait(ledger.account_id, position, LONG)
                assert permissions(reader, ledger.account_id, name, AsOf(NOW, position=position)).entity_id
            if swaps < 2:
                swapped(opens, *names)
        statuses = runner.status()
    assert statuses.running
    assert all(projection.halted == () and projection.lag_positions == 0 for projection in statuses.projections)
    assert caplog.records == []
    assert reader.execute("select count(*), count(distinct position) from views.trail").fetchone() == (24, 24)
    assert reader.execute("select count(*) from views.principals").fetchone() == (24,)
    assert compared(opens).equal


def test_a_swap_waits_for_readers(
    database: Database, opens: Connect, writer: psycopg.Connection, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who reads in a transaction is neither ended nor waited for with locks held: the swap tries again, and
    when the reading has no end, everything is as it was."""
    ledger = Ledger(writer)
    many(ledger, 3)
    project(ledger.account_id)
    monkeypatch.setattr("projections.swapping.ATTEMPTS_MAX", 3)
    with connect(database, "reader") as reader, reader.transaction():
        reader.execute("select from views.trail")
        with pytest.raises(RebuildRefused, match="without end"):
            swapped(opens)
        assert reader.execute("select count(*) from views.principals").fetchone() == (1,)
    swapped(opens)
    assert compared(opens).equal


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
    assert {name for name in before if before[name] != after[name]} == {"trail", "sessions"}
    rights = "select bool_and(has_table_privilege('muniment_reader', oid, 'select')) from pg_class"
    assert owner.execute(rights + " where relnamespace = 'views'::regnamespace and relkind = 'r'").fetchone() == (True,)
    assert compared(opens).equal


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
        runner.touched(frozenset({ledger.account_id}))
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
    assert compared(opens).equal


def test_a_ledger_that_cannot_be_read_any_more(
    opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection, project: Project
) -> None:
    """Where the new tables halt before the live ones, the account is named and left out, the others are compared, and
    a swap is refused: it would take away what can still be seen."""
    ledger, honest = Ledger(writer), Ledger(writer)
    ledger.append(user("ann"), user("bob"))
    for account_id in (ledger.account_id, honest.account_id):
        project(account_id)
    owner.execute("alter table ledger.changes disable trigger append_only")
    owner.execute("delete from ledger.changes where account_id = %s and position = 2", (ledger.account_id,))
    comparison = compared(opens)
    assert not comparison.equal
    assert comparison.behind == tuple((name, ledger.account_id) for name in sorted(NAMES))
    assert {halt.halted.position for halt in comparison.rebuilt_halts} == {2}
    assert differences(comparison) == {}
    with pytest.raises(RebuildRefused, match=f"halt at position 2 of {ledger.account_id}, the live ones are at 3"):
        swapped(opens)
    assert owner.execute("select count(*) from views.principals").fetchone() == (2,)


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
    database: Database,
    opens: Connect,
    owner: psycopg.Connection,
    writer: psycopg.Connection,
    project: Project,
    names: tuple[str, ...],
    cure: tuple[str, ...],
) -> None:
    """A program whose text is another refuses to start and names the command; with that done it starts. What is not
    comparable is not compared; what only the former version had is gone."""
    ledger = Ledger(writer)
    many(ledger, 9)
    project(ledger.account_id)
    before = rows(owner, SCHEMA, ledger.account_id)
    stale(owner, *names)
    command = " ".join(["muniment rebuild", *cure, "--swap"])
    with connect(database, "projector") as projector, pytest.raises(MustBeRebuilt, match=f"`{command}`"):
        prepare(projector, live())
    with rebuilding(opens, cure) as rebuild:
        rebuild.read()
        comparison = rebuild.compare()
        assert comparison.incomparable == (cure or NAMES)
        assert comparison.tables == ()
        assert not comparison.equal
        rebuild.swap()
    with connect(database, "projector") as projector:
        prepare(projector, live())
    assert rows(owner, SCHEMA, ledger.account_id) == before
    assert compared(opens).equal


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
        (halt,) = (halt for projection in runner.status().projections for halt in projection.halted)
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
    assert compared(opens).equal


def test_where_nothing_was_ever_projected(opens: Connect, writer: psycopg.Connection, reader: psycopg.Cursor) -> None:
    """In a database whose views no program has made yet, rebuilding makes them."""
    ledger = Ledger(writer)
    many(ledger, 3)
    comparison = compared(opens)
    assert comparison.incomparable == NAMES
    swapped(opens)
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
    before = rows(owner, SCHEMA, ledger.account_id)
    monkeypatch.setattr("projections.rebuilding._remove", lambda _connect: None)  # a dead process does not tidy up
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(psycopg.OperationalError))
        rebuild = stack.enter_context(rebuilding(opens))
        connection = rebuild._connection

        def kill() -> None:
            owner.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))

        def swap_and_die(*how: Any) -> None:
            swap(*how)
            kill()

        if killed_in == "read":
            monkeypatch.setattr(rebuild, "_tell", lambda *_: kill())
            rebuild.read()
        else:
            rebuild.read()
            monkeypatch.setattr("projections.rebuilding.swap", swap_and_die)
            rebuild.swap()
    monkeypatch.undo()
    assert rows(owner, SCHEMA, ledger.account_id) == before
    left = sql.SQL("update {} set user_agent = 'wrong'").format(sql.Identifier(SECOND, "trail"))
    owner.execute(left)
    assert compared(opens).equal
    swapped(opens)
    assert rows(owner, SCHEMA, ledger.account_id) == before


def test_one_at_a_time(opens: Connect) -> None:
    """While somebody rebuilds, another is refused, and leaves the tables alone."""
    with rebuilding(opens) as rebuild:
        with pytest.raises(RebuildRefused, match="Somebody else is rebuilding"), rebuilding(opens):
            raise AssertionError
        rebuild.read()


def test_progress_is_told(
    opens: Connect, writer: psycopg.Connection, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch after batch, projection after projection, up to the last position of all."""
    monkeypatch.setattr("projections.rebuilding.POSITIONS_A_BATCH_MAX", 4)
    ledger = Ledger(writer)
    many(ledger, 5)
    project(ledger.account_id)
    told: list[tuple[str, int, int]] = []
    with rebuilding(opens, ["trail", "sessions"], tell=lambda *words: told.append(words)) as rebuild:
        rebuild.read()
    total = 2 * ledger.position
    assert [(done, of) for _, done, of in told] == [(4, total), (8, total), (12, total), (16, total)]
    assert {what for what, *_ in told} == {f"{name} of {ledger.account_id}" for name in ("trail", "sessions")}
