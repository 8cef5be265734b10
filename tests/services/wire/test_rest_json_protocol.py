"""Requests named by method and path, with JSON inside, their answers and errors, as botocore has them."""

import inspect
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.model import ServiceModel
from botocore.parsers import RestJSONParser
from botocore.serialize import RestJSONSerializer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.foundation.errors import (
    AccessDenied,
    NoSuchEntity,
    Refusal,
    ResourceNotFoundException,
    SignatureDoesNotMatch,
    Throttling,
    ValidationError,
)
from services.aws_services import protocols_for
from services.wire import errors
from services.wire.errors import MalformedBody, MalformedQueryString, UnknownPath
from services.wire.json_errors import JSON_ERRORS, render
from services.wire.json_input import BODY, PATH, QUERY, decode_body, query_values
from services.wire.model import load_model
from services.wire.protocol import ParsedRequest
from services.wire.protocols.rest_json import RestOperationModel, RestServiceModel
from services.wire.raw_request import RawRequest
from services.wire.time_travel import RequestPath
from tests.services.wire.shape_values import in_snake_case, inputs, outputs

(REST,) = protocols_for([load_model("accessanalyzer")])
ANALYZER = REST.described("access-analyzer")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
VALIDATION = b"/policy/validation"
CROSS_CHECK = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ECHO = ServiceModel(
    {
        "metadata": {"apiVersion": "2026-11-24", "protocol": "rest-json", "signingName": "echo"},
        "operations": {
            "Echo": {
                "name": "Echo",
                "http": {"method": "PUT", "requestUri": "/echo/{name}"},
                "input": {"shape": "Said"},
                "output": {"shape": "Heard"},
            },
            "Listen": {"name": "Listen", "http": {"method": "PUT", "requestUri": "/echo/well"}},
            "Whisper": {
                "name": "Whisper",
                "http": {"method": "GET", "requestUri": "/echo"},
                "input": {"shape": "Header"},
                "output": {"shape": "Header"},
            },
        },
        "shapes": {
            "Said": {
                "type": "structure",
                "required": ["name"],
                "members": {
                    "name": {"shape": "Text", "location": "uri", "locationName": "name"},
                    "loud": {"shape": "Boolean", "location": "querystring", "locationName": "isLoud"},
                    "since": {"shape": "Time", "location": "querystring", "locationName": "since"},
                    "tags": {"shape": "Texts", "location": "querystring", "locationName": "tag"},
                    "blob": {"shape": "Blob"},
                    "long": {"shape": "Long", "locationName": "Number"},
                    "truth": {"shape": "Boolean"},
                    "map": {"shape": "Map"},
                },
            },
            "Heard": {
                "type": "structure",
                "members": {
                    "blob": {"shape": "Blob"},
                    "long": {"shape": "Long", "locationName": "Number"},
                    "truth": {"shape": "Boolean"},
                    "time": {"shape": "Time"},
                    "map": {"shape": "Map"},
                },
            },
            "Header": {
                "type": "structure",
                "members": {"mood": {"shape": "Text", "location": "header", "locationName": "Mood"}},
            },
            "Text": {"type": "string", "min": 1, "pattern": "[a-z%/ .+]*"},
            "Texts": {"type": "list", "member": {"shape": "Text"}, "max": 2},
            "Blob": {"type": "blob"},
            "Boolean": {"type": "boolean"},
            "Long": {"type": "long", "max": 9},
            "Time": {"type": "timestamp"},
            "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Long"}, "max": 2},
        },
    },
    "echo",
)
"""What the protocol knows and Access Analyzer's model makes no use of today."""


def parsed(service: RestServiceModel, method: str, path: bytes, query: bytes, body: bytes) -> dict[str, object]:
    name, in_path = service.route(method, path)
    return service.operation(name).parse({PATH: {**in_path}, QUERY: query_values(query), BODY: decode_body(body)})


