"""The thread that keeps the projections up with the ledgers (docs/adr/0004)."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

import psycopg

from projections.engine.apply import (
    SQL,
    AccountHalt,
    CursorKey,
    ProjectionProgress,
    apply_batches,
    apply_or_halt,
    resume,
)
from projections.engine.definition import (
    Projection,
    fitting_digests,
    load_projections,
    prepare_live_tables,
    set_search_path,
)
from projections.engine.folded_accounts import FoldedAccounts, ValueAt
from projections.engine.upgrade import RebuildProgress, Upgrade, find_lack, rebuild_progress

POSITIONS_PER_BATCH_MAX = 1_000
ACCOUNTS_PER_PASS_MAX = 64
SWEEP_SECONDS = 10.0
PASS_INTERVAL_SECONDS = 0.025
"""Between two passes: under load each commit touches an account, and a batch costs little more than a single event."""
RECONNECT_SECONDS_MIN, RECONNECT_SECONDS_MAX = 0.1, 10.0
ROOM_SECONDS = 1.0
"""Between two looks at a disk that is full."""

log = logging.getLogger("muniment.projections")


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    name: str
    lag_positions: int
    """Over all accounts together."""
    lag_positions_max: int
    """Of the account that lags most."""
    halted: tuple[AccountHalt, ...]
    rebuild: RebuildProgress | None
    """While this program's tables are not there yet."""


@dataclass(frozen=True, slots=True)
class RunnerStatus:
    running: bool | None
    """None where other processes are to do it."""
    projections: tuple[ProjectionStatus, ...]


class _Group:
    """Projections that a thread follows. The lock guards what changes."""

    def __init__(self, name: str, projections: Iterable[Projection], value_at: ValueAt | None) -> None:
        self.thread_name = name
        self.projections = tuple(projections)
        self.fitting: tuple[Projection, ...] = ()
        """Whose tables this program reads and writes, as last looked at."""
        self.folded = FoldedAccounts(value_at)
        self.changed_accounts: set[str] = set()
        self.look_again = False
        self.skip_interval = threading.Event()


