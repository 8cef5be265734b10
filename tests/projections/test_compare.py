"""Comparing two tables that are large."""

from collections.abc import Iterator

import psycopg
import pytest

from projections.engine.compare import RowDifference, compare_table

ROWS = 20_000
MADE = """
create schema one; create schema two;
create table one.t (account_id text, position bigint, said text, primary key (account_id, position));
create table two.t (like one.t including all);
insert into one.t select n % 3, n, repeat('x', 200) from generate_series(1, 20000) as n;
insert into two.t select * from one.t order by said, position desc
"""


@pytest.fixture
def cursor(owner: psycopg.Connection) -> Iterator[psycopg.Cursor]:
    owner.execute(MADE)
    owner.execute("set work_mem = '64kB'")
    with owner.cursor() as cursor:
        yield cursor


def temp_bytes(cursor: psycopg.Cursor) -> int:
    cursor.execute("select pg_stat_force_next_flush()")
    ((found,),) = cursor.execute("select temp_bytes from pg_stat_database where datname = current_database()")
    return int(found)


@pytest.mark.parametrize("known", [False, True])
def test_comparing_writes_nothing(cursor: psycopg.Cursor, known: bool) -> None:  # noqa: FBT001  of the test
    """Along the primary keys, whatever the planner knows of the tables: nothing is sorted or hashed on the disk. The
    first difference is found in the order of the key."""
    if known:
        cursor.execute("analyze one.t, two.t")
    cursor.execute("update two.t set said = 'y' where position > 9000")
    before = temp_bytes(cursor)
    with cursor.connection.transaction():
        compared = compare_table(cursor, "p", "t", ("one", "two"), None, [])
    assert (compared.rows_live, compared.rows_rebuilt) == (ROWS, ROWS)
    assert compared.difference == RowDifference({"account_id": "0", "position": 9_003}, "said", "x" * 200, "y")
    assert temp_bytes(cursor) == before
