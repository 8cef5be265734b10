"""The AWS endpoint's language: requests of the query protocol, answered as botocore's models say."""

from datetime import datetime

from domain.account import Account
from domain.calls import Outcome
from domain.errors import InvalidAction, MissingAction, Refusal
from services.wire import errors, model, operations
from services.wire.deciding import storable
from services.wire.gate import Asked, Rendered, Write
from services.wire.http import RawRequest
from services.wire.operations import Operation
from services.wire.parse import form_fields
from services.wire.serialise import Serialise
from services.wire.sigv4 import Presented

SERVICES = ("iam", "sts")


class Dispatch:
    """From an Action to the operation that answers it."""

    services = SERVICES
    content_type = "text/xml"
    looks_back = True

    def __init__(self) -> None:
        self._services = {name: model.Service.load(name) for name in SERVICES}
        # Now and not at the first call of each, which would hold up the event loop for as long as a tenth of a second.
        for operation in operations.all_operations():
            if operation.service in SERVICES:
                self._services[operation.service].operation(operation.name)

    def read(self, raw: RawRequest, presented: Presented, _now: datetime) -> Asked:
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
                raise InvalidAction(f"Could not find operation {name} for version {storable(version or '')[:20]!r}")
            operation = operations.find(service.name, name)
            if operation is None:
                raise InvalidAction(f"This server does not implement {service.name}:{name} yet.")
            signature = [field for field in fields if field.startswith("X-Amz-")]
            for field in signature:
                del fields[field]
            return Asked(name, operation, shape.parse(fields), write=_writing(shape.serialise))
        except Refusal as refusal:
            return Asked(recorded, operation, {}, refusal.as_value())

    def refused(self, refusal: Refusal, service: str | None, request_id: str) -> Rendered:
        named = self._services[service] if service else None
        return Rendered(*errors.render(refusal, service=named, request_id=request_id))


def _writing(serialise: Serialise) -> Write:
    async def write(outcome: Outcome, account: Account, _position: int, request_id: str) -> bytes:
        return serialise(outcome.answer(account), request_id)

    return write
