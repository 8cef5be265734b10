"""A receiver on loopback that answers as a test wants: its bytes, its connections."""

import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """One request, and the connection to answer it on."""

    received: Received
    handler: BaseHTTPRequestHandler
    stopped: threading.Event

    def status(self, status: int, **headers: str) -> None:
        self.handler.send_response(status)
        for name, value in {"Content_Length": "0", **headers}.items():
            self.handler.send_header(name.replace("_", "-"), value)
        self.handler.end_headers()

    def write(self, data: bytes) -> None:
        self.handler.wfile.write(data)

    def hang(self) -> None:
        """Until the client has gone, or the test is over."""
        self.handler.rfile.read(1)


@dataclass
class Receiver:
    port: int
    answer: Answer
    received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


def accept(exchange: Exchange) -> None:
    exchange.status(204)


@contextmanager
def receiving(answer: Answer = accept) -> Iterator[Receiver]:
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            got = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.received.append(got)
            self.close_connection = True
            with suppress(OSError):
                receiver.answer(Exchange(got, self, stopped))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server.server_address[1], answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        stopped.set()
        server.shutdown()
        socketserver.TCPServer.server_close(server)
        thread.join()
