"""uvicorn's HTTP protocol with the bounds that neither it nor httptools has: on a connection's number, on a request's
head, size and time, and on how long an answer waits to be read."""

import asyncio
import ipaddress
import resource
from collections import Counter, deque
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

HEAD_BYTES_MAX = 81_920
PATH_BYTES_MAX = 16_384
"""uvicorn decodes it before anybody has looked at it. The application answers what is shorter, and too long for it."""
HEADERS_MAX = 200
REQUEST_BYTES_MAX = 8_388_608
"""With head, framing of chunks and trailers: a body of the largest size in chunks of one byte each."""
REQUEST_SECONDS_MAX = 20
"""From its first byte, or from the connection's beginning, to the end of its body."""
UNREAD_SECONDS_MAX = 60
"""For which an answer waits in our memory to be read."""
PIPELINED_MAX = 16
"""Requests that wait for the answer to the one before them. Stock clients send none."""
CONNECTIONS_MAX = 8_000
"""Whoever comes then is answered 503. An idle connection costs some 20 KB, and is closed after a while."""
STOPPING_SECONDS = 0.5
"""For which a connection without a request stays open when the server is stopped: what is on its way is answered."""
QUERY_BYTES_MAX = 16_400
"""More is not parsed: what is left tells the application that it is too much."""
OTHER_OPEN_FILES = 200
"""Open files that are no client's connections."""

_HELD: WeakKeyDictionary[ServerState, Counter[str]] = WeakKeyDictionary()
"""How many connections of each address a server holds."""
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def connections_max() -> int:
    """How many this process can hold. Raises its limit of open files as far as needed and granted: a login shell's
    1,024 would not do, and who cannot open another file can accept nobody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + OTHER_OPEN_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(allowed - OTHER_OPEN_FILES, 1)


def source_of(address: str) -> str:
    """Whose an address is. Of IPv6 that is the network of 64 bits, in which one machine has all addresses that it
    wants."""
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))


class BoundedHttp(HttpToolsProtocol):
    """A connection beyond uvicorn's `limit_concurrency` is answered 503, and so is one of an address that holds as many
    as are free: whatever one stranger holds, as much is left for others. A head that does not end, of too many headers,
    or more pipelined requests than anybody sends are answered 400 and the connection closed. A request that does not
    arrive in time finds its connection closed, and so does who does not read what was answered.

    Of what arrives in one piece with the head's beginning only path and headers are counted: the event loop reads 256
    KiB at most at once.
    """

    _is_refused = False
    """What came behind requests that are still to be answered, and whatever follows it."""
    _head_is_open = False
    _request_is_open = False
    _request_bytes = 0
    _header_bytes = 0
    _source: str | None = None
    """Under which the connection is counted; None where it is not."""
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._unanswered: deque[RequestResponseCycle] = deque()
        # One below uvicorn's own limit, at which it would refuse the requests of those who are connected already.
        if self.limit_concurrency is not None and not self._is_room(self.limit_concurrency):
            self.transport.write(_TOO_MANY)
            self._end()
            return
        self._start_request_timeout()

    def _is_room(self, limit: int) -> bool:
        held = _HELD.setdefault(self.server_state, Counter())
        source = source_of(self.client[0] if self.client else "")
        if held[source] > limit - len(self.connections) - 1:
            return False
        held[source] += 1
        self._source = source
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_request_timeout()
        self._cancel_unread_timeout()
        self._unset_keepalive_if_required()
        if self._source is not None:
            held = _HELD[self.server_state]
            held[self._source] -= 1
            if not held[self._source]:
                del held[self._source]
            self._source = None
        for cycle in self._unanswered:  # uvicorn tells only the last one that nobody is there to be answered
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused or self.transport.is_closing():
            return
        if self._request_is_open:
            self._request_bytes += len(data)
            if self._head_is_open and self._request_bytes > HEAD_BYTES_MAX:
                self.send_400_response("The request's head is too large.")
                return
            if self._request_bytes > REQUEST_BYTES_MAX:
                if not self.cycle.response_complete:
                    self.send_400_response("The request is too large.")
                return  # Answered already; were the connection closed now, the answer could be lost.
        elif self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            # The keep-alive ends with any byte, but an empty line, which may precede a request, begins none.
            self._start_request_timeout()
        super().data_received(data)

    def on_message_begin(self) -> None:
        self._head_is_open = self._request_is_open = True
        self._request_bytes = self._header_bytes = 0
        if self._deadline is None:
            self._start_request_timeout()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url.partition(b"?")[0]) > PATH_BYTES_MAX:
            raise ValueError("The path is too long.")  # becomes httptools' own error: 400, and the end

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_is_open:
            # A trailer. What a proxy checks and replaces in the head must not come in behind it (RFC 9110, 6.5.1).
            return
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if len(self.headers) > HEADERS_MAX or self._header_bytes > HEAD_BYTES_MAX:
            raise ValueError("Too many headers, or too long ones.")  # as above

    def on_headers_complete(self) -> None:
        self._head_is_open = False
        path, mark, query = self.url.partition(b"?")
        self.url = path + mark + query[:QUERY_BYTES_MAX]
        if len(self._unanswered) > PIPELINED_MAX:
            raise ValueError(f"More than {PIPELINED_MAX} requests wait.")  # as above
        super().on_headers_complete()
        self._unanswered.append(self.cycle)

    def on_message_complete(self) -> None:
        self._request_is_open = False
        self._cancel_request_timeout()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._unanswered.popleft()
        super().on_response_complete()
        if self.transport.is_closing():
            self._end()

    def send_400_response(self, msg: str) -> None:
        arrived = [cycle for cycle in self._unanswered if not cycle.more_body]
        if not arrived:
            super().send_400_response(msg)
            self._end()
            return
        # A 400 now would be taken for the answer to the first of them. They are answered, and that is the end.
        arrived[-1].keep_alive = False
        self._is_refused = True
        if self._deadline is None:
            self._start_request_timeout()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_unread_timeout()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._cancel_unread_timeout()

    def shutdown(self) -> None:
        """Of a server that stops: what has begun to come is answered, and that is the end (`asgi.AsgiApp.stop`)."""
        if not self._unanswered:
            self.loop.call_later(STOPPING_SECONDS, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._unanswered and not self._request_is_open and not self.transport.is_closing():
            self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        # Not `close`, which waits for ever for what was answered to be read.
        self.transport.abort()

    def _start_request_timeout(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS_MAX, self.transport.abort)

    def _cancel_request_timeout(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        """Closes once everything is read, or not read in time."""
        self.transport.close()
        self._start_unread_timeout()

    def _start_unread_timeout(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS_MAX, self.transport.abort)

    def _cancel_unread_timeout(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
