"""Projections that upgrade by themselves: tables that another version of the program has made are built anew, beside
those that are there, and take their place when they have caught up.

One process builds, by the lock of whoever rebuilds; the others look now and then whether there is anything left to do.
What a crash leaves is begun anew by the next.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import psycopg

from projections.engine.definition import SHARED_TABLES, SQL, Projection, digests, fitting_names, outdated_names
from projections.engine.rebuild import REBUILD_LOCK, Rebuild, open_rebuild
from projections.engine.swap import RebuildBusy, RebuildRefused

RETRY_SECONDS = 5.0
"""After somebody else was building, or the database was away, or there was no room. Longer each time it ran out."""
RETRY_SECONDS_MAX = 600.0
ROOM_BYTES = 64 << 20
"""Left free while building, beyond what calls need: the upgrade stops before they are refused."""
SWAP_ATTEMPTS_MAX = 25
"""Between two pauses."""
REPORT_SECONDS = 5.0

log = logging.getLogger("muniment.projections")


UpgradeState = Literal["building", "waiting", "failed", "superseded"]


class RebuildProgress(NamedTuple):
    position: int
    """Of all accounts together, of those new tables that are built together."""
    head: int
    answers_meanwhile: bool
    """Whether this program reads the tables that are there."""
    state: UpgradeState
    """Superseded are those in whose place a newer version has put its own."""
    reason: str | None = None
    """Of who waits or has failed, where this process knows."""

    @property
    def percent(self) -> int | None:
        """None while nothing is built."""
        return None if self.head == 0 else 100 * self.position // self.head


class _Stopped(Exception):  # noqa: N818  ends the building
    pass


class _NoRoom(Exception):  # noqa: N818  ends an attempt
    """Calls would be refused, or are: the new tables give way."""


class _Obstacle(NamedTuple):
    state: Literal["waiting", "failed"]
    reason: str


def rebuild_progress(connection: psycopg.Connection, projections: Sequence[Projection]) -> dict[str, RebuildProgress]:
    """Of the projections of which this program's tables are not there yet, for whichever process builds them."""
    if connection.execute(SQL["is_anything_live"]).fetchone() != (True,):
        return {}
    made: dict[str, str] = dict(connection.execute(SQL["live"]).fetchall())
    names = outdated_names(made, projections)
    fitting = fitting_names(made, projections)
    position, head = 0, 0
    state: UpgradeState = "waiting"
    if names and _is_superseded(connection, made, projections):
        state = "superseded"
    elif names and (rebuilt := _rebuilt(connection, names)) is not None:
        (position, head), state = rebuilt, "building"
    return {name: RebuildProgress(position, head, name in fitting, state) for name in names}


def _rebuilt(connection: psycopg.Connection, names: tuple[str, ...]) -> tuple[int, int] | None:
    if connection.execute(SQL["is_anything_rebuilt"], {"lock": REBUILD_LOCK}).fetchone() == (True,):
        try:
            rows = connection.execute(SQL["rebuilt"], {"projections": list(names)}).fetchall()
            return rows[0][0], rows[0][1]
        except psycopg.errors.UndefinedTable:
            pass  # Swapped, or thrown away, a moment ago.
    return None


def pending_names(connection: psycopg.Connection, projections: Sequence[Projection]) -> tuple[str, ...]:
    """The projections that this program is to build. None where a newer program has put its tables in the place of
    this one's: an older one that is still there, or is started once more, does not undo that."""
    made: dict[str, str] = dict(connection.execute(SQL["live"]).fetchall())
    names = outdated_names(made, projections)
    own = digests(projections)
    if _is_superseded(connection, made, projections):
        return ()
    # Which tables are those of a projection that is no more, nobody knows: they go where all are built.
    return tuple(name for name in own if name != SHARED_TABLES) if names and made.keys() - own.keys() else names


def _is_superseded(connection: psycopg.Connection, made: Mapping[str, str], projections: Sequence[Projection]) -> bool:
    if connection.execute(SQL["is_replaced_known"]).fetchone() != (True,):
        return False
    stale = {name: own.partition(":")[0] for name, own in digests(projections).items() if made.get(name) != own}
    rows = connection.execute(SQL["replaced"], {"digests": list(stale.values())}).fetchall()
    replaced = {digest for (digest,) in rows}
    fitting = fitting_names(made, projections)
    return any(own in replaced and name not in fitting for name, own in stale.items())


def find_lack(shortage: Callable[[int], str | None], room_bytes: int) -> str | None:
    """Why there is no room for so many bytes, or none that is known."""
    try:
        return shortage(room_bytes)
    except OSError as error:
        return f"The database's disk cannot be looked at: {error.strerror}."


