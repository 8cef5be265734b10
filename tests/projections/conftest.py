"""Connections in their roles, and a way to bring a ledger's projections up to date."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from projections.engine.apply import apply_batch
from projections.engine.definition import create_tables, load_projections
from projections.engine.rebuild import Connect
from services.ledger.database import Database, ExternalDatabase, connect
from tests.conftest import PROJECTED_TEMPLATE, copied

Project = Callable[..., None]


@pytest.fixture
def database(projected_template: str) -> Iterator[ExternalDatabase]:
    """With the tables of all projections."""
    with copied(projected_template, PROJECTED_TEMPLATE) as database:
        yield database


@pytest.fixture
def writer(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database, "writer") as connection:
        yield connection


@pytest.fixture
def projector(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database, "projector") as connection:
        create_tables(connection, load_projections())  # finds them there; the connection is then as a runner's
        yield connection


@pytest.fixture
def reader(database: Database) -> Iterator[psycopg.Cursor]:
    """Asks the questions, with the rights that the doors have."""
    with connect(database, "reader") as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def project(projector: psycopg.Connection) -> Project:
    """Brings an account's projections to the end of its ledger, in batches of the given size."""

    def project(account_id: str, positions_a_batch: int = 1_000) -> None:
        for projection in load_projections():
            while (followed := apply_batch(projector, projection, account_id, positions_a_batch)) is not None:
                if followed.position == followed.head:
                    break
            assert followed is not None

    return project


@pytest.fixture
def opens(database: Database) -> Connect:
    return lambda: connect(database, "projector")


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database, "owner") as connection:
        yield connection
