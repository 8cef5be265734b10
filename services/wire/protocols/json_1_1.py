"""The awsJson1.1 protocol: a header names the operation, parameters and answers are JSON (docs/adr/0030).

https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from botocore.model import ServiceModel

from domain.foundation.errors import Refusal
from services.fair_pool import FairPool
from services.fair_queue import Places
from services.wire.json_errors import render
from services.wire.json_input import BODY, PATH, QUERY, ParseJson, compile_request, decode_body
from services.wire.json_output import SerialiseJson, compile_document
from services.wire.model import DescribedService, OperationContract
from services.wire.model_protocol import ModelProtocol, RequestedOperation
from services.wire.protocol import CommittedOutcome, RenderedRefusal
from services.wire.raw_request import RawRequest
from services.wire.sigv4 import claimed_service
from services.wire.time_travel import RequestPath

THREADS = 2
ANSWERS_WAITING_MAX = (64, 32, 16)
"""In all, of an account, of a principal."""
_TARGET = "x-amz-target"


@dataclass(frozen=True, slots=True)
class TargetedOperationModel(OperationContract):
    parse: ParseJson
    serialise: SerialiseJson


class TargetedServiceModel(DescribedService[TargetedOperationModel]):
    protocol = "json"

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self.prefix: str = model.metadata["targetPrefix"] + "."

    def _compiled(self, name: str) -> TargetedOperationModel:
        model = self._model.operation_model(name)
        return TargetedOperationModel(
            parameters=self._parameters(name),
            parse=compile_request(model.input_shape),
            serialise=compile_document(name, model.output_shape),
        )


class TargetedJsonProtocol(ModelProtocol[TargetedServiceModel, TargetedOperationModel]):
    service_model = TargetedServiceModel
    content_type = "application/x-amz-json-1.1"

    def __init__(self, described: Iterable[TargetedServiceModel]) -> None:
        super().__init__(described)
        self._workers = FairPool("answering", threads=THREADS, places=Places(*ANSWERS_WAITING_MAX))

    def serves(self, request: RawRequest, path: RequestPath) -> bool:
        """By the service that the header names, or that the request is signed for."""
        target = request.header(_TARGET) or ""
        named = any(target.startswith(service.prefix) for service in self._services.values())
        return path.path == b"/" and (named or claimed_service(request) in self._services)

    def _requested(self, service: TargetedServiceModel, request: RawRequest, _path: bytes) -> RequestedOperation:
        name = (request.header(_TARGET) or "").removeprefix(service.prefix)
        service.refuse_unknown(name)
        return RequestedOperation(name, request.body)

    def _parameters(self, shape: TargetedOperationModel, sent: bytes) -> Mapping[str, object]:
        return shape.parse({PATH: {}, QUERY: {}, BODY: decode_body(sent)})

    async def write(self, shape: TargetedOperationModel, committed: CommittedOutcome) -> bytes:
        return await self._workers.run(committed.turn, lambda: shape.serialise(committed.result()))

    def close(self) -> None:
        self._workers.close()

    def refuse(self, refusal: Refusal, service: str | None, _request_id: str) -> RenderedRefusal:
        return render(refusal, self._services[service] if service else None)
