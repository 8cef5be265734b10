"""What a projection is: a file of SQL that turns the events of a ledger into tables; and how the tables come to be."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import psycopg
from psycopg import sql

from domain.foundation.events import UnknownTopic
from domain.registry import current_topic
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.engine", "definition.sql")
LIVE_SCHEMA = "views"
"""Where the live tables stand. Statements of projections name their tables without it: a rebuild has its own."""
SHARED_TABLES = "views"
"""The name, beside those of the projections, of what they share."""
PROJECTION_NAMES = ("permissions", "sessions", "credentials", "trail", "due", "lineage")

PREPARE_LOCK = 0x76696577
"""The advisory lock of whoever creates or replaces the tables."""


class RebuildRequired(Exception):  # noqa: N818  said to a person
    """The tables of a projection were made by another text than this program's."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A `.sql` file: `-- name: schema` creates the tables, and a section named by a topic reads the events under it.

    A section with the parameter %(entry)s is run for one entry at a time, in the order of the positions. A section
    without it is run once for a batch and reads ledger.uses itself, from behind %(after)s up to %(to)s: that is for
    uses, which are many. It inserts one row for each. Such sections go first, so one of the other kind must look
    only at rows of positions before its own. Events that no section is named after are not read.
    """

    name: str
    schema: bytes
    entry_statements: Mapping[str, bytes]
    batch_statements: Mapping[str, bytes]

    @classmethod
    def load(cls, name: str) -> Self:
        sections = dict(load_statements("projections.tables", f"{name}.sql"))
        schema = sections.pop("schema")
        of_entries = {topic: statement for topic, statement in sections.items() if b"%(entry)s" in statement}
        of_batches = {topic: statement for topic, statement in sections.items() if topic not in of_entries}
        return cls(name, schema, of_entries, of_batches)

    def reads(self, topic: str) -> bool:
        return topic in self.entry_statements or topic in self.batch_statements

    def skips(self, topic: str) -> bool:
        """Whether events under the topic may be passed over. Not so one that this program does not know at all, or that
        the file reads only in the shape of today."""
        try:
            return not self.reads(topic) and not self.reads(current_topic(topic))
        except UnknownTopic:
            return False


def load_projections() -> tuple[Projection, ...]:
    return tuple(Projection.load(name) for name in PROJECTION_NAMES)


def set_search_path(connection: psycopg.Connection, schema: str = LIVE_SCHEMA) -> None:
    """Puts the schema first on the connection's search path: there its statements find their tables."""
    connection.execute("select set_config('search_path', %s, false)", (schema,))


def create_tables(connection: psycopg.Connection, projections: Iterable[Projection], schema: str = LIVE_SCHEMA) -> None:
    """Creates the tables that are missing in the schema, readable to the doors.

    Raises MustBeRebuilt, and creates nothing, when tables of another shape are there.
    """
    set_search_path(connection, schema)
    wanted = {SHARED_TABLES: SQL["schema"]} | {projection.name: projection.schema for projection in projections}
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
        cursor.execute(SQL["schemas"])
        made: dict[str, str] = dict(cursor.execute("select name, sha256 from schemas").fetchall())
        if stale := [name for name, text in wanted.items() if made.get(name, sha256_hex(text)) != sha256_hex(text)]:
            raise RebuildRequired(
                f"In the schema {schema}, the tables of {' and '.join(stale)} were made by another version of this "
                "program and must be rebuilt: stop the server of that version if it still runs, then "
                f"`{_rebuild_command(stale)}`."
            )
        for name, text in wanted.items():
            if name not in made:
                cursor.execute(text)
                cursor.execute("insert into schemas values (%s, %s)", (name, sha256_hex(text)))
        grant = sql.SQL("grant select on all tables in schema {} to muniment_writer, muniment_reader")
        cursor.execute(grant.format(sql.Identifier(schema)))


def sha256_hex(text: bytes) -> str:
    """By which the text that made tables is known again: SHA-256, in hexadecimal digits."""
    return hashlib.sha256(text).hexdigest()


def _rebuild_command(stale: list[str]) -> str:
    return " ".join(["muniment rebuild", *([] if SHARED_TABLES in stale else stale), "--swap"])