class ProjectionRunner:
    """Follows the accounts that it is told of, and now and then looks for others: a process may have died between
    its commit and its telling. Any number of runners may work on one database.

    Computed projections have a thread of their own: a batch of theirs may take a minute, and the others, which an
    incident is answered from, go on meanwhile.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection],
        *,
        projections: Iterable[Projection] | None = None,
        sweep_seconds: float = SWEEP_SECONDS,
        positions_a_batch: int = POSITIONS_PER_BATCH_MAX,
        shortage: Callable[[int], str | None] = lambda _bytes: None,
        value_at: ValueAt | None = None,
    ) -> None:
        """`connect` gives a connection in autocommit, as muniment_projector. `shortage` says why there is no room for
        so many bytes; as long as there is none for calls, nothing is followed. It may raise OSError. `value_at` finds
        the values that computed projections begin with sooner than by folding them from the beginning."""
        self._connect = connect
        self._shortage = shortage
        self._projections = load_projections() if projections is None else tuple(projections)
        self._names = [projection.name for projection in self._projections]
        self._fitting_digests = fitting_digests(*self._projections)
        self._upgrade = Upgrade(connect, self._projections, self._upgraded, shortage)
        self._sweep_seconds = sweep_seconds
        self._positions_a_batch = positions_a_batch
        self._computed = frozenset(each.name for each in self._projections if each.computed is not None)
        parts = [[each for each in self._projections if (each.name in self._computed) == of] for of in (False, True)]
        self._groups = [
            _Group(name, part, value_at)
            for name, part in zip(("muniment-projections", "muniment-computed"), parts, strict=True)
            if part
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(group,), name=group.thread_name, daemon=True)
            for group in self._groups
        ]
        lock = threading.Lock()
        self._work = threading.Condition(lock)
        self._progress = threading.Condition(lock)
        # Guarded by the lock.
        self._stopping = False
        self._followed: dict[CursorKey, ProjectionProgress] = {}  # As this process saw them last.

    def start(self) -> None:
        """Creates the tables where there are none. What has halted stays so until `resume`, and what another version
        of the program has made until `upgrade`.

        Raises psycopg.OperationalError when the database is not there.
        """
        with self._opened() as connection:
            prepare_live_tables(connection, self._projections)
            self._look_what_fits(connection, self._groups)
        for thread in self._threads:
            thread.start()

    def upgrade(self) -> None:
        """Builds the tables that another version of the program has made anew, beside those, until they can take their
        place. For a server or worker that is there to stay."""
        self._upgrade.start()

    def stop(self) -> None:
        """Ends after the batch that is under way. What is left, the next start finds."""
        with self._work:
            self._stopping = True
            self._work.notify_all()
            self._progress.notify_all()
        for group in self._groups:
            group.skip_interval.set()
        self._upgrade.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def notify_changed(self, account_ids: frozenset[str]) -> None:
        """These ledgers have new events."""
        self._notify(account_ids, self._groups)

    def _notify(self, account_ids: frozenset[str], groups: Iterable[_Group]) -> None:
        with self._work:
            for group in groups:
                group.changed_accounts |= account_ids
            self._work.notify_all()

    def wait(self, account_id: str, position: int, timeout_seconds: float, *, computed: bool = True) -> bool:
        """Whether every projection of the account has come to the position within the time; those that are `computed`
        only if they are asked for. Does not wait for one that has halted, and is not about those of which this program
        cannot read the tables: who asks them is told."""
        without = frozenset[str]() if computed else self._computed
        with self._progress:
            if not self._has_reached(account_id, position, without):
                # What had halted when it was last looked at may go on now, mended by another process.
                for seen in [(name, account_id) for name in self._names]:
                    if seen in self._followed and self._followed[seen].halted:
                        del self._followed[seen]
                for group in self._groups:
                    group.changed_accounts.add(account_id)
                    group.skip_interval.set()
                self._work.notify_all()
                self._progress.wait_for(lambda: self._is_settled(account_id, position, without), timeout_seconds)
            return self._has_reached(account_id, position, without)

    def resume(self, projection: str | None = None, account_id: str | None = None) -> None:
        """Lets what has halted try again; without a name, all projections, and without an account id, in all accounts.
        For whoever has mended the cause: a server that starts, perhaps with a newer program, not one who only looks."""
        with self._opened() as connection:
            resumed = resume(connection, projection, account_id)
        self.notify_changed(frozenset(account_id for _, account_id in resumed))

    def status(self) -> RunnerStatus:
        """As the tables tell it, for all processes, on a connection of its own. Raises psycopg.OperationalError."""
        names = {"projections": self._names}
        with self._opened() as connection:
            with connection.transaction():
                lags = connection.execute(SQL["lag"], names).fetchall()
                halts = connection.execute(SQL["halted"], names).fetchall()
            found = rebuild_progress(connection, self._projections)
            rebuilt = {name: self._upgrade.described(progress) for name, progress in found.items()}
        return RunnerStatus(
            all(thread.is_alive() for thread in self._threads),
            tuple(
                ProjectionStatus(
                    name,
                    lag,
                    most,
                    tuple(AccountHalt(*row) for projection, *row in halts if projection == name),
                    rebuilt.get(name),
                )
                for name, lag, most in lags
            ),
        )

    def _seen(self, account_id: str, without: Collection[str]) -> list[ProjectionProgress | None]:
        fitting = (projection.name for group in self._groups for projection in group.fitting)
        names = (name for name in fitting if name not in without)
        return [self._followed.get((name, account_id)) for name in names]

    def _has_reached(self, account_id: str, position: int, without: Collection[str]) -> bool:
        seen = self._seen(account_id, without)
        return all(followed is not None and followed.position >= position for followed in seen)

    def _is_settled(self, account_id: str, position: int, without: Collection[str]) -> bool:
        seen = self._seen(account_id, without)
        return self._stopping or all(
            followed is not None and (followed.halted or followed.position >= position) for followed in seen
        )

    def _look_what_fits(self, connection: psycopg.Connection, groups: Iterable[_Group]) -> None:
        """Another process may have put new tables in the place of the old ones."""
        asked = {"projections": self._names, "fitting": self._fitting_digests}
        fitting = {name for (name,) in connection.execute(SQL["fitting"], asked).fetchall()}
        with self._progress:
            for group in groups:
                group.fitting = tuple(projection for projection in group.projections if projection.name in fitting)
            self._progress.notify_all()

    def _upgraded(self) -> None:
        """Says that new tables are in their place, in this process: the threads look at once."""
        with self._work:
            for group in self._groups:
                group.look_again = True
            self._work.notify_all()

    def _opened(self) -> psycopg.Connection:
        connection = self._connect()
        try:
            set_search_path(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _run(self, group: _Group) -> None:
        pause = RECONNECT_SECONDS_MIN
        while not self._stopping:
            since = time.monotonic()
            try:
                with self._opened() as connection:
                    # What a crash of the database takes of our newest commits, rows and cursors together, is read
                    # again: the ledger's commits came before them and have waited for the disk.
                    connection.execute("set synchronous_commit = off")
                    # So nothing that was seen before may be known any more.
                    with self._progress:
                        names = {projection.name for projection in group.projections}
                        self._followed = {p: seen for p, seen in self._followed.items() if p[0] not in names}
                    self._follow_ledgers(connection, group)
            except psycopg.OperationalError as error:
                if time.monotonic() - since > RECONNECT_SECONDS_MAX:
                    pause = RECONNECT_SECONDS_MIN
                log.warning("The projections wait %.1f s for the database: %s", pause, error)
                with self._work:
                    self._work.wait_for(lambda: self._stopping, pause)
                pause = min(pause * 2, RECONNECT_SECONDS_MAX)
            except BaseException:
                log.critical("The projections stop; the ledger goes on without them.", exc_info=True)
                raise

    def _wait_for_room(self) -> None:
        waits = False
        while not self._stopping and (short := find_lack(self._shortage, 0)):
            if not waits:
                log.error("%s The projections wait until there is more.", short)
            waits = True
            with self._work:
                self._work.wait_for(lambda: self._stopping, ROOM_SECONDS)

    def _follow_ledgers(self, connection: psycopg.Connection, group: _Group) -> None:
        sweep_at = time.monotonic()
        while not self._stopping:
            self._wait_for_room()
            if time.monotonic() >= sweep_at or group.look_again:
                group.look_again = False
                self._look_what_fits(connection, [group])
                names = [projection.name for projection in group.fitting]
                behind = connection.execute(SQL["behind"], {"projections": names}).fetchall()
                self._notify(frozenset(account_id for _, account_id in behind), [group])
                # While tables are being replaced, by whichever process, nobody waits for long to read the new ones.
                all_fit = len(names) == len(group.projections)
                sweep_at = time.monotonic() + (self._sweep_seconds if all_fit else min(1.0, self._sweep_seconds))
            with self._work:
                self._work.wait_for(
                    lambda: group.changed_accounts or self._stopping or group.look_again,
                    max(0.0, sweep_at - time.monotonic()),
                )
                accounts, group.changed_accounts = group.changed_accounts, set()
                group.skip_interval.clear()
            coming = iter(accounts)
            while some := list(islice(coming, ACCOUNTS_PER_PASS_MAX)):
                self._notify(self._pass(connection, group, some), [group])
            group.skip_interval.wait(PASS_INTERVAL_SECONDS)

    def _pass(self, connection: psycopg.Connection, group: _Group, account_ids: Sequence[str]) -> frozenset[str]:
        """One batch of every account and projection of the group; those of which there is more, here or in another
        process's hands."""
        followed: dict[CursorKey, ProjectionProgress | None] = {}
        fitting = group.fitting
        followed |= self._record_progress(apply_batches(connection, fitting, account_ids, self._positions_a_batch))
        for account_id, projection in product(account_ids, fitting):
            place = (projection.name, account_id)
            if place not in followed:
                read = apply_or_halt(
                    connection, projection, account_id, self._positions_a_batch, log.error, folded=group.folded
                )
                followed |= {place: None} if read is None else self._record_progress({place: read})
        if None in followed.values():
            self._look_what_fits(connection, [group])
        return frozenset(
            account_id
            for (_, account_id), each in followed.items()
            if each is None or (each.position < each.head and not each.halted)
        )

    def _record_progress(
        self, followed: Mapping[CursorKey, ProjectionProgress]
    ) -> Mapping[CursorKey, ProjectionProgress]:
        with self._progress:
            self._followed.update(followed)
            self._progress.notify_all()
        return followed
