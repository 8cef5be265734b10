"""HTTP that no stock client speaks, and signatures that prove nobody: refused, recorded, and the server goes on."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.clients.raw_http import (
    REGION,
    administrator,
    called,
    connected,
    entries,
    exchanged,
    form,
    raw,
    received,
    received_in_a_row,
    recorded_once,
    refused,
    signed,
)
from tests.clients.server import Server

FINE = form("ListUsers")
MEGABYTE = 1_000_000

pytestmark = pytest.mark.usefixtures("goes_on")


# Who calls.


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": None}, 403, "MissingAuthenticationToken"),
        ({"Authorization": "Bearer abc"}, 400, "IncompleteSignature"),
        ({"Authorization": "AWS4-HMAC-SHA256"}, 400, "IncompleteSignature"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host"}, 400, "IncompleteSignature"),
        ({"Authorization": "AWS4-HMAC-SHA256 " + "a=" * 10_000}, 400, "IncompleteSignature"),
        ({"X-Amz-Date": "yesterday"}, 400, "IncompleteSignature"),
        ({"X-Amz-Date": "20260230T000000Z"}, 400, "IncompleteSignature"),
        ({"X-Amz-Date": "20200101T000000Z"}, 403, "SignatureDoesNotMatch"),
        ({"X-Amz-Security-Token": "a" * 5_000}, 403, "SignatureDoesNotMatch"),
        ({"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, 403, "SignatureDoesNotMatch"),
        ({"Host": "elsewhere.example"}, 403, "SignatureDoesNotMatch"),
    ],
)
def test_a_signature_that_proves_nobody_is_refused(
    server: Server, source: str, headers: dict[str, str | None], status: int, code: str
) -> None:
    """Headers changed after they were signed; the installation's ledger keeps the first failure of a source."""
    kept = [(name, value) for name, value in signed(server, FINE) if name not in headers]
    changed = [(name, value) for name, value in headers.items() if value is not None]
    refused(server, exchanged(server, raw([*kept, *changed], FINE), source=source), status, code)


