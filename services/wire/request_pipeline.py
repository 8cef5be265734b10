"""The one way of a signed request, whatever its protocol, into a round of its account and back."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from domain.account import Account
from domain.foundation.errors import AccessDenied, MissingAuthenticationToken, Refusal, Throttling, ValidationError
from domain.foundation.events import Cause
from domain.foundation.identifiers import INSTALLATION, Random, new_uuid
from services.bounded_http import source_of
from services.fair_pool import FairPool, Stopping
from services.fair_queue import Overloaded, Places, Turn, turn_of_stranger
from services.ledger.committer import Committer
from services.ledger.growth import GrowthShares
from services.ledger.pending_call import CommittedCall, LedgerUnavailable
from services.ledger.round import Clock
from services.wire import sigv4
from services.wire.authentication import Authenticator
from services.wire.call_record import storable_text
from services.wire.decision import AuthenticatedRequest, SealSession, decision_for, refused_call
from services.wire.denial_messages import DenialMessages
from services.wire.errors import ServiceFailure, ServiceUnavailable
from services.wire.fact_resolver import FactResolver
from services.wire.fact_rounds import FoundFacts, decide_with_facts
from services.wire.protocol import CommittedOutcome, ParsedRequest, WireProtocol
from services.wire.raw_request import RawRequest
from services.wire.refusal_counts import RefusalRecorder, RefusedCall
from services.wire.service_callers import credential_of_service, source_of_call
from services.wire.submission import commit_and_wait
from services.wire.time_travel import RequestPath
from services.wire.unauthenticated import UnauthenticatedRecorder

log = logging.getLogger("muniment.wire")
T = TypeVar("T")
USER_AGENT_CHARACTERS_MAX = 1_000
OK = 200
AUTHORIZATION_MESSAGE_HEADER = b"x-muniment-authorization-message"
"""Of a call that policies denied: who may have it decoded is told why."""
PREPARING_THREADS = 2
PREPARING_PLACES = (256, 64, 32)
"""In all, of an account, of a principal, or of an address whose requests are still to be proved."""
DECISIONS_MAX = 3
"""So often a call is decided for which facts have to be found out, while its account moves on."""


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


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Where a request came from, as far as the connection and trusted proxies tell."""

    peer_address: str
    forwarded_address: str | None
    tls: bool