def sent_by_botocore(service: RestServiceModel, operation: str, value: object) -> dict[str, object]:
    """As it is parsed."""
    request = RestJSONSerializer().serialize_to_request(value, service._model.operation_model(operation))
    query = urlencode(request["query_string"], doseq=True, quote_via=quote).encode()
    path = request["url_path"].encode()
    assert service.route(request["method"], path)[0] == operation
    return parsed(service, request["method"], path, query, request["body"])


def asked(
    body: object, query: bytes = b"", *, method: str = "POST", path: bytes = VALIDATION, raw: bytes | None = None
) -> ParsedRequest[RestOperationModel]:
    sent = json.dumps(body).encode() if raw is None else raw
    return REST.read(RawRequest(method, path, query, (), sent), path, "access-analyzer", NOW)


def refusal(found: ParsedRequest[RestOperationModel]) -> Refusal:
    assert found.refusal is not None
    return found.refusal


@pytest.mark.parametrize("operation", sorted(ANALYZER.operation_names))
@CROSS_CHECK
@given(data=st.data())
def test_what_botocore_sends_is_what_we_read(operation: str, data: st.DataObject) -> None:
    """Every operation of the model: valid input, serialised by botocore, is routed and parsed to equal values."""
    shape = ANALYZER._model.operation_model(operation).input_shape
    value = data.draw(inputs(shape))
    assert isinstance(value, dict)
    assume(value.get("tagKeys") != [])  # a query string has no words for an empty list
    assert sent_by_botocore(ANALYZER, operation, value) == in_snake_case(shape, value)


@pytest.mark.parametrize("operation", sorted(ANALYZER.operation_names))
@CROSS_CHECK
@given(data=st.data())
def test_what_we_write_is_what_botocore_reads(operation: str, data: st.DataObject) -> None:
    """Every operation of the model: an answer of its shape arrives as it was."""
    shape = ANALYZER._model.operation_model(operation).output_shape
    result = data.draw(outputs(shape))
    assert isinstance(result, dict)
    document = ANALYZER.operation(operation).serialise(result)
    answer = RestJSONParser().parse({"body": document, "headers": {}, "status_code": 200}, shape)
    del answer["ResponseMetadata"]
    assert answer == result


def test_what_the_model_does_not_use() -> None:
    """Bytes, lists and times in the query string, renamed members, seconds since 1970."""
    echo = RestServiceModel(ECHO)
    said = {
        "name": "a/b c",
        "loud": True,
        "since": datetime(2026, 1, 2, tzinfo=UTC),
        "tags": ["a", "b"],
        "blob": b"\0",
        "long": -3,
        "truth": False,
        "map": {"a": 1},
    }
    assert sent_by_botocore(echo, "Echo", said) == said
    assert sent_by_botocore(echo, "Echo", {"name": "a", "tags": ["b"]}) == {"name": "a", "tags": ["b"]}
    heard = {"blob": b"\0", "long": 3, "truth": True, "time": datetime(2026, 1, 2, tzinfo=UTC), "map": {"a": 1}}
    document = echo.operation("Echo").serialise(heard)
    assert json.loads(document) == {"blob": "AA==", "Number": 3, "truth": True, "time": 1767312000, "map": {"a": 1}}
    assert echo.operation("Listen").serialise({}) == b"{}"


def test_the_path_that_is_spelt_out_is_meant() -> None:
    """A template with fewer places goes first; the method tells operations of one path apart."""
    echo = RestServiceModel(ECHO)
    assert echo.route("PUT", b"/echo/well") == ("Listen", {})
    assert echo.route("PUT", b"/echo/w%65ll") == ("Echo", {"name": "well"})
    for method, path in (("GET", b"/echo/well"), ("PUT", b"/echo"), ("PUT", b"/echo/a/b")):
        with pytest.raises(UnknownPath):
            echo.route(method, path)
    with pytest.raises(ValidationError, match="UTF-8"):
        echo.route("PUT", b"/echo/%FF")


