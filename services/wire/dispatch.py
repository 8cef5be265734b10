"""The AWS endpoint: from a request's bytes to a response's, through the ledger."""

import logging
import uuid
from dataclasses import dataclass, replace

from domain.account import Account
from domain.calls import Outcome
from domain.errors import InvalidAction, MissingAction, Refusal, SignatureDoesNotMatch, Throttling
from domain.events import Cause
from domain.identifiers import Random
from services.ledger.committer import Committer, Overloaded
from services.ledger.round import Clock
from services.ledger.work import Unavailable
from services.wire import errors, model, operations, sigv4
from services.wire.awaiting import decided
from services.wire.credentials import Credentials
from services.wire.deciding import Request, SealSession, decision_of, storable
from services.wire.http import RawRequest
from services.wire.operations import Operation
from services.wire.parse import form_fields
from services.wire.strangers import Strangers

log = logging.getLogger("muniment.wire")
SERVICES = ("iam", "sts")
USER_AGENT_CHARACTERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    request_id: str
    position: int | None = None
    """Of the call's last event in its account's ledger."""
    content_type: str = "text/xml"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as far as the connection and trusted proxies tell."""

    peer_address: str
    forwarded_address: str | None
    tls: bool


class Dispatch:
    """One event loop's."""

    def __init__(
        self,
        committer: Committer,
        credentials: Credentials,
        strangers: Strangers,
        *,
        clock: Clock,
        random: Random,
        seal_session: SealSession,
    ) -> None:
        self._committer = committer
        self._credentials = credentials
        self._strangers = strangers
        self._clock = clock
        self._random = random
        self._seal_session = seal_session
        self._services = {name: model.Service.load(name) for name in SERVICES}

    async def answer(self, raw: RawRequest, origin: Origin) -> Response:
        """Never raises: every failure is an answer."""
        request_id = str(uuid.UUID(bytes=self._random(16), version=4))
        try:
            return await self._answer(raw, origin, request_id)
        except Unavailable as error:
            log.warning("%s: %s", request_id, error)
            return Response(*errors.unavailable(request_id), request_id)
        except Overloaded as error:
            return Response(*errors.render(Throttling(str(error)), service=None, request_id=request_id), request_id)
        except Exception:
            log.exception("%s: a defect", request_id)
            return Response(*errors.failure(request_id), request_id)

    async def _answer(self, raw: RawRequest, origin: Origin, request_id: str) -> Response:
        cause = Cause(
            origin="api",
            request_id=request_id,
            shared_id=request_id,
            service="",
            operation="",
            peer_address=origin.peer_address,
            forwarded_address=origin.forwarded_address,
            user_agent=_user_agent(raw),
            tls=origin.tls,
        )
        now = self._clock()
        presented: sigv4.Presented | None = None
        service: model.Service | None = None
        try:
            presented = sigv4.read(raw)
            service = self._services.get(presented.service)
            if service is None:
                raise SignatureDoesNotMatch(f"Credential should be scoped to correct service: {' or '.join(SERVICES)}.")
            credential = await self._credentials.proved(presented, now, service=service.name)
        except Refusal as refusal:
            await self._strangers.record(cause, refusal, presented.access_key_id if presented else None, now)
            return Response(*errors.render(refusal, service=service, request_id=request_id), request_id)
        cause = cause.model_copy(
            update={"service": service.name, "region": presented.region, "access_key_id": presented.access_key_id}
        )
        if credential.session is not None:
            cause = cause.model_copy(update={"session_id": credential.session.session_id})
        request, shape = self._read(service, raw, Request(credential, cause, None, {}))
        committed = await decided(
            self._committer, frozenset({credential.account_id}), decision_of(request, self._random, self._seal_session)
        )
        position = committed.positions[credential.account_id]
        if isinstance(committed.result, Refusal):
            status, body = errors.render(committed.result, service=service, request_id=request_id)
            return Response(status, body, request_id, position)
        outcome: Outcome = committed.result
        account = committed.values[credential.account_id]
        assert isinstance(account, Account)
        assert shape is not None
        return Response(200, shape.serialise(outcome.answer(account), request_id), request_id, position)

    def _read(
        self, service: model.Service, raw: RawRequest, request: Request
    ) -> tuple[Request, model.Operation | None]:
        """The request with operation and parameters, or with the refusal that reading them came to."""
        shape: model.Operation | None = None
        operation: Operation | None = None
        try:
            fields = form_fields(raw.body, raw.query)
            name = fields.pop("Action", None)
            version = fields.pop("Version", None)
            if not name:
                raise MissingAction("The request does not name an Action.")
            shape = service.operation(name)
            request = replace(request, cause=request.cause.model_copy(update={"operation": name}))
            if version != service.version:
                raise InvalidAction(f"Could not find operation {name} for version {storable(version or '')[:20]!r}")
            operation = operations.find(service.name, name)
            if operation is None:
                raise InvalidAction(f"This server does not implement {service.name}:{name} yet.")
            signature = [field for field in fields if field.startswith("X-Amz-")]
            for field in signature:
                del fields[field]
            return replace(request, operation=operation, parameters=shape.parse(fields)), shape
        except Refusal as refusal:
            return replace(request, operation=operation, refusal=refusal), shape


def _user_agent(raw: RawRequest) -> str | None:
    text = raw.header("user-agent")
    return None if text is None else storable(text[:USER_AGENT_CHARACTERS_MAX])
