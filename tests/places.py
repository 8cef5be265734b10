"""Where a test keeps what a database or a server writes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  what is made there is named by tempfile
ROOM_BYTES = 4 << 30
"""All processes of a run keep about a tenth of it at a time."""


@contextmanager
def place_for_data() -> Iterator[Path]:
    """A directory of its own, short enough for sockets, gone afterwards.

    Not below pytest's own directory, which is closed to the user that a database runs as. In memory where there is
    room: no test here needs a disk to lose its power, and to copy a database takes a tenth of the time there.
    """
    with tempfile.TemporaryDirectory(prefix="muniment-", dir=_memory()) as directory:
        place = Path(directory)
        place.chmod(0o711)
        yield place


def _memory() -> Path | None:
    """None where there is none: then `tempfile` has its own choice. PostgreSQL's programs may be copied there."""
    if not os.access(MEMORY, os.W_OK | os.X_OK) or os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return MEMORY if shutil.disk_usage(MEMORY).free >= ROOM_BYTES else None
