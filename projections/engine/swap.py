"""Putting tables of one schema into the place of another's, while others read and write there."""

import time
from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

from projections.engine.definition import LIVE_SCHEMA
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.engine", "rebuild.sql")
LOCK_ATTEMPTS_MAX = 500
LOCK_RETRY_SECONDS = 0.02


class RebuildRefused(Exception):  # noqa: N818  said to a person
    """It cannot be done so; the message says why. The live tables are as they were."""


class RebuildBusy(RebuildRefused):
    """Others are in the way, and will not be for ever."""


DatabaseObject = tuple[str, str]
"""Kind (table or function) and name."""

PERMANENT_TABLES = frozenset[DatabaseObject]({("table", "schemas"), ("table", "replaced_definitions")})
"""They tell whose the others are."""
_DROP = {"table": sql.SQL("drop table {}"), "function": sql.SQL("drop function {}")}
_MOVE = {"table": sql.SQL("alter table {} set schema {}"), "function": sql.SQL("alter function {} set schema {}")}


def swap_tables(
    cursor: psycopg.Cursor,
    schema: str,
    coming: Iterable[frozenset[DatabaseObject]],
    staying: Iterable[frozenset[DatabaseObject]],
) -> None:
    """In the caller's transaction: drops what the projector owns in the live schema, `staying` and PERMANENT_TABLES
    excepted, and moves what is `coming` there from the other schema, with its indexes and rights.

    Raises RebuildRefused when for ten seconds there was always somebody reading.
    """
    kept = PERMANENT_TABLES.union(*staying)
    going = [
        (kind, name)
        for kind, name in cursor.execute(SQL["objects"], {"schema": LIVE_SCHEMA})
        if (kind, name) not in kept
    ]
    _lock_tables(cursor, [name for kind, name in going if kind == "table"])
    _drop(cursor, LIVE_SCHEMA, going)
    for kind, name in sorted(frozenset[DatabaseObject]().union(*coming)):
        cursor.execute(_MOVE[kind].format(sql.Identifier(schema, name), sql.Identifier(LIVE_SCHEMA)))


def drop_objects(connection: psycopg.Connection, schema: str) -> None:
    """Empties a schema of what the projector owns there."""
    with connection.transaction(), connection.cursor() as cursor:
        _drop(cursor, schema, cursor.execute(SQL["objects"], {"schema": schema}).fetchall())


def _drop(cursor: psycopg.Cursor, schema: str, objects: Sequence[DatabaseObject]) -> None:
    """A function's tables go before it, as do those that refer to others of them: in one statement, in any order."""
    if tables := [sql.Identifier(schema, name) for kind, name in objects if kind == "table"]:
        cursor.execute(_DROP["table"].format(sql.SQL(", ").join(tables)))
    for kind, name in objects:
        if kind != "table":
            cursor.execute(_DROP[kind].format(sql.Identifier(schema, name)))


def _lock_tables(cursor: psycopg.Cursor, tables: Sequence[str]) -> None:
    """All of them, or none and again: who holds one and waits for another, where readers do the same the other way
    round, ends them or is ended by them."""
    if not tables:
        return
    names = sql.SQL(", ").join(sql.Identifier(LIVE_SCHEMA, table) for table in tables)
    for attempt in range(LOCK_ATTEMPTS_MAX):
        try:
            with cursor.connection.transaction():
                cursor.execute(sql.SQL("lock table {} in access exclusive mode nowait").format(names))
        except psycopg.errors.LockNotAvailable as error:
            if attempt == LOCK_ATTEMPTS_MAX - 1:
                raise RebuildBusy("The live tables are being read without a pause: they stay.") from error
            time.sleep(LOCK_RETRY_SECONDS)
        else:
            return
