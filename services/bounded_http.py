"""uvicorn's HTTP protocol with the bounds that neither it nor httptools has: on a request's head, and on its time."""

import asyncio
from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES_MAX = 131_072
HEADERS_MAX = 200
REQUEST_SECONDS_MAX = 20
"""From its first byte, or from the connection's beginning, to the end of its body."""


class BoundedHttp(HttpToolsProtocol):
    """A head that does not end, or of too many headers, is answered 400 and its connection closed; a request that does
    not arrive in time finds its connection closed.

    What arrives in one piece with the head's beginning is not counted: the event loop reads 256 KiB at most at once.
    """

    _head_is_open = False
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None
    _unanswered: Sequence[RequestResponseCycle] = ()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_is_here()
        self._end_unanswered()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_is_open:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self.send_400_response("The request's head is too large.")
                return
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        self._end_unanswered()
        super().send_400_response(msg)

    def _end_unanswered(self) -> None:
        """The connection ends. Calls that came before on it are decided and recorded; their answers have nowhere to go,
        which is no defect. (uvicorn itself thinks of the last of several alone.)"""
        for cycle in self._unanswered:
            cycle.disconnected = True

    def on_message_begin(self) -> None:
        self._head_is_open, self._head_bytes = True, 0
        if self._deadline is None:
            self._expect_request()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > HEADERS_MAX:
            raise ValueError(f"More than {HEADERS_MAX} headers.")  # becomes httptools' own error: 400, and the end

    def on_headers_complete(self) -> None:
        self._head_is_open = False
        super().on_headers_complete()
        begun = [] if self.cycle is None else [self.cycle]
        self._unanswered = [cycle for cycle in self._unanswered if not cycle.response_complete] + begun

    def on_message_complete(self) -> None:
        self._request_is_here()
        super().on_message_complete()

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS_MAX, self.transport.close)

    def _request_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
