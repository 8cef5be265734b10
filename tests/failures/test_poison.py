"""Bytes in a ledger that nobody can read, written past the server: only what has to read them stops, and loudly."""

import json
from http.client import HTTPConnection
from urllib.parse import urlsplit

import psycopg
import pytest

from services.ledger.database import Database, connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.mapper import CorruptEntry
from tests.clients.raw_http import account_of, called, form
from tests.clients.server import Server, running_server
from tests.failures.sites import SECONDS_MAX, wait_until
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    OTHER,
    appending,
    committer_on,
    creating,
    found,
    submit,
    use,
)

POISON = b"{"


def poison(connection: psycopg.Connection, account_id: str, *, change: bool) -> int:
    """What only the database's owner can do: appends an entry that is none, and moves the head. Gives its position."""
    table, topic = ("changes", "iam.user.created.v1") if change else ("uses", "api.called.v1")
    with connection.transaction():
        row = connection.execute(
            "update ledger.heads set position = position + 1, last_change = case when %s then position + 1 "
            "else last_change end where account_id = %s returning position",
            (change, account_id),
        ).fetchone()
        assert row is not None
        connection.execute(
            psycopg.sql.SQL("insert into ledger.{} values (%s, %s, %s, clock_timestamp(), %s)").format(
                psycopg.sql.Identifier(table)
            ),
            (account_id, row[0], topic, POISON),
        )
    position: int = row[0]
    return position


def health(server: Server) -> tuple[int, dict[str, object]]:
    connection = HTTPConnection(urlsplit(server.endpoint).netloc, timeout=SECONDS_MAX)
    try:
        connection.request("GET", "/health/ready")
        response = connection.getresponse()
        return response.status, json.load(response)
    finally:
        connection.close()


def halts(server: Server) -> dict[str, list[int]]:
    """At which positions each projection has halted."""
    projections = health(server)[1].get("projections", [])
    assert isinstance(projections, list)
    return {entry["name"]: [halt["position"] for halt in entry["halted"]] for entry in projections}


def test_a_poisoned_use_halts_what_reads_it() -> None:
    """The projections of calls halt in front of it and never pass it, health says which and where, the others go on,
    and calls are decided and recorded as before: no decision reads a use."""
    with running_server() as server:
        account_id = account_of(server)
        postgres = EmbeddedPostgres((server.data / "postgres").resolve())
        with connect(postgres, "owner") as owner:
            position = poison(owner, account_id, change=False)
        reply = called(server, form("CreateUser", UserName="after"))
        assert (reply.status, reply.position) == (200, position + 2)
        wait_until(lambda: halts(server)["trail"] == [position], "the trail has halted")
        assert halts(server)["permissions"] == []
        status, told = health(server)
        assert (status, told["status"]) == (200, "degraded")
        assert called(server, form("GetUser", UserName="after")).status == 200
        assert f"halts at position {position}" in server.log.read_text()


@pytest.mark.parametrize("together", [False, True])
def test_a_poisoned_change_stops_its_account(database: Database, *, together: bool) -> None:
    """What a decision would have to read cannot be read: that account decides nothing any more, not even by those of
    its calls that share a round with others. The others live."""
    found(database, ACCOUNT, OTHER)
    committer = committer_on(database)
    with connect(database, "owner") as owner:
        poison(owner, ACCOUNT, change=True)
    if not together:
        committer.start()
    broken = submit(committer, creating("ann"))
    whole = submit(committer, appending(use("lives"), to=OTHER), OTHER)
    if together:
        committer.start()
    try:
        with pytest.raises(CorruptEntry, match=f"Account {ACCOUNT}, position 2"):
            broken.result(ANSWER_SECONDS_MAX)
        assert whole.result(ANSWER_SECONDS_MAX).positions == {OTHER: 2}
        assert committer.alive
    finally:
        committer.stop()
