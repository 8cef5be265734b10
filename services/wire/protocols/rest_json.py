"""The rest-json protocol: requests that name their operation by method and path, with JSON inside (docs/adr/0020).

https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from botocore.model import ServiceModel

from domain.foundation.errors import AboutResource, Refusal
from services.fair_pool import FairPool
from services.fair_queue import Places
from services.wire.errors import UnknownPath
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

    def has_member(self, error: str, member: str) -> bool:
        """Whether the model's error of that code has such a member."""
        return any(shape.name == error and member in shape.members for shape in self._model.error_shapes)

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


@dataclass(frozen=True, slots=True)
class RestError:
    """A refusal is recorded under one name, whatever the protocol; this is the name that clients of rest-json know
    (https://docs.aws.amazon.com/access-analyzer/latest/APIReference/CommonErrors.html, and the services' models, which
    win)."""

    code: str
    status: int
    reason: str | None = None
    """Of a ValidationException, where the service's model has it tell one."""


REST_ERRORS = {
    "AccessDenied": RestError("AccessDeniedException", 403),
    "ExpiredToken": RestError("ExpiredTokenException", 403),
    "IncompleteSignature": RestError("IncompleteSignature", 403),
    "InvalidAction": RestError("UnknownOperationException", 404),
    "InvalidClientTokenId": RestError("UnrecognizedClientException", 403),
    "MalformedBody": RestError("ValidationException", 400, "cannotParse"),
    "MalformedQueryString": RestError("MalformedHttpRequestException", 400),
    # The page lists neither this one nor that of a wrong signature; SDKs know them, and correct their clock by the
    # second (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html).
    "MissingAuthenticationToken": RestError("MissingAuthenticationTokenException", 403),
    "SignatureDoesNotMatch": RestError("InvalidSignatureException", 403),
    "RequestEntityTooLarge": RestError("RequestEntityTooLargeException", 413),
    "RequestTimeout": RestError("RequestTimeoutException", 408),
    "ServiceFailure": RestError("InternalServerException", 500),
    "ServiceUnavailable": RestError("ServiceUnavailable", 503),
    "Throttling": RestError("ThrottlingException", 429),
    "UnknownPath": RestError("UnknownOperationException", 404),
    "UnsupportedService": RestError("UnsupportedService", 400),
    "ValidationError": RestError("ValidationException", 400, "fieldValidationFailed"),
}
"""By the name under which it is recorded."""


def render(refusal: Refusal, service: RestServiceModel | None) -> RenderedRefusal:
    """The service is None as long as the request has not told which it is.

    Raises TypeError for a code that is neither known to all nor in the service's model, which is a defect.
    """
    declared = service.error_status(refusal.code) if service else None
    known = REST_ERRORS.get(refusal.code) or (RestError(refusal.code, declared) if declared else None)
    if known is None:
        raise TypeError(f"{refusal.code} is no error of {service.name if service else 'every service'}.")
    error = {"__type": known.code, "message": refusal.message}
    if known.reason and service and service.has_member(known.code, "reason"):
        error["reason"] = known.reason
    if isinstance(refusal, AboutResource):
        told = {"resourceId": refusal.resource_id, "resourceType": refusal.resource_type}
        error |= {name: value for name, value in told.items() if service and service.has_member(known.code, name)}
    headers = ((b"x-amzn-errortype", known.code.encode("ascii")),)
    return RenderedRefusal(known.status, json.dumps(error).encode(), headers)
