"""The language of the services that speak rest-json: requests named by method and path, answered as the models say."""

from datetime import datetime

from domain.account import Account
from domain.calls import Outcome
from domain.foundation.errors import InvalidAction, Refusal
from services.wire import operations, rest_json_errors
from services.wire.json_input import BODY, PATH, QUERY, decode_body, query_values
from services.wire.json_output import SerialiseJson
from services.wire.operations import Operation
from services.wire.raw_request import RawRequest
from services.wire.request_pipeline import ParsedRequest, RenderedRefusal, WriteResponse
from services.wire.rest_json_model import RestServiceModel
from services.wire.sigv4 import PresentedSignature
from services.wire.worker_pool import WorkerPool

MODELS = ("accessanalyzer",)
"""By the names of botocore's directories."""
THREADS = 2
ANSWERS_WAITING_MAX = 64


class RestJsonProtocol:
    """One event loop's. From a method and a path to the operation that answers there."""

    content_type = "application/json"
    supports_as_of = True

    def __init__(self) -> None:
        loaded = [RestServiceModel.load(name) for name in MODELS]
        self._services = {service.name: service for service in loaded}
        self._first_segments = frozenset[bytes]().union(*(service.first_segments for service in loaded))
        self._aside = WorkerPool("answering", threads=THREADS, waiting_max=ANSWERS_WAITING_MAX)
        # Now and not at the first call of each, as in `Dispatch`.
        for operation in operations.all_operations():
            if operation.service in self._services:
                self._services[operation.service].operation(operation.name)

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self._services)

    def has(self, path: bytes) -> bool:
        """Whether paths that begin like this are for one of these services."""
        first, _, _ = path.removeprefix(b"/").partition(b"/")
        return first in self._first_segments

    def read(self, raw: RawRequest, presented: PresentedSignature, _now: datetime) -> ParsedRequest:
        service = self._services[presented.service]
        name = ""
        operation: Operation | None = None
        try:
            name, in_path = service.route(raw.method, presented.path)
            operation = operations.find_operation(service.name, name)
            if operation is None:
                raise InvalidAction(f"This server does not implement {service.name}:{name} yet.")
            shape = service.operation(name)
            parameters = shape.parse({PATH: {**in_path}, QUERY: query_values(raw.query), BODY: decode_body(raw.body)})
            return ParsedRequest(name, operation, parameters, write=self._writing(shape.serialise))
        except Refusal as refusal:
            return ParsedRequest(name, operation, {}, refusal.as_value())

    def refused(self, refusal: Refusal, service: str | None, _request_id: str) -> RenderedRefusal:
        return rest_json_errors.render(refusal, self._services[service] if service else None)

    def _writing(self, serialise: SerialiseJson) -> WriteResponse:
        async def write(outcome: Outcome, account: Account, _position: int, _request_id: str) -> bytes:
            return await self._aside.run_in_thread(lambda: serialise(outcome.answer(account)))

        return write
