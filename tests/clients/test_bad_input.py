"""Input that no stock client sends: AWS's own code and status, one record, and a server that goes on."""

import json
from collections.abc import Iterator
from uuid import uuid4

import botocore.session
import pytest
from botocore.model import OperationModel, Shape

from domain.policy import SESSION_POLICIES_CHARACTERS_MAX
from services.aws_services import SERVICES
from services.wire.operations import all_operations
from tests.clients import raw_http
from tests.clients.raw_http import VERSIONS, Reply, called, credentials_in, entries, form, refusals_recorded, refused
from tests.clients.server import Server

ANSWERED = SERVICES
"""What importing registers: the operations that are tried below."""
OPERATIONS = [(operation.service, operation.name) for operation in all_operations() if operation.service in VERSIONS]
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}]}'
NOBODY = "arn:aws:iam::123456789012:role/nobody"
FINE = form("ListUsers")

pytestmark = pytest.mark.usefixtures("goes_on", "somebody_new")


@pytest.fixture
def somebody_new(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An administrator for each test: of one principal's many refusals some would only be counted."""
    name = f"tester-{uuid4().hex[:12]}"
    everything = POLICY.replace("iam:ListUsers", "*")
    for fields in (
        {"action": "CreateUser"},
        {"action": "PutUserPolicy", "PolicyName": "all", "PolicyDocument": everything},
    ):
        assert called(server, form(**fields, UserName=name)).status == 200
    keys = credentials_in(called(server, form("CreateAccessKey", UserName=name)))
    monkeypatch.setattr(raw_http, "administrator", lambda _server: keys)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"", 400, "MissingAction", id="empty body"),
        pytest.param(b"Action=&Version=2010-05-08", 400, "MissingAction", id="empty action"),
        pytest.param(b"Version=2010-05-08", 400, "MissingAction", id="no action"),
        pytest.param(b'{"Action":"ListUsers"}', 404, "MalformedQueryString", id="JSON for a form"),
        pytest.param(FINE + b"&&Marker=a", 404, "MalformedQueryString", id="field without name and value"),
        pytest.param(FINE + b"&=a", 404, "MalformedQueryString", id="field without a name"),
        pytest.param(FINE + b"&Marker=%zz", 404, "MalformedQueryString", id="broken escape"),
        pytest.param(FINE + b"&Marker=%", 404, "MalformedQueryString", id="escape cut off"),
        pytest.param(FINE + b"&Marker=\xff\xfe", 404, "MalformedQueryString", id="no UTF-8"),
        pytest.param(FINE + b"&Marker=%C0%80", 404, "MalformedQueryString", id="overlong UTF-8"),
        pytest.param(FINE + b"&Action=CreateUser", 404, "MalformedQueryString", id="two actions"),
        pytest.param(
            b"&".join(b"F%d=1" % number for number in range(5_000)), 404, "MalformedQueryString", id="5,000 fields"
        ),
        pytest.param(b"Action=ListUsers", 400, "InvalidAction", id="no version"),
        pytest.param(b"Action=ListUsers&Version=1999-01-01", 400, "InvalidAction", id="another version"),
        pytest.param(b"Action=ListUsers&Version=%00%ED", 404, "MalformedQueryString", id="hostile version"),
        pytest.param(b"Action=ListUsers&Version=%00", 400, "InvalidAction", id="version of U+0000"),
        pytest.param(form("Frobnicate"), 400, "InvalidAction", id="unknown operation"),
        pytest.param(form("listusers"), 400, "InvalidAction", id="operation in lower case"),
        pytest.param(b"Action=%00&Version=2010-05-08", 400, "InvalidAction", id="operation of U+0000"),
        pytest.param(form("A" * 100_000), 400, "InvalidAction", id="operation of 100,000 letters"),
        pytest.param(form("GetCallerIdentity"), 400, "InvalidAction", id="operation of another service"),
        pytest.param(FINE + b"&Nonsense=1", 400, "ValidationError", id="unknown parameter"),
        pytest.param(FINE + b"&%00=1", 400, "ValidationError", id="parameter named U+0000"),
        pytest.param(FINE + b"&" + b"A." * 100_000 + b"B=1", 400, "ValidationError", id="name of 100,000 dots"),
        pytest.param(FINE + b"&MaxItems=" + b"9" * 10_000, 400, "ValidationError", id="number of 10,000 digits"),
        pytest.param(form("ListUsers", MaxItems="0"), 400, "ValidationError", id="number below the least"),
        pytest.param(form("ListUsers", MaxItems="٣"), 400, "ValidationError", id="Arabic digit"),
        pytest.param(form("ListUsers", Marker="nonsense"), 400, "ValidationError", id="marker that we never gave"),
        pytest.param(form("CreateUser"), 400, "ValidationError", id="required parameter missing"),
        pytest.param(form("CreateUser", UserName="a" * 65), 400, "ValidationError", id="name too long"),
        pytest.param(form("CreateUser", UserName="alice\n"), 400, "ValidationError", id="name with a line's end"),
        pytest.param(form("GetUser", UserName="nobody"), 404, "NoSuchEntity", id="nobody of that name"),
    ],
)
def test_a_form_that_cannot_be_meant_is_refused_and_recorded_once(
    server: Server, body: bytes, status: int, code: str
) -> None:
    """What is signed but malformed is an authenticated refusal."""
    refused(server, called(server, body), status, code)


