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
from domain.errors import AccessDenied, Refusal, SignatureDoesNotMatch, Throttling
from domain.events import Cause
from domain.identifiers import Random, new_uuid
from domain.past import Past
from services.ledger.committer import Committer
from services.ledger.round import Clock
from services.ledger.waiting import Overloaded
from services.ledger.work import Committed, Unavailable
from services.wire import looking_back, sigv4
from services.wire.awaiting import decided
from services.wire.credentials import Credentials
from services.wire.deciding import Request, SealSession, decision_of, storable
from services.wire.denials import Denials
from services.wire.errors import ServiceFailure, ServiceUnavailable
from services.wire.facts import FactFinder
from services.wire.http import RawRequest
from services.wire.operations import Operation, Parameters
from services.wire.strangers import Strangers

log = logging.getLogger("muniment.wire")
USER_AGENT_CHARACTERS_MAX = 1_000
OK = 200
AUTHORIZATION_MESSAGE = b"x-muniment-authorization-message"
"""Of a call that policies denied: who may have it decoded is told why."""
DECISIONS_MAX = 3
"""So often a call is decided for which facts have to be found out, while its account moves on."""

Write = Callable[[Outcome, Account, int, str], Awaitable[bytes]]
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


class Rendered(NamedTuple):
    """A refusal, as its language has it."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, as far as the connection and trusted proxies tell."""

    peer_address: str
    forwarded_address: str | None
    tls: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for, as far as it could be read: everything, or what came before the refusal."""

    name: str
    """Of the operation, as it is recorded; empty where the request names none that we know of."""
    operation: Operation | None
    parameters: Parameters
    refusal: Refusal | None = None
    write: Write | None = None


class Language(Protocol):
    """What a door speaks: how its requests are read, and how its answers and errors are written."""

    @property
    def services(self) -> Collection[str]:
        """Names in the credential scope that are signed for here."""
        ...

    @property
    def content_type(self) -> str: ...

    @property
    def looks_back(self) -> bool:
        """Whether its paths may stand behind a moment of the past."""
        ...

    def read(self, raw: RawRequest, presented: sigv4.Presented, now: datetime) -> Asked:
        """Of a caller who is proved. Raises nothing: a refusal is part of what was read."""
        ...

    def refused(self, refusal: Refusal, service: str | None, request_id: str) -> Rendered:
        """The service is None as long as the request has not told which it is."""
        ...


class Gate:
    """One event loop's."""

    def __init__(
        self,
        committer: Committer,
        credentials: Credentials,
        strangers: Strangers,
        facts: FactFinder,
        denials: Denials,
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

    async def answer(self, raw: RawRequest, origin: Origin, language: Language) -> Response:
        """Never raises: every failure is an answer."""
        request_id = new_uuid(self._random)
        try:
            return await self._answer(raw, origin, language, request_id)
        except Unavailable as error:
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
        return refused(language, refusal, None, request_id)

    async def _answer(self, raw: RawRequest, origin: Origin, language: Language, request_id: str) -> Response:
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
        presented: sigv4.Presented | None = None
        service: str | None = None
        try:
            presented = sigv4.read(raw)
            if presented.service not in language.services:
                raise SignatureDoesNotMatch(
                    f"Credential should be scoped to correct service: {' or '.join(language.services)}."
                )
            service = presented.service
            credential = await self._credentials.proved(presented, now, service=service)
        except Refusal as refusal:
            claimed = presented.access_key_id if presented else None
            account_id = self._credentials.account_of(claimed) if claimed else None
            await self._strangers.record(cause(service="", operation=""), refusal, claimed, account_id, now)
            return refused(language, refusal, service, request_id)
        as_of, path = looking_back.split(presented.path) if language.looks_back else (None, presented.path)
        asked = language.read(raw, replace(presented, path=path), now)
        proved = cause(
            service=service,
            operation=asked.name,
            region=presented.region,
            access_key_id=presented.access_key_id,
            session_id=credential.session.session_id if credential.session else None,
        )
        request = Request(credential, proved, asked.operation, asked.parameters, asked.refusal, as_of)
        committed = await self._decided(request)
        position = committed.positions[credential.account_id]
        if isinstance(committed.result, Refusal):
            answer = refused(language, committed.result, service, request_id, position)
            if isinstance(committed.result, AccessDenied) and committed.result.decided:
                # The record is the call's last event, and it stands: the message will find it.
                message = self._denials.message(credential.account_id, position).encode("ascii")
                return replace(answer, headers=(*answer.headers, (AUTHORIZATION_MESSAGE, message)))
            return answer
        account = committed.values[credential.account_id]
        assert isinstance(account, Account)
        assert asked.write is not None
        try:
            body = await asked.write(committed.result, account, position, request_id)
        except Refusal as refusal:
            return refused(language, refusal, service, request_id, position)
        return Response(OK, body, request_id, position, language.content_type)

    async def _decided(self, request: Request) -> Committed:
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
                if isinstance(found, Past):
                    request = replace(request, past=found)
                else:
                    facts = found
        raise AssertionError("A refused request needs no facts.")

    async def _in_round(self, request: Request, facts: Facts | None) -> Committed:
        decide = decision_of(request, self._random, self._seal_session, facts)
        return await decided(self._committer, frozenset({request.credential.account_id}), decide)


def refused(
    language: Language, refusal: Refusal, service: str | None, request_id: str, position: int | None = None
) -> Response:
    status, body, headers = language.refused(refusal, service, request_id)
    return Response(status, body, request_id, position, language.content_type, headers)


def _user_agent(raw: RawRequest) -> str | None:
    text = raw.header("user-agent")
    return None if text is None else storable(text[:USER_AGENT_CHARACTERS_MAX])
