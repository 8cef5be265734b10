"""EC2's protocol: forms like those of the query protocol, in which no list has a name of its own, answers without a
wrapping element, and errors in lists.

https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from domain.foundation.errors import Refusal
from services.wire.form_input import compile_input
from services.wire.form_protocol import FormOperationModel, FormProtocol
from services.wire.model import DescribedService
from services.wire.protocol import CommittedOutcome, RenderedRefusal
from services.wire.raw_request import RawRequest
from services.wire.shapes import Shape
from services.wire.sigv4 import claimed_service
from services.wire.time_travel import RequestPath
from services.wire.xml_output import SerialiseXml, compile_unwrapped_output, escape_xml


@dataclass(frozen=True, slots=True)
class Ec2OperationModel(FormOperationModel):
    serialise: SerialiseXml


class Ec2ServiceModel(DescribedService[Ec2OperationModel]):
    protocol = "ec2"

    def _compiled(self, name: str) -> Ec2OperationModel:
        model = self._model.operation_model(name)
        return Ec2OperationModel(
            parameters=self._parameters(name),
            parse=compile_input(_in_forms(model.input_shape) if model.input_shape else None),
            serialise=compile_unwrapped_output(name, model.output_shape, self._model.metadata["xmlNamespace"]),
        )


def _in_forms(shape: Any, *, is_element: bool = False) -> Shape:
    """A shape, named in requests as the query protocol would have it: by `queryName`, or by `locationName` with a
    capital; and each list flattened under its own name, for its elements are numbered whatever they are called. EC2
    knows no maps."""
    given: Mapping[str, str] = shape.serialization
    name = "" if is_element else given.get("queryName") or given.get("name", "")
    named = {"name": name[0].upper() + name[1:]} if name else {}
    of = SimpleNamespace(name=shape.name, type_name=shape.type_name, metadata=shape.metadata)
    of.serialization = {"flattened": True, **named}
    if shape.type_name == "structure":
        of.required_members = shape.required_members
        of.members = {name: _in_forms(member) for name, member in shape.members.items()}
    if shape.type_name == "list":
        of.member = _in_forms(shape.member, is_element=True)
    return cast("Shape", of)


@dataclass(frozen=True, slots=True)
class Ec2Error:
    """A refusal is recorded under one name, whatever the protocol; this is the name that clients of EC2 know
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html)."""

    code: str
    status: int


EC2_ERRORS = {
    "AccessDenied": Ec2Error("UnauthorizedOperation", 403),
    "DryRunOperation": Ec2Error("DryRunOperation", 412),
    "ExpiredToken": Ec2Error("RequestExpired", 400),
    "IncompleteSignature": Ec2Error("IncompleteSignature", 400),
    "InvalidAction": Ec2Error("InvalidAction", 400),
    "InvalidClientTokenId": Ec2Error("AuthFailure", 401),
    "InvalidParameterValue": Ec2Error("InvalidParameterValue", 400),
    "MalformedQueryString": Ec2Error("MalformedQueryString", 400),
    "MissingAction": Ec2Error("MissingAction", 400),
    "MissingAuthenticationToken": Ec2Error("MissingAuthenticationToken", 403),
    "RequestEntityTooLarge": Ec2Error("RequestEntityTooLarge", 413),
    "RequestTimeout": Ec2Error("RequestTimeout", 408),
    "ServiceFailure": Ec2Error("InternalError", 500),
    "ServiceUnavailable": Ec2Error("Unavailable", 503),
    "SignatureDoesNotMatch": Ec2Error("AuthFailure", 401),
    "Throttling": Ec2Error("RequestLimitExceeded", 503),
    "UnknownPath": Ec2Error("InvalidAction", 404),
    "ValidationError": Ec2Error("ValidationError", 400),
}
"""By the name under which it is recorded. EC2's model declares no errors."""


class Ec2Protocol(FormProtocol[Ec2ServiceModel, Ec2OperationModel]):
    service_model = Ec2ServiceModel
    content_type = "text/xml"

    def serves(self, request: RawRequest, path: RequestPath) -> bool:
        """By the service that it is signed for: its requests look like those of the query protocol."""
        return path.path == b"/" and claimed_service(request) in self.services

    async def write(self, shape: Ec2OperationModel, committed: CommittedOutcome) -> bytes:
        return shape.serialise(committed.result(), committed.request_id)

    def refuse(self, refusal: Refusal, _service: str | None, request_id: str) -> RenderedRefusal:
        """Raises TypeError for a code that clients cannot know, which is a defect."""
        known = EC2_ERRORS.get(refusal.code)
        if known is None:
            raise TypeError(f"{refusal.code} is no error of ec2.")
        document = (
            f"<Response><Errors><Error><Code>{known.code}</Code><Message>{escape_xml(refusal.message)}</Message>"
            f"</Error></Errors><RequestID>{escape_xml(request_id)}</RequestID></Response>"
        )
        return RenderedRefusal(known.status, document.encode())