def test_members_that_nothing_reads_or_writes() -> None:
    """Headers have no readers and writers yet: that shows when the program starts."""
    with pytest.raises(TypeError, match=r"^mood: no reader for members located in the header\.$"):
        RestServiceModel(ECHO).operation("Whisper")
    with pytest.raises(TypeError, match=r"^iam speaks query"):
        RestServiceModel(load_model("iam"))


@pytest.mark.parametrize(
    ("query", "body", "told"),
    [
        (b"", {"map": {"a": None}}, "Value at 'map.1.value' failed to satisfy constraint: Member must be an integer"),
        (b"", {"long": 1}, "Value at 'long' failed to satisfy constraint: Member must be one of [blob, Number, truth"),
        (b"blob=AA%3D%3D", {}, "Value at 'blob' failed to satisfy constraint: Member must be one of [isLoud"),
        (b"isLoud=yes", {}, "Value 'yes' at 'loud' failed to satisfy constraint: Member must be true or false"),
        (b"isLoud=true&isLoud=true", {}, "Value at 'loud' failed to satisfy constraint: Member must be a single value"),
        (b"tag=a&tag=b&tag=c", {}, "Value at 'tags' failed to satisfy constraint: Member must have length less than"),
        (b"", {"Number": "1"}, "Value at 'long' failed to satisfy constraint: Member must be an integer"),
        (b"", {"Number": True}, "Value at 'long' failed to satisfy constraint: Member must be an integer"),
        (b"", {"Number": 10}, "Value '10' at 'long' failed to satisfy constraint: Member must have value less than"),
        (b"", {"truth": 1}, "Value at 'truth' failed to satisfy constraint: Member must be true or false"),
        (b"", {"blob": "?"}, "Value '?' at 'blob' failed to satisfy constraint: Member must be base64"),
        (b"", {"map": []}, "Value at 'map' failed to satisfy constraint: Member must be a map"),
        (
            b"",
            {"map": {"a": 1, "b": 2, "c": 3}},
            "Value at 'map' failed to satisfy constraint: Member must have length",
        ),
        (
            b"",
            {"map": {"A": "x"}},
            "Value 'A' at 'map.1.key' failed to satisfy constraint: Member must satisfy regular",
        ),
        (b"", ["a"], "Value at 'the request' failed to satisfy constraint: Member must be a structure of [blob"),
    ],
)
def test_what_the_model_does_not_allow(query: bytes, body: object, told: str) -> None:
    """Each failure names the member and the constraint, as with forms; a member counts only where it belongs."""
    echo = RestServiceModel(ECHO)
    with pytest.raises(ValidationError) as refused:
        parsed(echo, "PUT", b"/echo/a", query, json.dumps(body).encode())
    assert refused.value.message.startswith("1 validation error detected: ") or "map" in told
    assert told in refused.value.message


def test_what_is_required() -> None:
    """Wherever it should have stood."""
    with pytest.raises(ValidationError, match="Value null at 'name' failed to satisfy constraint: Member must not be"):
        RestServiceModel(ECHO).operation("Echo").parse({PATH: {}, QUERY: {}, BODY: {}})


def test_null_is_absent() -> None:
    """A member that is null was not sent, as the protocol has it."""
    assert parsed(RestServiceModel(ECHO), "PUT", b"/echo/a", b"", b'{"truth": null}') == {"name": "a"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b"1" * 5_000, b'{"a": 1, "a": 1}', b'{"policyType": {"a":1,"a":2}}'],
)
def test_bodies_that_are_no_json(body: bytes) -> None:
    """A ValidationException that says what it could not parse; nothing nested or endless is a defect."""
    found = refusal(asked(None, raw=body))
    assert isinstance(found, MalformedBody)
    assert json.loads(REST.refuse(found, "access-analyzer", "r").body)["reason"] == "cannotParse"


