"""Ledgers whose entries are bytes that only have to be hashed."""

from collections.abc import Callable, Iterator
from typing import Final

import psycopg
import pytest

from services.ledger.database import Database, connect
from tests.services.ledger.heads import move_head
from tests.services.ledger.rounds import ACCOUNT, BEGAN_AT

Write = Callable[..., list[bytes]]
_ROWS = """ select %(a)s, number, 'x', %(at)s, convert_to(%(a)s || number, 'UTF8')
from generate_series(%(first)s::bigint, %(last)s) as number where number %% 2 = """
CHANGES: Final = "insert into ledger.changes" + _ROWS + "0"
USES: Final = "insert into ledger.uses" + _ROWS + "1"


@pytest.fixture
def writer(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database, "writer") as connection:
        yield connection


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    """Who tampers: as long as it does, no trigger is in its way."""
    with connect(database, "owner") as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


@pytest.fixture
def write(writer: psycopg.Connection) -> Write:
    """So many more entries for an account, changes and uses in turns, with its tree or without; gives all of them."""

    def write(count: int, account_id: str = ACCOUNT, *, hashed: bool = True) -> list[bytes]:
        with writer.transaction(), writer.cursor() as cursor:
            cursor.execute("insert into ledger.heads (account_id) values (%s) on conflict do nothing", (account_id,))
            ((first,),) = cursor.execute(
                "select position from ledger.heads where account_id = %s", (account_id,)
            ).fetchall()
            rows = {"a": account_id, "at": BEGAN_AT, "first": first + 1, "last": first + count}
            for statement in (CHANGES, USES):
                cursor.execute(statement, rows)
            if hashed:
                move_head(cursor, account_id, first + count, 1, BEGAN_AT)
            else:
                moved = "update ledger.heads set position = %s where account_id = %s"
                cursor.execute(moved, (first + count, account_id))
        return [f"{account_id}{number}".encode() for number in range(1, first + count + 1)]

    return write