def test_a_code_that_fails_is_not_repeated(server: Server) -> None:
    """A one-time code stands neither in the answer nor in the ledger, though other values are quoted."""
    device = "arn:aws:iam::123456789012:mfa/phone"
    body = form("GetSessionToken", "sts", SerialNumber=device, TokenCode="secret-code-31337")
    reply = called(server, body, service="sts")
    refused(server, reply, 400, "ValidationError")
    assert b"31337" not in reply.body
    assert "31337" not in json.dumps(entries(server, reply.request_id))


# What texts may hold.


@pytest.mark.parametrize(("service", "name"), OPERATIONS)
def test_no_text_parameter_takes_what_no_text_holds(server: Server, service: str, name: str) -> None:
    """U+0000 and the bytes of a lone surrogate, in every text parameter: refused, recorded once, nothing changed."""
    model = botocore.session.Session().get_service_model(service).operation_model(name)
    hostile = [
        (path, value, status, code)
        for path in _text_parameters(model)
        for value, status, code in (
            (b"a%00b", 400, "ValidationError"),
            (b"a%ED%A0%80b", 404, "MalformedQueryString"),
            (b"a\xed\xb0\x80b", 404, "MalformedQueryString"),
        )
    ]
    replies = []
    for path, value, status, code in hostile:
        fields = {**_required(model), path.replace(".", "__"): value}
        replies.append(called(server, form(name, service, **fields), service=service))
        assert (replies[-1].status, replies[-1].code) == (status, code), (path, value, replies[-1].body)
    refusals_recorded(server, replies)


def _text_parameters(model: OperationModel) -> list[str]:
    """Their wire names; of a list, the first element's."""
    shape = model.input_shape
    return [] if shape is None else list(_texts(shape, ""))


def _texts(shape: Shape, path: str) -> Iterator[str]:
    if shape.type_name == "string":
        yield path
    elif shape.type_name == "list":
        tag = shape.member.serialization.get("name", "member")
        yield from _texts(shape.member, f"{path}.{tag}.1")
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _texts(member, f"{path}.{name}" if path else name)


def _required(model: OperationModel) -> dict[str, str | bytes]:
    """Values that the model allows, so that the hostile one is the only thing wrong."""
    shape = model.input_shape
    return {} if shape is None else {name: _allowed(name, shape.members[name]) for name in shape.required_members}


