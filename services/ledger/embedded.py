"""PostgreSQL as a part of our server: found, initialised, started, watched, started again, and ended with it."""

import fcntl
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from services.ledger import embedded_watchdog
from services.ledger.disk_guard import find_shortage
from services.ledger.embedded_backup import BaseBackup
from services.ledger.embedded_cluster import (
    DATABASE,
    EmbeddedRole,
    add_backup_role,
    create_cluster,
    host_based_authentication,
    read_password,
    user_name,
    write_durably,
)
from services.ledger.embedded_leftover import end_leftover, is_alive, poll_attempts
from services.ledger.embedded_programs import (
    ENVIRONMENT,
    EmbeddedError,
    EmbeddedInUse,
    Programs,
    SystemUser,
    find_programs,
)
from services.ledger.embedded_socket import PORT, make_socket_directory, remove_socket_directory, socket_directory

__all__ = ["EmbeddedError", "EmbeddedPostgres", "EmbeddedRole"]

START_SECONDS_MAX = 600.0
"""Recovery after a crash replays up to `max_wal_size` before it answers."""
RESTART_SECONDS_MIN, RESTART_SECONDS_MAX = 0.1, 10.0
STABLE_SECONDS = 60.0
"""A postmaster that lived so long did not die of being started, and is started again without delay."""

LOG_BYTES_MAX = 10_000_000
SMALL_MEMORY_BYTES = 2 << 30

# Given on the command line, where they win over postgresql.conf and ALTER SYSTEM.
_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "50",
    # A table that is new and grows fast has no statistics until then, and its indexes are chosen blindly.
    "autovacuum_naptime": "5s",
    "huge_pages": "off",
    "jit": "off",
    # Many small commits: fewer checkpoints, so fewer whole pages in the log.
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u ",
    # Rows and statements hold what persons did: a log line names the error, never the row.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}

_logger = logging.getLogger(__name__)


