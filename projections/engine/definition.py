"""What a projection is: a file of SQL that turns the events of a ledger into tables; and how the tables come to be."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, resources
from typing import Protocol, Self

import psycopg
from psycopg import sql

from domain.account import AccountChange, FoldStep
from domain.foundation.events import UnknownTopic
from domain.registry import current_topic, event_class
from projections.engine.sql_files import SqlStatement, load_statements

SQL = load_statements("projections.engine", "definition.sql")
LIVE_SCHEMA = "views"
"""Where the live tables stand. Statements of projections name their tables without it: a rebuild has its own."""
SHARED_TABLES = "views"
"""The name, beside those of the projections, of what they share."""
PROJECTION_NAMES = tuple(
    sorted(
        file.name.removesuffix(".sql")
        for file in resources.files("projections.tables").iterdir()
        if file.name.endswith(".sql")
    )
)
"""A projection is there when its file is."""

PREPARE_LOCK = 0x76696577
"""The advisory lock of whoever creates or replaces the tables."""
PREPARE_SECONDS_MAX = 30
"""To wait for it. Longer than TRANSACTION_IDLE_SECONDS_MAX: who is frozen has lost it by then."""
TRANSACTION_IDLE_SECONDS_MAX = 5
"""Of who holds locks that others wait for, and says nothing any more."""
_FITS = re.compile(rb"^-- fits: ([0-9a-f]{64})$", re.MULTILINE)
_COMMENT = re.compile(rb"^\s*--.*\n?", re.MULTILINE)


log = logging.getLogger("muniment.projections")


class ComputedRows(Protocol):
    """A module that makes rows of what changes do to an account."""

    def version(self) -> str:
        """Another one where the program would make other rows of the same changes."""

    def addition(self) -> str:
        """Another one where it would because of what the operator has added to the program; empty for nothing."""

    def rows(
        self, steps: Iterable[FoldStep], history: Callable[[int], Iterable[FoldStep]]
    ) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """Of an account's next changes, by section, in the order in which the sections are to be run. `history` gives
        all of the account's up to a position, for what is to be looked at from the beginning."""


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """A `.sql` file: `-- name: schema` creates the tables, and a section named by topics reads the events under them.

    A section with the parameter %(entry)s is run for one entry at a time, in the order of the positions; %(topic)s is
    the entry's. A section without %(entry)s is run once for a batch and reads ledger.uses itself, from behind %(after)s
    up to %(to)s: that is for uses, which are many. It inserts one row for each. Such sections go first, so one of the
    other kind must look only at rows of positions before its own. Events that no section is named after are not read.

    A section with %(rows)s is of a computed projection: the module of the file's name beside it makes rows of the
    values that the account's changes fold into, and the section, once for a batch, does with them what it says; they
    are a JSON array of objects (docs/adr/0059).

    `-- name: functions`, which may be missing, creates or replaces what the other sections call. A line `-- fits:` has
    the digest of an earlier text, of whose tables this one's author says: the program's questions read them as they
    are, and this text's sections go on writing them. They are used while the new ones are built.
    """

    name: str
    schema: SqlStatement
    entry_statements: Mapping[str, SqlStatement]
    batch_statements: Mapping[str, SqlStatement]
    functions: SqlStatement | None = None
    fits: frozenset[str] = frozenset()
    row_statements: Mapping[str, SqlStatement] = field(default_factory=dict)
    computed: ComputedRows | None = None

    @classmethod
    def load(cls, name: str) -> Self:
        sections = dict(load_statements("projections.tables", f"{name}.sql"))
        text = resources.files("projections.tables").joinpath(f"{name}.sql").read_bytes()
        schema, functions = sections.pop("schema"), sections.pop("functions", None)
        of_rows = {each: statement for each, statement in sections.items() if b"%(rows)s" in bytes(statement)}
        of_entries = {topic: statement for topic, statement in sections.items() if b"%(entry)s" in bytes(statement)}
        of_batches = {topic: of for topic, of in sections.items() if topic not in of_entries and topic not in of_rows}
        computed: ComputedRows | None = import_module(f"projections.tables.{name}") if of_rows else None
        return cls(name, schema, of_entries, of_batches, functions, _fits(text), of_rows, computed)

    @property
    def digest(self) -> str:
        """By which the text that makes these tables is known again: all that it does, whatever its comments say. What
        the operator has added to a computed one stands behind a colon: tables with another addition, or none, do not
        fit, but are of no other version of the program."""
        made_by = {"schema": self.schema, "functions": self.functions or b""}
        computed = {} if self.computed is None else {"computed": self.computed.version().encode()}
        sections = {**self.entry_statements, **self.batch_statements, **self.row_statements}
        addition = "" if self.computed is None else self.computed.addition()
        return ":".join(filter(None, (_digest({**made_by, **sections, **computed}), addition)))

    def reads(self, topic: str) -> bool:
        if topic in self.entry_statements or topic in self.batch_statements:
            return True
        return self.computed is not None and self.is_computed_from(topic)

    def is_computed_from(self, topic: str) -> bool:
        """Of a computed projection: whether events under the topic alter the value of an account."""
        try:
            return issubclass(event_class(current_topic(topic)), AccountChange)
        except UnknownTopic:
            return False

    def skips(self, topic: str) -> bool:
        """Whether events under the topic may be passed over. Not so one that this program does not know at all, or that
        the file reads only in the shape of today."""
        try:
            return not self.reads(topic) and not self.reads(current_topic(topic))
        except UnknownTopic:
            return False


@cache
def load_projections() -> tuple[Projection, ...]:
    return tuple(Projection.load(name) for name in PROJECTION_NAMES)


