"""Where the ledger lives: connections by role, and migrations."""

import hashlib
from importlib import resources
from typing import Literal, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from services.ledger.durability import keep_durable

DatabaseRole = Literal["owner", "writer", "projector", "reader"]
STATEMENT_SECONDS_MAX = 2
LOCK_MILLISECONDS_MAX = 40
"""Of those who have others waiting behind them: longer than a round of another process takes, shorter than anybody
notices."""
_TIMEOUTS = {
    "connect_timeout": 2,
    # A host that has gone without a word is noticed after some ten seconds, not after the system's two hours.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_NO_LIMIT: frozenset[DatabaseRole] = frozenset({"owner", "projector"})
_MIGRATION_LOCK_KEY = 0x6D756E69
"""The advisory lock of whoever migrates."""


class MigrationMismatch(Exception):  # noqa: N818  said to a person
    """The database's migrations are not those of this program."""


class Database(Protocol):
    """The embedded PostgreSQL, or yours."""

    def conninfo(self, role: DatabaseRole) -> str:
        """For libpq. Raises nothing: whether somebody answers there, connecting shows."""
        ...

    def shortage(self) -> str | None:
        """Why nothing should be written there now, as far as that can be seen from here. Raises OSError."""
        ...


class ExternalDatabase:
    """A database reached by one URL, whose user takes on the role that each connection needs."""

    def __init__(self, url: str) -> None:
        self._url = url

    def conninfo(self, role: DatabaseRole) -> str:
        return self._url if role == "owner" else make_conninfo(self._url, options=f"-c role=muniment_{role}")

    def shortage(self) -> None:
        """Its disk is for its administrator to watch."""


def connect(database: Database, role: DatabaseRole) -> psycopg.Connection:
    """A connection in autocommit, so that every transaction is one that the code names. What hangs ends: statements
    of requests, and transactions that nobody goes on with, after two seconds."""
    connection = psycopg.connect(with_timeouts(database.conninfo(role)), autocommit=True)
    try:
        if role not in _NO_LIMIT:
            limit_statements(connection)
        if role == "writer":
            keep_durable(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def with_timeouts(conninfo: str) -> str:
    """With our own timeouts, where it names none."""
    return make_conninfo("", **(_TIMEOUTS | conninfo_to_dict(conninfo)))


def limit_statements(connection: psycopg.Connection) -> None:
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute("select set_config(%s, %s, false)", (setting, f"{STATEMENT_SECONDS_MAX}s"))


def limit_lock_waits(connection: psycopg.Connection) -> None:
    """For a connection that is to wait for locks, and not for long."""
    connection.execute("select set_config('lock_timeout', %s, false)", (f"{LOCK_MILLISECONDS_MAX}ms",))


def migrations() -> list[tuple[str, bytes]]:
    """Names and texts, in the order of their numbers."""
    folder = resources.files("services.ledger") / "migrations"
    return sorted((file.name, file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".sql"))


def migrate(database: Database) -> list[str]:
    """Brings the schema to this program's version; gives the names of what was applied. Raises MigrationRefused when
    the database has been migrated by another text of the same number, or by a newer program."""
    with connect(database, "owner") as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK_KEY,))
        _create_roles(cursor)
        cursor.execute("create table if not exists public.muniment_migrations (name text primary key, sha256 text)")
        applied: dict[str, str] = dict(cursor.execute("select name, sha256 from public.muniment_migrations").fetchall())
        known = {name: (text, hashlib.sha256(text).hexdigest()) for name, text in migrations()}
        for name, digest in applied.items():
            if name not in known:
                raise MigrationMismatch(f"The database has the migration {name}, which this program does not know.")
            if known[name][1] != digest:
                raise MigrationMismatch(f"The database was migrated with another {name} (SHA-256 {digest}).")
        missing = [name for name in known if name not in applied]
        for name in missing:
            text, digest = known[name]
            cursor.execute(text)
            cursor.execute("insert into public.muniment_migrations values (%s, %s)", (name, digest))
        return missing


def _create_roles(cursor: psycopg.Cursor) -> None:
    """The embedded database has its roles already, with passwords; in yours they are taken on, not logged in to."""
    for role in ("muniment_writer", "muniment_projector", "muniment_reader"):
        if cursor.execute("select from pg_roles where rolname = %s", (role,)).fetchone() is None:
            cursor.execute(SQL("create role {} nologin").format(Identifier(role)))
            cursor.execute(SQL("grant {} to current_user").format(Identifier(role)))
