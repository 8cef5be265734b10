"""What a projection is: a file of SQL that turns the events of a ledger into tables; and how the tables come to be."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Self

import psycopg
from psycopg.sql import SQL as Composable
from psycopg.sql import Identifier

from projections.statements import statements

SQL = statements("projections", "views.sql")
SCHEMA = "views"
"""Where the live tables stand. Statements of projections name their tables without it: a rebuild has its own."""
NAMES = ("permissions", "sessions", "credentials", "trail")

_PREPARING = 0x76696577
"""The advisory lock of whoever creates the tables."""
_IGNORES = re.compile(rb"^-- ignores: (.+)$", re.MULTILINE)


class MustBeRebuilt(Exception):  # noqa: N818  said to a person
    """The tables of a projection were made by another text than this program's."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A `.sql` file: `-- name: schema` creates the tables, and a section named by a topic reads the events under it.

    A section with the parameter %(entry)s is run for one entry at a time, in the order of the positions. A section
    without it is run once for a batch and reads the ledger itself, from behind %(after)s up to %(to)s: that is for
    uses, which are many. Those go first, so they only insert what happened, and a section of the other kind must
    look only at rows of positions before its own. Topics that the file does not read stand in its `-- ignores:`.
    """

    name: str
    schema: bytes
    of_entries: Mapping[str, bytes]
    of_batches: Mapping[str, bytes]
    ignored: frozenset[str]

    @classmethod
    def load(cls, name: str) -> Self:
        """Raises ValueError when the file contradicts itself."""
        sections = dict(statements("projections", f"{name}.sql"))
        text = resources.files("projections").joinpath(f"{name}.sql").read_bytes()
        ignored = frozenset(b" ".join(_IGNORES.findall(text)).decode().split())
        schema = sections.pop("schema")
        of_entries = {topic: statement for topic, statement in sections.items() if b"%(entry)s" in statement}
        of_batches = {topic: statement for topic, statement in sections.items() if topic not in of_entries}
        if both := sorted(ignored & sections.keys()):
            raise ValueError(f"projections/{name}.sql both reads and ignores {', '.join(both)}.")
        return cls(name, schema, of_entries, of_batches, ignored)

    @property
    def known(self) -> frozenset[str]:
        """Every topic that the file speaks of. An event of any other halts the projection."""
        return self.ignored | self.of_entries.keys() | self.of_batches.keys()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.schema).hexdigest()


def live() -> tuple[Projection, ...]:
    return tuple(Projection.load(name) for name in NAMES)


def prepare(connection: psycopg.Connection, projections: Iterable[Projection], schema: str = SCHEMA) -> None:
    """Puts the schema first on the connection's search path and creates the tables that are missing in it, readable
    to the doors. Raises MustBeRebuilt, and creates nothing, when tables of another shape are there."""
    connection.execute("select set_config('search_path', %s, false)", (schema,))
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (_PREPARING,))
        cursor.execute(SQL["schema"])
        made: dict[str, str] = dict(cursor.execute("select projection, sha256 from schemas").fetchall())
        for projection in projections:
            if projection.name not in made:
                cursor.execute(projection.schema)
                cursor.execute("insert into schemas values (%s, %s)", (projection.name, projection.digest))
            elif made[projection.name] != projection.digest:
                raise MustBeRebuilt(
                    f"The tables of the projection {projection.name} in the schema {schema} were made by another "
                    f"version of this program (SHA-256 {made[projection.name]}, expected {projection.digest}): "
                    "the projection must be rebuilt."
                )
        grant = Composable("grant select on all tables in schema {} to muniment_writer, muniment_reader")
        cursor.execute(grant.format(Identifier(schema)))