def _fits(text: bytes) -> frozenset[str]:
    return frozenset(digest.decode() for digest in _FITS.findall(text))


def _digest(sections: Mapping[str, bytes]) -> str:
    whole = b"".join(name.encode() + b"\n" + _COMMENT.sub(b"", text) + b"\n" for name, text in sorted(sections.items()))
    return hashlib.sha256(whole).hexdigest()


@cache
def _shared() -> tuple[str, frozenset[str]]:
    """The digest of what projections share, and those of the earlier texts that fit."""
    text = resources.files("projections.engine").joinpath("definition.sql").read_bytes()
    return _digest({name: SQL[name] for name in ("schema", "functions")}), _fits(text)


def digests(projections: Iterable[Projection]) -> dict[str, str]:
    """Of what they share, and of each."""
    return {SHARED_TABLES: _shared()[0]} | {projection.name: projection.digest for projection in projections}


@cache
def fitting_digests(*projections: Projection) -> list[str]:
    """Those of the texts whose tables this program reads and writes. A text that is not among them is not known, and
    of its tables nothing is believed."""
    known = {_shared()[0], *_shared()[1]}
    return sorted(known.union(*({projection.digest, *projection.fits} for projection in projections)))


def set_search_path(connection: psycopg.Connection, schema: str = LIVE_SCHEMA) -> None:
    """Puts the schema first on the connection's search path: there its statements find their tables."""
    connection.execute("select set_config('search_path', %s, false)", (schema,))


def create_tables(connection: psycopg.Connection, projections: Iterable[Projection], schema: str = LIVE_SCHEMA) -> None:
    """Creates the tables of those projections that have none in the schema, readable to the doors."""
    set_search_path(connection, schema)
    with connection.transaction(), connection.cursor() as cursor:
        _take_prepare_lock(cursor)
        cursor.execute(SQL["schemas"])
        _create_missing(cursor, tuple(projections), schema)


def prepare_live_tables(connection: psycopg.Connection, projections: Sequence[Projection]) -> None:
    """For whoever follows the ledgers: creates all tables where there are none yet, and gives those that an earlier
    text has made, and that fit, the functions of this one. All else is left to whoever builds the new ones.

    Raises psycopg.errors.LockNotAvailable when another process has been at it for half a minute.
    """
    set_search_path(connection)
    with connection.transaction(), connection.cursor() as cursor:
        _take_prepare_lock(cursor)
        cursor.execute(SQL["schemas"])
        made: dict[str, str] = dict(cursor.execute(SQL["made"]).fetchall())
        if not made or not cursor.execute("select 1 from ledger.heads where position > 0 limit 1").fetchone():
            _create_missing(cursor, projections, LIVE_SCHEMA)
            return
        fitting = fitting_names(made, projections)
        if SHARED_TABLES in fitting and made[SHARED_TABLES] != _shared()[0]:
            cursor.execute(SQL["functions"])
        for projection in projections:
            if projection.name in fitting and projection.functions and made[projection.name] != projection.digest:
                cursor.execute(projection.functions)


def try_prepare_lock(cursor: psycopg.Cursor) -> bool:
    """Whether the lock is the caller's until its transaction ends, or falls silent for too long."""
    idle = f"{TRANSACTION_IDLE_SECONDS_MAX}s"
    cursor.execute("select set_config('idle_in_transaction_session_timeout', %s, true)", (idle,))
    return cursor.execute("select pg_try_advisory_xact_lock(%s)", (PREPARE_LOCK,)).fetchone() == (True,)


def _take_prepare_lock(cursor: psycopg.Cursor) -> None:
    if try_prepare_lock(cursor):
        return
    log.warning("Waiting for another process, which creates or replaces the tables of the projections.")
    cursor.execute("select set_config('lock_timeout', %s, true)", (f"{PREPARE_SECONDS_MAX}s",))
    try:
        cursor.execute("select pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
    except psycopg.errors.LockNotAvailable as error:
        raise psycopg.errors.LockNotAvailable(
            f"another process has been creating or replacing the tables of the projections for {PREPARE_SECONDS_MAX} s."
        ) from error
    cursor.execute("set local lock_timeout to default")


def _create_missing(cursor: psycopg.Cursor, projections: Sequence[Projection], schema: str) -> None:
    made: dict[str, str] = dict(cursor.execute(SQL["made"]).fetchall())
    texts = {SHARED_TABLES: (SQL["schema"], SQL["functions"])} | {p.name: (p.schema, p.functions) for p in projections}
    for name, digest in digests(projections).items():
        if name not in made:
            for text in texts[name]:
                if text:
                    cursor.execute(text)
            cursor.execute(SQL["make"], {"name": name, "sha256": digest})
    grant = sql.SQL("grant select on all tables in schema {} to muniment_writer, muniment_reader")
    cursor.execute(grant.format(sql.Identifier(schema)))


def fitting_names(made: Mapping[str, str], projections: Iterable[Projection]) -> frozenset[str]:
    """Of those whose tables are there, which this program can read and write; with the name of what they share."""
    digest, earlier = _shared()
    if made.get(SHARED_TABLES) not in {digest, *earlier}:
        return frozenset()
    fitting = (each.name for each in projections if made.get(each.name) in {each.digest, *each.fits})
    return frozenset({SHARED_TABLES, *fitting})


def outdated_names(made: Mapping[str, str], projections: Iterable[Projection]) -> tuple[str, ...]:
    """The projections whose tables this program would make otherwise, or has not made yet: all of them where that is
    so of what they share."""
    wanted = digests(projections)
    stale = {name for name, digest in wanted.items() if made.get(name) != digest}
    return tuple(name for name in wanted if name != SHARED_TABLES and (name in stale or SHARED_TABLES in stale))
