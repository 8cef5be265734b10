"""A wire between clients and the server that loses a request, or only the answer to it."""

import select
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit

_CHUNK = 1 << 20
"""More than any request or answer that goes through."""


class CuttingWire:
    """Passes one call a connection on, until it is told to cut."""

    def __init__(self, endpoint: str) -> None:
        url = urlsplit(endpoint)
        self._server = url.hostname, url.port
        self._cuts: deque[tuple[Literal["before", "after"], threading.Event]] = deque()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self, when: Literal["before", "after"]) -> None:
        """Returns when a request was lost on its way to the server (before), or the answer to one on its way back
        (after): it has been recorded then, and its client does not know."""
        done = threading.Event()
        self._cuts.append((when, done))
        assert done.wait(60)

    def run(self) -> None:
        with suppress(OSError):  # accept() fails when the listener is shut
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def end(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _pass_on(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            request = client.recv(_CHUNK)
            if not request:
                return
            when, done = self._cuts.popleft() if self._cuts else (None, None)
            if when != "before":
                with socket.create_connection(self._server) as server:
                    server.sendall(request)
                    answer = server.recv(_CHUNK)
                    while when is None and answer:
                        client.sendall(answer)
                        if client in select.select([client, server], [], [])[0]:
                            break  # it has everything
                        answer = server.recv(_CHUNK)
            if done is not None:
                done.set()


@contextmanager
def cutting(endpoint: str) -> Iterator[CuttingWire]:
    wire = CuttingWire(endpoint)
    accepting = threading.Thread(target=wire.run, daemon=True)
    accepting.start()
    try:
        yield wire
    finally:
        wire.end()
        accepting.join()
