"""For a process that reads the tables and leaves it to others to keep them up with the ledgers."""

import time

from projections.engine.apply import SQL
from projections.engine.definition import create_tables
from projections.engine.runner import ProjectionRunner, RunnerStatus

POLL_SECONDS = 0.05


class ProgressWatcher(ProjectionRunner):
    """Sees in the cursors how far others have come. Nobody tells those of a commit here: their sweep finds it."""

    def start(self) -> None:
        """Creates the tables that are missing. Raises MustBeRebuilt, and psycopg.OperationalError."""
        with self._opened() as connection:
            create_tables(connection, self._projections)

    def notify_changed(self, account_ids: frozenset[str]) -> None:
        """Nothing is followed here."""

    def wait(self, account_id: str, position: int, timeout_seconds: float) -> bool:
        """As `Runner.wait`. Raises psycopg.OperationalError when the database is not there."""
        names = [projection.name for projection in self._projections]
        until = time.monotonic() + timeout_seconds
        with self._opened() as connection:
            while True:
                rows = connection.execute(SQL["reached"], {"account_id": account_id, "projections": names}).fetchall()
                come = [reached >= position for reached, _ in rows]
                if len(rows) == len(names) and all(has or halted for has, (_, halted) in zip(come, rows, strict=True)):
                    return all(come)
                left = until - time.monotonic()
                with self._progress:
                    if left <= 0 or self._progress.wait_for(lambda: self._stopping, min(POLL_SECONDS, left)):
                        return False

    def status(self) -> RunnerStatus:
        """As `Runner.status`. Who keeps the tables, and whether anybody does, is not known here; the lag shows it."""
        return RunnerStatus(None, super().status().projections)
