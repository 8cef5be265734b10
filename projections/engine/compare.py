"""Whether two tables of one shape, in two schemas, say the same (docs/adr/0011)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from projections.engine.damage import damage_raised

_PRIMARY_KEY: Final = """
select attname from pg_index cross join unnest(indkey) with ordinality as part (attnum, number)
join pg_attribute on attrelid = indrelid and pg_attribute.attnum = part.attnum
where indrelid = %s::regclass and indisprimary order by number
"""
_ROW_COUNTS = sql.SQL("""
select (select count(*) from {live} where {chosen}), (select count(*) from {rebuilt} where {chosen})
""")
_FIRST_DIFFERENCE = sql.SQL("""
select to_jsonb(live), to_jsonb(rebuilt)
from (select * from {live} where {chosen}) as live full join (select * from {rebuilt} where {chosen}) as rebuilt
    using ({key})
where live is distinct from rebuilt order by {key} limit 1
""")
_STREAMING: Final = """
select set_config('enable_hashjoin', 'off', true), set_config('enable_sort', 'off', true)
"""
"""Both along their primary keys, whatever their size: a join that hashes or sorts writes as much to the disk again."""
_CHOSEN = sql.SQL("account_id = coalesce(%(account_id)s, account_id) and account_id <> all(%(but_not)s::text[])")


@dataclass(frozen=True, slots=True)
class RowDifference:
    """The first, in the order of the primary key."""

    key: Mapping[str, object]
    column: str | None
    """None where only one of the two has a row of this key."""
    live: object
    """The column's value as JSON has it; without a column the whole row, or None where it is missing."""
    rebuilt: object


@dataclass(frozen=True, slots=True)
class TableComparison:
    projection: str
    table: str
    rows_live: int | None
    rows_rebuilt: int | None
    difference: RowDifference | None
    """None where they are equal."""
    unreadable: str | None = None
    """What of the two could not be read; then nothing is known of the others either."""

    @property
    def is_equal(self) -> bool:
        return self.difference is None and self.unreadable is None


class _Unreadable(Exception):  # noqa: N818  carries what
    pass


def compare_table(
    cursor: psycopg.Cursor,
    projection: str,
    table: str,
    schemas: tuple[str, str],
    account_id: str | None,
    but_not: Sequence[str],
) -> TableComparison:
    """The table in the live schema and in the rebuilt one: all accounts, or one, without those named. Both in the
    snapshot of the caller's transaction. A table of a projection has account_id and a primary key."""
    live, rebuilt = (sql.Identifier(schema, table) for schema in schemas)
    try:
        with damage_raised(cursor.connection, _Unreadable):
            key = [name for (name,) in cursor.execute(_PRIMARY_KEY, (live.as_string(cursor),)).fetchall()]
            named = sql.SQL(", ").join(map(sql.Identifier, key))
            parts = {"live": live, "rebuilt": rebuilt, "chosen": _CHOSEN, "key": named}
            parameters = {"account_id": account_id, "but_not": list(but_not)}
            cursor.execute(_STREAMING)
            ((rows_live, rows_rebuilt),) = cursor.execute(_ROW_COUNTS.format(**parts), parameters).fetchall()
            found = cursor.execute(_FIRST_DIFFERENCE.format(**parts), parameters).fetchone()
    except _Unreadable as unreadable:
        return TableComparison(projection, table, None, None, None, str(unreadable))
    return TableComparison(projection, table, rows_live, rows_rebuilt, _row_difference(key, *found) if found else None)


def _row_difference(
    key: Sequence[str], live: Mapping[str, object] | None, rebuilt: Mapping[str, object] | None
) -> RowDifference:
    either = live or rebuilt
    assert either is not None
    named = {name: either[name] for name in key}
    if live is None or rebuilt is None:
        return RowDifference(named, None, live, rebuilt)
    column = next(name for name in live if live[name] != rebuilt[name])
    return RowDifference(named, column, live[column], rebuilt[column])
