"""The gate: the one way of a signed request, whatever language it speaks, into a round of its account and back."""

import itertools
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple, Protocol

from domain.account import Account
from domain.calls import Facts, NeedsFacts, Outcome
from domain.foundation.errors import AccessDenied, Refusal, SignatureDoesNotMatch, Throttling
from domain.foundation.events import Cause
from domain.foundation.identifiers import Random, new_uuid
from domain.time_travel import PastFacts
from services.ledger.call_queue import Overloaded
from services.ledger.committer import Committer
from services.ledger.pending_call import CommittedCall, LedgerUnavailable
from services.ledger.round import Clock
from services.wire import sigv4, time_travel
from services.wire.authentication import Authenticator
from services.wire.decision import AuthenticatedRequest, SealSession, decision_for, storable_text
from services.wire.denial_messages import DenialMessages
from services.wire.errors import ServiceFailure, ServiceUnavailable
from services.wire.fact_resolver import FactResolver
from services.wire.operations import Operation, Parameters
from services.wire.raw_request import RawRequest
from services.wire.submission import commit_and_wait
from services.wire.unauthenticated import UnauthenticatedRecorder

log = logging.getLogger("muniment.wire")
USER_AGENT_CHARACTERS_MAX = 1_000
OK = 200
AUTHORIZATION_MESSAGE_HEADER = b"x-muniment-authorization-message"
"""Of a call that policies denied: who may have it decoded is told why."""
DECISIONS_MAX = 3
"""So often a call is decided for which facts have to be found out, while its account moves on."""

WriteResponse = Callable[[Outcome, Account, int, str], Awaitable[bytes]]
"""Writes the answer after the commit, from the outcome, the account as it then is, the call's position in its ledger
and the request id. It may still raise a Refusal."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    request_id: str
    position: int | None = None
    """Of the call's last event in its account's ledger."""
    content_type: str = "text/xml"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Besides those of every answer."""


class RenderedRefusal(NamedTuple):
    """A refusal, as its language has it."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Where a request came from, as far as the connection and trusted proxies tell."""

    peer_address: str
    forwarded_address: str | None
    tls: bool


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """What a request asks for, as far as it could be read: everything, or what came before the refusal."""

    name: str
    """Of the operation, as it is recorded; empty where the request names none that we know of."""
    operation: Operation | None
    parameters: Parameters
    refusal: Refusal | None = None
    write: WriteResponse | None = None


class WireProtocol(Protocol):
    """What a door speaks: how its requests are read, and how its answers and errors are written."""

    @property
    def services(self) -> Collection[str]:
        """Names in the credential scope that are signed for here."""
        ...

    @property
    def content_type(self) -> str: ...

    @property
    def supports_as_of(self) -> bool:
        """Whether its paths may stand behind a moment of the past."""
        ...

    def read(self, raw: RawRequest, presented: sigv4.PresentedSignature, now: datetime) -> ParsedRequest:
        """Of a caller who is proved. Raises nothing: a refusal is part of what was read."""
        ...

    def refused(self, refusal: Refusal, service: str | None, request_id: str) -> RenderedRefusal:
        """The service is None as long as the request has not told which it is."""
        ...


