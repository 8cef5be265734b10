"""Files with secrets, replaced whole or not at all."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.cli.lib.terminal import Failure

CONTENT_BYTES_MAX = 1 << 20
ATTEMPTS_MAX = 10
"""So often a file is read and written anew that somebody else changes meanwhile."""
PRIVATE = 0o600
_SUFFIX = ".muniment-new"

Rewrite = Callable[[bytes], bytes]
"""From what the file has, empty where there is none, to what it is to have. Raises Failure."""


@contextmanager
def replacing(path: Path, *, keeps_mode: bool) -> Iterator[Callable[[Rewrite], None]]:
    """Gives what puts new content in place of the file, by a rename: whoever reads sees the former or the new one. That
    it can be written is found out here: a file beside it has room, the owner, and mode 0600 or, where that is kept, the
    file's own. Nobody else who comes this way writes in the directory meanwhile.

    Raises Failure.
    """
    try:
        path = path.resolve()
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _failed(path, error) from error
    except RuntimeError as error:  # Of symbolic links that lead round.
        raise Failure(f"{path} cannot be written: {error}.") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        for left in path.parent.glob(f".{path.name}.*{_SUFFIX}"):
            left.unlink(missing_ok=True)  # Of one that was killed: its secret was of a key that is given up.
        beside = _beside(path, keeps_mode=keeps_mode)
        try:
            yield lambda rewrite: _put(path, beside, rewrite)
            with suppress(OSError):  # The file is there; after a crash of the machine the former one may be.
                os.fsync(directory)
        finally:
            beside.unlink(missing_ok=True)
    finally:
        os.close(directory)


def read_if_there(path: Path) -> bytes:
    """Empty where there is none. Raises Failure."""
    try:
        with path.open("rb") as file:
            content = file.read(CONTENT_BYTES_MAX + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise _failed(path, error) from error
    if len(content) > CONTENT_BYTES_MAX:
        raise Failure(f"{path} has more than {CONTENT_BYTES_MAX} bytes: expected a file of keys.")
    return content


def _beside(path: Path, *, keeps_mode: bool) -> Path:
    """As it is on the disk, so large as any content may become."""
    try:
        former = path.stat() if path.exists() else None
        if former is not None and not stat.S_ISREG(former.st_mode):
            raise Failure(f"{path} is no file: expected one, or nothing yet.")
        number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_SUFFIX, dir=path.parent)
    except OSError as error:
        raise _failed(path, error) from error
    beside = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            if former is not None and (former.st_uid, former.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(number, former.st_uid, former.st_gid)
            os.fchmod(number, stat.S_IMODE(former.st_mode) if former is not None and keeps_mode else PRIVATE)
            room = 4_096 + (0 if former is None else former.st_size)
            os.posix_fallocate(number, 0, room)
            os.fsync(file.fileno())
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _failed(path, error) from error
    return beside


def _put(path: Path, beside: Path, rewrite: Rewrite) -> None:
    """Raises Failure; the file is then as it was."""
    for _ in range(ATTEMPTS_MAX):
        former = read_if_there(path)
        content = rewrite(former)
        try:
            # In the blocks that it has already.
            with beside.open("r+b") as file:
                file.write(content)
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
            if read_if_there(path) == former:
                beside.rename(path)
                return
        except OSError as error:
            raise _failed(path, error) from error
    raise Failure(f"{path} is being changed all the time by somebody else.")


def _failed(path: Path, error: OSError) -> Failure:
    return Failure(f"{path} cannot be written: {error.strerror or error}.")
