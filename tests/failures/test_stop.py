"""A stop answers its last calls: what has come is done or told that it is not, and no connection is just dropped."""

import signal
import socket
from collections import Counter
from pathlib import Path

import pytest

from domain.calls import ApiCalled
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from tests.clients.raw_http import Reply, account_of, administrator, connected, form, raw, received, signed
from tests.clients.server import Server, serving
from tests.places import place_for_data
from tests.services.ledger.rounds import ledger

TYPISTS, CALLERS = 6, 6
"""Connections that wait for a password to be hashed, and others."""


def sent(server: Server, body: bytes, cut: int = 0) -> tuple[socket.socket, bytes]:
    """The connection, and what of the request has not been sent yet."""
    connection = connected(server)
    request = raw(signed(server, body, by=administrator(server)), body)
    connection.sendall(request[: len(request) - cut])
    return connection, request[len(request) - cut :]


def answered(connection: socket.socket, rest: bytes = b"") -> Reply:
    with connection:
        connection.sendall(rest)
        return received(connection)


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_its_last_calls(with_signal: signal.Signals) -> None:
    """Calls that are decided, calls that are still to be hashed, and one that has come in part: each is answered, and
    each that was answered with success stands in the ledger. What has to wait for a thread is told that the server
    stops. An idle connection may still bring a call for a moment."""
    with place_for_data() as place:
        with serving(place) as server:
            account_id = account_of(server)
            idle = connected(server)
            for number in range(TYPISTS):
                for body in (
                    form("CreateUser", UserName=f"typist{number}"),
                    form("CreateLoginProfile", UserName=f"typist{number}", Password="Correct-Horse-1"),
                ):
                    assert answered(*sent(server, body)).status == 200
            typists = [
                sent(server, form("UpdateLoginProfile", UserName=f"typist{number}", Password="Battery-Staple-2"))
                for number in range(TYPISTS)
            ]
            callers = [sent(server, form("CreateUser", UserName=f"user{number}")) for number in range(CALLERS)]
            half = sent(server, form("CreateUser", UserName="half"), cut=10)
            server.process.send_signal(with_signal)
            replies = [answered(*each) for each in (*callers, half, *typists)]
            with idle:
                assert idle.recv(1) == b""
            assert server.process.wait(30) == 0
            assert "a defect" not in server.log.read_text()
        statuses = Counter(reply.status for reply in replies)
        assert statuses.keys() <= {200, 503}
        assert {reply.status for reply in replies[: CALLERS + 1]} == {200}
        assert all("stop" in reply.message for reply in replies if reply.status == 503)
        assert all(reply.headers["connection"] == "close" for reply in replies if reply.status == 503)
        recorded = recorded_calls(server.data, account_id)
        assert all(recorded[reply.request_id] == 1 for reply in replies if reply.status == 200)


def recorded_calls(data: Path, account_id: str) -> Counter[str]:
    with EmbeddedPostgres(resolve_directory(data / "postgres")) as database:
        entries = ledger(database, account_id)
    return Counter(entry.cause.request_id for entry in entries if isinstance(entry.event, ApiCalled))
