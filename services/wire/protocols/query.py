"""The query protocol: a form that names its Action, answered in XML.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.foundation.errors import MissingAction, Refusal
from services.wire.errors import COMMON_ERROR_STATUSES
from services.wire.form_input import ParseForm, compile_input, form_fields
from services.wire.model import DescribedService, OperationContract
from services.wire.model_protocol import ModelProtocol, RequestedOperation
from services.wire.protocol import CommittedOutcome, RenderedRefusal
from services.wire.raw_request import RawRequest
from services.wire.time_travel import RequestPath
from services.wire.xml_output import SerialiseXml, compile_output, escape_xml

_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class QueryOperationModel(OperationContract):
    parse: ParseForm
    serialise: SerialiseXml


class QueryServiceModel(DescribedService[QueryOperationModel]):
    protocol = "query"

    @property
    def namespace(self) -> str:
        namespace: str = self._model.metadata["xmlNamespace"]
        return namespace

    def _compiled(self, name: str) -> QueryOperationModel:
        model = self._model.operation_model(name)
        return QueryOperationModel(
            parameters=self._parameters(name),
            parse=compile_input(model.input_shape),
            serialise=compile_output(name, model.output_shape, self.namespace),
        )


class QueryProtocol(ModelProtocol[QueryServiceModel, QueryOperationModel]):
    service_model = QueryServiceModel
    content_type = "text/xml"
    is_fallback = True

    def serves(self, _request: RawRequest, path: RequestPath) -> bool:
        return path.path == b"/"

    def _requested(self, service: QueryServiceModel, request: RawRequest, _path: bytes) -> RequestedOperation:
        fields = form_fields(request.body, request.query)
        name, version = fields.pop("Action", None), fields.pop("Version", "")
        if not name:
            raise MissingAction("The request does not name an Action.")
        service.refuse_unknown(name)
        return RequestedOperation(name, fields, version)

    def _parameters(self, shape: QueryOperationModel, sent: Mapping[str, str]) -> Mapping[str, object]:
        # Those of a signature are no operation's.
        return shape.parse({name: value for name, value in sent.items() if not name.startswith("X-Amz-")})

    async def write(self, shape: QueryOperationModel, committed: CommittedOutcome) -> bytes:
        return shape.serialise(committed.result(), committed.request_id)

    def refuse(self, refusal: Refusal, service: str | None, request_id: str) -> RenderedRefusal:
        return render(refusal, self._services[service] if service else None, request_id)


def render(refusal: Refusal, service: QueryServiceModel | None, request_id: str) -> RenderedRefusal:
    """The service is None as long as the request has not told which it is.

    Raises TypeError for a code that is neither common nor in the service's model: a rule that refuses with a code
    which its clients cannot know is a defect.
    """
    status = COMMON_ERROR_STATUSES.get(refusal.code) or (service and service.error_status(refusal.code))
    if not status:
        raise TypeError(f"{refusal.code} is no error of {service.name if service else 'every service'}.")
    fault = "Receiver" if status >= _SERVER_FAULT else "Sender"
    xmlns = f' xmlns="{service.namespace}"' if service else ""
    document = (
        f"<ErrorResponse{xmlns}><Error><Type>{fault}</Type><Code>{refusal.code}</Code>"
        f"<Message>{escape_xml(refusal.message)}</Message></Error><RequestId>{escape_xml(request_id)}</RequestId>"
        "</ErrorResponse>"
    )
    return RenderedRefusal(status, document.encode())
