"""Putting tables of one schema into the place of another's, while others read and write there."""

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

from projections.engine.definition import LIVE_SCHEMA
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.engine", "rebuild.sql")


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

    The caller holds their locks.
    """
    _drop(cursor, LIVE_SCHEMA, _going(cursor, staying))
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


def lock_tables(cursor: psycopg.Cursor, staying: Iterable[frozenset[DatabaseObject]]) -> None:
    """Takes, in the caller's transaction, the locks for `swap_tables`: from then on nobody reads what goes, and nobody
    moves a cursor. The cursors come last, and for none is waited: who waits has readers and followers behind him.

    Raises psycopg.errors.LockNotAvailable; the caller ends the transaction then.
    """
    tables = [name for kind, name in _going(cursor, staying) if kind == "table"]
    if tables:
        cursors_last = sorted(tables, key=lambda table: table == "cursors")
        names = sql.SQL(", ").join(sql.Identifier(LIVE_SCHEMA, table) for table in cursors_last)
        cursor.execute(sql.SQL("lock table {} in access exclusive mode nowait").format(names))
    if cursor.execute("select to_regclass('views.cursors')").fetchone() != (None,):
        cursor.execute(SQL["lock_cursors"])


def _going(cursor: psycopg.Cursor, staying: Iterable[frozenset[DatabaseObject]]) -> list[DatabaseObject]:
    kept = PERMANENT_TABLES.union(*staying)
    return [each for each in cursor.execute(SQL["objects"], {"schema": LIVE_SCHEMA}) if each not in kept]
