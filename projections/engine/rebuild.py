"""Projections built anew from the ledgers, beside the live ones: compared with them, and put in their place.

The new tables stand in a schema of their own, which is empty unless somebody rebuilds. What a crash has left there is
thrown away by the next, who begins anew: the rows might have been made by other statements than this program's.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from projections.engine import apply, definition
from projections.engine.apply import AccountHalt, apply_or_halt
from projections.engine.compare import TableComparison, compare_table
from projections.engine.definition import (
    LIVE_SCHEMA,
    SHARED_TABLES,
    Projection,
    create_tables,
    load_projections,
    set_search_path,
)
from projections.engine.folded_accounts import FoldedAccounts
from projections.engine.sql_files import load_statements
from projections.engine.swap import (
    PERMANENT_TABLES,
    RebuildBusy,
    RebuildRefused,
    drop_objects,
    lock_tables,
    swap_tables,
)

SQL = load_statements("projections.engine", "rebuild.sql")
REBUILD_SCHEMA = "views_rebuilt"
POSITIONS_PER_BATCH_MAX = 2_000
"""More than in the live tables, of which nobody waits for a batch to end: there are fewer commits to wait for."""
REMAINING_POSITIONS_MAX = 2_000
"""So few may be left for the moment in which nobody else moves."""

log = logging.getLogger("muniment.projections")

REBUILD_LOCK = 0x72656275
"""The advisory lock of whoever rebuilds, for as long as the connection lasts."""
LOCK_RETRY_SECONDS = 0.02
SWAP_ATTEMPTS_MAX = 500
"""Each holds what it can get for a moment only, and nothing between two."""
LEFTOVER_ATTEMPTS_MAX = 100

Connect = Callable[[], psycopg.Connection]
"""Gives a connection in autocommit, as muniment_projector."""
ReportProgress = Callable[[str, int, int], None]
"""Hears what is being done, and how many positions of how many are behind it; 0 of 0 where none are counted."""


Pause = Callable[[float], None]
"""Called between two batches, with the seconds that the last one took, while nobody waits."""


class _Target(NamedTuple):
    projection: str
    account_id: str
    position: int
    """Of the new tables."""
    last: int
    """To come to."""


class TableBehind(NamedTuple):
    """New tables that have not come as far as the live ones."""

    projection: str
    account_id: str
    position: int
    """Of the new tables."""
    live: int
    """That of the live ones."""
    head: int
    """Where the ledger ends now. The live tables have read more than there is where it is less than theirs."""

    def __str__(self) -> str:
        if self.head < self.live:
            return (
                f"{self.projection} of {self.account_id}: the live tables have read up to position {self.live}, and "
                f"the ledger ends at {self.head}"
            )
        return (
            f"{self.projection} of {self.account_id}: the new tables halt at position {self.position + 1}, the live "
            f"ones are at {self.live}"
        )


@dataclass(frozen=True, slots=True)
class ProjectionHalt:
    projection: str
    halted: AccountHalt


@dataclass(frozen=True, slots=True)
class RebuildComparison:
    tables: tuple[TableComparison, ...]
    """Each at equal positions of both, account by account."""
    incomparable: tuple[str, ...]
    """Projections whose live tables another version of the program has made, or nobody yet."""
    behind: tuple[TableBehind, ...]
    """Where the ledger cannot be read any more as far as the live tables once were: not compared."""
    live_halts: tuple[ProjectionHalt, ...]
    rebuilt_halts: tuple[ProjectionHalt, ...]
    """When the new tables had gone on to the end of the ledgers."""

    @property
    def is_equal(self) -> bool:
        """Whether the live tables say what the ledgers say, as far as they have come."""
        return not (self.incomparable or self.behind) and all(table.is_equal for table in self.tables)


@contextmanager
def open_rebuild(
    connect: Connect,
    names: Sequence[str] = (),
    *,
    account_id: str | None = None,
    projections: Sequence[Projection] | None = None,
    wait_seconds: float = 0.0,
    tell: ReportProgress = lambda *_: None,
    pause: Pause = lambda _seconds: None,
) -> Iterator["Rebuild"]:
    """New, empty tables of the named projections, by default of all, for as long as the block lasts.

    Raises RebuildBusy when somebody else has been rebuilding for so long.
    """
    with connect() as connection:
        until = time.monotonic() + wait_seconds
        while not _try_rebuild_lock(connection):
            if time.monotonic() >= until:
                raise RebuildBusy("Somebody else is rebuilding, or verifying, or a server is upgrading the tables.")
            tell("waiting for another rebuild", 0, 0)
            time.sleep(LOCK_RETRY_SECONDS)
        # What a crash of the database takes of the new tables, it takes with all of them: they are begun anew.
        connection.execute("set synchronous_commit = off")
        drop_objects(connection, REBUILD_SCHEMA)
        try:
            wanted = load_projections() if projections is None else projections
            yield Rebuild(connection, wanted, names or [each.name for each in wanted], account_id, tell, pause)
        finally:
            if connection.closed or connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
                # What it has open would stand in the way.
                connection.close()
                with connect() as other:
                    _drop_leftover(other)
            else:
                drop_objects(connection, REBUILD_SCHEMA)
                # Closed, it would hold the lock until its backend has noticed, and who comes next would be refused.
                connection.execute("select pg_advisory_unlock(%s)", (REBUILD_LOCK,))


def _try_rebuild_lock(connection: psycopg.Connection) -> bool:
    return connection.execute("select pg_try_advisory_lock(%s)", (REBUILD_LOCK,)).fetchone() == (True,)


def _drop_leftover(connection: psycopg.Connection) -> None:
    """Of a connection that is lost, and its lock with it as soon as its backend has noticed: what is there may be
    another process's by now. What stays, whoever comes next throws away."""
    for _ in range(LEFTOVER_ATTEMPTS_MAX):
        if _try_rebuild_lock(connection):
            drop_objects(connection, REBUILD_SCHEMA)
            connection.execute("select pg_advisory_unlock(%s)", (REBUILD_LOCK,))
            return
        time.sleep(LOCK_RETRY_SECONDS)


