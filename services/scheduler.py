"""The scheduler: ticks, by whichever process leads. That one leads saves work; that nothing happens twice does not
depend on it (docs/adr/0014)."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from apscheduler.schedulers.background import BackgroundScheduler

from projections.queries.readable import ProjectionUnreadable
from services.due_recorder import DueRecorder, TickResult
from services.ledger.round import Clock

TICK_SECONDS = 10
LEADER_LOCK_KEY = 0x6C656164
"""The advisory lock of the leader, held by the session of its connection and gone with it."""

log = logging.getLogger("muniment.scheduler")


@dataclass(frozen=True, slots=True)
class SchedulerStatus:
    leader: bool
    last_tick: datetime | None
    """When this process last looked, as the leader or in vain."""
    last_error: str | None
    """The kind of what failed in the last tick; None when nothing did."""


class Scheduler:
    """`connect` gives a connection that may read the views, in autocommit. What leads is the very connection that the
    tick reads on: a leader whose lock is lost cannot read, and notices before it does anything."""

    def __init__(self, connect: Callable[[], psycopg.Connection], ticks: DueRecorder, *, clock: Clock) -> None:
        self._connect = connect
        self._ticks = ticks
        self._clock = clock
        self._connection: psycopg.Connection | None = None
        self._ticking = threading.Lock()
        self._status = SchedulerStatus(leader=False, last_tick=None, last_error=None)
        # APScheduler's own words (a tick that takes longer than the interval, and the like) are none for operators.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._jobs = BackgroundScheduler(timezone=UTC)

    @property
    def status(self) -> SchedulerStatus:
        return self._status

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ticks at once, and every ten seconds from then on. What a late tick missed, the next finds: they are never
        made up for one by one."""
        self._jobs.add_job(
            self.tick,
            "interval",
            seconds=TICK_SECONDS,
            next_run_time=datetime.now(UTC) + timedelta(milliseconds=1),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        self._jobs.start()
        try:
            yield
        finally:
            self._ticks.stop()
            self._jobs.shutdown(wait=True)
            self.resign()

    def tick(self) -> TickResult | None:
        """What the job does: None where another process leads, or nobody can. Raises nothing."""
        with self._ticking:
            at, done, error = self._clock(), None, None
            try:
                if self._leads():
                    assert self._connection is not None
                    done = self._ticks.tick(self._connection)
                    error = done.error
            except psycopg.OperationalError as lost:
                log.warning("The scheduler cannot read what is due: %s", lost)
                error = type(lost).__name__
                self._close()
            except ProjectionUnreadable as unreadable:
                log.warning("The scheduler waits: %s", unreadable)
                error = type(unreadable).__name__
            except Exception as defect:
                log.exception("A tick failed.")
                error = type(defect).__name__
            self._status = SchedulerStatus(self._connection is not None, at, error)
            return done

    def resign(self) -> None:
        """Lets another process lead."""
        with self._ticking:
            self._close()

    def _leads(self) -> bool:
        """Whether this process is the leader, or becomes it now. Raises psycopg.OperationalError."""
        if self._connection is not None and not self._connection.closed:
            return True
        self._connection = None
        connection = self._connect()
        try:
            # When a leader's machine is gone without a word, its connection ends within half a minute, and not hours.
            for setting, value in (("idle", "10"), ("interval", "5"), ("count", "3")):
                connection.execute("select set_config(%s, %s, false)", (f"tcp_keepalives_{setting}", value))
            row = connection.execute("select pg_try_advisory_lock(%s)", (LEADER_LOCK_KEY,)).fetchone()
        except BaseException:
            connection.close()
            raise
        if row != (True,):
            connection.close()
            return False
        self._connection = connection
        log.info("This process leads the scheduler.")
        return True

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
