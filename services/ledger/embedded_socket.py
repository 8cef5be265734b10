"""Where our PostgreSQL's Unix socket is: among its data, or where that path is too long in a private directory."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from services.ledger.embedded_cluster import write_durably
from services.ledger.embedded_programs import EmbeddedError, SystemUser

PORT = 5432
"""Names the socket file; nothing listens on it."""

PATH_BYTES_MAX = 103
"""sun_path with its final zero: 108 bytes on Linux (unix(7)), 104 on macOS and the BSDs."""


def socket_path(socket_directory: Path) -> Path:
    return socket_directory / f".s.PGSQL.{PORT}"


def socket_directory(directory: Path) -> Path:
    """`directory`/data, or what `make_socket_directory` recorded. Raises EmbeddedError if it never ran."""
    data = directory / "data"
    path = str(socket_path(data))
    # libpq takes a comma for the end of one host and the beginning of the next.
    if len(os.fsencode(path)) <= PATH_BYTES_MAX and "," not in path:
        return data
    try:
        return Path(_record(directory).read_text())
    except FileNotFoundError:
        raise EmbeddedError(f"{_record(directory)} is missing: {directory} was never started.") from None


def make_socket_directory(directory: Path, user: SystemUser) -> None:
    """See to it that `socket_directory` names a directory that PostgreSQL's user owns and nobody else may enter."""
    try:
        place = socket_directory(directory)
        if place == directory / "data" or _is_private(place, user):
            return
    except EmbeddedError:
        pass  # the first start
    place = Path(tempfile.mkdtemp(prefix="muniment-"))
    user.give(place)
    write_durably(_record(directory), str(place), mode=0o600)


def remove_socket_directory(directory: Path) -> None:
    """What `make_socket_directory` has made elsewhere, once nobody listens there."""
    try:
        place = Path(_record(directory).read_text())
    except FileNotFoundError:
        return
    for name in (socket_path(place), socket_path(place).with_name(f"{socket_path(place).name}.lock")):
        name.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        place.rmdir()
    _record(directory).unlink()


def _is_private(place: Path, user: SystemUser) -> bool:
    """False if it is gone (temporary directories are cleaned) or has become somebody else's."""
    try:
        found = place.lstat()
    except FileNotFoundError:
        return False
    owner = os.geteuid() if user.uid is None else user.uid
    return stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700 and found.st_uid == owner  # noqa: PLR2004  rwx------


def _record(directory: Path) -> Path:
    return directory / "socket-directory"
