"""Writes snapshots in the background, so that no round waits for one (docs/adr/0023)."""

import logging
import queue
import threading
from collections.abc import Callable

import psycopg

from domain.ledger_state import LedgerState
from services.ledger.committer import OpenConnection
from services.ledger.recorder import SQL
from services.ledger.snapshots import take_snapshot

PENDING_SNAPSHOTS_MAX = 1_000
"""Beyond that a snapshot is left out: the next round of the account asks again after as many changes."""

log = logging.getLogger("muniment.ledger")


class Snapshotter(threading.Thread):
    def __init__(self, connect: OpenConnection, shortage: Callable[[], str | None] = lambda: None) -> None:
        """`shortage` says why nothing is to be written now."""
        super().__init__(name="muniment-snapshots", daemon=True)
        self._connect = connect
        self._shortage = shortage
        self._due: queue.Queue[LedgerState | None] = queue.Queue(PENDING_SNAPSHOTS_MAX)

    def due(self, value: LedgerState) -> None:
        """Asks for a snapshot. The value is immutable, so it may be written whenever there is time."""
        try:
            self._due.put_nowait(value)
        except queue.Full:
            log.warning("A snapshot of %s is left out: %d are waiting.", value.id, PENDING_SNAPSHOTS_MAX)

    def stop(self) -> None:
        self._due.put(None)
        self.join()

    def run(self) -> None:
        connection: psycopg.Connection | None = None
        while (value := self._due.get()) is not None:
            try:
                if self._shortage() is None:
                    if connection is None or connection.closed:
                        connection = self._connect()
                    _insert(connection, value)
            except Exception:
                log.exception("A snapshot of %s at %d was not written.", value.id, value.position)
            if connection is not None and self._due.empty():
                connection.close()
        if connection is not None:
            connection.close()

    def write(self, value: LedgerState) -> None:
        with self._connect() as connection:
            _insert(connection, value)


def _insert(connection: psycopg.Connection, value: LedgerState) -> None:
    snapshot = take_snapshot(value)
    connection.execute(
        SQL["insert_snapshot"],
        {
            "account_id": snapshot.originator_id,
            "position": snapshot.originator_version,
            "topic": snapshot.topic,
            "state": snapshot.state,
        },
    )