class RequestPipeline:
    """One event loop's."""

    def __init__(
        self,
        committer: Committer,
        credentials: Authenticator,
        unauthenticated: UnauthenticatedRecorder,
        refusals: RefusalRecorder,
        facts: FactResolver,
        denials: DenialMessages,
        shares: GrowthShares,
        *,
        clock: Clock,
        random: Random,
        seal_session: SealSession,
    ) -> None:
        self._committer = committer
        self._credentials = credentials
        self._unauthenticated = unauthenticated
        self._refusals = refusals
        self._facts = facts
        self._denials = denials
        self._shares = shares
        self._clock = clock
        self._random = random
        self._seal_session = seal_session
        self._preparing = FairPool("preparing", threads=PREPARING_THREADS, places=Places(*PREPARING_PLACES))

    def close(self) -> None:
        """What waits for a thread is answered 503, and nothing begins to wait."""
        self._preparing.close()
        self._credentials.close()
        self._facts.close()

    async def answer(
        self, raw: RawRequest, path: RequestPath, origin: RequestOrigin, protocol: WireProtocol[Any]
    ) -> Response:
        """Never raises: every failure is an answer."""
        request_id = new_uuid(self._random)
        try:
            return await self._answer(raw, path, origin, protocol, request_id)
        except LedgerUnavailable as error:
            log.warning("%s: %s", request_id, error)
            refusal: Refusal = ServiceUnavailable("The request has failed due to a temporary failure of the server.")
        except Overloaded as error:
            refusal = Throttling(str(error))
        except Stopping:
            refusal = ServiceUnavailable("The server is being stopped. Try again.")
        except asyncio.CancelledError:
            # Nobody but a server that has waited long enough for its last answers cancels one.
            refusal = ServiceUnavailable("The server was stopped. Whether the call was recorded is unknown.")
        except Exception:
            log.exception("%s: a defect", request_id)
            # What went wrong is for the log, which has the request id too.
            refusal = ServiceFailure(
                "The request processing has failed because of an unknown error, exception or failure."
            )
        return refusal_response(protocol, refusal, None, request_id)

    async def _answer(
        self, raw: RawRequest, path: RequestPath, origin: RequestOrigin, protocol: WireProtocol[Any], request_id: str
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
        claim: sigv4.SignatureClaim | None = None
        service: str | None = None
        source = source_of(origin.forwarded_address or origin.peer_address)
        try:
            claim = _claim(raw, path, protocol)
            operation_path = path.behind_moment(claim.path)
            protocol.require_signed_for(claim.service)
            service = claim.service
            held = await self._credentials.find(claim, now, service=service, source=source)
            present = partial(sigv4.present, claim, raw, body_is_read=protocol.needs_body(raw))
            presented = await self._prepared(raw, turn_of_stranger(source), present)
            credential = self._credentials.verify(presented, held, now, service=service)
        except Refusal as refusal:
            claimed = claim.access_key_id if claim else None
            account_id = self._credentials.account_of(claimed) if claimed else None
            await self._unauthenticated.record(cause(service="", operation=""), refusal, claimed, account_id, now)
            return refusal_response(protocol, refusal, service, request_id)
        if protocol.tells_history and not self._shares.is_used_up(credential.account_id, ends_access=False):
            await self._refusals.flush()
            now = self._clock()
        read = partial(protocol.read, raw, operation_path, service, now)
        parsed = await self._prepared(raw, held.turn(), read)
        turn = held.turn(reserved=_ends_access(parsed))
        proved = cause(
            service=service,
            operation=parsed.name,
            region=claim.region,
            access_key_id=claim.access_key_id,
            session_id=credential.session.session_id if credential.session else None,
        )
        request = AuthenticatedRequest(
            credential, proved, parsed.operation, parsed.parameters, parsed.refusal, path.moment
        )
        if credential.account_id == INSTALLATION:
            request = _of_service(request, held.owner_id, raw)
            credential = request.credential
        refuse = partial(refusal_response, protocol, service=service, request_id=request_id)
        if self._shares.is_used_up(credential.account_id, ends_access=request.ends_access):
            throttled = Throttling("Rate exceeded: the account has written its share of an hour.")
            self._refusals.count(refused_call(request, request.cause, throttled, now))
            return refuse(throttled)
        committed = await decide_with_facts(
            partial(self._decide, request, turn), partial(self._facts.find, turn), decisions_max=DECISIONS_MAX
        )
        if isinstance(committed.result, RefusedCall):
            self._refusals.count(committed.result)
            return refuse(committed.result.refusal)
        position = committed.positions.get(credential.account_id)
        if isinstance(committed.result, Refusal):
            return self._explained(refuse(committed.result, position=position), committed.result, credential.account_id)
        assert position is not None, "What is answered stands in the account's ledger."
        account = committed.values[credential.account_id]
        assert isinstance(account, Account)
        try:
            outcome = CommittedOutcome(committed.result, account, position, request_id, turn)
            body = await protocol.write(parsed.shape, outcome)
        except Refusal as refusal:
            return refuse(refusal, position=position)
        return Response(OK, body, request_id, position, protocol.content_type)

    def _explained(self, answer: Response, refusal: Refusal, account_id: str) -> Response:
        """With the message that tells why, where policies denied the call."""
        if not isinstance(refusal, AccessDenied) or not refusal.decided:
            return answer
        # The record is the call's last event, and it stands: the message will find it.
        assert answer.position is not None
        message = self._denials.message(account_id, answer.position).encode("ascii")
        return replace(answer, headers=(*answer.headers, (AUTHORIZATION_MESSAGE_HEADER, message)))

    async def _prepared(self, raw: RawRequest, turn: Turn, work: Callable[[], T]) -> T:
        """Raises what `work` raises, Overloaded and Stopping."""
        return work() if raw.is_small else await self._preparing.run(turn, work)

    async def _decide(self, request: AuthenticatedRequest, turn: Turn, found: FoundFacts) -> CommittedCall:
        """Raises NeedsFacts, LedgerUnavailable, Overloaded, and whatever a defect raised."""
        decide = decision_for(request, self._random, self._seal_session, found, self._refusals.is_recorded)
        return await commit_and_wait(self._committer, request.ledgers, decide, turn)


def _claim(raw: RawRequest, path: RequestPath, protocol: WireProtocol[Any]) -> sigv4.SignatureClaim:
    try:
        return sigv4.read_claim(raw)
    except MissingAuthenticationToken:
        if raw.is_small:
            protocol.refuse_unsigned(raw, path.path)
        raise


def _of_service(request: AuthenticatedRequest, name: str, raw: RawRequest) -> AuthenticatedRequest:
    credential = credential_of_service(request.credential, name, request.cause.operation, request.parameters)
    request = replace(request, credential=credential)
    try:
        return replace(request, source=source_of_call(raw))
    except ValidationError as unfit:
        return replace(request, refusal=request.refusal or unfit)


def _ends_access(parsed: ParsedRequest[Any]) -> bool:
    return parsed.refusal is None and parsed.operation is not None and parsed.operation.ends_access(parsed.parameters)


def refusal_response(
    protocol: WireProtocol[Any], refusal: Refusal, service: str | None, request_id: str, position: int | None = None
) -> Response:
    status, body, headers = protocol.refuse(refusal, service, request_id)
    return Response(status, body, request_id, position, protocol.content_type, headers)


def _user_agent(raw: RawRequest) -> str | None:
    text = raw.header("user-agent")
    return None if text is None else storable_text(text[:USER_AGENT_CHARACTERS_MAX])
