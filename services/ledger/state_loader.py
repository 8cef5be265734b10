"""Loads values of accounts that are not in memory, or far behind, so that no round does it under its locks."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

import psycopg

from services.ledger.state_cache import StateCache

log = logging.getLogger("muniment.ledger")


THREADS = 2
"""One works on what it has read while the other waits for the database."""


class StateLoader:
    """Takes accounts in turns, a step each, so that a large one does not keep the others waiting."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection],
        values: StateCache,
        *,
        loaded: Callable[[str], None],
        not_loaded: Callable[[str, Exception], None],
    ) -> None:
        self._connect = connect
        self._values = values
        self._loaded = loaded
        self._not_loaded = not_loaded
        self._changed = threading.Condition()
        # Guarded by the condition.
        self._open = True
        self._behind: OrderedDict[str, bool] = OrderedDict()  # whether the first step is still to be made

        self.threads = [
            threading.Thread(target=self._run, name="muniment-loading", daemon=True) for _ in range(THREADS)
        ]

    def load(self, account_ids: Iterable[str]) -> None:
        with self._changed:
            for account_id in account_ids:
                self._behind.setdefault(account_id, True)
            self._changed.notify_all()

    def close(self) -> None:
        """Ends after the steps that are under way."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def _run(self) -> None:
        connection: psycopg.Connection | None = None
        while (turn := self._next()) is not None:
            account_id, first = turn
            try:
                if connection is None or connection.closed:
                    connection = self._connect()
                with connection.cursor() as cursor:
                    done = self._values.load_step(cursor, account_id, first=first)
            except Exception as error:  # noqa: BLE001  it is the answer of who waits for the value
                log.warning("The account %s was not loaded: %s", account_id, error)
                self._not_loaded(account_id, error)
                continue
            if done:
                self._loaded(account_id)
            else:
                self._again(account_id)
        if connection is not None:
            connection.close()

    def _next(self) -> tuple[str, bool] | None:
        with self._changed:
            while self._open and not self._behind:
                self._changed.wait()
            return self._behind.popitem(last=False) if self._open else None

    def _again(self, account_id: str) -> None:
        with self._changed:
            self._behind[account_id] = False
