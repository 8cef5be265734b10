"""The language of the services that speak rest-json: requests named by method and path, answered as the models say."""

from datetime import datetime

from domain.account import Account
from domain.calls import Outcome
from domain.errors import InvalidAction, Refusal
from services.wire import operations, rest_errors
from services.wire.aside import Aside
from services.wire.gate import Asked, Rendered, Write
from services.wire.http import RawRequest
from services.wire.json_reading import BODY, PATH, QUERY, decoded, query_values
from services.wire.json_writing import Serialise
from services.wire.operations import Operation
from services.wire.rest_model import RestService
from services.wire.sigv4 import Presented

MODELS = ("accessanalyzer",)
"""By the names of botocore's directories."""
THREADS = 2
ANSWERS_WAITING_MAX = 64


class Rest:
    """One event loop's. From a method and a path to the operation that answers there."""

    content_type = "application/json"
    looks_back = True

    def __init__(self) -> None:
        loaded = [RestService.load(name) for name in MODELS]
        self._services = {service.name: service for service in loaded}
        self._first_segments = frozenset[bytes]().union(*(service.first_segments for service in loaded))
        self._aside = Aside("answering", threads=THREADS, waiting_max=ANSWERS_WAITING_MAX)
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

    def read(self, raw: RawRequest, presented: Presented, _now: datetime) -> Asked:
        service = self._services[presented.service]
        name = ""
        operation: Operation | None = None
        try:
            name, in_path = service.route(raw.method, presented.path)
            operation = operations.find(service.name, name)
            if operation is None:
                raise InvalidAction(f"This server does not implement {service.name}:{name} yet.")
            shape = service.operation(name)
            parameters = shape.parse({PATH: {**in_path}, QUERY: query_values(raw.query), BODY: decoded(raw.body)})
            return Asked(name, operation, parameters, write=self._writing(shape.serialise))
        except Refusal as refusal:
            return Asked(name, operation, {}, refusal.as_value())

    def refused(self, refusal: Refusal, service: str | None, _request_id: str) -> Rendered:
        return rest_errors.render(refusal, self._services[service] if service else None)

    def _writing(self, serialise: Serialise) -> Write:
        async def write(outcome: Outcome, account: Account, _position: int, _request_id: str) -> bytes:
            return await self._aside.made(lambda: serialise(outcome.answer(account)))

        return write
