"""SQL is source: it stands in .sql files beside the code, named, and is read once."""

import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NewType

from psycopg import sql

_NAMES = re.compile(rb"((?:^-- name: \S+\n)+)", re.MULTILINE)


SqlStatement = NewType("SqlStatement", bytes)
"""What stood in an .sql file. psycopg takes bytes where it takes a literal; nothing is ever put together from parts at
run time, and mypy refuses it (tests/sql_plugin.py)."""


def load_statements(package: str, file_name: str) -> Mapping[str, SqlStatement]:
    """The statements of a file by the names in their `-- name: …` lines, of which one may have several. Parameters are
    written %(name)s."""
    _, *parts = _NAMES.split(resources.files(package).joinpath(file_name).read_bytes())
    named = [
        (line.decode().removeprefix("-- name: "), SqlStatement(body.strip()))
        for lines, body in zip(parts[::2], parts[1::2], strict=True)
        for line in lines.splitlines()
    ]
    if len(dict(named)) != len(named):
        raise ValueError(f"{package}/{file_name}: two statements have the same name.")
    return dict(named)


def from_composed(query: sql.Composed) -> SqlStatement:
    """What psycopg has put together from literals and identifiers that it quotes."""
    return SqlStatement(query.as_bytes())


def load_script(file: Traversable) -> SqlStatement:
    """A file that is one statement, or several without parameters."""
    return SqlStatement(file.read_bytes())
