"""`muniment migrate` on a PostgreSQL of one's own, and what servers say before it was run."""

import os
from collections.abc import Iterator, Mapping

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from services.cli.entry_point import main
from services.ledger.database import ExternalDatabase, connect
from tests.conftest import SERVER_LOGIN, external_database
from tests.services.ledger.throwaway import throwaway_postgres


@pytest.fixture
def own() -> Iterator[ExternalDatabase]:
    """As after deploy/postgresql.sql: an owner that is no superuser, a login, and an empty database."""
    with throwaway_postgres() as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("create role muniment_owner login createrole")
            connection.execute(SQL("create role {} login").format(Identifier(SERVER_LOGIN)))
            connection.execute("create database muniment owner muniment_owner template template0")
        yield external_database(conninfo, "muniment", owner="muniment_owner")


@pytest.fixture
def environment(
    own: ExternalDatabase, monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> Mapping[str, str]:
    monkeypatch.setenv("MUNIMENT_DATA", str(tmp_path))
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", own.url)
    monkeypatch.setenv("MUNIMENT_LISTEN", "127.0.0.1:0")
    return {"MUNIMENT_OWNER_DATABASE_URL": own.conninfo("owner")}


def test_servers_refuse_until_it_was_run(
    own: ExternalDatabase,
    environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each in one line that names the command. Migrated, twice for good measure, the login takes on its roles."""
    for command in ("serve", "worker"):
        assert main([command]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "run `muniment migrate` with the owner's login in MUNIMENT_OWNER_DATABASE_URL" in line
    assert main(["migrate"]) == 1
    assert "MUNIMENT_OWNER_DATABASE_URL takes it" in capsys.readouterr().err
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["migrate"]) == 0
    assert "Applied 0001_ledger.sql." in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert capsys.readouterr().err == "muniment: The database is migrated.\n"
    own.refuse_unfit_login()
    for role in ("writer", "projector", "reader"):
        with connect(own, role) as connection:
            assert connection.execute("select current_user").fetchone() == (f"muniment_{role}",)


def test_the_owner_serves_nobody(
    environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given the owner's URL as its own, a server refuses it for that, even where the owner has none of its roles; and
    migrating does not make it fit."""
    monkeypatch.setenv("MUNIMENT_OWNER_DATABASE_URL", environment["MUNIMENT_OWNER_DATABASE_URL"])
    assert main(["migrate"]) == 0
    monkeypatch.setenv("MUNIMENT_DATABASE_URL", environment["MUNIMENT_OWNER_DATABASE_URL"])
    capsys.readouterr()
    for command in ("serve", "worker", "migrate"):
        assert main([command]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "The login muniment_owner" in line
        assert "owns the ledger, and no server may" in line


def test_a_server_s_login_cannot_migrate(
    own: ExternalDatabase,
    environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Named as the owner, on a migrated database or one that is not, it is told what login it takes."""
    monkeypatch.setenv("MUNIMENT_OWNER_DATABASE_URL", environment["MUNIMENT_OWNER_DATABASE_URL"])
    assert main(["migrate"]) == 0
    capsys.readouterr()
    for url in (own.url, make_conninfo(own.url, dbname="postgres")):
        monkeypatch.setenv("MUNIMENT_OWNER_DATABASE_URL", url)
        assert main(["migrate"]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert f"login {SERVER_LOGIN} in MUNIMENT_OWNER_DATABASE_URL cannot migrate: permission denied" in line
        assert "It takes the login that owns the ledger and may create roles." in line
