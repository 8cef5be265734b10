"""A base backup of our own PostgreSQL: taken while servers write, and copied back with every byte compared."""

import hashlib
import json
import os
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from services.ledger.disk_guard import FREE_BYTES_MIN, free_bytes
from services.ledger.embedded_programs import ENVIRONMENT, EmbeddedError, Programs

BackupProgress = Callable[[str, int, int], None]
"""Hears what is being done, and how many kilobytes of how many are behind it."""
MANIFEST = "backup_manifest"
"""PostgreSQL's own, of every file but the write-ahead log and itself
(https://www.postgresql.org/docs/current/backup-manifest-format.html)."""
LINES_SAID_MAX = 20
_PROGRESS = re.compile(r"\s*(\d+)/(\d+) kB")
_CHUNK_BYTES = 1 << 20
_LEFT_OUT = frozenset({MANIFEST, ".s.PGSQL.5432.lock"})
"""Of the copy: what another server's socket has left, and what is of use no more."""


class DamagedBackup(Exception):  # noqa: N818  said to a person
    """A backup that is not as it was made."""


@dataclass(frozen=True, slots=True)
class BaseBackup:
    """A base backup in the directory `place`, as it has to be."""

    place: Path
    files: Mapping[str, str]
    """SHA-256 by path, of what PostgreSQL's manifest does not have: the write-ahead log, and the manifest itself."""
    tell: BackupProgress

    def copy(self, to: Path) -> None:
        """Into the empty directory `to`, durably. Raises DamagedBackup at the first file that is not what it was."""
        expected = {**self.files, **self._manifest()}
        total = sum(path.stat().st_size for path in _files(self.place)) >> 10
        _refuse_full_disk(to, total << 10)
        done = 0
        for path in _files(self.place):
            name = str(path.relative_to(self.place))
            copy = to / name
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if expected.pop(name, None) != _copied(path, copy):
                raise DamagedBackup(f"{path} is not the file that was backed up.")
            if name in _LEFT_OUT:
                copy.unlink()
            done += path.stat().st_size
            self.tell("copying", done >> 10, total)
        if expected:
            raise DamagedBackup(f"{self.place / min(expected)} is missing.")
        for directory, names, _ in os.walk(self.place):
            inside = to / Path(directory).relative_to(self.place)
            for name in names:  # PostgreSQL needs the empty ones, too.
                (inside / name).mkdir(mode=0o700, exist_ok=True)
        os.sync()  # once: a cluster has a thousand files

    def _manifest(self) -> dict[str, str]:
        """SHA-256 by path, as PostgreSQL has found them. Raises DamagedBackup."""
        path = self.place / MANIFEST
        try:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() == self.files.get(MANIFEST):
                return {file["Path"]: file["Checksum"] for file in json.loads(content)["Files"]}
        except FileNotFoundError:
            raise DamagedBackup(f"{path} is missing.") from None
        raise DamagedBackup(f"{path} is not the file that was backed up.")


def take_base_backup(conninfo: str, programs: Programs, place: Path, tell: BackupProgress) -> BaseBackup:
    """Into the directory `place`, which must not exist, durably: consistent as of the end. Nobody has to wait for it.

    Raises EmbeddedError with what PostgreSQL said; what stands in `place` then is worth nothing.
    """
    login = conninfo_to_dict(conninfo)
    command = [
        str(programs.bin / "pg_basebackup"),
        f"--dbname={make_conninfo('', **{name: login[name] for name in ('host', 'port', 'user')})}",
        f"--pgdata={place}",
        *("--format=plain", "--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256"),
        *("--progress", "--no-password"),
    ]
    said: deque[str] = deque(maxlen=LINES_SAID_MAX)
    with subprocess.Popen(  # noqa: S603  our own program
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | {"PGPASSWORD": str(login["password"])},
        cwd="/",
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := _PROGRESS.match(line):
                    tell("copying the database", int(found[1]), int(found[2]))
                elif "skipping special file" not in line:
                    said.append(line.strip())
                _refuse_full_disk(place.parent)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise EmbeddedError(f"{command[0]} failed with the output: {' '.join(said)}")
    listed = {file["Path"] for file in json.loads((place / MANIFEST).read_bytes())["Files"]}
    names = {str(path.relative_to(place)) for path in _files(place)}
    return BaseBackup(place, {name: _digest(place / name) for name in sorted(names - listed)}, tell)


def _refuse_full_disk(place: Path, room_bytes: int = 0) -> None:
    """It may be the database's own, and that of everybody else."""
    needed = room_bytes + FREE_BYTES_MIN
    if free_bytes(place) < needed:
        raise EmbeddedError(f"Fewer than {needed >> 20} MiB are left on the disk of {place}.")


def _files(place: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(place):
        for name in (*names, *files):
            path = Path(directory, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise DamagedBackup(f"{path} is neither a file nor a directory, and a backup has nothing else.")
        yield from (Path(directory, name) for name in sorted(files))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copied(path: Path, copy: Path) -> str:
    """The SHA-256 of what was written."""
    digest = hashlib.sha256()
    with path.open("rb") as source, os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            to.write(chunk)
    return digest.hexdigest()
