"""The query protocol: a form that names its Action, answered in XML, or in JSON for a client that asks for it
(docs/adr/0035).

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.foundation.errors import Refusal
from services.fair_pool import FairPool
from services.fair_queue import Places
from services.wire.errors import COMMON_ERROR_STATUSES
from services.wire.form_input import compile_input
from services.wire.form_protocol import FormOperationModel, FormProtocol
from services.wire.json_output import SerialiseJson, compile_document
from services.wire.model import DescribedService
from services.wire.protocol import CommittedOutcome, ParsedRequest, RenderedRefusal, WireProtocol
from services.wire.raw_request import RawRequest
from services.wire.time_travel import RequestPath
from services.wire.wording import wording_of
from services.wire.xml_output import SerialiseXml, compile_output, escape_xml

_SERVER_FAULT = 500
THREADS = 2
ANSWERS_WAITING_MAX = (256, 64, 32)
"""Of answers that may be long: in all, of an account, of a principal."""
_LONG_ANSWERS = (
    "GetAccountAuthorizationDetails",
    "GetContextKeys",
    "GetCredentialReport",
    "GetGroup",
    "GetOrganizationsAccessReport",
    "GetServiceLastAccessed",
    "List",
    "Simulate",
)
"""How the names begin of operations whose answers may take more than a few kilobytes, or long to find out."""
_WEIGHT = re.compile(r"[01](\.[0-9]{0,3})?")


@dataclass(frozen=True, slots=True)
class QueryOperationModel(FormOperationModel):
    name: str
    serialise: SerialiseXml
    serialise_json: SerialiseJson
    """The result alone."""
    has_result: bool
    may_be_long: bool
    """Whether the answer is made beside the event loop."""


class QueryServiceModel(DescribedService[QueryOperationModel]):
    protocol = "query"

    @property
    def namespace(self) -> str:
        namespace: str = self._model.metadata["xmlNamespace"]
        return namespace

    def _compiled(self, name: str) -> QueryOperationModel:
        model = self._model.operation_model(name)
        return QueryOperationModel(
            name=name,
            parameters=self._parameters(name),
            parse=compile_input(model.input_shape, wording_of(self.name)),
            serialise=compile_output(name, model.output_shape, self.namespace),
            serialise_json=compile_document(name, model.output_shape),
            has_result=model.output_shape is not None,
            may_be_long=name.startswith(_LONG_ANSWERS),
        )


class QueryProtocol(FormProtocol[QueryServiceModel, QueryOperationModel]):
    service_model = QueryServiceModel
    content_type = "text/xml"
    is_fallback = True

    def __init__(self, described: Iterable[QueryServiceModel]) -> None:
        super().__init__(described)
        self._in_json = _QueryInJson(self)
        self._workers = FairPool("rendering", threads=THREADS, places=Places(*ANSWERS_WAITING_MAX))

    def serves(self, request: RawRequest, path: RequestPath) -> bool:
        """An operation that stands in a header is another protocol's."""
        return path.path == b"/" and request.header("x-amz-target") is None

    def speaking_to(self, request: RawRequest) -> WireProtocol[QueryOperationModel]:
        return self._in_json if _wants_json(request.header("accept") or "") else self

    async def write(self, shape: QueryOperationModel, committed: CommittedOutcome) -> bytes:
        return await self.make(shape, committed, lambda: shape.serialise(committed.result(), committed.request_id))

    async def make(
        self, shape: QueryOperationModel, committed: CommittedOutcome, document: Callable[[], bytes]
    ) -> bytes:
        return await self._workers.run(committed.turn, document) if shape.may_be_long else document()

    def close(self) -> None:
        self._workers.close()

    def refuse(self, refusal: Refusal, service: str | None, request_id: str) -> RenderedRefusal:
        return render(refusal, self._services[service] if service else None, request_id)


class _QueryInJson(WireProtocol[QueryOperationModel]):
    """The same requests, answered in JSON."""

    content_type = "application/json"

    def __init__(self, query: QueryProtocol) -> None:
        self._query = query
        self.services = query.services

    def serves(self, request: RawRequest, path: RequestPath) -> bool:
        return self._query.serves(request, path)

    def refuse_unsigned(self, request: RawRequest, path: bytes) -> None:
        self._query.refuse_unsigned(request, path)

    def read(self, request: RawRequest, path: bytes, service: str, now: datetime) -> ParsedRequest[QueryOperationModel]:
        return self._query.read(request, path, service, now)

    async def write(self, shape: QueryOperationModel, committed: CommittedOutcome) -> bytes:
        def document() -> bytes:
            members = shape.serialise_json(committed.result()).decode()
            result = f'"{shape.name}Result":{members},' if shape.has_result else ""
            metadata = f'"ResponseMetadata":{{"RequestId":{json.dumps(committed.request_id)}}}'
            return f'{{"{shape.name}Response":{{{result}{metadata}}}}}'.encode()

        return await self._query.make(shape, committed, document)

    def refuse(self, refusal: Refusal, service: str | None, request_id: str) -> RenderedRefusal:
        status, fault = error_kind(refusal, self._query.described(service) if service else None)
        error = {"Type": fault, "Code": refusal.code, "Message": refusal.message}
        return RenderedRefusal(status, json.dumps({"Error": error, "RequestId": request_id}).encode())


def _wants_json(accept: str) -> bool:
    """Whether JSON is named and preferred to XML (RFC 9110 section 12.5.1). Who takes anything gets XML."""
    weights: dict[str, float] = {}
    for item in accept.lower().split(","):
        name, *parameters = [part.strip() for part in item.split(";")]
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        weights[name] = float(weight) if _WEIGHT.fullmatch(weight) else 0.0
    xml = max(weights.get("application/xml", 0.0), weights.get("text/xml", 0.0))
    return weights.get("application/json", 0.0) > xml


def error_kind(refusal: Refusal, service: QueryServiceModel | None) -> tuple[int, str]:
    """HTTP status, and whose fault it is. The service is None as long as the request has not told which it is.

    Raises TypeError for a code that is neither common nor in the service's model: a rule that refuses with a code
    which its clients cannot know is a defect.
    """
    status = COMMON_ERROR_STATUSES.get(refusal.code) or (service and service.error_status(refusal.code))
    if not status:
        raise TypeError(f"{refusal.code} is no error of {service.name if service else 'every service'}.")
    return status, "Receiver" if status >= _SERVER_FAULT else "Sender"


def render(refusal: Refusal, service: QueryServiceModel | None, request_id: str) -> RenderedRefusal:
    """In XML. Raises as `error_kind` does."""
    status, fault = error_kind(refusal, service)
    xmlns = f' xmlns="{service.namespace}"' if service else ""
    document = (
        f"<ErrorResponse{xmlns}><Error><Type>{fault}</Type><Code>{refusal.code}</Code>"
        f"<Message>{escape_xml(refusal.message)}</Message></Error><RequestId>{escape_xml(request_id)}</RequestId>"
        "</ErrorResponse>"
    )
    return RenderedRefusal(status, document.encode())
