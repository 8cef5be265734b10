"""A postmaster that a killed server left behind: recognised, and ended before another is started (docs/adr/0005)."""

import os
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from services.ledger.embedded_programs import EmbeddedError, Programs
from services.ledger.embedded_socket import socket_path

ENDING_SECONDS_MAX = 60.0


class _PidFile(NamedTuple):
    """postmaster.pid, written by PostgreSQL (src/include/utils/pidfile.h): one fact a line."""

    pid: int
    data: str
    socket_directory: str
    status: str

    @classmethod
    def read(cls, path: Path) -> "_PidFile | None":
        """None while it is missing or being written."""
        try:
            pid, data, _started, _port, socket_directory, _address, _memory, status = path.read_text().splitlines()
            return cls(int(pid), data, socket_directory, status.strip())
        except (FileNotFoundError, ValueError):
            return None


def poll_attempts(seconds: float) -> Iterator[None]:
    """Turns of a wait for something that announces itself nowhere: at once, then ever slower, for `seconds`."""
    pause, end = 0.005, time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(pause)
        pause = min(pause * 1.25, 0.25)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def end_leftover(programs: Programs, data: Path, socket_directory: Path) -> int | None:
    """Return when no postmaster runs on `data`; raise EmbeddedError if one runs that may not be ours.

    One that is proven ours (its pid file names our directories, and it is the process that listens on our socket) is
    ended and not kept: it has the settings, perhaps the version, of a server that is gone, and maybe its watchdog.
    What is returned is the pid that an unclean end left in the pid file, if some other process has been given it since.
    """
    path = data / "postmaster.pid"
    found = None
    for _ in poll_attempts(ENDING_SECONDS_MAX):
        # pg_ctl asks and signals with the rights of PostgreSQL's user: no pid in that file makes root signal others.
        if not path.exists() or not programs.succeeds("pg_ctl", "status", f"--pgdata={data}"):
            return None
        found = _PidFile.read(path)
        if found is None or found.status == "stopping":
            continue
        if (found.data, found.socket_directory) != (str(data), str(socket_directory)):
            break
        try:
            listener = _listener(socket_path(socket_directory))
        except ConnectionRefusedError:
            return found.pid  # the socket file stands, but nobody listens: its postmaster is dead
        except FileNotFoundError:
            break
        if listener not in (None, found.pid):
            break
        programs.run("pg_ctl", "stop", "--mode=fast", f"--timeout={ENDING_SECONDS_MAX:.0f}", f"--pgdata={data}")
    raise EmbeddedError(
        f"{path} says {found}, whose process is alive, but it does not end or is not the PostgreSQL of {data} "
        f"with its socket in {socket_directory}: end that process if it is a PostgreSQL, or else remove the file."
    )


def _listener(path: Path) -> int | None:
    """The process that listens on the socket, None where the system does not tell (only Linux does)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        if not hasattr(socket, "SO_PEERCRED"):
            return None
        pid, _uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(pid)
