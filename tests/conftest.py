"""A throw-away PostgreSQL for the tests, and a freshly migrated database of it for each test that asks."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from services.ledger.database import Database, ExternalDatabase, migrate
from tests.services.ledger.throwaway import throwaway_postgres

# Nothing here is timed: machines are shared, and an example that took long proves nothing.
settings.register_profile("untimed", parent=settings.default, deadline=None)
settings.load_profile("untimed")

TEMPLATE = "muniment_template"
SERVER_LOGIN = "muniment_server"
"""Whom servers log in as. Migrating lets it take on the roles of a server, and nothing else."""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Conninfo of a server's superuser. The server listens on a socket only and syncs nothing to disk."""
    with throwaway_postgres("-c fsync=off") as conninfo:
        yield conninfo


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """Conninfo of the server, in which a migrated database waits to be copied."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(SQL("create database {}").format(Identifier(TEMPLATE)))
        connection.execute(SQL("create role {} login").format(Identifier(SERVER_LOGIN)))
    migrate(external_database(postgres, TEMPLATE), SERVER_LOGIN)
    return postgres


def external_database(postgres: str, name: str, owner: str = "postgres") -> ExternalDatabase:
    """As operators have it: servers log in as one who is not the owner."""
    return ExternalDatabase(
        make_conninfo(postgres, dbname=name, user=SERVER_LOGIN),
        owner_url=make_conninfo(postgres, dbname=name, user=owner),
    )


def url_of(database: Database) -> str:
    """What servers are given to log in with."""
    assert isinstance(database, ExternalDatabase)
    return database.url


@pytest.fixture
def database(template: str) -> Iterator[ExternalDatabase]:
    """A migrated, empty database. Its owner is the server's superuser; the other roles have the rights of real life."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute(SQL("create database {} template {}").format(Identifier(name), Identifier(TEMPLATE)))
    yield external_database(template, name)
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))
