"""Which calls of an account can fit: each filter's positions along an index of its own, intersected (docs/adr/0024).

No statistics are asked how many calls a filter fits. They are of all accounts together and never quite new, and a wrong
guess reads an account from end to end. Which filter fits the fewest is seen: as many of its positions reach furthest.
All this is for transactions that began with `in_order` of queries.sql.
"""

from collections.abc import Mapping
from typing import NamedTuple

import psycopg
from psycopg import sql

from projections.engine.sql_files import SqlStatement, from_composed, load_statements

SQL = load_statements("projections.queries", "queries.sql")
# The whole key is compared, and with nothing held equal only its own index has the order that is asked for.
_INDEX_SCAN = sql.SQL("""
select position from {table}
where (account_id, {column}, position) > (%(account_id)s, {sought}, %(after)s::bigint)
    and (account_id, {column}, position) <= (%(account_id)s, {sought}, %(to)s::bigint) and {indexed}
order by account_id, {column}, position limit %(limit)s
""")
_PLAIN, _HASHED = sql.SQL("%(sought)s::text"), sql.SQL("hashtextextended(%(sought)s, 0)")
_NOT_NULL, _NOT_NULL_WITHOUT_NAME = sql.SQL("{} is not null"), sql.SQL("{} is not null and user_name is null")


class ScannedPositions(NamedTuple):
    positions: list[int]
    reached: int
    """Up to here there are no others."""


def _index_scan(
    column: str, *, table: str = "trail", sought: sql.SQL = _PLAIN, indexed: sql.SQL = _NOT_NULL
) -> SqlStatement:
    name = sql.Identifier(column)
    parts = {"table": sql.Identifier("views", table), "column": name, "sought": sought, "indexed": indexed.format(name)}
    return from_composed(_INDEX_SCAN.format(**parts))


INDEX_SCANS = {
    "access_key_id": _index_scan("access_key_id"),
    "session_id": _index_scan("session_id"),
    "entity_id": _index_scan("entity_id"),
    "user_name": _index_scan("user_name"),
    "principal_arn": _index_scan("principal_arn", indexed=_NOT_NULL_WITHOUT_NAME),
    "issuer_arn": _index_scan("issuer_arn"),
    "source_address": _index_scan("source_address"),
    "user_agent": _index_scan("user_agent_hash", sought=_HASHED),
    "operation": _index_scan("operation"),
    "resource": _index_scan("resource_hash", table="trail_resources", sought=_HASHED),
    "error_code": _index_scan("error_code"),
}
"""The indexes of trail.sql by the column that is asked about."""


def candidate_positions(
    cursor: psycopg.Cursor, account_id: str, columns: Mapping[str, str | None], after: int, to: int, limit: int
) -> ScannedPositions:
    """Behind `after` and up to `to`, the positions at which all columns can have the values that are given: up to
    `limit`, or fewer, or none. Those that cannot be told from the indexes at once are among them."""
    sought = {column: value for column, value in columns.items() if column in INDEX_SCANS and value is not None}
    if "user_name" in sought:
        # An ARN that comes with the name is not in the ARNs' index.
        sought.pop("principal_arn", None)
    walks: list[tuple[SqlStatement, str | None]] = [(INDEX_SCANS[column], value) for column, value in sought.items()]
    walked = [
        _scan_index(cursor, statement, {"account_id": account_id, "sought": value}, after, to, limit)
        for statement, value in walks or [(SQL["positions"], None)]
    ]
    rarest = max(walked, key=lambda each: each.reached)
    known = [(frozenset(each.positions), each.reached) for each in walked]
    fitting = [p for p in rarest.positions if all(p in positions or p > reached for positions, reached in known)]
    return ScannedPositions(fitting, rarest.reached)


def _scan_index(
    cursor: psycopg.Cursor, statement: SqlStatement, along: Mapping[str, str | None], after: int, to: int, limit: int
) -> ScannedPositions:
    rows = cursor.execute(statement, {**along, "after": after, "to": to, "limit": limit}).fetchall()
    positions = [position for (position,) in rows]
    return ScannedPositions(positions, positions[-1] if len(positions) == limit else to)
