"""The database goes away and comes back: calls are refused meanwhile, and nobody has to help."""

from collections.abc import Iterator

import psycopg
import pytest

from services.ledger.database import Database, connect
from services.ledger.pending_call import LedgerUnavailable
from tests.services.ledger.proxy import Proxy, proxied
from tests.services.ledger.rounds import (
    ANSWER_SECONDS_MAX,
    committer_on,
    creating,
    found,
    ledger,
    operations,
    running,
    submit,
)


@pytest.fixture
def founded(database: Database) -> Database:
    found(database)
    return database


@pytest.fixture
def wire(founded: Database) -> Iterator[tuple[Proxy, Database]]:
    with proxied(founded) as wire:
        yield wire


def end_connections(database: Database) -> None:
    """As an administrator, or a server that is restarted, ends them."""
    with connect(database, "owner") as connection:
        ended = connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
        ).fetchall()
    assert ended


def test_it_recovers_by_itself(founded: Database, wire: tuple[Proxy, Database]) -> None:
    """Away before anything was connected, and away again between two calls: each call is refused at once while the
    database is away, and recorded as soon as it is back."""
    proxy, distant = wire
    tries = []

    def tried() -> psycopg.Connection:
        tries.append(distant)
        return connect(distant, "writer")

    proxy.refuse()
    with running(committer_on(distant, connected_by=tried)) as committer:
        for name in ("ann", "bob"):
            for _ in range(2):
                tries.clear()
                with pytest.raises(LedgerUnavailable):
                    submit(committer, creating(name)).result(ANSWER_SECONDS_MAX)
                assert len(tries) == 1  # a database that does not answer is not waited for again and again
            proxy.accept()
            submit(committer, creating(name)).result(ANSWER_SECONDS_MAX)
            proxy.refuse()
    assert operations(ledger(founded)) == ["ann", "bob"]


def test_a_call_after_an_idle_restart_is_answered(founded: Database) -> None:
    """A connection that ended while nobody used it costs the next call a new connection, and no refusal."""
    with running(committer_on(founded)) as committer:
        for name in ("ann", "bob", "eve"):
            submit(committer, creating(name)).result(ANSWER_SECONDS_MAX)
            end_connections(founded)
    assert operations(ledger(founded)) == ["ann", "bob", "eve"]
