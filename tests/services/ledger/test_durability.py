"""A server that can lose what it acknowledged is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from services.ledger import durability, embedded
from services.ledger.database import Database, connect
from services.ledger.durability import UnsafeDatabaseError, UnsafeSessionError, refuse_unsafe_settings
from services.ledger.embedded import EmbeddedPostgres
from tests.places import place_for_data


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with place_for_data() as place:
        yield place


def test_our_own_postgres_is_safe(directory: Path) -> None:
    """What we start passes, and the check leaves no transaction open."""
    with EmbeddedPostgres(directory) as postgres, psycopg.connect(postgres.conninfo("writer")) as connection:
        refuse_unsafe_settings(connection)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_each_unsafe_setting_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """Each of the three is enough, and only the one that is off is blamed."""
    monkeypatch.setitem(embedded._SETTINGS, setting, "off")
    with (
        EmbeddedPostgres(directory) as postgres,
        psycopg.connect(postgres.conninfo("reader")) as connection,
        pytest.raises(UnsafeDatabaseError, match=f"runs with {setting} = off, so"),
    ):
        refuse_unsafe_settings(connection)


def test_the_connection_s_own_setting_counts(directory: Path) -> None:
    """synchronous_commit that is off for this connection alone, as ALTER ROLE would have it, is refused too."""
    with (
        EmbeddedPostgres(directory) as postgres,
        psycopg.connect(postgres.conninfo("writer"), options="-csynchronous_commit=off") as connection,
        pytest.raises(UnsafeDatabaseError, match="synchronous_commit = off"),
    ):
        refuse_unsafe_settings(connection)


def test_an_old_server_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the version found and the version expected."""
    with EmbeddedPostgres(directory) as postgres, psycopg.connect(postgres.conninfo("writer")) as connection:
        found = connection.info.server_version
        monkeypatch.setattr(durability, "SERVER_VERSION_MIN", 990000)
        with pytest.raises(UnsafeDatabaseError, match=f"is PostgreSQL {found // 10000}; expected 99 or newer"):
            refuse_unsafe_settings(connection)


@pytest.mark.parametrize("whose", ["role muniment_server in database {name}", "database {name}"])
def test_what_is_switched_off_later_is_noticed(database: Database, whose: LiteralString) -> None:
    """A session that stands keeps what it found; a new one, which would lose commits, is refused as a database that
    cannot be used now. When it is switched on again, sessions are made again."""
    name = Identifier(str(conninfo_to_dict(database.conninfo("owner"))["dbname"]))
    altered = SQL("alter " + whose + " {setting}")

    def set_to(setting: LiteralString) -> None:
        owner.execute(altered.format(name=name, setting=SQL(setting)))

    with connect(database, "owner") as owner, connect(database, "writer") as standing:
        set_to("set synchronous_commit = off")
        try:
            with pytest.raises(UnsafeSessionError, match="expected on"):
                connect(database, "writer")
            owner.execute("select pg_reload_conf()")
            assert standing.execute("show synchronous_commit").fetchone() == ("on",)
        finally:
            set_to("reset synchronous_commit")
        connect(database, "writer").close()


def test_a_reload_does_not_reach_a_session(directory: Path) -> None:
    """What the session has found is its own from then on, stronger settings included."""
    with EmbeddedPostgres(directory) as postgres, connect(postgres, "writer") as connection:
        source = connection.execute("select source from pg_settings where name = 'synchronous_commit'").fetchone()
    assert source == ("session",)
