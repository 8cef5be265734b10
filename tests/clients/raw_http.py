"""Requests that no client library would send, correctly signed, and what the ledger then says about them."""

import configparser
import http.client
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from unittest.mock import patch
from urllib.parse import quote, urlsplit

import psycopg
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from services.ledger.embedded import EmbeddedPostgres
from tests.clients.server import Server

SECONDS_MAX = 30
REGION = "eu-central-1"
VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15"}
FORM = "application/x-www-form-urlencoded"
_CODE = re.compile(r"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>", re.DOTALL)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """AWS's error code; None for success."""
        found = _CODE.search(self.body.decode())
        return found and found[1]

    @property
    def message(self) -> str:
        found = _MESSAGE.search(self.body.decode())
        assert found is not None, self.body
        return found[1]

    @property
    def request_id(self) -> str:
        return self.headers["x-amzn-requestid"]

    @property
    def position(self) -> int:
        return int(self.headers["x-muniment-position"])


def administrator(server: Server) -> Credentials:
    """The key in the profile file that the server wrote at its first start."""
    profile = configparser.ConfigParser(interpolation=None)
    assert profile.read(server.data / "aws-profile")
    section = profile["profile muniment"]
    return Credentials(section["aws_access_key_id"], section["aws_secret_access_key"])


def form(action: str, service: str = "iam", **fields: str | bytes) -> bytes:
    """A form's bytes. Text is percent-encoded, bytes go as they are; a dot in a name is written as two underscores."""
    pairs = [("Action", action), ("Version", VERSIONS[service]), *fields.items()]
    return b"&".join(
        name.replace("__", ".").encode() + b"=" + (value if isinstance(value, bytes) else quote(value).encode())
        for name, value in pairs
    )


def signed(
    server: Server,
    body: bytes = b"",
    *,
    by: Credentials | None = None,
    service: str = "iam",
    method: str = "POST",
    target: str = "/",
    headers: Mapping[str, str] | None = None,
    after: timedelta = timedelta(),
) -> list[tuple[str, str]]:
    """The headers of a request, signed `after` now by botocore, as administrator unless somebody else is named."""
    request = AWSRequest(method, server.endpoint + target, {"content-type": FORM, **(headers or {})}, body)
    signer = SigV4Auth(by or administrator(server), service, REGION)
    if after:
        with patch("botocore.auth.get_current_datetime", return_value=datetime.now(UTC) + after):
            signer.add_auth(request)
    else:
        signer.add_auth(request)
    return [("Host", urlsplit(server.endpoint).netloc), *request.headers.items()]


def raw(
    headers: Sequence[tuple[str, str]],
    body: bytes = b"",
    *,
    method: str = "POST",
    target: str = "/",
    length: bool = True,
) -> bytes:
    """The request as it goes over the wire."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def connected(server: Server, source: str = "127.0.0.1") -> socket.socket:
    """A connection from that address: all of 127.0.0.0/8 is ours to call from."""
    url = urlsplit(server.endpoint)
    assert url.hostname is not None
    return socket.create_connection((url.hostname, url.port or 80), SECONDS_MAX, source_address=(source, 0))


def received(connection: socket.socket, method: str = "POST") -> Reply:
    """The next answer on a connection that carries one call at a time."""
    (reply,) = received_in_a_row(connection, 1, method)
    return reply


def received_in_a_row(connection: socket.socket, count: int, method: str = "POST") -> list[Reply]:
    """That many answers. Raises ConnectionError when the connection ends before them."""
    with connection.makefile("rb") as stream:
        return [_next_reply(stream, method) for _ in range(count)]


def _next_reply(stream: BinaryIO, method: str) -> Reply:
    status = stream.readline().split()
    if not status:
        raise ConnectionResetError("The server closed the connection without an answer.")
    headers = {name.lower(): value for name, value in http.client.parse_headers(stream).items()}
    length = 0 if method == "HEAD" else int(headers.get("content-length", "-1"))
    return Reply(int(status[1]), headers, stream.read(length))


def exchanged(server: Server, request: bytes, *, source: str = "127.0.0.1", method: str = "POST") -> Reply:
    """The answer to bytes sent on a connection of their own."""
    with connected(server, source) as connection:
        connection.sendall(request)
        return received(connection, method)


def called(server: Server, body: bytes, *, by: Credentials | None = None, service: str = "iam") -> Reply:
    """The answer to a form that is signed and sent as it should be."""
    return exchanged(server, raw(signed(server, body, by=by, service=service), body))


def credentials_in(reply: Reply) -> Credentials:
    """The credentials that an answer shows, of a session or of a new access key."""
    members = dict(re.findall(rb"<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]*)<", reply.body))
    token = members.get(b"SessionToken")
    return Credentials(
        members[b"AccessKeyId"].decode(), members[b"SecretAccessKey"].decode(), token.decode() if token else None
    )


def account_of(server: Server) -> str:
    """The account of the administrator."""
    found = called(server, form("GetCallerIdentity", "sts"), service="sts").body.split(b"<Account>")[1]
    return found[:12].decode()


def reading(server: Server) -> psycopg.Connection:
    """A connection to the server's own database with the rights of muniment_reader."""
    postgres = EmbeddedPostgres((server.data / "postgres").resolve())
    return psycopg.connect(postgres.conninfo("reader"), autocommit=True)


def entries(server: Server, *texts: str) -> list[dict[str, Any]]:
    """What the ledgers hold in whose bytes one of the texts stands, such as a request id, in the order of positions.

    Read as PostgreSQL reads it for the projections: what it cannot take as JSON is an error here too.
    """
    with reading(server) as connection:
        rows = connection.execute(
            "select convert_from(state, 'UTF8')::jsonb from "
            "(select * from ledger.changes union all select * from ledger.uses) as events "
            "where exists (select from unnest(%s::bytea[]) as text where position(text in state) > 0) "
            "order by account_id, position",
            ([text.encode() for text in texts],),
        )
        return [entry for (entry,) in rows]


RECORDS = frozenset({"api.called.v1", "api.unauthenticated_called.v1"})


def recorded_once(server: Server, reply: Reply) -> dict[str, Any]:
    """The one record of the call that was answered so."""
    (record,) = [entry for entry in entries(server, reply.request_id) if entry["topic"] in RECORDS]
    return record


def refused(server: Server, reply: Reply, status: int, code: str) -> None:
    """The answer is this refusal, and the ledger agrees."""
    assert (reply.status, reply.code) == (status, code), reply.body
    refusals_recorded(server, [reply])


def refusals_recorded(server: Server, replies: Sequence[Reply]) -> None:
    """The ledger has each refusal with its code, once, and nothing that was changed."""
    found = entries(server, *(reply.request_id for reply in replies))
    recorded = [
        (entry["cause"]["request_id"], entry["event"]["error_code"]) for entry in found if entry["topic"] in RECORDS
    ]
    assert sorted(recorded) == sorted((reply.request_id, reply.code) for reply in replies)
    assert {entry["topic"] for entry in found} <= RECORDS | {"iam.credential.used.v1"}