class Rebuild:
    """The new tables, on one connection as the projector."""

    def __init__(
        self,
        connection: psycopg.Connection,
        all_projections: Iterable[Projection],
        names: Sequence[str],
        account_id: str | None,
        tell: ReportProgress,
        pause: Pause,
    ) -> None:
        self._connection = connection
        self._all = {projection.name: projection for projection in all_projections}
        self._names = list(dict.fromkeys(names))
        self._account_id = account_id
        self._tell = tell
        self._pause = pause
        self._folded = FoldedAccounts()
        wanted = definition.digests(self._all.values())
        is_anything_live = connection.execute(definition.SQL["is_anything_live"]).fetchone() == (True,)
        self._made: dict[str, str] = (
            dict(connection.execute(definition.SQL["live"]).fetchall()) if is_anything_live else {}
        )
        self._current_version = {name for name, digest in self._made.items() if wanted.get(name) == digest}
        """Whose live tables this program has made."""
        self._fitting = definition.fitting_names(self._made, self._all.values())
        """Whose live tables it can read."""
        self._outdated_elsewhere = sorted(self._made.keys() - self._current_version - {*self._names})
        self._objects = self._create_all_tables()

    def read(self) -> None:
        """Account after account, batch after batch, with pauses, to where the live tables are; they go on meanwhile."""
        while self._follow(self._targets(), self._pause) > REMAINING_POSITIONS_MAX:
            pass

    def read_to_heads(self) -> None:
        """To the ends of the ledgers, with pauses; the statistics are those of the new tables then."""
        self._follow(self._targets_at_heads(self._names), self._pause)
        self._analyze()

    def compare(self) -> RebuildComparison:
        """In one snapshot of the database, in which the new tables first come to the very positions of the live ones.
        Nothing is locked; live tables that move meanwhile do so outside the snapshot."""
        self._analyze()
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                self._follow(self._targets())
                behind = tuple(self._behind())
                tables = tuple(self._compared(cursor, {each.account_id for each in behind}))
        finally:
            self._connection.isolation_level = None
        self._follow(self._targets_at_heads(self._names))
        return RebuildComparison(
            tables,
            tuple(name for name in self._names if name not in self._comparable),
            behind,
            self._halts(LIVE_SCHEMA) if self._comparable else (),
            self._halts(REBUILD_SCHEMA),
        )

    def swap(self, attempts_max: int | None = None) -> None:
        """Puts the new tables, with their cursors, into the place of the live ones, in one transaction, when they have
        come to the ends of the ledgers.

        Raises RebuildRefused when a view would go back behind what it told before, and RebuildBusy when there was
        somebody at the live tables at each attempt.
        """
        if self._outdated_elsewhere and set(self._names) != self._all.keys():
            raise RebuildRefused(
                f"The tables of {', '.join(self._outdated_elsewhere)} were made by another version too, and which they "
                "are is not known: rebuild all, by naming none."
            )
        assert self._account_id is None
        for _ in range(attempts_max or SWAP_ATTEMPTS_MAX):
            while self._follow(self._targets_at_heads(self._names)) > REMAINING_POSITIONS_MAX:
                pass
            try:
                if self._is_swapped():
                    return
            except psycopg.errors.LockNotAvailable:
                pass
            time.sleep(LOCK_RETRY_SECONDS)
        raise RebuildBusy("The live tables are being read without a pause: they stay.")

    def _is_swapped(self) -> bool:
        """Not when somebody creates tables. Raises psycopg.errors.LockNotAvailable when somebody reads or writes."""
        moving = self._names if SHARED_TABLES in self._current_version else [SHARED_TABLES, *self._names]
        kept = [name for name in self._objects if name not in moving]
        staying = [self._objects[name] for name in kept]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute("set local synchronous_commit = on")
            if not definition.try_prepare_lock(cursor):
                return False
            lock_tables(cursor, staying)
            set_search_path(self._connection, LIVE_SCHEMA)
            cursor.execute(definition.SQL["schemas"])
            set_search_path(self._connection, REBUILD_SCHEMA)
            # From here nobody moves the live tables. Ours are at the heads, so no view goes back behind what it told.
            self._follow(self._targets_at_heads(self._names))
            if behind := self._behind():
                raise RebuildRefused(f"{behind[0]}. The live tables stay.")
            swap_tables(cursor, REBUILD_SCHEMA, [self._objects[name] for name in moving], staying)
            if SHARED_TABLES in kept:
                cursor.execute(SQL["forget_cursors"], {"kept": kept})
                cursor.execute(SQL["take_cursors"], {"names": moving})
            cursor.execute(SQL["note_replaced"], {"kept": kept})
            cursor.execute(SQL["forget_schemas"], {"kept": kept})
            cursor.execute(SQL["take_schemas"], {"names": moving})
            cursor.execute(SQL["forget_replaced"])
        # Committed. Every statement from here on finds the new tables under the old names, in all connections; a crash
        # before this line has left the live tables as they were.
        return True

    def _analyze(self) -> None:
        for table in self._tables(self._names):
            self._connection.execute(sql.SQL("analyze {}").format(sql.Identifier(REBUILD_SCHEMA, table)))

    @property
    def _comparable(self) -> list[str]:
        return [name for name in self._names if {name, SHARED_TABLES} <= self._current_version]

    def _create_all_tables(self) -> dict[str, frozenset[tuple[str, str]]]:
        """Makes the tables of all projections, one after the other, so that the catalogue tells whose each one is."""
        objects, before = {}, frozenset[tuple[str, str]]()
        for name, projections in [(SHARED_TABLES, []), *((name, [self._all[name]]) for name in self._all)]:
            create_tables(self._connection, projections, REBUILD_SCHEMA)
            now = frozenset(self._connection.execute(SQL["objects"], {"schema": REBUILD_SCHEMA}).fetchall())
            objects[name] = now - before - PERMANENT_TABLES
            before = now
        return objects

    def _tables(self, names: Iterable[str]) -> list[str]:
        return [table for name in names for kind, table in sorted(self._objects[name]) if kind == "table"]

    def _targets(self) -> list[_Target]:
        """To the live tables where they can be compared, elsewhere to the ends of the ledgers."""
        comparable = self._comparable
        aims = self._targets_at_heads([name for name in self._names if name not in comparable])
        return aims + (self._found("aims_at_live", comparable) if comparable else [])

    def _targets_at_heads(self, names: Sequence[str]) -> list[_Target]:
        return self._found("aims_at_heads", names)

    def _found(self, statement: str, names: Sequence[str]) -> list[_Target]:
        return [_Target(*row) for row in self._rows(statement, names)]

    def _behind(self) -> list[TableBehind]:
        fitting = [name for name in self._names if name in self._fitting]
        return sorted(TableBehind(*row) for row in self._rows("behind", fitting)) if fitting else []

    def _rows(self, statement: str, names: Sequence[str]) -> list[TupleRow]:
        parameters = {"projections": list(names), "account_id": self._account_id}
        return self._connection.execute(SQL[statement], parameters).fetchall()

    def _follow(self, aims: Sequence[_Target], pause: Pause = lambda _seconds: None) -> int:
        """Comes to each of them, or halts before. Gives how many positions that were."""
        total, done = sum(aim.last - aim.position for aim in aims), 0
        for aim in aims:
            position, halted = aim.position, False
            while position < aim.last and not halted:
                projection, since = self._all[aim.projection], time.monotonic()
                followed = apply_or_halt(
                    self._connection,
                    projection,
                    aim.account_id,
                    POSITIONS_PER_BATCH_MAX,
                    log.info,
                    last=aim.last,
                    folded=self._folded,
                )
                assert followed is not None, "The schema is ours alone."
                if followed.position == position and not followed.halted:
                    raise RebuildRefused(
                        f"The ledger of {aim.account_id} was to be read up to position {aim.last} and ends at "
                        f"{followed.head}: it was set back meanwhile."
                    )
                done += followed.position - position
                position, halted = followed.position, followed.halted
                self._tell(f"{aim.projection} of {aim.account_id}", done, total)
                pause(time.monotonic() - since)
        return total

    def _compared(self, cursor: psycopg.Cursor, but_not: set[str]) -> Iterator[TableComparison]:
        for name in self._comparable:
            for table in self._tables([name]):
                self._tell(f"comparing {table}", 0, 0)
                yield compare_table(
                    cursor, name, table, (LIVE_SCHEMA, REBUILD_SCHEMA), self._account_id, sorted(but_not)
                )

    def _halts(self, schema: str) -> tuple[ProjectionHalt, ...]:
        set_search_path(self._connection, schema)
        rows = self._connection.execute(apply.SQL["halted"], {"projections": self._names}).fetchall()
        set_search_path(self._connection, REBUILD_SCHEMA)
        return tuple(
            ProjectionHalt(name, AccountHalt(*halted))
            for name, *halted in rows
            if self._account_id in (None, halted[0])
        )