def test_another_body_than_the_signed_one_is_refused(server: Server, source: str) -> None:
    """The body that arrives is the one that is verified."""
    body = form("CreateUser", UserName="smuggled")
    refused(server, exchanged(server, raw(signed(server, FINE), body), source=source), 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("name", ["Authorization", "X-Amz-Date", "Host"])
def test_a_header_that_says_who_calls_stands_once(server: Server, source: str, name: str) -> None:
    """Of two, one layer could check the first and another obey the second."""
    headers = signed(server, FINE)
    twice = [*headers, (name, dict(headers)[name])]
    refused(server, exchanged(server, raw(twice, FINE), source=source), 400, "IncompleteSignature")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_that_is_wrong_is_told_so(server: Server, source: str, minutes: int) -> None:
    """AWS's code for it is SignatureDoesNotMatch, with both times in the message."""
    headers = signed(server, FINE, after=timedelta(minutes=minutes))
    reply = exchanged(server, raw(headers, FINE), source=source)
    refused(server, reply, 403, "SignatureDoesNotMatch")
    assert "15 min." in reply.message


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_that_is_nearly_right_will_do(server: Server, minutes: int) -> None:
    """Fifteen minutes either way are AWS's tolerance."""
    assert exchanged(server, raw(signed(server, FINE, after=timedelta(minutes=minutes)), FINE)).status == 200


@pytest.mark.parametrize("service", ["muniment", "IAM"])
def test_a_signature_for_another_service_is_refused(server: Server, source: str, service: str) -> None:
    """The scope of the credential names iam or sts here. Services that are not here are told so otherwise."""
    reply = exchanged(server, raw(signed(server, FINE, service=service), FINE), source=source)
    assert reply.code in {"SignatureDoesNotMatch", "IncompleteSignature"}
    refused(server, reply, 403 if reply.code == "SignatureDoesNotMatch" else 400, reply.code)


def test_a_secret_in_the_place_of_the_key_id_is_not_written_down(server: Server, source: str) -> None:
    """Who mixes the two up must not find the secret in the ledger."""
    key = administrator(server)
    mixed_up = Credentials("wJalrXUtnFEMIzK7MDENGzbPxRfiCYEXAMPLEKEY", key.access_key)
    reply = exchanged(server, raw(signed(server, FINE, by=mixed_up), FINE), source=source)
    refused(server, reply, 403, "InvalidClientTokenId")
    assert "wJalrXUtnFEMI" not in json.dumps(entries(server, reply.request_id))


def test_a_source_that_fails_often_is_counted(server: Server, source: str) -> None:
    """Of many failures of one source in a minute at most two (the minute may end between) are recorded one by one."""
    request = raw([("Host", "localhost")], FINE)
    replies = [exchanged(server, request, source=source) for _ in range(20)]
    assert {reply.code for reply in replies} == {"MissingAuthenticationToken"}
    recorded = [entry for entry in entries(server, source) if entry["cause"]["peer_address"] == source]
    assert 1 <= len(recorded) <= 2


# How requests are framed.


def chunked(body: bytes, size: int = 7) -> bytes:
    """A body in chunks of that many bytes, with the header that says so (RFC 9112, section 7.1)."""
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


def test_a_chunked_body_is_a_body(server: Server) -> None:
    """The signature is over what the chunks carry."""
    headers = raw(signed(server, FINE), length=False).removesuffix(b"\r\n")
    reply = exchanged(server, headers + chunked(FINE))
    assert reply.status == 200
    assert recorded_once(server, reply)["cause"]["operation"] == "ListUsers"


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param(lambda head: head + b"\r\n" + FINE, id="no length"),
        pytest.param(lambda head: head + b"Content-Length: 5\r\n" + chunked(FINE), id="length and chunks"),
        pytest.param(
            lambda head: head + b"Content-Length: %d\r\nContent-Length: 3\r\n\r\n" % len(FINE) + FINE, id="two lengths"
        ),
        pytest.param(lambda head: head + b"Content-Length: -3\r\n\r\n" + FINE, id="negative length"),
        pytest.param(lambda head: head + b"Content-Length: 1e3\r\n\r\n" + FINE, id="length that is no number"),
        pytest.param(lambda head: head + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", id="length beyond all"),
        pytest.param(lambda head: head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", id="chunk of no size"),
        pytest.param(lambda head: head + b"X-Header: a\0b\r\nContent-Length: 0\r\n\r\n", id="U+0000 in a header"),
        pytest.param(lambda _head: b"\x16\x03\x01\x02\x00" + b"\0" * 64 + b"\r\n\r\n", id="TLS"),
        pytest.param(lambda head: head.replace(b"POST", b"BREW") + b"\r\n", id="unknown method"),
    ],
)
def test_framing_that_can_be_read_in_two_ways_is_refused(server: Server, framing: Callable[[bytes], bytes]) -> None:
    """So that nothing can be smuggled past a proxy: 400, and the connection is closed."""
    head = raw(signed(server, FINE), length=False).removesuffix(b"\r\n")
    with connected(server) as connection:
        connection.sendall(framing(head))
        reply = received(connection)
        assert reply.status in {400, 403}, reply
        assert reply.headers.get("connection") == "close" or reply.status == 403, reply


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_the_method_is_part_of_what_was_signed(server: Server, source: str, method: str) -> None:
    """A request signed as POST proves nobody when it arrives as something else."""
    reply = exchanged(server, raw(signed(server, FINE), FINE, method=method), source=source, method=method)
    assert reply.status == 403
    assert recorded_once(server, reply)["event"]["error_code"] == "SignatureDoesNotMatch"


def test_a_head_gets_no_body(server: Server) -> None:
    """A HEAD that is signed as such names no action; its answer ends with the headers, so the connection goes on."""
    with connected(server) as connection:
        connection.sendall(raw(signed(server, method="HEAD"), method="HEAD"))
        reply = received(connection, "HEAD")
        assert (reply.status, reply.body) == (400, b"")
        assert recorded_once(server, reply)["event"]["error_code"] == "MissingAction"
        connection.sendall(raw(signed(server, FINE), FINE))
        assert received(connection).status == 200


def presigned(server: Server, query: str, seconds: int) -> str:
    """The target of a GET that carries its signature in the query string."""
    request = AWSRequest("GET", f"{server.endpoint}/?{query}")
    SigV4QueryAuth(administrator(server), "iam", REGION, expires=seconds).add_auth(request)
    url: str = request.url
    return url.removeprefix(server.endpoint)


def test_a_presigned_query_is_a_call(server: Server) -> None:
    """Parameters and signature in the query string; the ledger has the call, and the signature nowhere."""
    target = presigned(server, FINE.decode(), 60)
    host = [("Host", urlsplit(server.endpoint).netloc)]
    reply = exchanged(server, raw(host, method="GET", target=target), method="GET")
    assert reply.status == 200, reply.body
    recorded_once(server, reply)
    assert "X-Amz-" not in json.dumps(entries(server, reply.request_id))


def test_a_presigned_query_that_was_changed_is_refused(server: Server, source: str) -> None:
    """Every parameter is signed."""
    target = presigned(server, form("GetUser", UserName="admin").decode(), 60).replace("admin", "alice")
    host = [("Host", urlsplit(server.endpoint).netloc)]
    reply = exchanged(server, raw(host, method="GET", target=target), source=source, method="GET")
    refused(server, reply, 403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("target", ["/users", "//", "/%00", "/..", "/v2/", "/v1"])
def test_elsewhere_nothing_is_answered(server: Server, source: str, target: str) -> None:
    """AWS operations are answered at / alone."""
    reply = exchanged(server, raw(signed(server, FINE, target=target), FINE, target=target), source=source)
    assert reply.status == 404
    assert reply.code == "UnknownPath"


@pytest.mark.parametrize("length", [True, False], ids=["with its length", "in chunks"])
def test_ten_megabytes_are_too_much(server: Server, source: str, length: bool) -> None:  # noqa: FBT001  a parameter of the test
    """Refused as soon as it is more than any request has, whether the body says its size or not."""
    body = b"Action=ListUsers&Marker=" + b"a" * 10 * MEGABYTE
    head = raw([("Host", "localhost")], length=False).removesuffix(b"\r\n")
    request = raw([("Host", "localhost")], body) if length else head + chunked(body, 65_536)
    with connected(server, source) as connection:
        with suppress(ConnectionError):  # The server need not read what it has refused.
            connection.sendall(request)
        reply = received(connection)
    assert (reply.status, reply.code) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param([(f"X-Flood-{number}", "a") for number in range(2_000)], id="2,000 names"),
        pytest.param([("X-Flood", "a" * 1_000)] * 20_000, id="20 MB under one name"),
        pytest.param([("X-Flood", "a" * MEGABYTE)], id="1 MB in one value"),
        pytest.param([("X-Flood", "a" * 100 * MEGABYTE)], id="100 MB in one value"),
    ],
)
def test_more_headers_than_any_client_sends_are_refused(server: Server, flood: list[tuple[str, str]]) -> None:
    """Before anything is done with them, and without reading the rest: joining twenty thousand of one name once took
    the server more than a minute. The answer may be lost in the connection's end; a 200 it is not."""
    request = raw([*signed(server, FINE), *flood], FINE)
    with connected(server) as connection, suppress(ConnectionError):
        with suppress(ConnectionError):
            connection.sendall(request)
        assert received(connection).status == 400


