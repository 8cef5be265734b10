"""Connections for tests that verify ledgers, and a ledger to begin with; and an embedded PostgreSQL."""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from domain.foundation.events import Entry
from domain.foundation.identifiers import INSTALLATION
from services.ledger.database import Database, connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.verification import VerificationResult, verify
from tests.histories import folded
from tests.places import place_for_data
from tests.services.ledger.rounds import ACCOUNT
from tests.services.ledger.whole_ledger import (
    HISTORY,
    LEDGER_ID,
    entry,
    write,
    write_installation,
    write_secrets,
    write_snapshot,
)


@pytest.fixture
def writer(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database, "writer") as connection:
        yield connection


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    """Who tampers: as long as it does, no trigger is in its way."""
    with connect(database, "owner") as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


@pytest.fixture
def history(writer: psycopg.Connection) -> Sequence[Entry]:
    """A whole installation of one account, with a secret and a snapshot."""
    entries = [entry(ACCOUNT, position, event) for position, event in enumerate(HISTORY, 1)]
    write_installation(writer, LEDGER_ID)
    write(writer, entries)
    write_secrets(writer, folded(entries))
    write_snapshot(writer, folded(entries[:5]))
    assert verify(writer) == [VerificationResult(INSTALLATION, 2, None), VerificationResult(ACCOUNT, 7, None)]
    return entries


@pytest.fixture(scope="session")
def stopped_postgres() -> Iterator[Path]:
    """Made by the one initdb of most tests: a stopped PostgreSQL that holds one committed fact."""
    with place_for_data() as place:
        with EmbeddedPostgres(place) as postgres, psycopg.connect(postgres.conninfo("owner")) as connection:
            connection.execute("CREATE TABLE evidence (fact text)")
            connection.execute("INSERT INTO evidence VALUES ('kept')")
        yield place


@pytest.fixture
def directory(stopped_postgres: Path) -> Iterator[Path]:
    with place_for_data() as place:
        subprocess.run(["cp", "-a", f"{stopped_postgres}/.", place], check=True)
        yield place