class RequestPipeline:
    """One event loop's."""

    def __init__(
        self,
        committer: Committer,
        credentials: Authenticator,
        strangers: UnauthenticatedRecorder,
        facts: FactResolver,
        denials: DenialMessages,
        *,
        clock: Clock,
        random: Random,
        seal_session: SealSession,
    ) -> None:
        self._committer = committer
        self._credentials = credentials
        self._strangers = strangers
        self._facts = facts
        self._denials = denials
        self._clock = clock
        self._random = random
        self._seal_session = seal_session

    async def answer(self, raw: RawRequest, origin: RequestOrigin, language: WireProtocol) -> Response:
        """Never raises: every failure is an answer."""
        request_id = new_uuid(self._random)
        try:
            return await self._answer(raw, origin, language, request_id)
        except LedgerUnavailable as error:
            log.warning("%s: %s", request_id, error)
            refusal: Refusal = ServiceUnavailable("The request has failed due to a temporary failure of the server.")
        except Overloaded as error:
            refusal = Throttling(str(error))
        except Exception:
            log.exception("%s: a defect", request_id)
            # What went wrong is for the log, which has the request id too.
            refusal = ServiceFailure(
                "The request processing has failed because of an unknown error, exception or failure."
            )
        return refusal_response(language, refusal, None, request_id)

    async def _answer(
        self, raw: RawRequest, origin: RequestOrigin, language: WireProtocol, request_id: str
    ) -> Response:
        cause = partial(
            Cause,
            origin="api",
            request_id=request_id,
            shared_id=request_id,
            peer_address=origin.peer_address,
            forwarded_address=origin.forwarded_address,
            user_agent=_user_agent(raw),
            tls=origin.tls,
        )
        now = self._clock()
        presented: sigv4.PresentedSignature | None = None
        service: str | None = None
        try:
            presented = sigv4.read_signature(raw)
            if presented.service not in language.services:
                raise SignatureDoesNotMatch(
                    f"Credential should be scoped to correct service: {' or '.join(language.services)}."
                )
            service = presented.service
            credential = await self._credentials.authenticate(presented, now, service=service)
        except Refusal as refusal:
            claimed = presented.access_key_id if presented else None
            account_id = self._credentials.account_of(claimed) if claimed else None
            await self._strangers.record(cause(service="", operation=""), refusal, claimed, account_id, now)
            return refusal_response(language, refusal, service, request_id)
        as_of, path = time_travel.split_as_of(presented.path) if language.supports_as_of else (None, presented.path)
        asked = language.read(raw, replace(presented, path=path), now)
        proved = cause(
            service=service,
            operation=asked.name,
            region=presented.region,
            access_key_id=presented.access_key_id,
            session_id=credential.session.session_id if credential.session else None,
        )
        request = AuthenticatedRequest(credential, proved, asked.operation, asked.parameters, asked.refusal, as_of)
        committed = await self._decided(request)
        position = committed.positions[credential.account_id]
        if isinstance(committed.result, Refusal):
            answer = refusal_response(language, committed.result, service, request_id, position)
            if isinstance(committed.result, AccessDenied) and committed.result.decided:
                # The record is the call's last event, and it stands: the message will find it.
                message = self._denials.message(credential.account_id, position).encode("ascii")
                return replace(answer, headers=(*answer.headers, (AUTHORIZATION_MESSAGE_HEADER, message)))
            return answer
        account = committed.values[credential.account_id]
        assert isinstance(account, Account)
        assert asked.write is not None
        try:
            body = await asked.write(committed.result, account, position, request_id)
        except Refusal as refusal:
            return refusal_response(language, refusal, service, request_id, position)
        return Response(OK, body, request_id, position, language.content_type)

    async def _decided(self, request: AuthenticatedRequest) -> CommittedCall:
        """Raises Unavailable, Overloaded, and whatever a defect raised."""
        facts: Facts | None = None
        for decisions in itertools.count(1):
            try:
                return await self._in_round(request, facts)
            except NeedsFacts as needed:
                # Nothing was written. The caller may do this and nothing is wrong with it yet: it is worth the work.
                if decisions == DECISIONS_MAX:
                    request = replace(request, refusal=needed.unsettled)
                    continue
                try:
                    found = await self._facts.find(request.credential.account_id, needed.wanted)
                except Refusal as refusal:
                    request = replace(request, refusal=refusal.as_value())
                    continue
                if isinstance(found, PastFacts):
                    request = replace(request, past=found)
                else:
                    facts = found
        raise AssertionError("A refused request needs no facts.")

    async def _in_round(self, request: AuthenticatedRequest, facts: Facts | None) -> CommittedCall:
        decide = decision_for(request, self._random, self._seal_session, facts)
        return await commit_and_wait(self._committer, frozenset({request.credential.account_id}), decide)


def refusal_response(
    language: WireProtocol, refusal: Refusal, service: str | None, request_id: str, position: int | None = None
) -> Response:
    status, body, headers = language.refused(refusal, service, request_id)
    return Response(status, body, request_id, position, language.content_type, headers)


def _user_agent(raw: RawRequest) -> str | None:
    text = raw.header("user-agent")
    return None if text is None else storable_text(text[:USER_AGENT_CHARACTERS_MAX])
