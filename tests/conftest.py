"""A throw-away PostgreSQL for the tests, and a freshly migrated database of it for each test that asks."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from projections.engine.definition import create_tables, load_projections
from services.ledger.database import Database, ExternalDatabase, connect, migrate
from services.managed_policies.catalogue import publish_catalogues
from tests.services.ledger.throwaway import throwaway_postgres

# Nothing here is timed: machines are shared, and an example that took long proves nothing.
settings.register_profile("untimed", parent=settings.default, deadline=None)
settings.load_profile("untimed")

publish_catalogues(None)

LONGEST = (
    "tests/services/test_simulated_year.py",
    "tests/clients/test_terraform.py",
    "tests/clients/test_ansible.py",
    "tests/failures/test_faults.py",
    "tests/services/cli/test_backup.py",
    "tests/services/cli/test_operating.py",
    "tests/failures/test_damage.py",
    "tests/services/cli/test_master_key.py",
    "tests/domain/policy/test_naive.py",
    "tests/clients/test_faults.py",
    "tests/services/ledger/test_embedded.py",
    "tests/failures/test_two_servers.py",
    "tests/docs/test_own_postgresql.py",
    "tests/services/cli/test_commands.py",
    "tests/services/api/test_native.py",
    "tests/clients/test_accounts.py",
    "tests/services/api/test_tracing.py",
    "tests/clients/test_story.py",
    "tests/projections/test_swap.py",
    "tests/clients/test_bad_input.py",
    "tests/projections/test_upgrade.py",
    "tests/clients/test_fuzz.py",
    "tests/clients/test_old_data_directory.py",
    "tests/clients/test_boto3.py",
    "tests/test_histories.py",
)
"""In their order, by `--durations`."""
TEMPLATE = "muniment_template"
PROJECTED_TEMPLATE = "muniment_projected"
SERVER_LOGIN = "muniment_server"
"""Whom servers log in as. Migrating lets it take on the roles of a server, and nothing else."""
_numbers = itertools.count(1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: of a long file that begins last, one process is left alone."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::", 1)[0], len(LONGEST)))


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


@pytest.fixture(scope="session")
def projected_template(template: str) -> str:
    """The same with the tables of all projections: to copy them takes a third of the time of making them."""
    with psycopg.connect(template, autocommit=True) as connection:
        connection.execute(
            SQL("create database {} template {}").format(Identifier(PROJECTED_TEMPLATE), Identifier(TEMPLATE))
        )
    with connect(external_database(template, PROJECTED_TEMPLATE), "projector") as connection:
        create_tables(connection, load_projections())
    return template


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
    with copied(template, TEMPLATE) as database:
        yield database


@contextmanager
def copied(postgres: str, template: str) -> Iterator[ExternalDatabase]:
    """A copy of the database of that name, as long as a test needs it."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(SQL("create database {} template {}").format(Identifier(name), Identifier(template)))
    yield external_database(postgres, name)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))
