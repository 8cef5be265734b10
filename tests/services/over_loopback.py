"""A server that lives in this process, whose clock is ours, for clients that are processes of their own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

from services.wire.raw_request import RawRequest
from tests.services.api.in_process_server import InProcessServer
from tests.services.endpoint import PROTOCOLS


class _Server(HTTPServer):
    def __init__(self, house: InProcessServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.house = house
        self.protocols = (house.native, *dict.fromkeys(PROTOCOLS.values()))


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the base
        pass

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items())
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        raw = RawRequest(self.command, url.path.encode(), url.query.encode(), headers, body)
        answer = self.server.house.over_http(raw, *self.server.protocols)
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name != b"content-length":
                self.send_header(name.decode(), value.decode())
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def do_GET(self) -> None:
        self.do_POST()


@contextmanager
def over_loopback(house: InProcessServer) -> Iterator[str]:
    """Its endpoint. It answers one request at a time; nobody else may ask it meanwhile."""
    with _Server(house) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            house.ledger.committer.deliver_through(lambda answer: answer())
