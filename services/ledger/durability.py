"""What a PostgreSQL must promise before a ledger is entrusted to it, ours or somebody else's (docs/adr/0015)."""

from typing import Final

import psycopg

SERVER_VERSION_MIN = 150000
"""As `server_version_num` counts: PostgreSQL 15."""

_OFF: Final = """
    SELECT name, setting FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
    ORDER BY name
"""

_PIN: Final = "SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)"


class UnsafeSessionError(psycopg.OperationalError):
    """Somebody has switched synchronous_commit off for our role or database since the server was started."""


class UnsafeDatabaseError(Exception):
    """The server would acknowledge a commit that it can lose, or is too old for our SQL."""


def refuse_unsafe_settings(connection: psycopg.Connection) -> None:
    """Raise UnsafeDatabaseError unless a commit on `connection` outlives a crash of the server and of its machine.

    With any of these three off, PostgreSQL answers COMMIT before the data is safe, or can tear a page when power fails
    (https://www.postgresql.org/docs/current/runtime-config-wal.html). `synchronous_commit` is judged as the connection
    has it, so what was set for its role or its database counts.
    """
    version = connection.info.server_version
    if version < SERVER_VERSION_MIN:
        raise UnsafeDatabaseError(
            f"The database server is PostgreSQL {version // 10000}; expected {SERVER_VERSION_MIN // 10000} or newer."
        )
    with connection.transaction():
        off = connection.execute(_OFF).fetchall()
    if off:
        found = ", ".join(f"{name} = {setting}" for name, setting in off)
        raise UnsafeDatabaseError(
            f"The database server runs with {found}, so it can lose what it acknowledged; expected on."
        )


def keep_durable(connection: psycopg.Connection) -> None:
    """Pin `synchronous_commit` as this session has found it, so that nothing set elsewhere reaches the session later.

    Of the three settings it is the one that a role, a database and a reload can change under a running server. Raises
    UnsafeSessionError, an OperationalError like any other database that cannot be used now, if it is off.
    """
    found = connection.execute(_PIN).fetchone()
    if found == ("off",):
        raise UnsafeSessionError("synchronous_commit is off for this session, which can lose commits; expected on.")
