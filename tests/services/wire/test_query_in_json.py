"""The query protocol for a client that accepts JSON: the same answers and errors, in JSON."""

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.account import Account
from domain.calls import Outcome
from domain.foundation.errors import NoSuchEntity, Refusal, SignatureDoesNotMatch
from services.fair_queue import SERVER
from services.wire.errors import ServiceUnavailable
from services.wire.protocol import CommittedOutcome, WireProtocol
from services.wire.raw_request import RawRequest
from tests.services.endpoint import PROTOCOLS, SERVICES
from tests.services.wire.shape_values import OPERATIONS, botocore_model, outputs, with_policies_encoded

QUERY = PROTOCOLS["iam"]


def speaking(accept: str | None) -> WireProtocol[object]:
    headers = () if accept is None else ((b"accept", accept.encode()),)
    return QUERY.speaking_to(RawRequest("GET", b"/", b"", headers, b""))


JSON = speaking("application/json")


def in_json(value: object) -> object:
    """Text, numbers and truth are themselves; times are seconds since 1970, bytes are base64."""
    match value:
        case dict():
            return {name: in_json(inner) for name, inner in value.items()}
        case list():
            return [in_json(inner) for inner in value]
        case datetime():
            return int(value.timestamp())
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return value


def written(service: str, operation: str, result: Mapping[str, object]) -> bytes:
    committed = CommittedOutcome(Outcome(lambda _account: result), Account("123456789012"), 1, 'r"1', SERVER)
    return asyncio.run(JSON.write(SERVICES[service].operation(operation), committed))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(named=st.sampled_from(OPERATIONS), data=st.data())
def test_any_answer_of_any_operation(named: tuple[str, str], data: st.DataObject) -> None:
    """The result stands in its wrapper beside the metadata; policy documents are percent-encoded as they are in XML."""
    service, operation = named
    shape = botocore_model(service).operation_model(operation).output_shape
    result = data.draw(outputs(shape))
    assert isinstance(result, dict)
    wrapped = {} if shape is None else {f"{operation}Result": in_json(with_policies_encoded(shape, result))}
    answer = {**wrapped, "ResponseMetadata": {"RequestId": 'r"1'}}
    assert json.loads(written(service, operation, result)) == {f"{operation}Response": answer}


def test_policy_documents_are_percent_encoded() -> None:
    """As AWS's reference has it of the API, whatever the form."""
    result = {"UserName": "a%b", "PolicyName": "p", "PolicyDocument": '{"Version": "2012-10-17"}'}
    answer = json.loads(written("iam", "GetUserPolicy", result))["GetUserPolicyResponse"]["GetUserPolicyResult"]
    assert answer == result | {"PolicyDocument": "%7B%22Version%22%3A%20%222012-10-17%22%7D"}


@pytest.mark.parametrize(
    ("refusal", "service", "status", "fault"),
    [
        (SignatureDoesNotMatch('"no"'), None, 403, "Sender"),
        (NoSuchEntity("The user cannot be found."), "iam", 404, "Sender"),
        (ServiceUnavailable("Later."), "sts", 503, "Receiver"),
    ],
)
def test_errors(refusal: Refusal, service: str | None, status: int, fault: str) -> None:
    """Status, code and message are those of XML."""
    told = JSON.refuse(refusal, service, "r-1")
    assert told.status == QUERY.refuse(refusal, service, "r-1").status == status
    error = {"Type": fault, "Code": refusal.code, "Message": refusal.message}
    assert json.loads(told.body) == {"Error": error, "RequestId": "r-1"}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/xml"),
        ("*/*", "text/xml"),
        ("application/xml, application/json", "text/xml"),
        ("application/json;q=0, */*", "text/xml"),
        ("application/json;q=0.5, text/xml", "text/xml"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/xml"),
        ("application/jsonp", "text/xml"),
        ("application/json", "application/json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/xml;q=0.2, application/json;q=0.9", "application/json"),
    ],
)
def test_who_gets_json(accept: str | None, content_type: str) -> None:
    """Who names it and prefers it to XML; everybody else gets XML."""
    assert speaking(accept).content_type == content_type