def _allowed(name: str, shape: Shape) -> str:
    if name.endswith("Document"):
        return POLICY
    if name.endswith("Arn"):
        return NOBODY
    if shape.metadata.get("enum"):
        return str(shape.metadata["enum"][0])
    return {"integer": "3600", "AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "VersionId": "v1"}.get(
        shape.type_name if shape.type_name == "integer" else name, "sample"
    )


@pytest.fixture(scope="module")
def assumable(server: Server) -> str:
    """The ARN of a role that the administrator may assume."""
    account_id = called(server, form("GetCallerIdentity", "sts"), service="sts").body
    account = account_id.split(b"<Account>")[1][:12].decode()
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    assert called(server, form("CreateRole", RoleName="assumable", AssumeRolePolicyDocument=document)).status == 200
    return f"arn:aws:iam::{account}:role/assumable"


PLACES: dict[str, tuple[str, str, dict[str, str | bytes], str]] = {
    "managed policy": ("iam", "CreatePolicy", {"PolicyName": "hostile"}, "PolicyDocument"),
    "inline policy": ("iam", "PutUserPolicy", {"UserName": "admin", "PolicyName": "hostile"}, "PolicyDocument"),
    "trust policy": ("iam", "CreateRole", {"RoleName": "hostile"}, "AssumeRolePolicyDocument"),
    "new trust policy": ("iam", "UpdateAssumeRolePolicy", {"RoleName": "assumable"}, "PolicyDocument"),
    "session policy": ("sts", "AssumeRole", {"RoleSessionName": "hostile"}, "Policy"),
}
"""Where a document may stand: service, operation, its other parameters, and the document's."""


def with_document(server: Server, place: str, assumable: str, document: str) -> Reply:
    """The answer to a call that brings the document there."""
    service, action, others, parameter = PLACES[place]
    role: dict[str, str | bytes] = {"RoleArn": assumable} if service == "sts" else {}
    return called(server, form(action, service, **others, **role, **{parameter: document}), service=service)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "document",
    [
        pytest.param("[" * 100_000, id="100,000 brackets"),
        pytest.param('{"a":' * 20_000, id="20,000 braces"),
        pytest.param("[" * 50_000 + "]" * 50_000, id="50,000 brackets that are closed"),
        pytest.param("{", id="cut off"),
        pytest.param("nonsense", id="no JSON"),
        pytest.param("1e999", id="a number beyond all numbers"),
        pytest.param("null", id="null"),
        pytest.param(POLICY.replace("ListUsers", "List\\ud800Users"), id="lone high surrogate in an action"),
        pytest.param(POLICY.replace('"*"', '"arn:aws:iam::*:user/\\udc00"'), id="lone low surrogate in a resource"),
        pytest.param(POLICY.replace('"Effect"', '"Sid":"a\\u0000b","Effect"'), id="U+0000 in a Sid"),
        pytest.param(POLICY.replace('"Effect"', '"\\ud800":"a","Effect"'), id="lone surrogate as a key"),
        pytest.param(POLICY.replace('"Effect"', '"\\u0000":"a","Effect"'), id="U+0000 as a key"),
        pytest.param(POLICY.replace('"Allow"', '"Allow","Effect":"Deny"'), id="one key twice"),
    ],
)
def test_no_policy_that_cannot_be_one_is_taken(server: Server, assumable: str, place: str, document: str) -> None:
    """Depth, numbers and escapes that break parsers, in every place that takes a document. Of a session policy the
    length is asked first."""
    is_long = place == "session policy" and len(document) > SESSION_POLICIES_CHARACTERS_MAX
    code = "PackedPolicyTooLarge" if is_long else "MalformedPolicyDocument"
    refused(server, with_document(server, place, assumable, document), 400, code)


@pytest.mark.parametrize("place", PLACES)
def test_no_policy_that_is_too_long_is_read(server: Server, assumable: str, place: str) -> None:
    """A number of more digits than Python reads."""
    expected = (400, "PackedPolicyTooLarge") if place == "session policy" else (409, "LimitExceeded")
    refused(server, with_document(server, place, assumable, "9" * 10_000), *expected)