class Upgrade:
    """A thread that ends when there is nothing left to build."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection],
        projections: tuple[Projection, ...],
        on_swap: Callable[[], None],
        shortage: Callable[[int], str | None] = lambda _bytes: None,
    ) -> None:
        """`connect` gives a connection in autocommit, as muniment_projector. The projections are all that there are.
        `shortage` says why there is no room for so many bytes."""
        self._connect = connect
        self._projections = projections
        self._on_swap = on_swap
        self._shortage = shortage
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="muniment-upgrade", daemon=True)
        self._reported_at = 0.0
        self._obstacle: _Obstacle | None = None
        self._waits_for = ""
        self._builds = False
        self._room_factor = 1

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the batch that is under way, and throws the new tables away."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def described(self, progress: RebuildProgress) -> RebuildProgress:
        """With what is in the way here, unless another process builds."""
        obstacle = self._obstacle
        if obstacle is None or progress.state == "superseded" or (progress.state == "building" and not self._builds):
            return progress
        return progress._replace(state=obstacle.state, reason=obstacle.reason)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if self._is_done():
                    return
            except _Stopped:
                return
            except RebuildBusy as busy:
                self._wait_for("another process", str(busy))
            except RebuildRefused as refused:
                self._obstacle = _Obstacle("failed", str(refused))
                log.exception("The new tables do not take the place of the old ones; the next start tries again.")
                return
            except (psycopg.errors.DiskFull, _NoRoom) as error:
                self._room_factor *= 2
                said = "The database's disk is full." if isinstance(error, psycopg.errors.DiskFull) else str(error)
                self._wait_for("more room than before, and are begun anew then", said)
            except (psycopg.OperationalError, psycopg.errors.IdleInTransactionSessionTimeout) as error:
                log.warning("The new tables are begun anew when the database is there: %s", error)
                self._obstacle = _Obstacle("waiting", "The database was away.")
            except Exception as error:
                self._obstacle = _Obstacle("failed", f"{type(error).__name__}, see the log.")
                log.exception("The new tables cannot be built; the next start tries again.")
                return
            self._stopping.wait(min(RETRY_SECONDS * self._room_factor, RETRY_SECONDS_MAX))

    def _is_done(self) -> bool:
        """Builds what there is to build. Whether nothing is left for anybody."""
        with self._connect() as connection:
            names = pending_names(connection, self._projections)
            ((live_bytes,),) = connection.execute(SQL["live_bytes"]).fetchall()
            if not names and rebuild_progress(connection, self._projections):
                log.warning("The tables are those of a newer version of muniment: they stay. Update this server.")
        if not names:
            return True
        if short := self._lack(ROOM_BYTES + self._room_factor * live_bytes):
            self._wait_for("room", short)
            return False
        with open_rebuild(
            self._connect, names, projections=self._projections, tell=self._report, pause=self._rest
        ) as rebuild:
            with self._connect() as connection:
                if pending_names(connection, self._projections) != names:
                    return False  # Somebody else has finished just before us.
            self._build(rebuild, names)
        return False

    def _build(self, rebuild: Rebuild, names: tuple[str, ...]) -> None:
        log.warning("Another version of the program has made %s: the tables are built anew.", ", ".join(names))
        self._obstacle, self._builds = None, True
        try:
            rebuild.read_to_heads()
            while not self._is_swapped(rebuild):
                self._rest(RETRY_SECONDS)
        finally:
            self._builds = False
        self._obstacle = None
        log.warning("The new tables of %s have taken their place.", ", ".join(names))
        self._on_swap()

    def _is_swapped(self, rebuild: Rebuild) -> bool:
        try:
            rebuild.swap(SWAP_ATTEMPTS_MAX)
        except RebuildBusy as busy:
            self._wait_for("a moment in which nobody reads", str(busy))
            return False
        return True

    def _report(self, what: str, done: int, total: int) -> None:
        if time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._reported_at = time.monotonic()
            share = 100 * done // total if total else 100
            log.warning("The new tables are at %s: %d of %d positions, %d %%.", what, done, total, share)

    def _rest(self, seconds: float) -> None:
        """As long as the batch took: whoever answers calls goes first. Then until there is room. Raises _Stopped, and
        _NoRoom when even calls have none."""
        if self._stopping.wait(seconds):
            raise _Stopped
        waited = False
        while short := self._lack(ROOM_BYTES):
            if self._lack(0):
                raise _NoRoom(short)
            waited = True
            self._wait_for("room", short)
            if self._stopping.wait(RETRY_SECONDS):
                raise _Stopped
        if waited:
            self._obstacle = None

    def _lack(self, room_bytes: int) -> str | None:
        return find_lack(self._shortage, room_bytes)

    def _wait_for(self, what: str, why: str) -> None:
        """Says it once, until something else is in the way."""
        if self._obstacle is None or self._waits_for != what:
            log.warning("The new tables wait for %s: %s", what, why)
        self._waits_for, self._obstacle = what, _Obstacle("waiting", why)
