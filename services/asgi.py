"""The ASGI application: bytes in, bytes out, within bounds. Which protocol a request is in is asked here."""

import asyncio
import ipaddress
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from domain.foundation.errors import Refusal, Throttling
from services.api.server import openapi
from services.api.server.health import Health
from services.api.server.log_endpoint import PREFIX as LOG_PREFIX
from services.api.server.log_endpoint import LogEndpoint
from services.api.server.secret_scanning import PATH as SECRET_SCANNING_PATH
from services.api.server.secret_scanning import SecretScanning
from services.bounded_http import source_of
from services.settings import Network
from services.wire.errors import RequestEntityTooLarge, RequestTimeout, UnknownPath
from services.wire.protocol import WireProtocol
from services.wire.raw_request import RawRequest
from services.wire.request_pipeline import RequestOrigin, RequestPipeline, Response, refusal_response
from services.wire.time_travel import RequestPath

BODY_BYTES_MAX = 1_048_576
"""The largest requests carry policy documents, of which the models take 131,072 characters."""
SMALL_BODY_BYTES = 65_536
"""Every request may have so much in memory before anybody is proved."""
EXCESS_PAUSE_SECONDS = 0.2
"""Before a target that is too long is refused, for which nobody had to prove anything: a connection brings so few."""
RECEIPT_HEADER = b"x-muniment-receipt"
"""Whoever sends it, with whatever value, is told the id of the answer's receipt: its position and request id."""
LARGE_BODIES_MAX = 256
"""So many may have more; of an address as many as are free."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _LargeBodies:
    """Places for what is more than small, each taken until the request is answered. One event loop's."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._free = LARGE_BODIES_MAX

    def take(self, source: str) -> None:
        """Raises Throttling."""
        if self._of[source] >= self._free:
            raise Throttling("Rate exceeded: too many large requests are being read.")
        self._of[source] += 1
        self._free -= 1

    def free(self, source: str) -> None:
        self._free += 1
        self._of[source] -= 1
        if not self._of[source]:
            del self._of[source]


