"""The AWS endpoint's language: requests of the query protocol, answered as botocore's models say."""

from datetime import datetime

from domain.account import Account
from domain.calls import Outcome
from domain.foundation.errors import InvalidAction, MissingAction, Refusal
from services.wire import errors, model, operations
from services.wire.decision import storable_text
from services.wire.form_input import form_fields
from services.wire.operations import Operation
from services.wire.raw_request import RawRequest
from services.wire.request_pipeline import ParsedRequest, RenderedRefusal, WriteResponse
from services.wire.sigv4 import PresentedSignature
from services.wire.xml_output import SerialiseXml

SERVICES = ("iam", "sts")


class QueryProtocol:
    """From an Action to the operation that answers it."""

    services = SERVICES
    content_type = "text/xml"
    supports_as_of = True

    def __init__(self) -> None:
        self._services = {name: model.QueryServiceModel.load(name) for name in SERVICES}
        # Now and not at the first call of each, which would hold up the event loop for as long as a tenth of a second.
        for operation in operations.all_operations():
            if operation.service in SERVICES:
                self._services[operation.service].operation(operation.name)

    def read(self, raw: RawRequest, presented: PresentedSignature, _now: datetime) -> ParsedRequest:
        service = self._services[presented.service]
        recorded = ""
        operation: Operation | None = None
        try:
            fields = form_fields(raw.body, raw.query)
            name = fields.pop("Action", None)
            version = fields.pop("Version", None)
            if not name:
                raise MissingAction("The request does not name an Action.")
            shape = service.operation(name)
            recorded = name
            if version != service.version:
                raise InvalidAction(
                    f"Could not find operation {name} for version {storable_text(version or '')[:20]!r}"
                )
            operation = operations.find_operation(service.name, name)
            if operation is None:
                raise InvalidAction(f"This server does not implement {service.name}:{name} yet.")
            signature = [field for field in fields if field.startswith("X-Amz-")]
            for field in signature:
                del fields[field]
            return ParsedRequest(name, operation, shape.parse(fields), write=_writing(shape.serialise))
        except Refusal as refusal:
            return ParsedRequest(recorded, operation, {}, refusal.as_value())

    def refused(self, refusal: Refusal, service: str | None, request_id: str) -> RenderedRefusal:
        named = self._services[service] if service else None
        return RenderedRefusal(*errors.render(refusal, service=named, request_id=request_id))


def _writing(serialise: SerialiseXml) -> WriteResponse:
    async def write(outcome: Outcome, account: Account, _position: int, request_id: str) -> bytes:
        return serialise(outcome.answer(account), request_id)

    return write
