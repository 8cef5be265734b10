"""One connection that calls again and again, and looks at the clock."""

import socket
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from benchmarks.servers import NotMeasured

ANSWER_SECONDS_MAX = 30
_RECEIVED_BYTES_MAX = 65_536


class Client:
    """Does as little as a client can: a call of the application that does nothing shows how little."""

    def __init__(self, endpoint: str) -> None:
        place = urlsplit(endpoint)
        self._socket = socket.create_connection((place.hostname, place.port), timeout=ANSWER_SECONDS_MAX)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def call(self, request: bytes, status: int = 200) -> float:
        """Seconds from the first byte of the request to the last of the answer. Raises NotMeasured when that has
        another status."""
        since = time.perf_counter()
        self.answer(request, status)
        return time.perf_counter() - since

    def timed(self, request: bytes) -> tuple[int, float]:
        """The status of the answer, whatever it is, and the seconds."""
        since = time.perf_counter()
        head, _ = self._exchanged(request)
        return int(head.split(b" ", 2)[1]), time.perf_counter() - since

    def answer(self, request: bytes, status: int = 200) -> bytes:
        """Its body. Raises NotMeasured when it has another status."""
        head, body = self._exchanged(request)
        if not head.startswith(b"HTTP/1.1 %d " % status):
            raise NotMeasured(f"Expected an answer of {status}, got {head[:40]!r}: {body[:500]!r}")
        return body

    def _exchanged(self, request: bytes) -> tuple[bytes, bytes]:
        self._socket.sendall(request)
        head, body = b"", self._socket.recv(_RECEIVED_BYTES_MAX)
        while b"\r\n\r\n" not in body:
            body += self._more()
        head, _, body = body.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += self._more()
        return head, body

    def _more(self) -> bytes:
        received = self._socket.recv(_RECEIVED_BYTES_MAX)
        if not received:
            raise NotMeasured("The server closed the connection before it had answered.")
        return received