class AsgiApp:
    def __init__(
        self,
        pipeline: RequestPipeline,
        protocols: Sequence[WireProtocol[Any]],
        health: Health,
        trusted_proxies: tuple[Network, ...],
        scanning: SecretScanning | None = None,
        log: LogEndpoint | None = None,
    ) -> None:
        """The protocols are asked in turn whether a request is theirs; the last one refuses what is nobody's. Without
        `scanning`, reports of secret scanners are; without `log`, whoever asks for tiles is."""
        self._pipeline = pipeline
        self._protocols = protocols
        self._health = health
        self._trusted_proxies = trusted_proxies
        self._scanning = scanning
        self._log = log
        self._stopping = False
        self._large_bodies = _LargeBodies()

    def stop(self) -> None:
        """From now on every answer is its connection's last, what waits for a thread is answered 503, and whatever else
        has come is done."""
        self._stopping = True
        self._pipeline.close()
        for protocol in self._protocols:
            protocol.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise TypeError(f"This server speaks HTTP; got {scope['type']}.")
        response = await self._respond(scope, receive)
        headers = [
            (b"content-type", response.content_type.encode()),
            (b"content-length", b"%d" % len(response.body)),
            (b"x-amzn-requestid", response.request_id.encode()),
            *response.headers,
        ]
        if not any(name == b"cache-control" for name, _ in response.headers):
            headers.append((b"cache-control", b"no-store"))
        if self._stopping:
            headers.append((b"connection", b"close"))
        if response.position is not None:
            headers.append((b"x-muniment-position", b"%d" % response.position))
            if any(name == RECEIPT_HEADER for name, _ in scope["headers"]):
                receipt = f"{response.position}-{response.request_id}"
                headers.append((RECEIPT_HEADER, receipt.encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        path: bytes = scope["raw_path"]
        if (answered := await self._public(scope["method"], path)) is not None:
            return answered
        request = RawRequest(scope["method"], path, scope["query_string"], tuple(scope["headers"]), b"")
        if (excess := request.excess) is not None:
            # Before anything is decoded, and before anybody is asked whose request it is.
            await asyncio.sleep(EXCESS_PAUSE_SECONDS)
            request = replace(request, raw_path=b"/v1/" if path.startswith(b"/v1/") else b"/", query=b"")
        split = RequestPath.split(request.raw_path)
        is_report = path == SECRET_SCANNING_PATH
        protocol = None if is_report else self._protocol_of(request, split)
        refusal: Refusal | None = None if excess is None else RequestEntityTooLarge(excess)
        source = source_of(scope["client"][0] if scope["client"] else "")
        with ExitStack() as held:

            def grow() -> None:
                self._large_bodies.take(source)
                held.callback(self._large_bodies.free, source)

            try:
                request = replace(request, body=await _read_body(receive, grow))
            except (RequestTimeout, Throttling) as failure:
                refusal = failure
            except RequestEntityTooLarge as failure:
                if protocol is None or protocol.needs_body(request):
                    refusal = failure
            if refusal is None and is_report and self._scanning is not None:
                return await self._scanning.answer(request, self._origin(scope, request))
            if refusal is None and protocol is not None:
                return await self._pipeline.answer(request, split, self._origin(scope, request), protocol)
        refusal = refusal or UnknownPath(
            "AWS operations are served at / or at their own path, optionally prefixed with /as-of/MOMENT; "
            "muniment's own API is under /v1/."
        )
        return refusal_response(protocol or self._protocols[-1], refusal, None, str(uuid.uuid4()))

    async def _public(self, method: str, path: bytes) -> Response | None:
        """The answer to what nobody signs; None for anything else."""
        if path.startswith(b"/health/"):
            return await self._health.answer(path)
        if path == openapi.PATH:
            return await openapi.answer()
        if self._log is not None and path.startswith(LOG_PREFIX):
            return await self._log.answer(method, path)
        return None

    def _protocol_of(self, request: RawRequest, path: RequestPath) -> WireProtocol[Any] | None:
        return next((each.speaking_to(request) for each in self._protocols if each.serves(request, path)), None)

    def _origin(self, scope: Scope, raw: RawRequest) -> RequestOrigin:
        """Forwarded headers are believed from trusted proxies only, and of the chain of addresses only the last one
        that is no trusted proxy: what stands before it, anybody could have written."""
        peer = _plain(scope["client"][0]) if scope["client"] else ""
        if not self._trusts(peer):
            return RequestOrigin(peer, None, tls=scope["scheme"] == "https")
        hops = [part.strip() for part in (raw.header("x-forwarded-for") or "").split(",") if part.strip()]
        client = next((address for address in reversed(hops) if not self._trusts(address)), None)
        if client is not None and _parse_address(client) is None:
            client = None  # Such as "unknown", which some proxies write.
        tls = (raw.header("x-forwarded-proto") or scope["scheme"]) == "https"
        return RequestOrigin(peer, client and _plain(client), tls=tls)

    def _trusts(self, address: str) -> bool:
        if not self._trusted_proxies:
            return False
        parsed = _parse_address(address)
        return parsed is not None and any(parsed in network for network in self._trusted_proxies)


def _parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A socket of both families tells IPv4 addresses as ::ffff:192.0.2.1; to policies they are IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _plain(address: str) -> str:
    return str(_parse_address(address) or address)


async def _read_body(receive: Receive, grow: Callable[[], None]) -> bytes:
    """`grow` is asked once whether it may be more than small. Raises what that raises, RequestEntityTooLarge as soon as
    too much has come, and RequestTimeout when the client has gone, or was too slow for `BoundedHttp`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestTimeout("The client has gone before its request was complete.")
        parts.append(message.get("body", b""))
        was_small, size = size <= SMALL_BODY_BYTES, size + len(parts[-1])
        if was_small and size > SMALL_BODY_BYTES:
            grow()
        if size > BODY_BYTES_MAX:
            raise RequestEntityTooLarge(f"A request has at most {BODY_BYTES_MAX} bytes.")
        if not message.get("more_body"):
            return b"".join(parts)
