"""Rebuilding: what the new tables say, and what the live ones say instead."""

from typing import LiteralString

import psycopg
import pytest
from hypothesis import given, settings

from domain.families.users import UserCreated
from projections.engine.compare import RowDifference
from projections.engine.definition import LIVE_SCHEMA, PROJECTION_NAMES
from projections.engine.rebuild import (
    REBUILD_SCHEMA,
    REMAINING_POSITIONS_MAX,
    Connect,
    RebuildComparison,
    TableBehind,
    open_rebuild,
)
from projections.engine.swap import RebuildRefused
from services.ledger.database import Database, connect
from tests.projections.conftest import Project
from tests.projections.histories import Attempt, attempts, play
from tests.projections.ledger import Ledger
from tests.projections.test_properties import few, rows
from tests.projections.test_runner import many
from tests.projections.use_events import CALLED, issued


def compared(opens: Connect, *names: str, account_id: str | None = None) -> RebuildComparison:
    with open_rebuild(opens, names, account_id=account_id) as rebuild:
        rebuild.read()
        return rebuild.compare()


def swapped(opens: Connect, *names: str) -> None:
    with open_rebuild(opens, names) as rebuild:
        rebuild.read()
        rebuild.swap()


def differences(comparison: RebuildComparison) -> dict[str, RowDifference]:
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
    before = rows(owner, LIVE_SCHEMA, ledger.account_id)
    with open_rebuild(opens, account_id=ledger.account_id) as rebuild:
        rebuild.read()
        comparison = rebuild.compare()
    assert comparison.is_equal
    assert {table.projection for table in comparison.tables} == set(PROJECTION_NAMES)
    counted = {table.table: (table.rows_live, table.rows_rebuilt) for table in comparison.tables}
    assert counted == {name: (len(found), len(found)) for name, found in before.items() if name in counted}
    swapped(opens)
    assert rows(owner, LIVE_SCHEMA, ledger.account_id) == before
    left = "select count(*) from pg_class where relnamespace = %s::regnamespace"
    assert owner.execute(left, (REBUILD_SCHEMA,)).fetchone() == (0,)


def test_they_are_compared_at_equal_positions(
    opens: Connect, writer: psycopg.Connection, project: Project, database: Database
) -> None:
    """What the live tables learn after the new ones were read, and what the ledger holds that they do not know yet,
    makes no difference."""
    ledger, other = Ledger(writer), Ledger(writer)
    many(ledger, 9)
    project(ledger.account_id)
    with open_rebuild(opens) as rebuild:
        rebuild.read()
        many(ledger, 9)
        project(ledger.account_id)
        many(ledger, 9)
        comparison = rebuild.compare()
        assert comparison.is_equal
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
    "update views.trail set user_name = 'eve'": ("trail", "user_name", "eve", "admin"),
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
    assert not comparison.is_equal
    assert differences(comparison).keys() == {table}
    difference = differences(comparison)[table]
    assert difference.key["account_id"] == ledger.account_id
    assert (difference.column, difference.live, difference.rebuilt) == (column, is_live, is_rebuilt)
    assert compared(opens, account_id=honest.account_id).is_equal
    swapped(opens)
    assert compared(opens).is_equal


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
    assert found["accounts"] == RowDifference({"account_id": "999999999999"}, None, invented, None)
    (principals,) = (table for table in comparison.tables if table.table == "principals")
    assert (principals.rows_live, principals.rows_rebuilt) == (0, 2)


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
    assert not comparison.is_equal
    names = sorted(PROJECTION_NAMES)
    assert comparison.behind == tuple(TableBehind(name, ledger.account_id, 1, 3, 3) for name in names)
    assert {halt.halted.position for halt in comparison.rebuilt_halts} == {2}
    assert differences(comparison) == {}
    with pytest.raises(
        RebuildRefused, match=f"{ledger.account_id}: the new tables halt at position 2, the live ones are at 3"
    ):
        swapped(opens)
    assert owner.execute("select count(*) from views.principals").fetchone() == (2,)


@pytest.mark.parametrize("cut", [1, REMAINING_POSITIONS_MAX + 1])
def test_a_ledger_that_was_set_back(
    opens: Connect, owner: psycopg.Connection, writer: psycopg.Connection, project: Project, cut: int
) -> None:
    """Of events that are gone with the head that counted them nothing is waited for: the rebuild ends, with how far the
    live tables were and where the ledger ends; a swap is refused."""
    ledger, honest = Ledger(writer), Ledger(writer)
    ledger.append(*[CALLED] * cut)
    for account_id in (ledger.account_id, honest.account_id):
        project(account_id, cut + 1)
    owner.execute("set session_replication_role = replica")
    owner.execute("delete from ledger.uses where account_id = %s", (ledger.account_id,))
    owner.execute("update ledger.heads set position = 1 where account_id = %s", (ledger.account_id,))
    comparison = compared(opens)
    assert comparison.behind[-1] == TableBehind("trail", ledger.account_id, 1, cut + 1, 1)
    assert not comparison.is_equal
    assert comparison.rebuilt_halts == ()
    with pytest.raises(RebuildRefused, match=f"read up to position {cut + 1}, and the ledger ends at 1"):
        swapped(opens)
    owner.execute("delete from ledger.heads where account_id = %s", (ledger.account_id,))
    assert compared(opens).behind[-1] == TableBehind("trail", ledger.account_id, 0, cut + 1, 0)


def test_one_at_a_time(opens: Connect) -> None:
    """While somebody rebuilds, another is refused, and leaves the tables alone."""
    with open_rebuild(opens) as rebuild:
        with pytest.raises(RebuildRefused, match="Somebody else is rebuilding"), open_rebuild(opens):
            raise AssertionError
        rebuild.read()


def test_progress_is_told(
    opens: Connect, writer: psycopg.Connection, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch after batch, projection after projection, up to the last position of all."""
    monkeypatch.setattr("projections.engine.rebuild.POSITIONS_PER_BATCH_MAX", 4)
    ledger = Ledger(writer)
    many(ledger, 5)
    project(ledger.account_id)
    told: list[tuple[str, int, int]] = []
    with open_rebuild(opens, ["trail", "sessions"], tell=lambda *words: told.append(words)) as rebuild:
        rebuild.read()
    total = 2 * ledger.position
    assert [(done, of) for _, done, of in told] == [(4, total), (8, total), (12, total), (16, total)]
    assert {what for what, *_ in told} == {f"{name} of {ledger.account_id}" for name in ("trail", "sessions")}