@pytest.mark.parametrize("agent", ["\xff\xfe\x80", "u" * 60_000, "😀".encode().decode("latin-1")])
def test_any_user_agent_is_recorded(server: Server, agent: str) -> None:
    """Bytes beyond ASCII and long ones too, cut to a thousand characters."""
    reply = exchanged(server, raw([*signed(server, FINE), ("User-Agent", agent)], FINE))
    assert reply.status == 200
    assert recorded_once(server, reply)["cause"]["user_agent"] == agent[:1_000]


def test_requests_in_a_row_are_answered_in_their_order(server: Server) -> None:
    """Five calls sent at once on one connection: five answers, each of its own, each recorded at its own position."""
    calls = [form("GetUser", UserName=name) for name in ("admin", "nobody", "admin", "nowhere", "admin")]
    with connected(server) as connection:
        connection.sendall(b"".join(raw(signed(server, body), body) for body in calls))
        replies = received_in_a_row(connection, len(calls))
    assert [reply.status for reply in replies] == [200, 404, 200, 404, 200]
    positions = [reply.position for reply in replies]
    assert positions == sorted(set(positions))
    assert [recorded_once(server, reply)["position"] for reply in replies] == positions


def test_a_body_that_is_slow_holds_up_nobody(server: Server) -> None:
    """Half a request waits; others are served meanwhile; the other half completes it."""
    request = raw(signed(server, FINE), FINE)
    with connected(server) as slow:
        slow.sendall(request[:-10])
        assert called(server, FINE).status == 200
        slow.sendall(request[-10:])
        assert received(slow).status == 200


def test_who_goes_before_the_answer_has_called(server: Server) -> None:
    """The call stands in the ledger although nobody waits for its answer."""
    body = form("CreateUser", UserName="orphan")
    with connected(server) as connection:
        connection.sendall(raw(signed(server, body), body))
    # Rounds take calls of an account in their order, and whatever comes after this answer comes after that call.
    for _ in range(1_000):
        if called(server, form("GetUser", UserName="orphan")).status == 200:
            break
    created = [entry for entry in entries(server, "orphan") if entry["topic"] == "iam.user.created.v1"]
    assert len(created) == 1


def test_who_goes_before_the_body_is_complete_has_done_nothing(server: Server) -> None:
    """Half a call is no call."""
    body = form("CreateUser", UserName="halfling")
    with connected(server) as connection:
        connection.sendall(raw(signed(server, body), body)[:-5])
    assert called(server, form("GetUser", UserName="halfling")).code == "NoSuchEntity"
    assert called(server, form("GetUser", UserName="half")).code == "NoSuchEntity"
