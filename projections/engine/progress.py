"""For a process that reads the tables and leaves it to others to keep them up with the ledgers."""

import time

from projections.engine.apply import SQL
from projections.engine.definition import prepare_live_tables
from projections.engine.runner import ProjectionRunner, RunnerStatus

POLL_SECONDS = 0.05


class ProgressWatcher(ProjectionRunner):
    """Sees in the cursors how far others have come. Nobody tells those of a commit here: their sweep finds it."""

    def start(self) -> None:
        """Creates the tables where there are none. Raises psycopg.OperationalError."""
        with self._opened() as connection:
            prepare_live_tables(connection, self._projections)

    def notify_changed(self, account_ids: frozenset[str]) -> None:
        """Nothing is followed here."""

    def wait(self, account_id: str, position: int, timeout_seconds: float, *, computed: bool = True) -> bool:
        """As `ProjectionRunner.wait`. Raises psycopg.OperationalError when the database is not there."""
        names = [name for name in self._names if computed or name not in self._computed]
        asked = {"account_id": account_id, "projections": names, "fitting": self._fitting_digests}
        until = time.monotonic() + timeout_seconds
        with self._opened() as connection:
            while True:
                rows = connection.execute(SQL["reached"], asked).fetchall()
                if all(reached >= position or halted for reached, halted in rows):
                    return all(reached >= position for reached, _ in rows)
                left = until - time.monotonic()
                with self._progress:
                    if left <= 0 or self._progress.wait_for(lambda: self._stopping, min(POLL_SECONDS, left)):
                        return False

    def status(self) -> RunnerStatus:
        """As `ProjectionRunner.status`. Whether anybody keeps the tables is not known here; the lag shows it."""
        return RunnerStatus(None, super().status().projections)
