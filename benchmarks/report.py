"""The table, and the README that it goes into."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import LiteralString

import psycopg
from psycopg.sql import SQL, Identifier

from benchmarks.servers import NotMeasured
from services.ledger.database import connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory

IN_MEMORY = frozenset({"tmpfs", "ramfs"})
README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- {}: written by `python -m benchmarks --write` -->\n", "<!-- until here -->\n"


def spread(values: Iterable[float], form: str) -> str:
    """The median, least and most in brackets."""
    values = list(values)
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def circumstances(data: Path) -> str:
    """When, of what and where; `data` is the data directory of the server, which runs. Raises NotMeasured where the
    database is in memory."""
    place = resolve_directory(data / "postgres")
    with connect(EmbeddedPostgres(place), "owner") as connection:
        postgres = f"PostgreSQL {_shown(connection, 'server_version')} (fsync {_shown(connection, 'fsync')})"
    return machine(_file_system(place), postgres, ("uvicorn", "httptools", "uvloop", "psycopg", "pydantic"))


def machine(file_system: str = "", postgres: str = "", packages: Sequence[str] = ("pydantic",)) -> str:
    """When, of what and on what."""
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    hardware = f"{os.cpu_count()} cores ({_processor()})"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {_commit()}; {', '.join(filter(None, (hardware, file_system)))}; "
        f"{', '.join(filter(None, (postgres, *versions)))}.\n"
    )


def write(name: str, text: str) -> None:
    """Puts the text between the README's marks of that name."""
    mark = BEGIN.format(name)
    before, begin, rest = README.read_text().partition(mark)
    former, end, after = rest.partition(END)
    if not begin or not end or "<!-- " in former:
        raise NotMeasured(f"{README} lacks one of the lines {mark.strip()} and {END.strip()}.")
    README.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _file_system(place: Path) -> str:
    """Its type, such as ext4. Raises NotMeasured where nothing outlives a power failure, whatever fsync says."""
    kind = _said("findmnt", "--noheadings", "--output=FSTYPE", f"--target={place}")
    if kind in IN_MEMORY:
        raise NotMeasured(f"{place} is on {kind}, in memory: choose a --directory on a disk.")
    return kind


def _shown(connection: psycopg.Connection, setting: LiteralString) -> str:
    row = connection.execute(SQL("show {}").format(Identifier(setting))).fetchone()
    assert row is not None
    return str(row[0])


def _commit() -> str:
    changed = (
        " with changes" if _said("git", "status", "--porcelain", "--", "domain", "projections", "services") else ""
    )
    return _said("git", "rev-parse", "--short", "HEAD") + changed


def _processor() -> str:
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return names[0] if names else platform.machine()


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=README.parent.parent, capture_output=True, text=True, check=True).stdout.strip()