class EmbeddedPostgres:
    """One PostgreSQL in `directory`, for one server at a time.

    `directory` then holds `data` (PostgreSQL's own), `passwords.json`, `pg_hba.conf`, `postgres.log`, `lock`, and if
    they were needed `socket-directory` (a path) and `postgresql-VERSION` (copied programs). `conninfo` also serves
    another process beside the running server: it reads files only.
    """

    def __init__(self, directory: Path, backup: BaseBackup | None = None) -> None:
        """Made of the backup at its first start."""
        self._directory = directory.resolve()
        self._backup = backup
        self._data = self._directory / "data"
        self._lock: int | None = None
        self._programs: Programs | None = None  # while started
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._supervisor: threading.Thread | None = None
        self._stopping = threading.Event()
        self._launching = threading.Lock()  # held where a watchdog appears, so that `stop` overlooks none

    def start(self) -> None:
        """Return when connections are answered. Raises EmbeddedError; then nothing runs, nothing is locked."""
        if self._lock is not None:
            raise EmbeddedError(f"The PostgreSQL in {self._directory} was started before: stop it first.")
        self._stopping.clear()
        try:
            user = SystemUser.chosen()
            self._open_directory(user)
            self._lock = self._take_lock()
            if self._backup is None or self._data.exists():
                programs = find_programs(self._directory, user)
                create_cluster(self._directory, programs)
            else:
                programs = find_programs(self._directory, user, self._backup.place)
                create_cluster(self._directory, programs, self._backup.copy)
            self._take_over(user)
            write_durably(self._directory / "pg_hba.conf", host_based_authentication(), mode=0o644)
            _rotate(self._directory / "postgres.log")
            self._launch(programs)
            psycopg.connect(self.conninfo("owner")).close()  # it answers: now, do our passwords fit?
            self._programs = programs
            self._supervisor = threading.Thread(target=self._supervise, args=(programs,), name="postgres", daemon=True)
            self._supervisor.start()
        except (OSError, ValueError, subprocess.SubprocessError, psycopg.OperationalError) as error:
            self.stop()
            said = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise EmbeddedError(f"PostgreSQL could not be started in {self._directory}: {said}.") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End PostgreSQL with a fast shutdown and return when it is gone. Does nothing if it is not running."""
        self._stopping.set()
        self._end_watchdog()
        if self._supervisor is not None:
            self._supervisor.join()
            self._supervisor = None
        try:
            if self._programs is not None:  # a watchdog that was killed has left one behind
                end_leftover(self._programs, self._data, socket_directory(self._directory))
                remove_socket_directory(self._directory)
        finally:
            self._programs = None
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stopped, and nobody starts it while the block lasts. Raises EmbeddedInUse."""
        lock = self._take_lock()
        try:
            yield
        finally:
            os.close(lock)

    def conninfo(self, role: EmbeddedRole) -> str:
        """What libpq needs to connect as `role`; holds the password. Raises EmbeddedError if never started."""
        return make_conninfo(
            host=str(socket_directory(self._directory)),
            port=PORT,
            dbname=DATABASE,
            user=user_name(role),
            password=read_password(self._directory, role),
        )

    def shortage(self, room_bytes: int = 0) -> str | None:
        """Whether the disk has too little room left. Raises OSError."""
        # An administrator may have put the log on another disk.
        return find_shortage((self._data, self._data / "pg_wal"), room_bytes)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def refuse_used(self) -> None:
        """Raises EmbeddedError where another server runs on it."""
        if (self._directory / "lock").exists():
            os.close(self._take_lock())

    def _open_directory(self, user: SystemUser) -> None:
        """Private to us. PostgreSQL's user, where it is another, may pass but neither list nor write.

        So that user cannot plant a link where root is about to write; `data` is its own and closed to all others.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if user.gid is None:
            self._directory.chmod(0o700)
        else:
            os.chown(self._directory, 0, user.gid)
            self._directory.chmod(0o710)
            user.reach(self._directory)

    def _take_over(self, user: SystemUser) -> None:
        """What a server has written whose PostgreSQL ran as somebody else, such as `nobody`."""
        if user.uid in {None, self._data.stat().st_uid}:
            return
        pid_file = self._data / "postmaster.pid"
        if pid_file.exists() and is_alive(int(pid_file.read_text().partition("\n")[0])):
            raise EmbeddedError(
                f"{pid_file} names a process that is alive, and {self._data} does not belong to {user.name}: end that "
                f"process if it is a PostgreSQL, or else remove the file."
            )
        log = self._data / "pg_wal"
        for place in (self._data, log.resolve()) if log.is_symlink() else (self._data,):
            user.give_tree(place)

    def _take_lock(self) -> int:
        """Locked for as long as the descriptor lives; no child inherits it."""
        lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode() or "unknown"
            os.close(lock)
            raise EmbeddedInUse(
                f"{self._directory} is in use by the server with pid {holder}: stop it, or choose "
                "another directory with MUNIMENT_DATA or --data."
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return lock

    def _launch(self, programs: Programs) -> None:
        """Start PostgreSQL under a new watchdog and return when it answers, or when `stop` was called meanwhile."""
        make_socket_directory(self._directory, programs.user)
        place = socket_directory(self._directory)
        conninfo = self.conninfo("owner")
        environment = _environment(end_leftover(programs, self._data, place))
        try:
            add_backup_role(self._directory, programs, environment)
        except EmbeddedError:
            _logger.exception("The database in %s is started, but cannot be backed up while it runs", self._directory)
        log = self._directory / "postgres.log"
        log.touch(mode=0o600)
        with log.open("ab") as output, self._launching:
            if self._stopping.is_set():
                return
            log_start = output.tell()
            self._watchdog = subprocess.Popen(  # noqa: S603  our own program, found beside this module
                _command(programs, self._directory, place),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environment,
                start_new_session=True,  # a Ctrl-C in our terminal must reach us alone
            )
        for _ in poll_attempts(START_SECONDS_MAX):
            if PGconn.ping(conninfo.encode()) == Ping.OK:
                break
            if self._stopping.is_set():
                return
            if self._watchdog.poll() is not None:
                said = log.read_bytes()[log_start:].decode(errors="replace").strip()
                raise EmbeddedError(f"PostgreSQL ended while it was started in {self._directory}: {said}")
        else:
            raise EmbeddedError(f"PostgreSQL did not answer in {START_SECONDS_MAX:.0f} seconds: see {log}.")

    def _supervise(self, programs: Programs) -> None:
        """Start PostgreSQL again as often as it ends without our doing. A thread of its own."""
        pause = RESTART_SECONDS_MIN
        while self._watchdog is not None:
            since = time.monotonic()
            status = self._watchdog.wait()
            self._end_watchdog()
            if time.monotonic() - since >= STABLE_SECONDS:
                pause = RESTART_SECONDS_MIN
            if self._stopping.wait(pause):
                return
            _logger.error("PostgreSQL in %s ended with status %d and is started again", self._directory, status)
            pause = min(pause * 2, RESTART_SECONDS_MAX)
            try:
                self._launch(programs)
            except (EmbeddedError, OSError, subprocess.SubprocessError):
                _logger.exception("PostgreSQL in %s could not be started again; next attempt follows", self._directory)
                self._end_watchdog()

    def _end_watchdog(self) -> None:
        with self._launching:
            if self._watchdog is not None and self._watchdog.stdin is not None:
                self._watchdog.stdin.close()  # what the watchdog waits for
                self._watchdog.wait()


def _command(programs: Programs, directory: Path, place: Path) -> list[str]:
    user = programs.user
    owner = "-" if user.uid is None else f"{user.uid}:{user.gid}"
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    settings = _SETTINGS | {
        "hba_file": str(directory / "pg_hba.conf"),
        # A list, in which a quoted path may hold commas and spaces.
        "unix_socket_directories": '"{}"'.format(str(place).replace('"', '""')),
        "shared_buffers": "128MB" if memory_bytes < SMALL_MEMORY_BYTES else "256MB",
    }
    return [
        *(sys.executable, "-I", "-S", embedded_watchdog.__file__, owner),
        *(str(programs.bin / "postgres"), "-D", str(directory / "data")),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]


def _environment(reused_pid: int | None) -> dict[str, str]:
    """PostgreSQL refuses to start while the process in its old pid file lives, unless that is its own grandparent.

    With that name it disregards a pid that now belongs to some other process, and still checks that no shared memory
    of that data directory is in use (CreateLockFile in src/backend/utils/init/miscinit.c).
    """
    return ENVIRONMENT | ({} if reused_pid is None else {"PG_GRANDPARENT_PID": str(reused_pid)})


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
