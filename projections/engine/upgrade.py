"""Projections that upgrade by themselves: tables that another version of the program has made are built anew, beside
those that are there, and take their place when they have caught up.

One process builds, by the lock of whoever rebuilds; the others look now and then whether there is anything left to do.
What a crash leaves is begun anew by the next.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import psycopg

from projections.engine.definition import SHARED_TABLES, SQL, Projection, digests, fitting_names, outdated_names
from projections.engine.rebuild import Rebuild, open_rebuild
from projections.engine.swap import RebuildBusy, RebuildRefused

RETRY_SECONDS = 5.0
"""After somebody else was building, or the database was away."""
REPORT_SECONDS = 5.0

log = logging.getLogger("muniment.projections")


class RebuildProgress(NamedTuple):
    position: int
    """Of all accounts together, of those new tables that are built together."""
    head: int
    answers_meanwhile: bool
    """Whether this program reads the tables that are there."""

    @property
    def percent(self) -> int:
        return 100 if self.head == 0 else 100 * self.position // self.head


class _Stopped(Exception):  # noqa: N818  ends the building
    pass


def rebuild_progress(connection: psycopg.Connection, projections: Iterable[Projection]) -> dict[str, RebuildProgress]:
    """Of the projections of which this program's tables are not there yet, for whichever process builds them."""
    wanted = tuple(projections)
    if connection.execute(SQL["is_anything_live"]).fetchone() != (True,):
        return {}
    made: dict[str, str] = dict(connection.execute(SQL["live"]).fetchall())
    names = outdated_names(made, wanted)
    position, head = _rebuilt(connection, names) if names else (0, 0)
    fitting = fitting_names(made, wanted)
    return {name: RebuildProgress(position, head, name in fitting) for name in names}


def _rebuilt(connection: psycopg.Connection, names: tuple[str, ...]) -> tuple[int, int]:
    if connection.execute(SQL["is_anything_rebuilt"]).fetchone() == (True,):
        try:
            rows = connection.execute(SQL["rebuilt"], {"projections": list(names)}).fetchall()
            return rows[0][0], rows[0][1]
        except psycopg.errors.UndefinedTable:
            pass  # Swapped, or thrown away, a moment ago.
    return 0, 0


def pending_names(connection: psycopg.Connection, projections: Iterable[Projection]) -> tuple[str, ...]:
    """The projections that this program is to build. None where a newer program has put its tables in the place of
    this one's: an older one that is still there, or is started once more, does not undo that."""
    wanted = tuple(projections)
    made: dict[str, str] = dict(connection.execute(SQL["live"]).fetchall())
    names = outdated_names(made, wanted)
    own = digests(wanted)
    stale = [name for name in own if made.get(name) != own[name]]
    rows = connection.execute(SQL["replaced"], {"digests": [own[name] for name in stale]}).fetchall()
    replaced = {digest for (digest,) in rows}
    if any(own[name] in replaced and name not in fitting_names(made, wanted) for name in stale):
        return ()
    # Which tables are those of a projection that is no more, nobody knows: they go where all are built.
    return tuple(name for name in own if name != SHARED_TABLES) if names and made.keys() - own.keys() else names


class Upgrade:
    """A thread that ends when there is nothing left to build."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection],
        projections: tuple[Projection, ...],
        on_swap: Callable[[], None],
    ) -> None:
        """`connect` gives a connection in autocommit, as muniment_projector. The projections are all that there are."""
        self._connect = connect
        self._projections = projections
        self._on_swap = on_swap
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="muniment-upgrade", daemon=True)
        self._reported_at = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the batch that is under way, and throws the new tables away."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._is_done():
                    return
            except _Stopped:
                return
            except RebuildBusy as busy:
                log.info("%s", busy)
            except RebuildRefused:
                log.exception("The new tables do not take the place of the old ones; the next start tries again.")
                return
            except psycopg.OperationalError as error:
                log.warning("The new tables are begun anew when the database is there: %s", error)
            except Exception:
                log.exception("The new tables cannot be built; the next start tries again.")
                return
            self._stopping.wait(RETRY_SECONDS)

    def _is_done(self) -> bool:
        """Builds what there is to build. Whether nothing is left for anybody."""
        with self._connect() as connection:
            names = pending_names(connection, self._projections)
        if not names:
            return True
        with open_rebuild(
            self._connect, names, projections=self._projections, tell=self._report, pause=self._rest
        ) as rebuild:
            with self._connect() as connection:
                if pending_names(connection, self._projections) != names:
                    return False  # Somebody else has finished just before us.
            log.warning("Another version of the program has made %s: the tables are built anew.", ", ".join(names))
            rebuild.read_to_heads()
            while not self._is_swapped(rebuild):
                self._rest(RETRY_SECONDS)
            log.warning("The new tables of %s have taken their place.", ", ".join(names))
            self._on_swap()
        return False

    def _is_swapped(self, rebuild: Rebuild) -> bool:
        try:
            rebuild.swap()
        except RebuildBusy as busy:
            log.warning("%s", busy)
            return False
        return True

    def _report(self, what: str, done: int, total: int) -> None:
        if time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._reported_at = time.monotonic()
            share = 100 * done // total if total else 100
            log.warning("The new tables are at %s: %d of %d positions, %d %%.", what, done, total, share)

    def _rest(self, seconds: float) -> None:
        """As long as the batch took: whoever answers calls goes first. Raises _Stopped."""
        if self._stopping.wait(seconds):
            raise _Stopped
