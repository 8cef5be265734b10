"""Bounds on connections, with limits of time short enough to be waited for."""

import asyncio
import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import uvicorn

from services import bounded_http
from services.asgi import Receive, Scope, Send
from services.bounded_http import OTHER_OPEN_FILES, PIPELINED_MAX, BoundedHttp, connections_max, source_of

DEADLINE_SECONDS = 30
LONG = 16 * 1024 * 1024
"""An answer that no socket's buffers hold."""
GET = b"GET /short HTTP/1.1\r\nHost: h\r\n\r\n"
CHUNKED = b"POST /short HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class Application:
    """Answers at once at /short, with more than anybody reads at /long, and at /held when it is released."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.held = 0
        self.gone = threading.Event()
        """Somebody has been disconnected before all was sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive()).get("more_body"):
            pass
        if scope["path"] == "/held":
            self.held += 1
            while message["type"] != "http.disconnect":
                message = await receive()
            self.gone.set()
            return
        self.headers = list(scope["headers"])
        size = LONG if scope["path"] == "/long" else 2
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
        await send({"type": "http.response.body", "body": b"a" * (size - 1), "more_body": True})
        await send({"type": "http.response.body", "body": b"a"})
        if (await receive())["type"] == "http.disconnect" and size == LONG:
            self.gone.set()


@contextmanager
def served(application: Application, connections: int | None = None) -> Iterator[int]:
    """The port at which it is served, with the bounds of the product."""
    config = uvicorn.Config(
        application,
        http=BoundedHttp,
        loop="uvloop",
        lifespan="off",
        log_config=None,
        limit_concurrency=connections,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)


def answered(connection: socket.socket) -> bool:
    """Whether a whole short answer comes."""
    answer = b""
    while not answer.endswith(b"\r\n\r\naa") and (part := connection.recv(1_000)):
        answer += part
    return answer.startswith(b"HTTP/1.1 200")


def read_to_the_end(connection: socket.socket) -> bytes:
    """What comes until the server ends the connection. Raises TimeoutError when it does not."""
    parts = []
    with suppress(ConnectionError):
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def test_a_trailer_is_no_header() -> None:
    """What a proxy checks and replaces in the head does not come in behind the body."""
    application = Application()
    with served(application) as port, connected(port) as connection:
        connection.sendall(CHUNKED + b"2\r\naa\r\n0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")
        assert answered(connection)
    assert [value for name, value in application.headers if name == b"x-forwarded-for"] == [b"192.0.2.1"]


def test_a_trailer_without_an_end_is_refused() -> None:
    """It is no part of the head and none of the body, and counts all the same."""
    with served(Application()) as port, connected(port) as connection:
        with suppress(ConnectionError):
            connection.sendall(CHUNKED + b"0\r\nX-Trailer: " + b"a" * 64 * 1024 * 1024)
            raise AssertionError("All of it was read.")
        assert b" 200 " not in read_to_the_end(connection)


BEGINNINGS = [b"\r\n", b"GET / HT", GET[:-2], CHUNKED + b"5\r\naa"]


@pytest.mark.parametrize(("before", "beginning"), [(b"", b""), *itertools.product([b"", GET], BEGINNINGS)])
def test_a_request_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, before: bytes, beginning: bytes
) -> None:
    """Nothing at all on a new connection; an empty line, half a head or half a body on it and after an answer."""
    monkeypatch.setattr(bounded_http, "REQUEST_SECONDS_MAX", 0.1)
    with served(Application()) as port, connected(port) as connection:
        if before:
            connection.sendall(before)
            assert answered(connection)
        connection.sendall(beginning)
        read_to_the_end(connection)


def test_an_answer_that_nobody_reads_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection ends although the client, which is there, leaves it open."""
    monkeypatch.setattr(bounded_http, "UNREAD_SECONDS_MAX", 0.1)
    application = Application()
    with served(application) as port, connected(port) as connection:
        connection.sendall(GET.replace(b"short", b"long"))
        assert application.gone.wait(DEADLINE_SECONDS)


def test_requests_that_wait_for_others_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five thousand fit into one read: what is too many is not answered, and not kept in mind."""
    monkeypatch.setattr(bounded_http, "REQUEST_SECONDS_MAX", 0.1)
    application = Application()
    with served(application) as port, connected(port) as connection:
        with suppress(ConnectionError):
            connection.sendall(GET.replace(b"short", b"held") + GET * 5_000)
        assert read_to_the_end(connection) == b""
        assert application.gone.wait(DEADLINE_SECONDS)
    assert application.held == 1


def test_what_is_no_request_takes_nobodys_answer() -> None:
    """Whoever came before it on the connection is answered first; then the connection ends."""
    with served(Application()) as port, connected(port) as connection:
        connection.sendall(GET + GET + b"nonsense\r\n\r\n" + GET)
        said = read_to_the_end(connection)
    assert said.count(b"HTTP/1.1 200") == 2
    assert said.count(b"HTTP/1.1") == 2
    assert said.count(b"connection: close") == 1


def test_as_many_in_a_row_as_allowed_are_answered() -> None:
    """Each in its turn."""
    with served(Application()) as port, connected(port) as connection:
        connection.sendall(GET * (PIPELINED_MAX + 1))
        answers = b""
        while answers.count(b"HTTP/1.1 200") < PIPELINED_MAX + 1:
            part = connection.recv(65_536)
            assert part
            answers += part


def test_a_connection_too_many_is_told_so() -> None:
    """503 when an address holds as many as are free; another address has room, and who is connected already is still
    served."""
    with served(Application(), connections=8) as port:
        first, *others = held = [connected(port) for _ in range(4)]
        try:
            for connection in held:  # Whoever was answered has been counted.
                connection.sendall(GET)
                assert answered(connection)
            with connected(port) as refused:
                assert read_to_the_end(refused).startswith(b"HTTP/1.1 503")
            with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS, ("127.0.0.2", 0)) as another:
                another.sendall(GET)
                assert answered(another)
            first.sendall(GET)
            assert answered(first)
        finally:
            for connection in (first, *others):
                connection.close()


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_whose_connection_it_is(address: str, source: str) -> None:
    """One machine has a network of IPv6 addresses, and an IPv4 address in two forms."""
    assert source_of(address) == source


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"%61" * 6_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
        GET[:-2] + (b"X-Long: " + b"a" * 8_000 + b"\r\n") * 12 + b"\r\n",
    ],
)
def test_a_head_in_one_piece_is_bounded_too(head: bytes) -> None:
    """A long path is not decoded, and long headers are not kept, though the event loop has read them at once."""
    application = Application()
    with served(application) as port, connected(port) as connection:
        connection.sendall(head)
        assert read_to_the_end(connection).startswith(b"HTTP/1.1 400")
    assert application.headers == []


def test_connections_leave_room_for_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of open files is raised as far as it can be, and never given away in whole."""
    raised = []
    monkeypatch.setattr("resource.getrlimit", lambda _which: (256, 1_024))
    monkeypatch.setattr("resource.setrlimit", lambda _which, limits: raised.append(limits))
    assert connections_max() == 1_024 - OTHER_OPEN_FILES
    assert raised == [(1_024, 1_024)]
