"""Which calls of an account can fit: each filter's positions along an index of its own, intersected (docs/adr/0024).

No statistics are asked how many calls a filter fits. They are of all accounts together and never quite new, and a wrong
guess reads an account from end to end. Which filter fits the fewest is seen: as many of its positions reach furthest.
All this is for transactions that began with `in_order` of queries.sql.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql

from projections.engine.sql_files import SqlStatement, from_composed

# The whole key is compared, and with nothing held equal only its own index has the order that is asked for.
_INDEX_SCAN = sql.SQL("""
select position from {table}
where ({account}, {column}, position) > ({in_account}, {sought}, %(after)s::bigint)
    and ({account}, {column}, position) <= ({in_account}, {sought}, %(to)s::bigint) and {indexed}
order by {account} {order}, {column} {order}, position {order} limit %(limit)s
""")
_POSITIONS = sql.SQL("""
select position from views.trail where account_id = %(account_id)s and position > %(after)s and position <= %(to)s
order by position {order} limit %(limit)s
""")
# From each value to the next one, so that as many steps are taken as there are values and not calls.
_VALUES = sql.SQL("""
with recursive found (key, value) as (
    (select {column}, {shown} from views.trail where account = {in_account} and {indexed}
    order by account, {column} limit 1)
    union all
    select following.* from found cross join lateral (
        select {column}, {shown} from views.trail
        where account = {in_account} and {column} > found.key and {indexed}
        order by account, {column} limit 1
    ) as following
)
select value from found limit %(limit)s
""")
_PLAIN, _USER_AGENT_KEY = sql.SQL("%(sought)s::text"), sql.SQL("views.user_agent_key(%(sought)s)")
_HASHED_IN_LOWER_CASE = sql.SQL("hashtextextended(lower(%(sought)s), 0)")
_NOT_NULL = sql.SQL("{} is not null")
_ACCOUNT = {
    "trail": {"account": sql.SQL("account"), "in_account": sql.SQL("%(account_id)s::text::bigint")},
    "trail_resources": {"account": sql.SQL("account_id"), "in_account": sql.SQL("%(account_id)s::text")},
}
"""What the indexes of a table begin with."""
_USER_AGENT = sql.SQL("(select user_agent from views.recorded_call(account_id, position, at))")
_ORDERS = (sql.SQL("asc"), sql.SQL("desc"))

LAST_POSITION = 2**63 - 1


class IndexWalk(NamedTuple):
    """A value, looked for along its column's index."""

    column: str
    value: str
    after: int = 0
    to: int = LAST_POSITION
    """It is only meant behind the one position and up to the other."""


class SearchWindow(NamedTuple):
    """Behind the one position and up to the other, from the first or from the last on."""

    after: int
    to: int
    newest_first: bool

    def rest(self, reached: int) -> "SearchWindow":
        """What is left when everything up to there, or down to there, is known."""
        return self._replace(to=reached) if self.newest_first else self._replace(after=reached)

    def reached_by(self, position: int) -> int:
        """How far is known with this position."""
        return position - 1 if self.newest_first else position

    @property
    def is_empty(self) -> bool:
        return self.after >= self.to

    @property
    def end(self) -> int:
        return self.after if self.newest_first else self.to

    def nearest(self, reached: Iterable[int]) -> int:
        return max(reached) if self.newest_first else min(reached)

    def furthest(self, reached: Iterable[int]) -> int:
        return min(reached) if self.newest_first else max(reached)

    def is_beyond(self, position: int, reached: int) -> bool:
        return position <= reached if self.newest_first else position > reached


class ScannedPositions(NamedTuple):
    positions: list[int]
    """In the order of the window."""
    reached: int
    """Up to here, or from behind here on, there are no others."""


class _IndexScan(NamedTuple):
    forward: SqlStatement
    backward: SqlStatement
    values: SqlStatement | None


