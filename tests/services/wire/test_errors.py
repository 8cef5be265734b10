"""Refusals and faults as error documents."""

import inspect
from xml.etree import ElementTree as ET

import pytest
from botocore.parsers import QueryParser

import domain.foundation.errors
from domain.foundation.errors import AboutResource, NoSuchEntity, Refusal, ValidationError
from services.api.server.native_protocol import STATUSES
from services.wire.errors import COMMON_ERROR_STATUSES, MalformedQueryString, ServiceFailure, ServiceUnavailable
from services.wire.protocols.query import QueryServiceModel, render
from tests.services.endpoint import SERVICES as EVERY
from tests.services.wire.shape_values import SERVICES

IAM, STS = SERVICES["iam"], SERVICES["sts"]
REFUSALS = [
    refusal
    for _, refusal in inspect.getmembers(domain.foundation.errors, inspect.isclass)
    if issubclass(refusal, Refusal) and refusal not in {Refusal, AboutResource}
]


def read_by_botocore(status: int, document: bytes) -> dict[str, object]:
    parsed: dict[str, object] = QueryParser().parse({"body": document, "headers": {}, "status_code": status}, None)
    return parsed


def test_the_bytes_of_an_error() -> None:
    """The document is AWS's, with the service's namespace and the status that its model declares."""
    status, document, _ = render(NoSuchEntity("No <user>."), service=IAM, request_id="request-1")
    assert status == 404
    assert document == (
        b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        b"<Code>NoSuchEntity</Code><Message>No &lt;user&gt;.</Message></Error><RequestId>request-1</RequestId>"
        b"</ErrorResponse>"
    )


def test_botocore_reads_it() -> None:
    """Stock clients find code, message, type and request id."""
    status, document, _ = render(ValidationError("1 validation error"), service=STS, request_id="request-1")
    parsed = read_by_botocore(status, document)
    assert status == 400
    assert parsed["Error"] == {"Type": "Sender", "Code": "ValidationError", "Message": "1 validation error"}
    assert parsed["ResponseMetadata"] == {"RequestId": "request-1", "HTTPStatusCode": 400, "HTTPHeaders": {}}


@pytest.mark.parametrize("refusal", [*REFUSALS, MalformedQueryString])
def test_every_refusal_has_a_status(refusal: type[Refusal]) -> None:
    """No rule can refuse with a code that none of the services can answer, nor the native API."""
    code = refusal.__name__
    statuses = [COMMON_ERROR_STATUSES.get(code), STATUSES.get(code)]
    statuses += [service.error_status(code) for service in EVERY.values()]
    assert any(statuses), f"{code} is in no model and not in COMMON_ERROR_STATUSES"


def test_common_errors_need_no_service() -> None:
    """What is refused before the service is known is answered all the same."""
    status, document, _ = render(MalformedQueryString("Not a form."), service=None, request_id="request-1")
    assert status == 404
    assert read_by_botocore(status, document)["Error"] == {
        "Type": "Sender",
        "Code": "MalformedQueryString",
        "Message": "Not a form.",
    }


@pytest.mark.parametrize(("service", "name"), [(STS, "sts"), (None, "every service")])
def test_codes_that_the_service_does_not_have(service: QueryServiceModel | None, name: str) -> None:
    """A refusal that a service's clients cannot know is a defect, and no guess at a status."""
    with pytest.raises(TypeError, match=f"^NoSuchEntity is no error of {name}"):
        render(NoSuchEntity("x"), service=service, request_id="r")


def test_hostile_messages() -> None:
    """A message that repeats what was sent cannot break the document."""
    _, document, _ = render(ValidationError("]]></Error>\x00\ud800&\r"), service=IAM, request_id="r")
    message = ET.fromstring(document).find(".//{*}Message")  # noqa: S314  we wrote it
    assert message is not None
    assert message.text == "]]></Error>\ufffd\ufffd&\r"


@pytest.mark.parametrize(("fault", "status"), [(ServiceUnavailable, 503), (ServiceFailure, 500)])
def test_our_own_faults(fault: type[Refusal], status: int) -> None:
    """Our faults are the receiver's, so that clients try again and keep their credentials."""
    given, document, _ = render(fault("Not now."), service=None, request_id="request-1")
    assert given == status
    parsed = read_by_botocore(given, document)["Error"]
    assert isinstance(parsed, dict)
    assert (parsed["Type"], parsed["Code"]) == ("Receiver", fault.__name__)
