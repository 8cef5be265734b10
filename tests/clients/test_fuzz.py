"""Whatever arrives at the door is answered or its connection ended, never by a defect; and nobody who holds the door
open keeps others out."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clients.prepared import BIN
from tests.clients.raw_http import FORM, VERSIONS, called, connected, exchanged, form, raw, received, signed
from tests.clients.server import Server, serving
from tests.fuzz.bounds import EXAMPLES
from tests.fuzz.inputs import CONVERSATIONS
from tests.places import place_for_data
from tests.services.wire.shape_values import OPERATIONS

FINE = form("ListUsers")
EXPECTED = frozenset({100, 200, 400, 403, 404, 405, 408, 409, 410, 413, 414, 431})
"""What a door may say to strangers and to its own, Continue before the answer where it is asked for. A 5xx is a defect
here: nothing is wrong with the database."""
CONNECTIONS = 1_000
BODY_BYTES, BODIES = 1_000_000, 200
"""Of strangers, and as many of a caller."""
GROWTH_BYTES_MAX = 120_000_000
"""Less than the bodies that are sent, and more than a thousand connections need."""
_STATUS = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
FUZZED = settings(
    max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """With as few open files as a login shell allows: the server has to see to its own."""
    program = ("sh", "-c", f'ulimit -Sn 1024; exec {BIN / "muniment"} "$@"', "muniment")
    with place_for_data() as place, serving(place, program=program) as running:
        yield running
        said = running.log.read_text()
    assert "a defect" not in said, said
    assert "Traceback" not in said, said


@pytest.fixture(autouse=True)
def _goes_on(server: Server) -> Iterator[None]:
    """After whatever the test did, the next caller is served."""
    yield
    assert called(server, FINE).status == 200


def statuses(server: Server, request: bytes) -> list[int]:
    """Of all answers to these bytes. The client has then nothing more to say, and waits for the connection's end."""
    with connected(server) as connection:
        parts = []
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                parts.append(part)
        except TimeoutError:
            raise  # It hangs.
        except OSError:
            pass  # Ended in the middle of what we said.
    return [int(status) for status in _STATUS.findall(b"".join(parts))]


@st.composite
def _edited(draw: st.DrawFn, original: bytes) -> bytes:
    """The bytes with a few of them lost, doubled, or others in their place."""
    edited = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(edited)))
        length = draw(st.integers(0, 40))
        new = draw(st.binary(max_size=20) | st.sampled_from(_HOSTILE) | st.just(bytes(edited[at : at + length]) * 2))
        edited[at : at + length] = new
    return bytes(edited)


_HOSTILE = (
    *(b"\r\n", b"\r\n\r\n", b"\n", b"\0", b": ", b"HTTP/1.1", b"HTTP/9.9", b"%00", b"ffffffff\r\n"),
    *(b"Content-Length: 18446744073709551616\r\n", b"Content-Length: -1\r\n", b"Expect: 100-continue\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"\xff" * 70_000, b"\xff\xfe", b" " * 300),
    *(b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
)


@FUZZED
@given(data=st.data())
def test_bytes(server: Server, data: st.DataObject) -> None:
    """A good request with anything done to it on the wire, or no request at all."""
    good = raw(signed(server, FINE), FINE)
    request = data.draw(_edited(good) | _edited(good * 2) | CONVERSATIONS | st.binary(max_size=300))
    assert set(statuses(server, request)) <= EXPECTED


TEXTS = st.text(max_size=30) | st.sampled_from(
    ["", "\0", "\ud800", "\U0010ffff", "%", "a" * 5_000, "{", '{"a":' * 200, "-1", "1e999", "9" * 400, "../..", "\r\n"]
)
NAMES = st.sampled_from(
    [
        *("UserName", "PolicyDocument", "MaxItems", "Marker", "RoleArn", "Path", "Password", "AccountAlias", "", "."),
        *("PolicyArns.member.1.arn", "PolicyArns.member.99999999999", "Tags.member.1.Key", "Tags.member.0", "A.B"),
    ]
)


@FUZZED
@given(operation=st.sampled_from(OPERATIONS), fields=st.lists(st.tuples(NAMES, TEXTS), max_size=6), twice=st.booleans())
def test_parameters(server: Server, operation: tuple[str, str], fields: list[tuple[str, str]], twice: bool) -> None:  # noqa: FBT001
    """Correctly signed, for any operation there is, with parameters that nobody can mean: it gets as far as a round."""
    service, name = operation
    pairs = [("Action", name), ("Version", VERSIONS[service]), *fields, *(fields if twice else ())]
    body = urlencode(pairs, errors="surrogatepass").encode()
    assert called(server, body, service=service).status in EXPECTED


@FUZZED
@given(
    path=st.lists(TEXTS, max_size=3),
    query=st.dictionaries(st.sampled_from(["as_of", "limit", "marker", "since", "principal", "x"]), TEXTS, max_size=3),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
)
def test_questions(server: Server, path: list[str], query: dict[str, str], method: str) -> None:
    """The same for the native API: its paths, its parameters."""
    steps = "/".join(quote(step, safe="", errors="surrogatepass") for step in ["v1", *path])
    target = f"/{steps}?{urlencode(query, errors='surrogatepass')}" if query else f"/{steps}"
    request = raw(signed(server, service="muniment", method=method, target=target), method=method, target=target)
    assert exchanged(server, request, method=method).status in EXPECTED


ELEMENTS = ["Version", "Statement", "Effect", "Action", "Resource", "Condition", "StringLike", "Principal", "Sid"]
JSON = st.recursive(
    TEXTS | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ELEMENTS), inner, max_size=4),
)


@FUZZED
@given(policy=JSON)
def test_policies(server: Server, policy: object) -> None:
    """Any JSON as a policy."""
    body = form("PutUserPolicy", UserName="admin", PolicyName="fuzzed", PolicyDocument=json.dumps(policy))
    assert called(server, body).status in EXPECTED


def resident_bytes(server: Server) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (kilobytes,) = re.findall(r"VmRSS:\s+([0-9]+) kB", status)
    return int(kilobytes) * 1024


def test_a_thousand_who_say_nothing(server: Server) -> None:
    """Idle connections, requests that come by single bytes and answers that nobody reads: others are served meanwhile,
    and it costs little memory."""
    before = resident_bytes(server)
    request = raw(signed(server, FINE), FINE)
    with ExitStack() as stack:
        idle = [stack.enter_context(connected(server)) for _ in range(CONNECTIONS)]
        for number, connection in enumerate(idle):
            connection.sendall(request[: number % 300])
            if number % 10 == 0:
                assert called(server, FINE).status == 200
        deaf = [stack.enter_context(connected(server)) for _ in range(20)]
        for connection in deaf:
            connection.sendall(request * 50)
        assert called(server, FINE).status == 200
        assert resident_bytes(server) - before < GROWTH_BYTES_MAX
        # Those who had begun in earnest are served when they go on.
        idle[299].sendall(request[299:])
        assert received(idle[299]).status == 200


def test_bodies_are_not_kept(server: Server) -> None:
    """Large requests leave nothing behind, neither those of strangers nor those that are refused in a round."""
    signed_body = form("CreateUser") + b"&UserName=" + b"x" * BODY_BYTES
    proved = raw(signed(server, signed_body), signed_body)
    before = resident_bytes(server)
    body = b"x" * BODY_BYTES
    for _ in range(BODIES):
        assert exchanged(server, raw([("Host", "x"), ("Content-Type", FORM)], body)).status in EXPECTED
        assert exchanged(server, proved).status == 400
    assert resident_bytes(server) - before < GROWTH_BYTES_MAX