def test_a_request_is_read() -> None:
    """From the query string and the body; a signature's parameters are no operation's."""
    body = {"policyDocument": "{\u0001}", "policyType": "IDENTITY_POLICY"}
    found = asked(body, b"maxResults=5&X-Amz-Date=20261124T000000Z")
    assert found.refusal is None
    assert (found.name, found.parameters) == (
        "ValidatePolicy",
        {"max_results": 5, "policy_document": "{\u0001}", "policy_type": "IDENTITY_POLICY"},
    )
    wrong = refusal(asked(body | {"policyType": "POLICY"}, b"maxResults=x"))
    assert wrong.message.startswith("2 validation errors detected: Value 'x' at 'maxResults' failed")
    assert isinstance(refusal(asked(body, b"maxResults")), MalformedQueryString)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", b"/access-preview", "ListAccessPreviews"),
        ("PUT", b"/policy/generation", "StartPolicyGeneration"),
        ("GET", VALIDATION, ""),
        ("POST", b"/", ""),
    ],
)
def test_what_is_not_answered(method: str, path: bytes, name: str) -> None:
    """Operations that this server lacks, and those that nobody has: 404 under the code that the protocol has for it.
    What is known of them is recorded."""
    found = asked({}, method=method, path=path)
    status, body, headers = REST.refuse(refusal(found), "access-analyzer", "r")
    assert (found.name, status, found.operation) == (name, 404, None)
    assert json.loads(body)["__type"] == "UnknownOperationException"
    assert headers == ((b"x-amzn-errortype", b"UnknownOperationException"),)


@pytest.mark.parametrize(
    ("path", "ours"),
    [(VALIDATION, True), (b"/analyzer/x", True), (b"/", False), (b"//policy", False), (b"/users", False), (b"", False)],
)
def test_whose_paths_begin_like_this(path: bytes, ours: bool) -> None:  # noqa: FBT001  a parameter of the test
    """By its first segment a path belongs to this protocol or to none."""
    assert REST.serves(RawRequest("GET", path, b"", (), b""), RequestPath.split(path)) is ours


@pytest.mark.parametrize(
    ("refused", "code", "status", "more"),
    [
        (AccessDenied("no"), "AccessDeniedException", 403, {}),
        (Throttling("no"), "ThrottlingException", 429, {}),
        (ValidationError("no"), "ValidationException", 400, {"reason": "fieldValidationFailed"}),
        (
            ResourceNotFoundException("no", resource_id="a", resource_type="Analyzer"),
            *("ResourceNotFoundException", 404, {"resourceId": "a", "resourceType": "Analyzer"}),
        ),
        (SignatureDoesNotMatch("no"), "InvalidSignatureException", 403, {}),
        (errors.ServiceFailure("no"), "InternalServerException", 500, {}),
        (errors.ServiceUnavailable("no"), "ServiceUnavailable", 503, {}),
    ],
)
def test_botocore_reads_errors(refused: Refusal, code: str, status: int, more: dict[str, Any]) -> None:
    """The code stands in the header and in the body; a status that the model declares is the model's; members that the
    model requires of an error are there."""
    rendered = render(refused, ANALYZER)
    assert rendered.status == status == (ANALYZER.error_status(code) or status)
    shape = ANALYZER._model.shape_for(code) if ANALYZER.error_status(code) else None
    for headers in ({}, {name.decode(): value.decode() for name, value in rendered.headers}):
        answer = {"body": rendered.body, "headers": headers, "status_code": status}
        assert RestJSONParser().parse(answer, None)["Error"] == {"Code": code, "Message": "no"}
        assert shape is None or more.items() <= RestJSONParser().parse(answer, shape).items()
    required = set(shape.required_members) if shape else set()
    assert required <= json.loads(rendered.body).keys()


def test_every_common_refusal_is_known() -> None:
    """What can happen to any call before its operation is asked has a code, with and without a service."""
    wire = {name for name, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, Refusal)}
    assert JSON_ERRORS.keys() >= wire - {"Refusal"}
    assert render(UnknownPath("x"), None).status == 404
    assert "reason" not in json.loads(render(ValidationError("x"), None).body)
    with pytest.raises(TypeError, match=r"^NoSuchEntity is no error of access-analyzer"):
        render(NoSuchEntity("x"), ANALYZER)
