"""What a wire protocol is: how its requests are recognised and read, and its answers and errors written (ADR 0030)."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from domain.account import Account
from domain.calls import Outcome
from domain.foundation.errors import Refusal, SignatureDoesNotMatch
from services.fair_queue import Turn
from services.wire.operations import Operation, Parameters
from services.wire.raw_request import RawRequest
from services.wire.time_travel import RequestPath

Shape = TypeVar("Shape")
"""What a protocol has read beside the parameters, and writes the answer by."""


class RenderedRefusal(NamedTuple):
    """A refusal, as its protocol has it."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedRequest(Generic[Shape]):
    """What a request asks for, as far as it could be read: everything, or what came before the refusal."""

    name: str
    """Of the operation, as it is recorded; empty where the request names none that we know of."""
    operation: Operation | None
    parameters: Parameters
    refusal: Refusal | None = None
    shape: Shape | None = None
    """None where the request is refused."""


@dataclass(frozen=True, slots=True)
class CommittedOutcome:
    """What an operation came to, when its call is in the ledger."""

    outcome: Outcome
    account: Account
    """As it was right after the call."""
    position: int
    """Of the call's last event in the account's ledger."""
    request_id: str
    turn: Turn
    """Whose turn it is, where writing the answer has to wait."""

    def result(self) -> Mapping[str, object]:
        """The answer, by AWS's member names."""
        return self.outcome.answer(self.account)


class WireProtocol(ABC, Generic[Shape]):
    """One event loop's."""

    services: Collection[str]
    """Names in the credential scope that are signed for here."""
    content_type: str
    tells_history: ClassVar[bool] = False
    """Whether answers are about recorded calls: what was counted of them is recorded before."""

    @abstractmethod
    def serves(self, request: RawRequest, path: RequestPath) -> bool:
        """Whether the request is in this protocol. Decided before the body is looked at and before anybody is proved:
        by method, path and headers."""

    def speaking_to(self, _request: RawRequest) -> "WireProtocol[Any]":
        """Itself, or itself in the form that the client of a request that it serves asks for."""
        return self

    def needs_body(self, _request: RawRequest) -> bool:
        """Whether the body matters. What is declared of it is not compared with it otherwise."""
        return True

    def require_signed_for(self, service: str) -> None:
        """Raises SignatureDoesNotMatch for a service in the credential scope that is not served here."""
        if service not in self.services:
            raise SignatureDoesNotMatch(
                f"Credential should be scoped to correct service: {' or '.join(self.services)}."
            )

    def refuse_unsigned(self, _request: RawRequest, _path: bytes) -> None:
        """Raises a refusal where a request without a signature is refused for something else than that. The path has no
        moment before it."""

    @abstractmethod
    def read(self, request: RawRequest, path: bytes, service: str, now: datetime) -> ParsedRequest[Shape]:
        """Of a caller who is proved. The path is the one that was signed, without a moment before it.

        Raises nothing: a refusal is part of what was read.
        """

    @abstractmethod
    async def write(self, shape: Shape, committed: CommittedOutcome) -> bytes:
        """The answer, made after the commit. What may be long is made beside the event loop. May still raise a
        Refusal, Overloaded and Stopping."""

    def close(self) -> None:
        """Of answers that wait to be made, none is begun any more."""

    @abstractmethod
    def refuse(self, refusal: Refusal, service: str | None, request_id: str) -> RenderedRefusal:
        """The service is None as long as the request has not told which it is."""