def _index_scan(
    column: str, *, table: str = "trail", sought: sql.SQL = _PLAIN, shown: sql.SQL | None = None
) -> _IndexScan:
    name, of_table = sql.Identifier(column), sql.Identifier("views", table)
    parts = {"table": of_table, "column": name, "sought": sought, "indexed": _NOT_NULL.format(name), **_ACCOUNT[table]}
    values = _VALUES.format(**parts, shown=shown or name) if table == "trail" else None
    forward, backward = (from_composed(_INDEX_SCAN.format(**parts, order=order)) for order in _ORDERS)
    return _IndexScan(forward, backward, None if values is None else from_composed(values))


INDEX_SCANS = {
    "access_key_id": _index_scan("access_key_id"),
    "session_id": _index_scan("session_id"),
    "entity_id": _index_scan("entity_id"),
    "user_name": _index_scan("user_name"),
    "principal_arn": _index_scan("principal_arn"),
    "issuer_arn": _index_scan("issuer_arn"),
    "source_identity": _index_scan("source_identity"),
    "operator": _index_scan("operator"),
    "source_address": _index_scan("source_address"),
    "user_agent": _index_scan("user_agent_key", sought=_USER_AGENT_KEY, shown=_USER_AGENT),
    "operation": _index_scan("operation"),
    "resource": _index_scan("resource_hash", table="trail_resources", sought=_HASHED_IN_LOWER_CASE),
    "error_code": _index_scan("error_code"),
}
"""The indexes of trail.sql by the column that is asked about."""
_POSITION_SCANS = tuple(from_composed(_POSITIONS.format(order=order)) for order in _ORDERS)


def distinct_values(cursor: psycopg.Cursor, account_id: str, column: str, limit: int) -> list[str]:
    """The first so many values that a column of the account's calls has."""
    statement = INDEX_SCANS[column].values
    assert statement is not None
    rows = cursor.execute(statement, {"account_id": account_id, "limit": limit}).fetchall()
    return [value for (value,) in rows]


def candidate_positions(
    cursor: psycopg.Cursor, account_id: str, filters: Sequence[Sequence[IndexWalk]], window: SearchWindow, limit: int
) -> ScannedPositions:
    """In the window, the positions at which each filter can have one of its values: up to `limit`, or fewer, or none.
    Those that cannot be told from the indexes at once are among them."""
    walked = [_any_of(cursor, account_id, walks, window, limit) for walks in filters]
    if not walked:
        statement = _POSITION_SCANS[window.newest_first]
        walked = [_scan(cursor, statement, {"account_id": account_id}, window, limit)]
    reached = window.furthest(each.reached for each in walked)
    rarest = next(each for each in walked if each.reached == reached)
    known = [(frozenset(each.positions), each.reached) for each in walked]
    fitting = [p for p in rarest.positions if all(p in positions or window.is_beyond(p, to) for positions, to in known)]
    return ScannedPositions(fitting, reached)


def _any_of(
    cursor: psycopg.Cursor, account_id: str, walks: Sequence[IndexWalk], window: SearchWindow, limit: int
) -> ScannedPositions:
    """The positions of all walks together, as far as every one of them is known."""
    scanned = []
    for walk in walks:
        part = SearchWindow(max(window.after, walk.after), min(window.to, walk.to), window.newest_first)
        statement = INDEX_SCANS[walk.column][window.newest_first]
        assert statement is not None
        along = {"account_id": account_id, "sought": walk.value}
        found = ScannedPositions([], part.end) if part.is_empty else _scan(cursor, statement, along, part, limit)
        scanned.append(found if found.reached != part.end else found._replace(reached=window.end))
    reached = window.nearest([window.end, *(each.reached for each in scanned)])
    together = {p for each in scanned for p in each.positions if not window.is_beyond(p, reached)}
    return ScannedPositions(sorted(together, reverse=window.newest_first), reached)


def _scan(
    cursor: psycopg.Cursor, statement: SqlStatement, along: dict[str, str], window: SearchWindow, limit: int
) -> ScannedPositions:
    found = {**along, "after": window.after, "to": window.to, "limit": limit}
    positions = [position for (position,) in cursor.execute(statement, found).fetchall()]
    return ScannedPositions(positions, window.reached_by(positions[-1]) if len(positions) == limit else window.end)
