"""A disk that is nearly full: calls are refused while there is still room to record those that are under way."""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

FREE_BYTES_MIN = 64 << 20
"""Four segments of PostgreSQL's write-ahead log: what a busy server writes between two looks, and what PostgreSQL needs
to come up again after a crash. One that finds no room for its log does not fail a statement, it ends."""
CHECK_SECONDS = 1.0

log = logging.getLogger("muniment.ledger")


def free_bytes(place: Path) -> int:
    """On the disk of a directory, for whoever is not root. Raises OSError."""
    disk = os.statvfs(place)
    return disk.f_bavail * disk.f_frsize


def find_shortage(places: Iterable[Path], room_bytes: int = 0) -> str | None:
    """Which of the directories is on a disk with too little room for whoever is not root; None when none is. For
    something that takes room of its own there must be that besides."""
    needed = FREE_BYTES_MIN + room_bytes
    for place in places:
        if (free := free_bytes(place)) < needed:
            return f"The database's disk is nearly full: {free >> 20} MiB are left, fewer than {needed >> 20}."
    return None


class DiskGuard:
    """Looks every second, and tells each time what it has found: the reason to write nothing, or that there is none."""

    def __init__(self, look: Callable[[], str | None], tell: Callable[[str | None], None]) -> None:
        self._look = look
        self._tell = tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="muniment-space", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        short = False
        while not self._stopping.wait(CHECK_SECONDS):
            try:
                found = self._look()
            except OSError as error:
                found = f"The database's disk cannot be looked at: {error.strerror}."
            if found is not None and not short:
                log.error("%s Calls are refused until there is more.", found)
            elif found is None and short:
                log.warning("The database's disk has room again, and calls are taken.")
            short = found is not None
            self._tell(found)
