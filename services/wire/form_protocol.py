"""What the protocols of forms have in common: the query protocol, and that of EC2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from domain.foundation.errors import MissingAction
from services.wire.form_input import ParseForm, form_fields
from services.wire.model import DescribedService, OperationContract
from services.wire.model_protocol import ModelProtocol, RequestedOperation
from services.wire.raw_request import RawRequest


@dataclass(frozen=True, slots=True)
class FormOperationModel(OperationContract):
    parse: ParseForm


CompiledForm = TypeVar("CompiledForm", bound=FormOperationModel)
DescribedForms = TypeVar("DescribedForms", bound=DescribedService[Any])


class FormProtocol(ModelProtocol[DescribedForms, CompiledForm], Generic[DescribedForms, CompiledForm]):
    """A field names the Action; what it may say besides, the class of the service has compiled."""

    def _requested(self, service: DescribedForms, request: RawRequest, _path: bytes) -> RequestedOperation:
        fields = form_fields(request.body, request.query)
        name, version = fields.pop("Action", None), fields.pop("Version", "")
        if not name:
            raise MissingAction("The request does not name an Action.")
        service.refuse_unknown(name)
        return RequestedOperation(name, fields, version)

    def _parameters(self, shape: CompiledForm, sent: Mapping[str, str]) -> Mapping[str, object]:
        # Those of a signature are no operation's.
        return shape.parse({name: value for name, value in sent.items() if not name.startswith("X-Amz-")})
