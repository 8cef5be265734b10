"""The thread that publishes the ledgers' heads and keeps their tiles, beside the servers that write (docs/adr/0066)."""

import logging
import threading
import time
from collections.abc import Callable

import psycopg

from domain.account import CorruptLedger
from services.transparency.head_log import (
    CHECKPOINT_INTERVAL,
    LogReplaced,
    NotNow,
    PublishedCheckpoint,
    SignCheckpoint,
    publish_heads,
)
from services.transparency.tiles import SQL, build_tiles

SWEEP_SECONDS = 10.0
"""Between two looks for what processes have left that ended between their commit and its publication."""
RETRY_SECONDS = 1.0

log = logging.getLogger("muniment.log")


class Checkpointer:
    """Publishes what it is told of, at most once a second, and now and then whatever else there is. Any number of
    processes may do so on one database."""

    def __init__(self, connect: Callable[[], psycopg.Connection]) -> None:
        """`connect` gives a connection in autocommit, as muniment_writer."""
        self._connect = connect
        self._thread = threading.Thread(target=self._run, name="muniment-log", daemon=True)
        self._work = threading.Condition()
        # Guarded by the lock.
        self._stopping = False
        self._changed: set[str] = set()
        self._origin = ""
        self._sign: SignCheckpoint = _refuse
        self._on_published: Callable[[str], object] = _refuse
        self.failure: str | None = None
        """Why nothing is published any more, or what of a ledger does not fit its log."""

    def start(
        self, origin: str, sign: SignCheckpoint, on_published: Callable[[str], object] = lambda _note: None
    ) -> None:
        """`on_published` is given each checkpoint that this process has signed, when it is committed; what it raises is
        logged."""
        self._origin, self._sign, self._on_published = origin, sign, on_published
        self._thread.start()

    def stop(self) -> None:
        """What was not published, the next start publishes."""
        with self._work:
            self._stopping = True
            self._work.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def notify_changed(self, account_ids: frozenset[str]) -> None:
        """These ledgers have new entries."""
        with self._work:
            self._changed |= account_ids
            self._work.notify_all()

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    with self._connect() as connection:
                        self._follow(connection)
                except psycopg.OperationalError as error:
                    log.warning("Checkpoints wait %.1f s for the database: %s", RETRY_SECONDS, error)
                    with self._work:
                        self._work.wait_for(lambda: self._stopping, RETRY_SECONDS)
        except BaseException as error:
            self.failure = f"No checkpoints are signed any more: {error}"
            log.critical(self.failure, exc_info=True)
            if not isinstance(error, LogReplaced):
                raise

    def _follow(self, connection: psycopg.Connection) -> None:
        sweep_at = 0.0
        while not self._stopping:
            is_sweep = time.monotonic() >= sweep_at
            if is_sweep:
                sweep_at = time.monotonic() + SWEEP_SECONDS
            with self._work:
                changed, self._changed = self._changed, set()
            since = time.monotonic()
            if is_sweep:
                connection.execute(SQL["thin_checkpoints"])
            try:
                self._turn(connection, None if is_sweep else changed)
            except BaseException as error:
                with self._work:
                    self._changed |= changed
                if is_sweep:
                    sweep_at = 0.0
                if not isinstance(error, NotNow):
                    raise
            rest = CHECKPOINT_INTERVAL.total_seconds() - (time.monotonic() - since)
            with self._work:
                self._work.wait_for(lambda: self._stopping, max(0.0, rest))
                self._work.wait_for(lambda: self._changed or self._stopping, max(0.0, sweep_at - time.monotonic()))

    def _turn(self, connection: psycopg.Connection, accounts: set[str] | None) -> None:
        if accounts is not None and not accounts:
            return
        published = self._publish(connection, accounts)
        if published is not None:
            try:
                self._on_published(published.note)
            except Exception:
                log.exception("A checkpoint was signed and not told on; the next one is.")
        self._keep_tiles(connection, accounts)

    def _publish(self, connection: psycopg.Connection, accounts: set[str] | None) -> PublishedCheckpoint | None:
        with connection.transaction(), connection.cursor() as cursor:
            return publish_heads(cursor, self._origin, self._sign, accounts)

    def _keep_tiles(self, connection: psycopg.Connection, accounts: set[str] | None) -> None:
        logs = None if accounts is None else [*accounts]
        for name, size, _ in connection.execute(SQL["untiled"], {"logs": logs}).fetchall():
            try:
                more = True
                while more and not self._stopping:
                    with connection.transaction(), connection.cursor() as cursor:
                        more = build_tiles(cursor, name, size)
            except CorruptLedger as error:
                self.failure = str(error)
                log.critical("A ledger does not fit its log: %s", error)


def _refuse(*_: object) -> str:
    raise AssertionError("Not started.")
