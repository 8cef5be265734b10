"""A server without its sockets: ledger, pipeline and protocols on a real database, asked with signed requests."""

import asyncio
import configparser
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from services.api.action_catalogue import CATALOGUE
from services.api.server.answer_runner import AnswerRunner
from services.api.server.health import Health
from services.api.server.native_protocol import NativeProtocol
from services.api.server.secret_scanning import SecretScanning
from services.asgi import AsgiApp
from services.bootstrap import bootstrap
from services.ledger.database import Database
from services.ledger.historical_states import HistoricalStateResolver
from services.ledger.lineage_resolver import LineageResolver
from services.ledger.report_resolver import ReportResolver
from services.ledger.round import Clock, system_clock
from services.ledger_runtime import LedgerRuntime
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys
from services.settings import Network
from services.wire.authentication import Authenticator
from services.wire.fact_resolver import FactResolver
from services.wire.protocol import WireProtocol
from services.wire.raw_request import RawRequest
from services.wire.refusal_counts import RefusalCounts, RefusalRecorder
from services.wire.request_pipeline import RequestOrigin, RequestPipeline, Response
from services.wire.time_travel import RequestPath
from services.wire.unauthenticated import UnauthenticatedRecorder
from tests.services.endpoint import HASHES, PROTOCOLS

PEER = RequestOrigin("192.0.2.7", None, tls=False)
VERSIONS = {"ec2": "2016-11-15", "iam": "2010-05-08", "sts": "2011-06-15"}


@dataclass(frozen=True)
class Reply:
    status: int
    body: dict[str, Any]
    position: int | None

    @property
    def error(self) -> tuple[str, str]:
        return self.body["error"]["code"], self.body["error"]["message"]


