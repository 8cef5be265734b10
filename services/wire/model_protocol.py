"""What AWS's protocols have in common: botocore's models say what they carry, the request names one operation."""

from abc import abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from domain.foundation.errors import InvalidAction, Refusal
from services.wire import operations
from services.wire.call_record import storable_text
from services.wire.model import Compiled, DescribedService
from services.wire.operations import Operation, Parameters
from services.wire.protocol import ParsedRequest, WireProtocol
from services.wire.raw_request import RawRequest

Described = TypeVar("Described", bound=DescribedService[Any])


class RequestedOperation(NamedTuple):
    """Which operation of a service a request names, before its parameters are read."""

    name: str
    sent: Any
    """The parameters as the protocol carries them."""
    version: str | None = None
    """Of the API, in protocols whose requests name it."""


class ModelProtocol(WireProtocol[Compiled], Generic[Described, Compiled]):
    """A subclass says how a request names its operation and carries parameters, answers and errors. It is found by the
    name of its protocol in the services' models (`services.wire.protocols`)."""

    service_model: ClassVar[type[DescribedService[Any]]]
    by_name: ClassVar[dict[str, type["ModelProtocol[Any, Any]"]]] = {}
    is_fallback: ClassVar[bool] = False
    """Asked last, and the one to refuse what no protocol serves."""

    def __init_subclass__(cls, **arguments: object) -> None:
        """Raises TypeError when the protocol leaves something out, or is there already. One that leaves something out
        and has no model of its own is a base of others."""
        super().__init_subclass__(**arguments)
        left_out = [name for name in dir(cls) if getattr(getattr(cls, name, None), "__isabstractmethod__", False)]
        if left_out and "service_model" not in vars(cls):
            return
        if not hasattr(cls, "service_model"):
            left_out = ["service_model"]
        if left_out:
            raise TypeError(f"The protocol {cls.__name__} does not say: {', '.join(left_out)}.")
        if cls.service_model.protocol in ModelProtocol.by_name:
            raise TypeError(f"There is a protocol {cls.service_model.protocol} already.")
        ModelProtocol.by_name[cls.service_model.protocol] = cls

    def __init__(self, described: Iterable[Described]) -> None:
        """Raises TypeError for a registered operation that the service's model does not have so."""
        self._services: dict[str, Described] = {service.name: service for service in described}
        self.services = tuple(self._services)
        # Now and not at the first call of each, which would hold up the event loop for as long as a tenth of a second.
        for operation in operations.all_operations():
            if operation.service in self._services:
                _require_described(operation, self._services[operation.service])

    def read(self, request: RawRequest, path: bytes, service: str, _now: datetime) -> ParsedRequest[Compiled]:
        described = self._services[service]
        name = ""
        operation: Operation | None = None
        try:
            name, sent, version = self._requested(described, request, path)
            if version not in {None, described.version}:
                raise InvalidAction(
                    f"Could not find operation {name} for version {storable_text(version or '')[:20]!r}"
                )
            operation = operations.find_operation(described.name, name)
            if operation is None:
                raise _not_implemented(described, name)
            shape: Compiled = described.operation(name)
            parameters = self._parameters(shape, sent)
            operation.check_sizes(parameters)
            return ParsedRequest(name, operation, parameters, shape=shape)
        except Refusal as refusal:
            return ParsedRequest(name, operation, {}, refusal.as_value())

    def refuse_unsigned(self, request: RawRequest, path: bytes) -> None:
        """What AWS takes without a signature is not told that one is missing."""
        for described in self._services.values():
            name = ""
            if described.unsigned:
                with suppress(Refusal):
                    name = self._requested(described, request, path).name
            if name in described.unsigned:
                raise _not_implemented(described, name)

    def described(self, service: str) -> Described:
        return self._services[service]

    @abstractmethod
    def _requested(self, service: Described, request: RawRequest, path: bytes) -> RequestedOperation:
        """An operation that the service has. Raises refusals."""

    @abstractmethod
    def _parameters(self, shape: Compiled, sent: Any) -> Parameters:
        """Raises ValidationError."""


def _not_implemented(service: DescribedService[Any], name: str) -> InvalidAction:
    reason = operations.refusal_reason(service.name, name) or "this server does not answer it yet"
    return InvalidAction(f"Could not find operation {name} for version {service.version} ({reason})")


def _require_described(operation: Operation, service: DescribedService[Any]) -> None:
    if operation.name not in service.operation_names:
        raise TypeError(f"{service.name} has no operation {operation.name}, which {operation.run.__name__} answers.")
    named = operation.recorded | ({operation.holder} if operation.holder else set())
    if unknown := sorted(named - service.operation(operation.name).parameters.keys()):
        raise TypeError(f"{operation.action} has no parameter {', '.join(unknown)}, which its registration names.")
