"""What is known of the log files of hours: their hashes, as far as somebody has read the hour. A busy hour takes longer
to read than one answer may take: the next one goes on where it ended."""

import threading
from collections import OrderedDict
from datetime import datetime

from services.trail_files.log_files import FileStart, HashedFile, LogFile, TrailPlace

HOURS_MAX = 32
"""Of all trails. Of one with a million calls there are a thousand files, of some hundred bytes each here."""


class KnownHour:
    """Whole, or as far as it was read. Threads may read the same hour: each file counts once."""

    def __init__(self, start: FileStart) -> None:
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._files: list[HashedFile] = []
        self._following: FileStart | None = start

    def note(self, start: FileStart, file: LogFile | None) -> None:
        """What stands there; None of nothing more in this hour."""
        with self._lock:
            if start == self._following:
                self._files += [] if file is None else [file.hashed]
                self._following = None if file is None else file.following

    @property
    def following(self) -> FileStart | None:
        """Where the first file begins that is not known yet; None where all are."""
        with self._lock:
            return self._following

    @property
    def files(self) -> tuple[HashedFile, ...]:
        """In their order."""
        with self._lock:
            return tuple(self._files)


class KnownHours:
    """Those asked for last, for all threads. What was in an hour that is over stays so."""

    def __init__(self, hours_max: int = HOURS_MAX) -> None:
        self._hours_max = hours_max
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._hours: OrderedDict[tuple[str, TrailPlace, datetime], KnownHour] = OrderedDict()

    def hour(self, ledger_id: str, place: TrailPlace, since: datetime, start: FileStart) -> KnownHour:
        """The one that begins then, and whose first file would begin at `start`."""
        named = ledger_id, place, since
        with self._lock:
            found = self._hours.setdefault(named, KnownHour(start))
            self._hours.move_to_end(named)
            while len(self._hours) > self._hours_max:
                self._hours.popitem(last=False)
            return found
