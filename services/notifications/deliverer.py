"""Who delivers: of the processes with the master key, the one that leads (docs/adr/0055)."""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.errors import InsufficientPrivilege
from psycopg_pool import ConnectionPool, PoolTimeout

from services.notifications.backoff import DEAD_AFTER
from services.notifications.deliveries import NEVER_TRIED, DeliveryState, count_dead, nominated, read_states
from services.notifications.mailing import Mailing
from services.notifications.signing_secrets import SigningSecrets
from services.notifications.targets import DeliveryTarget, TargetDirectory
from services.notifications.turns import Turns

LEADER_LOCK_KEY = 0x74656C6C
"""The advisory lock of the leader, held by the session of its connection and gone with it."""
TICK_SECONDS = 1.0
THREADS, FAILING_THREADS = 8, 4
"""Of targets that took what they were told last, and soon, and of others, which may hang: these have their own."""
THREADS_A_HOME_MAX = 4
"""Of the former for the targets of one account, so that those of another find a place whatever its own do."""
CONNECTIONS_MAX = 4
"""None is held while a target is asked."""

log = logging.getLogger("muniment.notifications")


@dataclass(frozen=True, slots=True)
class DelivererStatus:
    leader: bool
    dead_targets: int
    """Of which nothing was taken for three days; known to the leader alone."""


class Deliverer:
    """`pool` is what turns and mail take connections from; `connect` gives one that writes, in autocommit. Who leads
    is known by its lock. Leading saves work: two who deliver at a time tell some of it twice, and lose nothing."""

    def __init__(
        self,
        pool: ConnectionPool[psycopg.Connection],
        connect: Callable[[], psycopg.Connection],
        directory: TargetDirectory,
        turns: Turns,
        mailing: Mailing,
        signing: SigningSecrets,
    ) -> None:
        self._pool = pool
        self._connect = connect
        self._directory = directory
        self._turns = turns
        self._mailing = mailing
        self._signing = signing
        self._connection: psycopg.Connection | None = None
        self._has_lock = False
        """Of the connection's session."""
        self._wake = threading.Event()
        self._pause_seconds = TICK_SECONDS
        self._pools = (
            ThreadPoolExecutor(THREADS, "notifying"),
            ThreadPoolExecutor(FAILING_THREADS, "notifying-failing"),
        )
        self._mail_pool = ThreadPoolExecutor(1, "mailing")
        self._mail: Future[None] | None = None
        self._under_way: dict[str, tuple[DeliveryTarget, bool, Future[bool]]] = {}
        """By target id: each has one turn at a time, so that it is told in order. With whether it is slow or fails."""
        self._status = DelivererStatus(leader=False, dead_targets=0)

    @property
    def status(self) -> DelivererStatus:
        return self._status

    @contextmanager
    def running(self) -> Iterator[None]:
        """Looks once a second, and whenever a turn has ended."""
        thread = threading.Thread(target=self._run, name="notifications")
        with self.open():
            thread.start()
            try:
                yield
            finally:
                self._turns.stopping.set()
                self._wake.set()
                thread.join()

    @contextmanager
    def open(self) -> Iterator[None]:
        """For whoever ticks by hand. At the end it waits for what is under way, each for its own time at most, and lets
        another process lead."""
        with self._pool:
            try:
                yield
            finally:
                self._turns.stopping.set()
                for pool in (*self._pools, self._mail_pool):
                    pool.shutdown(wait=True, cancel_futures=True)
                self._resign()

    def settle(self) -> None:
        """Waits for the turns that are under way."""
        wait_for([future for *_, future in self._under_way.values()])
        wait_for([] if self._mail is None else [self._mail])

    def _run(self) -> None:
        while not self._turns.stopping.is_set():
            self._wake.clear()
            if not self.tick():
                self._wake.wait(self._pause_seconds)

    def tick(self) -> bool:
        """Begins the turns that are due. Whether there may be more to do at once. Raises nothing."""
        try:
            if not self._leads():
                self._status = DelivererStatus(leader=False, dead_targets=0)
                return False
            assert self._connection is not None
            return self._begin_turns(self._connection)
        except (psycopg.OperationalError, InsufficientPrivilege, PoolTimeout) as lost:
            log.warning("Notifications wait for the database: %s", lost)
            self._resign()
        except Exception:
            log.exception("Notifications cannot be delivered; it is tried again.")
        return False

    def _begin_turns(self, connection: psycopg.Connection) -> bool:
        at = self._turns.clock()
        self._under_way = {each: way for each, way in self._under_way.items() if not way[-1].done()}
        targets = self._directory.current(connection, at)
        self._signing.remember(connection, targets.values())
        states = read_states(connection)
        self._status = DelivererStatus(leader=True, dead_targets=count_dead(connection, at - DEAD_AFTER))
        due = [
            target
            for target in targets.values()
            if target.id not in self._under_way and _is_due(target, states.get(target.id, NEVER_TRIED), at)
        ]
        waiting = [pause.total_seconds() for state in states.values() if (pause := state.pause(at)) is not None]
        self._pause_seconds = min([TICK_SECONDS, *waiting])
        found, passed = nominated(connection, due)
        for target_id, account_ids in found.items():
            self._begin(targets[target_id], states, account_ids)
        if self._mail is None or self._mail.done():
            self._mail = self._mail_pool.submit(self._mailing.send_due)
        return passed

    def _begin(self, target: DeliveryTarget, states: Mapping[str, DeliveryState], account_ids: Collection[str]) -> None:
        state = states.get(target.id, NEVER_TRIED)
        is_slow = state.failures > 0 or target.id in self._turns.slow
        of_home = [way for way in self._under_way.values() if way[0].home == target.home and not way[1]]
        if not is_slow and len(of_home) >= THREADS_A_HOME_MAX:
            return
        turn = self._pools[is_slow].submit(self._turns.serve, target, state, account_ids)
        self._under_way[target.id] = (target, is_slow, turn)
        turn.add_done_callback(self._ended)

    def _ended(self, turn: Future[bool]) -> None:
        if not turn.cancelled() and turn.result():
            self._wake.set()

    def _leads(self) -> bool:
        """Whether this process is the leader, or becomes it now. Raises psycopg.OperationalError."""
        if self._connection is None or self._connection.closed:
            self._connection, self._has_lock = self._connect(), False
        if not self._has_lock:
            row = self._connection.execute("select pg_try_advisory_lock(%s)", (LEADER_LOCK_KEY,)).fetchone()
            self._has_lock = row == (True,)
            if self._has_lock:
                log.info("This process delivers notifications.")
        return self._has_lock

    def _resign(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_due(target: DeliveryTarget, state: DeliveryState, at: datetime) -> bool:
    """A test that somebody asked for is tried at once, however often the target has failed."""
    is_asked = target.test is not None and target.test != state.tested
    return is_asked or state.pause(at) is None
