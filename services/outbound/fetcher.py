"""The one way out: whatever the program asks of others by HTTP goes through `Fetcher.fetch` (docs/adr/0055)."""

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import SplitResult, urlsplit

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from services.outbound.addresses import Address, is_allowed
from services.settings import Network

TOTAL_SECONDS_MAX = 10.0
"""From looking up the name to the last byte that is read of the answer."""
CONNECT_SECONDS_MAX = 5.0
ANSWER_BYTES_MAX = 64 * 1024
"""Read of the answer's body. Of what stands before it http.client reads 100 lines of 64 KiB at most."""
ADDRESSES_MAX = 3
"""Tried of a name, in the order in which they were found."""
LOOKUPS_MAX = 32
"""At the same time: one that nobody waits for any more goes on until the system gives it up."""
PORTS = {"https": 443, "http": 80}
Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host name. Raises OSError."""


class OutboundError(Exception):
    """A request that has come to nothing. The message is for people, and repeats nothing of the answer."""


class OutboundRefused(OutboundError):  # noqa: N818  it was not tried
    """It may not be asked, and was not."""


class OutboundTimeout(OutboundError):  # noqa: N818  reads as what happened
    """It took too long, and was cut off."""


@dataclass(frozen=True, slots=True)
class FetchedAnswer:
    status: int
    body: bytes
    """The beginning of it, where it is longer than is read."""
    is_whole: bool


def system_addresses(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Fetcher:
    """Asks by https, with the certificates that this machine trusts, and follows no redirect and no proxy. The address
    is looked up once, checked, and connected to as it is: a name that changes its mind between the two reaches nothing.
    By http only loopback is asked, where it is allowed. For all threads."""

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        resolve: Resolve = system_addresses,
        tls: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS_MAX,
        answer_bytes: int = ANSWER_BYTES_MAX,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()
        self._total_seconds = total_seconds
        self._answer_bytes = answer_bytes
        self._lookups = threading.BoundedSemaphore(LOOKUPS_MAX)

    def fetch(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> FetchedAnswer:
        """Whatever the status. Raises OutboundError."""
        until = time.monotonic() + self._total_seconds
        parts = _split(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        addresses = self._checked(parts, self._looked_up(host, port, until))
        try:
            with closing(_connected(addresses, port, until)) as plain, _cut_off(plain, until):
                sock = self._tls.wrap_socket(plain, server_hostname=host) if parts.scheme == "https" else plain
                with closing(sock):
                    return self._asked(sock, parts, method, headers, body)
        except ssl.SSLCertVerificationError as error:
            raise OutboundError(f"The certificate of {host} is refused: {error.verify_message}.") from error
        except TimeoutError as error:
            raise OutboundTimeout(f"{host} has not answered in time.") from error
        except (OSError, HTTPError, HTTPException, ValueError) as error:
            raise OutboundError(f"{host} cannot be asked: {type(error).__name__}.") from error

    def _asked(
        self, sock: socket.socket, parts: SplitResult, method: str, headers: Mapping[str, str], body: bytes
    ) -> FetchedAnswer:
        connection = HTTPConnection(parts.hostname or "", parts.port or PORTS[parts.scheme], timeout=sock.gettimeout())
        connection.sock = sock
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = {"Host": parts.netloc, "User-Agent": "muniment", "Connection": "close", **headers}
        connection.request(method, target, body=body, headers=named, preload_content=False, decode_content=False)
        answer = connection.getresponse()
        read = answer.read(self._answer_bytes + 1, decode_content=False)
        return FetchedAnswer(answer.status, read[: self._answer_bytes], len(read) <= self._answer_bytes)

    def _looked_up(self, host: str, port: int, until: float) -> Sequence[str]:
        """In a thread of its own: nothing bounds how long the system looks for a name. An address is no name."""
        with suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        found = queue.SimpleQueue[Sequence[str] | OSError]()
        if not self._lookups.acquire(blocking=False):
            raise OutboundError(f"{host} cannot be looked up: {LOOKUPS_MAX} names are being looked up.")

        def look_up() -> None:
            try:
                found.put(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                found.put(OSError(str(error)))
            finally:
                self._lookups.release()

        threading.Thread(target=look_up, name="looking-up", daemon=True).start()
        try:
            addresses = found.get(timeout=_remaining(until, CONNECT_SECONDS_MAX))
        except (queue.Empty, TimeoutError):
            raise OutboundTimeout(f"{host} was not found in time.") from None
        if isinstance(addresses, OSError):
            raise OutboundError(f"{host} was not found: {addresses}.") from addresses
        return addresses

    def _checked(self, parts: SplitResult, found: Sequence[str]) -> Sequence[Address]:
        addresses = [ipaddress.ip_address(each) for each in found]
        allowed = [each for each in addresses if is_allowed(each, self._allowed)]
        if parts.scheme == "http":
            allowed = [each for each in allowed if each.is_loopback]
        if not allowed:
            # What the name leads to is not told: whoever adds targets may not ask for names of the operator's network.
            raise OutboundRefused(
                f"{parts.hostname} is refused: expected an address of the internet and https, or one that the operator "
                "has listed in MUNIMENT_OUTBOUND_ALLOW, by http a loopback address only."
            )
        return allowed[:ADDRESSES_MAX]


def _split(url: str) -> SplitResult:
    """Raises OutboundRefused."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in PORTS and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        is_one = None
    if not is_one or not url.isascii() or not url.isprintable() or " " in url:
        raise OutboundRefused("Expected an https URL without user name and password.")
    return parts


def _connected(addresses: Sequence[Address], port: int, until: float) -> socket.socket:
    """To the first that takes it. Raises OSError."""
    failed: OSError = OSError()
    for address in addresses:
        try:
            sock = socket.create_connection((str(address), port), timeout=_remaining(until, CONNECT_SECONDS_MAX))
        except OSError as error:
            failed = error
        else:
            # The body goes out behind the head at once, and not when the head is acknowledged, 40 ms later.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(_remaining(until))
            return sock
    raise failed


@contextmanager
def _cut_off(sock: socket.socket, until: float) -> Iterator[None]:
    """Ends the connection at that time, whatever goes on there: each read may bring a byte and be in time. Raises
    TimeoutError."""
    with sock.dup() as other:
        over = threading.Event()

        def cut() -> None:
            over.set()
            with suppress(OSError):  # the other side has hung up
                other.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(_remaining(until), cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception:
            # Of what is cut off anything may become: an end, a line that is none.
            if over.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()
            timer.join()
        if over.is_set():
            raise TimeoutError


def _remaining(until: float, at_most: float = TOTAL_SECONDS_MAX) -> float:
    """Raises TimeoutError when nothing is left."""
    left = min(until - time.monotonic(), at_most)
    if left <= 0:
        raise TimeoutError
    return left
