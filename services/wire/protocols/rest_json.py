"""The rest-json protocol: requests that name their operation by method and path, with JSON inside (docs/adr/0020).

https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from botocore.model import ServiceModel

from domain.foundation.errors import Refusal
from services.fair_pool import FairPool
from services.fair_queue import Places
from services.wire.errors import UnknownPath
from services.wire.json_errors import render
from services.wire.json_input import BODY, PATH, QUERY, ParseJson, compile_request, decode_body, query_values
from services.wire.json_output import SerialiseJson, compile_document
from services.wire.model import DescribedService, OperationContract
from services.wire.model_protocol import ModelProtocol, RequestedOperation
from services.wire.protocol import CommittedOutcome, RenderedRefusal
from services.wire.raw_request import RawRequest
from services.wire.routes import match_path
from services.wire.time_travel import RequestPath

THREADS = 2
ANSWERS_WAITING_MAX = (64, 32, 16)
"""In all, of an account, of a principal."""


@dataclass(frozen=True, slots=True)
class RestOperationModel(OperationContract):
    parse: ParseJson
    serialise: SerialiseJson


class RestServiceModel(DescribedService[RestOperationModel]):
    protocol = "rest-json"

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        routes = [
            (http["method"], http["requestUri"], operation)
            for operation in sorted(self.operation_names)
            for http in [model.operation_model(operation).http]
        ]
        # Of two templates that fit a path, the one that spells out more of it is meant.
        self._routes = sorted(routes, key=lambda route: [segment.startswith("{") for segment in route[1].split("/")])

    @property
    def first_segments(self) -> frozenset[bytes]:
        """With which the paths of its operations begin."""
        return frozenset(template.split("/")[1].encode("ascii") for _, template, _ in self._routes)

    def route(self, method: str, path: bytes) -> tuple[str, dict[str, str]]:
        """The operation that is asked for there, and the parameters in the path. Raises UnknownPath."""
        for known_method, template, operation in self._routes:
            if method == known_method and (found := match_path(template, path)) is not None:
                return operation, found
        raise UnknownPath(f"{self.name} has no operation of this method and path.")

    def _compiled(self, name: str) -> RestOperationModel:
        model = self._model.operation_model(name)
        return RestOperationModel(
            parameters=self._parameters(name),
            parse=compile_request(model.input_shape),
            serialise=compile_document(name, model.output_shape),
        )


class RestJsonProtocol(ModelProtocol[RestServiceModel, RestOperationModel]):
    service_model = RestServiceModel
    content_type = "application/json"

    def __init__(self, described: Iterable[RestServiceModel]) -> None:
        super().__init__(described)
        self._first_segments = frozenset[bytes]().union(
            *(service.first_segments for service in self._services.values())
        )
        self._workers = FairPool("answering", threads=THREADS, places=Places(*ANSWERS_WAITING_MAX))

    def serves(self, _request: RawRequest, path: RequestPath) -> bool:
        """By the path's first segment: what begins like an operation's path is for its service."""
        first, _, _ = path.path.removeprefix(b"/").partition(b"/")
        return first in self._first_segments

    def _requested(self, service: RestServiceModel, request: RawRequest, path: bytes) -> RequestedOperation:
        name, in_path = service.route(request.method, path)
        return RequestedOperation(name, (in_path, request))

    def _parameters(
        self, shape: RestOperationModel, sent: tuple[Mapping[str, str], RawRequest]
    ) -> Mapping[str, object]:
        in_path, request = sent
        return shape.parse({PATH: {**in_path}, QUERY: query_values(request.query), BODY: decode_body(request.body)})

    async def write(self, shape: RestOperationModel, committed: CommittedOutcome) -> bytes:
        return await self._workers.run(committed.turn, lambda: shape.serialise(committed.result()))

    def close(self) -> None:
        self._workers.close()

    def refuse(self, refusal: Refusal, service: str | None, _request_id: str) -> RenderedRefusal:
        return render(refusal, self._services[service] if service else None)