class InProcessServer:
    def __init__(self, ledger: LedgerRuntime, account_id: str, admin: Keys) -> None:
        self.ledger = ledger
        self.account_id = account_id
        self.admin = admin
        self.aws = PROTOCOLS["iam"]
        answers = AnswerRunner(ledger.runner, ledger.readers.connection, ledger.past, log_keys=lambda: ledger.log_keys)
        self.native = NativeProtocol(answers)
        self.pasts = HistoricalStateResolver(ledger.readers.connection, ledger.past)
        self.lineages = LineageResolver(ledger.readers.connection, ledger.runner, ledger.past)
        self.reports = ReportResolver(ledger.readers.connection, ledger.runner, ledger.past, CATALOGUE)
        self.resolvers = ledger.secrets, HASHES, ledger.denials, self.pasts, self.lineages, self.reports
        self.facts: FactResolver = FactResolver(ledger.writers.connection, *self.resolvers)
        self.trusted_proxies: tuple[Network, ...] = ()
        self.scanning: SecretScanning | None = None
        self.refusals = RefusalRecorder(ledger.committer, RefusalCounts())
        self.credentials = Authenticator(ledger.writers.connection, ledger.secrets, ledger.sessions)

    def answer(self, raw: RawRequest, protocol: WireProtocol[Any]) -> Response:
        async def once() -> Response:
            self.ledger.committer.deliver_through(asyncio.get_running_loop().call_soon_threadsafe)
            path = RequestPath.split(raw.raw_path)
            return await self.gate(self.facts).answer(raw, path, PEER, protocol)

        return asyncio.run(once())

    def over_http(self, raw: RawRequest, *protocols: WireProtocol[Any], peer: str = "192.0.2.7") -> Response:
        """Through the application, as it comes over a connection; the headers are all those of the answer."""
        sent: list[dict[str, Any]] = []

        async def once() -> None:
            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": raw.body}

            async def send(message: Any) -> None:
                sent.append(message)

            self.ledger.committer.deliver_through(asyncio.get_running_loop().call_soon_threadsafe)
            asked = protocols or (self.native, self.aws)
            application = AsgiApp(
                self.gate(self.facts), asked, cast("Health", None), self.trusted_proxies, self.scanning
            )
            scope = {"type": "http", "method": raw.method, "raw_path": raw.raw_path, "query_string": raw.query}
            await application({**scope, "headers": raw.headers, "client": (peer, 1), "scheme": "http"}, receive, send)

        asyncio.run(once())
        begin, end = sent
        headers = dict(begin["headers"])
        return Response(
            begin["status"], end["body"], headers[b"x-amzn-requestid"].decode(), headers=tuple(headers.items())
        )

    def gate(self, facts: FactResolver) -> RequestPipeline:
        return RequestPipeline(
            self.ledger.committer,
            self.credentials,
            UnauthenticatedRecorder(self.ledger.committer, secrets.token_bytes),
            self.refusals,
            facts,
            self.ledger.denials,
            self.ledger.shares,
            clock=self.ledger.clock,
            random=secrets.token_bytes,
            seal_session=self.ledger.sessions.seal,
        )

    def asks(
        self,
        target: str,
        *,
        keys: Keys | None = None,
        method: str = "GET",
        body: bytes = b"",
        service: str = "muniment",
    ) -> Reply:
        response = self.answer(signed(method, target, keys or self.admin, body, service), self.native)
        assert response.content_type == "application/json"
        return Reply(response.status, json.loads(response.body), response.position)

    def health(self) -> tuple[int, dict[str, Any]]:
        async def once() -> Response:
            ledger = self.ledger
            if ledger.committer.alive:
                ledger.committer.deliver_through(asyncio.get_running_loop().call_soon_threadsafe)
            health = Health(ledger.committer, ledger.runner, ledger.writers.connection, ledger.probe, None)
            return await health.answer(b"/health/ready")

        response = asyncio.run(once())
        return response.status, json.loads(response.body)

    def aws_does(
        self, service: str, action: str, *, keys: Keys | None = None, as_of: str | None = None, **members: str
    ) -> tuple[int, str]:
        """`as_of` is the moment of the past that is asked about."""
        response = self.answer(signed_form(service, action, keys or self.admin, as_of, **members), self.aws)
        return response.status, response.body.decode()

    def user(self, name: str, *statements: Mapping[str, object]) -> Keys:
        """A new user's keys, with an inline policy if there are statements."""
        assert self.aws_does("iam", "CreateUser", UserName=name)[0] == 200
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            put = {"UserName": name, "PolicyName": "inline", "PolicyDocument": document}
            assert self.aws_does("iam", "PutUserPolicy", **put)[0] == 200
        status, answer = self.aws_does("iam", "CreateAccessKey", UserName=name)
        assert status == 200
        return Keys(_member(answer, "AccessKeyId"), _member(answer, "SecretAccessKey"))

    def session(self, keys: Keys) -> tuple[str, Keys]:
        """A session's id, as the table tells it, and its keys."""
        status, answer = self.aws_does("sts", "GetSessionToken", keys=keys)
        assert status == 200
        session = Keys(*(_member(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
        rows = self.asks("/v1/sessions?limit=1000").body["sessions"]
        (session_id,) = [row["session_id"] for row in rows if row["access_key_id"] == session.access_key]
        return session_id, session


def _member(document: str, name: str) -> str:
    return document.partition(f"<{name}>")[2].partition(f"</{name}>")[0]


def signed_form(
    service: str, action: str, keys: Keys, as_of: str | None = None, region: str = "us-east-1", **members: str
) -> RawRequest:
    body = urlencode({"Action": action, "Version": VERSIONS[service], **members}).encode()
    return signed("POST", "/" if as_of is None else f"/as-of/{as_of}/", keys, body, service, region=region)


def signed(
    method: str,
    target: str,
    keys: Keys,
    body: bytes = b"",
    service: str = "muniment",
    *,
    region: str = "us-east-1",
    headers: Mapping[str, str] | None = None,
) -> RawRequest:
    request = AWSRequest(method, f"http://127.0.0.1:8420{target}", headers or {}, body)
    SigV4Auth(keys, service, region).add_auth(request)
    url = urlsplit(request.url)
    carried = [("Host", "127.0.0.1:8420"), *request.headers.items()]
    return RawRequest(
        method,
        url.path.encode("ascii"),
        url.query.encode("ascii"),
        tuple((name.lower().encode("ascii"), value.encode("latin-1")) for name, value in carried),
        body,
    )


@contextmanager
def opened(database: Database, place: Path, clock: Clock = system_clock) -> Iterator[InProcessServer]:
    ledger = LedgerRuntime(database, MasterKeys(MasterKey(secrets.token_bytes(KEY_BYTES))), clock=clock)
    with ledger.running():
        account_id = bootstrap(ledger.committer, place / "profile", "http://127.0.0.1:8420")
        assert account_id is not None
        profile = configparser.ConfigParser(interpolation=None)
        profile.read(place / "profile")
        section = profile["profile muniment"]
        house = InProcessServer(
            ledger, account_id, Keys(section["aws_access_key_id"], section["aws_secret_access_key"])
        )
        try:
            yield house
        finally:
            # The last call's event loop is gone.
            ledger.committer.deliver_through(lambda answer: answer())
