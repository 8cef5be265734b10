"""A receiver of webhooks that fails one time in ten, by chance, and tells what it has taken: its port is its output. Of
what it fails at it has taken every second one all the same, as one does whose answer is lost."""

import json
import random
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAILS_ONE_IN = 10
taken: Counter[str] = Counter()
"""By id: how often it was accepted."""
failed = 0
_chance = random.Random(15)  # noqa: S311  the same in every run
_lock = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        global failed  # noqa: PLW0603  one process, one count
        self.rfile.read(int(self.headers["Content-Length"]))
        with _lock:
            fails = _chance.randrange(FAILS_ONE_IN) == 0
            failed += fails
            if not fails or failed % 2:
                taken[self.headers["webhook-id"]] += 1
        self._answer(503 if fails else 204, b"")

    def do_GET(self) -> None:
        with _lock:
            counts = {"events": len(taken), "deliveries": taken.total(), "failed": failed}
            told = json.dumps(list(taken) if self.path == "/ids" else counts)
        self._answer(200, told.encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, _format: str, *_arguments: object) -> None:
        """Nothing is logged."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
