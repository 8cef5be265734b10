"""Where the ledger lives: connections by role, and migrations (docs/adr/0031)."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Final, Literal, Protocol

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool

from projections.engine.sql_files import SqlStatement, load_script
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
_SERVER_ROLES = ("muniment_writer", "muniment_projector", "muniment_reader")
MIGRATE = "run `muniment migrate` with the owner's login in MUNIMENT_OWNER_DATABASE_URL"
_LOGIN: Final = """
with reached as (select * from pg_roles where pg_has_role(%(login)s, oid, 'member'))
select
    exists (select from reached where rolsuper or oid in (
        select nspowner from pg_namespace where nspname = 'ledger'
        union all select relowner from pg_class
            where relnamespace = to_regnamespace('ledger') or oid = to_regclass('public.muniment_migrations')
        union all select proowner from pg_proc where pronamespace = to_regnamespace('ledger'))),
    (select min(case when rolcreaterole then 'CREATEROLE' else rolname end) from reached where rolcreaterole
        or rolname in ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program')),
    (select count(*) = 3 from reached where rolname in ('muniment_writer', 'muniment_projector', 'muniment_reader'))
"""
"""Of a login and all roles that it can take on: whether it owns the ledger or something in it, what it has with which
it could still change it, and whether it has the roles of a server."""


class DatabaseUnfit(Exception):  # noqa: N818  said to a person
    """The database cannot be used by this program as it is; the message says what to do."""


class MigrationMismatch(DatabaseUnfit):
    """The database's migrations are not those of this program."""


class DatabaseNotMigrated(DatabaseUnfit):
    """The database has not had the migrations of this program yet, or its login lacks the roles."""


class OwnerLoginRefused(DatabaseUnfit):
    """A server was given the login that may do everything, or `muniment migrate` one that may not."""


class Database(Protocol):
    """The embedded PostgreSQL, or yours."""

    def conninfo(self, role: DatabaseRole) -> str:
        """For libpq. Raises nothing: whether somebody answers there, connecting shows."""
        ...

    def shortage(self, room_bytes: int = 0) -> str | None:
        """Why nothing that takes so much room should be written there now, as far as that can be seen from here. Raises
        OSError."""
        ...


class ExternalDatabase:
    """A database reached by a URL, whose login takes on the role that each connection needs. The owner's own URL is
    for whoever migrates; without it no connection can be the owner's."""

    def __init__(self, url: str, *, owner_url: str | None = None) -> None:
        self.url = url
        self._owner_url = owner_url

    def conninfo(self, role: DatabaseRole) -> str:
        """Raises OwnerLoginRefused for the owner, where no URL of it is known."""
        if role != "owner":
            return make_conninfo(self.url, options=f"-c role=muniment_{role}")
        if self._owner_url is None:
            raise OwnerLoginRefused("The owner's login is missing: MUNIMENT_OWNER_DATABASE_URL takes it.")
        return self._owner_url

    def shortage(self, room_bytes: int = 0) -> None:
        """Its disk is for its administrator to watch."""

    def refuse_unfit_login(self) -> None:
        """Raises DatabaseNotMigrated when the login cannot take on the roles, and OwnerLoginRefused when it can do
        more: a server that is taken over must not be able to rewrite the ledger."""
        with psycopg.connect(with_settings(self.url), autocommit=True) as connection, connection.cursor() as cursor:
            ((login,),) = cursor.execute("select session_user").fetchall()
            power, has_roles = _login_powers(cursor, login)
        if power is not None:
            raise OwnerLoginRefused(
                f"The login {login} in MUNIMENT_DATABASE_URL {power}, and no server may: create another login for it, "
                f"and {MIGRATE}."
            )
        if not has_roles:
            raise DatabaseNotMigrated(f"The login {login} lacks the roles of a server: {MIGRATE}.")


def database_error_text(error: psycopg.Error) -> str:
    """For whoever operates it: what is wrong, and what to do where that is known."""
    said = str(error).strip().partition("\n")[0].rstrip(".")
    if isinstance(error, psycopg.errors.DataCorrupted | psycopg.errors.IndexCorrupted):
        return (
            f"The database is damaged: {said}. Keep a copy of it as it is, see what of it is whole with `muniment "
            "verify`, and restore a backup beside it."
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"The database's login lacks a right that migrating had given it: {said}."
    return f"The database cannot be used: {str(error).strip()}"


def connect(database: Database, role: DatabaseRole) -> psycopg.Connection:
    """A connection in autocommit, so that every transaction is one that the code names. What hangs ends: statements
    of requests, and transactions that nobody goes on with, after two seconds."""
    connection = psycopg.connect(with_settings(database.conninfo(role)), autocommit=True)
    try:
        if role not in _NO_LIMIT:
            limit_statements(connection)
        if role == "writer":
            keep_durable(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def with_settings(conninfo: str) -> str:
    """With our own timeouts, where it names none, and in UTC: a time that is read is written down again as it came,
    whatever the database's own zone."""
    given = conninfo_to_dict(conninfo)
    options = f"{given.get('options', '')} -c TimeZone=UTC".lstrip()
    return make_conninfo("", **(_TIMEOUTS | given | {"options": options}))


def limit_statements(connection: psycopg.Connection) -> None:
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.execute("select set_config(%s, %s, false)", (setting, f"{STATEMENT_SECONDS_MAX}s"))


def limit_lock_waits(connection: psycopg.Connection) -> None:
    """For a connection that is to wait for locks, and not for long."""
    connection.execute("select set_config('lock_timeout', %s, false)", (f"{LOCK_MILLISECONDS_MAX}ms",))


@contextmanager
def patient_snapshot(connection: psycopg.Connection) -> Iterator[None]:
    """One read-only transaction that takes its time, as of one moment, with nothing locked."""
    connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
    try:
        with connection.transaction():
            connection.execute("set local statement_timeout = 0")
            connection.execute("set local idle_in_transaction_session_timeout = 0")
            # Whatever the planner knows of the tables: in the order of the keys, so that no ledger is sorted on disk.
            connection.execute("set local enable_sort = off")
            yield
    finally:
        connection.isolation_level = connection.read_only = None


def migrations() -> list[tuple[str, SqlStatement]]:
    """Names and texts, in the order of their numbers."""
    folder = resources.files("services.ledger") / "migrations"
    return sorted((file.name, load_script(file)) for file in folder.iterdir() if file.name.endswith(".sql"))


def migrate(database: Database, login: str | None = None) -> list[str]:
    """As the owner: brings the schema to this program's version, and lets `login` take on the roles of a server. Gives
    the names of what was applied.

    Raises MigrationMismatch when the database has been migrated by another text of the same number, or by a newer
    program, and OwnerLoginRefused when the login does not exist or may do more than a server, or the owner's may less
    than an owner.
    """
    with connect(database, "owner") as connection:
        try:
            return _migrate(connection, login)
        except psycopg.errors.InsufficientPrivilege as error:
            raise OwnerLoginRefused(
                f"The login {connection.info.user} in MUNIMENT_OWNER_DATABASE_URL cannot migrate: "
                f"{error.diag.message_primary}. It takes the login that owns the ledger and may create roles."
            ) from error


def _migrate(connection: psycopg.Connection, login: str | None) -> list[str]:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK_KEY,))
        _create_roles(cursor)
        cursor.execute("create table if not exists public.muniment_migrations (name text primary key, sha256 text)")
        known = {name: (text, hashlib.sha256(text).hexdigest()) for name, text in migrations()}
        missing = _missing(cursor)
        for name in missing:
            text, digest = known[name]
            cursor.execute(text)
            cursor.execute("insert into public.muniment_migrations values (%s, %s)", (name, digest))
        cursor.execute("grant select on public.muniment_migrations to muniment_reader")
        if login is not None:
            _grant_roles(cursor, login)
        return missing


def refuse_unmigrated(database: Database) -> None:
    """For whoever uses the ledger and does not own it. Raises DatabaseNotMigrated, and MigrationMismatch when a newer
    program, or another one, has migrated the database."""
    with connect(database, "reader") as connection:
        try:
            missing = _missing(connection.cursor())
        except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
            missing = [name for name, _ in migrations()]
    if missing:
        cure = MIGRATE if isinstance(database, ExternalDatabase) else "start the server with this version"
        raise DatabaseNotMigrated(f"The database has not been migrated to this version of the program: {cure}.")


def _missing(cursor: psycopg.Cursor) -> list[str]:
    """Raises MigrationMismatch."""
    applied: dict[str, str] = dict(cursor.execute("select name, sha256 from public.muniment_migrations").fetchall())
    known = {name: hashlib.sha256(text).hexdigest() for name, text in migrations()}
    for name, digest in applied.items():
        if name not in known:
            raise MigrationMismatch(f"The database has the migration {name}, which this program does not know.")
        if known[name] != digest:
            raise MigrationMismatch(f"The database was migrated with another {name} (SHA-256 {digest}).")
    return [name for name in known if name not in applied]


def _create_roles(cursor: psycopg.Cursor) -> None:
    """The embedded database has its roles already, with passwords; in yours they are taken on, not logged in to."""
    for role in _SERVER_ROLES:
        if cursor.execute("select from pg_roles where rolname = %s", (role,)).fetchone() is None:
            cursor.execute(SQL("create role {} nologin").format(Identifier(role)))


def _grant_roles(cursor: psycopg.Cursor, login: str) -> None:
    if cursor.execute("select from pg_roles where rolname = %s", (login,)).fetchone() is None:
        raise OwnerLoginRefused(f"There is no login {login}: create it with `create role`, and migrate again.")
    power, _ = _login_powers(cursor, login)
    if power is not None:
        raise OwnerLoginRefused(f"The login {login} {power}, and no server may: name another one.")
    for role in _SERVER_ROLES:
        cursor.execute(SQL("grant {} to {}").format(Identifier(role), Identifier(login)))


def _login_powers(cursor: psycopg.Cursor, login: str) -> tuple[str | None, bool]:
    """What it may that no server may, and whether it may what a server must."""
    ((owns, power, has_roles),) = cursor.execute(_LOGIN, {"login": login}).fetchall()
    if owns:
        return "owns the ledger", has_roles
    return None if power is None else f"has {power}, with which it can change the ledger", has_roles


def connection_pool(database: Database, role: DatabaseRole, size: int) -> ConnectionPool[psycopg.Connection]:
    """Of at most so many connections in autocommit. Not open yet."""
    return ConnectionPool(
        with_settings(database.conninfo(role)),
        kwargs={"autocommit": True},
        min_size=1,
        max_size=size,
        timeout=2,
        # Given up soon and tried anew by the next call: the pool would double its pauses while an outage lasts.
        reconnect_timeout=2,
        open=False,
        configure=limit_statements,
        check=ConnectionPool.check_connection,
        name=f"muniment-{role}",
    )
