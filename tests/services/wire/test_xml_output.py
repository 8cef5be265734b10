"""Results become the documents that botocore reads, and results that do not fit are defects."""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from botocore.model import ServiceModel
from botocore.parsers import QueryParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.foundation.secret import Secret
from services.wire.protocols.query import QueryServiceModel
from tests.services.wire.shape_values import (
    OPERATIONS,
    SERVICES,
    SYNTHETIC,
    botocore_model,
    outputs,
    with_policies_encoded,
)

IAM, STS = SERVICES["iam"], SERVICES["sts"]
CROSS_CHECK = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
USER = {
    "Path": "/",
    "UserName": "alice",
    "UserId": "AIDACKCEVSQ6C2EXAMPLE",
    "Arn": "arn:aws:iam::123456789012:user/alice",
    "CreateDate": datetime(2026, 11, 23, 21, 37, tzinfo=UTC),
}


def read_by_botocore(model: ServiceModel, operation: str, document: bytes) -> dict[str, object]:
    response = {"body": document, "headers": {}, "status_code": 200}
    parsed: dict[str, object] = QueryParser().parse(response, model.operation_model(operation).output_shape)
    metadata = parsed.pop("ResponseMetadata")
    assert isinstance(metadata, dict)
    assert metadata["RequestId"] == "request-1"
    return parsed


def document(operation: str, result: dict[str, object], service: QueryServiceModel = IAM) -> bytes:
    return service.operation(operation).serialise(result, "request-1")


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
@CROSS_CHECK
@given(data=st.data())
def test_what_we_write_is_what_botocore_reads(service: str, operation: str, data: st.DataObject) -> None:
    """Every operation of both models: any result, written by us, is parsed by botocore to equal values."""
    model = botocore_model(service)
    shape = model.operation_model(operation).output_shape
    result = data.draw(outputs(shape))
    assert isinstance(result, dict)
    read = read_by_botocore(model, operation, document(operation, result, SERVICES[service]))
    assert read == with_policies_encoded(shape, result)


@CROSS_CHECK
@given(data=st.data())
def test_forms_that_the_two_models_do_not_use(data: st.DataObject) -> None:
    """Flattened and renamed members and bytes are written as botocore reads them."""
    result = data.draw(outputs(SYNTHETIC.operation_model("Echo").output_shape))
    assert isinstance(result, dict)
    read = read_by_botocore(SYNTHETIC, "Echo", document("Echo", result, QueryServiceModel(SYNTHETIC)))
    traceless = {name: result[name] for name in ("Flat", "FlatNamed", "FlatMap") if result.get(name) in ([], {})}
    assert read | traceless == result  # an empty flattened collection is nowhere in the document


def test_the_bytes_of_an_answer() -> None:
    """A document is byte for byte what AWS's API reference shows, without the white space."""
    assert document("GetUser", {"User": USER}) == (
        b'<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetUserResult><User><Path>/</Path>'
        b"<UserName>alice</UserName><UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>"
        b"<Arn>arn:aws:iam::123456789012:user/alice</Arn><CreateDate>2026-11-23T21:37:00Z</CreateDate></User>"
        b"</GetUserResult><ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></GetUserResponse>"
    )
    assert document("DeleteUser", {}) == (
        b'<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata>'
        b"<RequestId>request-1</RequestId></ResponseMetadata></DeleteUserResponse>"
    )


def test_times_are_written_in_utc() -> None:
    """A time of another zone is the same moment in the document, in whole seconds."""
    there = datetime(2026, 11, 24, 3, 7, 0, 999_999, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert b"<CreateDate>2026-11-23T21:37:00Z</CreateDate>" in document(
        "GetUser", {"User": USER | {"CreateDate": there}}
    )


@given(st.text())
def test_any_text_leaves_the_document_whole(text: str) -> None:
    """Markup, line ends and what XML cannot say: a document it stays, and all but the last arrives."""
    path = ET.fromstring(document("GetUser", {"User": USER | {"Path": text}})).find(".//{*}Path")  # noqa: S314  we wrote it
    assert path is not None
    illegal = {*range(32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF} - {9, 10, 13}
    assert (path.text or "") == text.translate(dict.fromkeys(illegal, "\ufffd"))


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\uffff", "\x1b[31m"])
def test_what_xml_cannot_say(text: str) -> None:
    """Control characters and lone surrogates are replaced; nothing else is lost."""
    written = document("GetUser", {"User": USER | {"Path": text}}).decode()
    ET.fromstring(written)  # noqa: S314  we wrote it
    assert "\ufffd" in written


def test_policy_documents_are_percent_encoded() -> None:
    """Documents in answers are percent-encoded as in AWS's examples, in nested structures too; other text is not."""
    policy = '{"Action": "s3:Get*", "Resource": "a~b_c.d-é"}'
    encoded = "%7B%22Action%22%3A%20%22s3%3AGet%2A%22%2C%20%22Resource%22%3A%20%22a~b_c.d-%C3%A9%22%7D"
    answer = document("GetUserPolicy", {"UserName": "a%b", "PolicyName": "p", "PolicyDocument": policy}).decode()
    assert f"<PolicyDocument>{encoded}</PolicyDocument>" in answer
    assert "<UserName>a%b</UserName>" in answer
    assert unquote(encoded) == policy
    version = document("GetPolicyVersion", {"PolicyVersion": {"Document": policy}}).decode()
    assert f"<Document>{encoded}</Document>" in version


def test_secrets_are_revealed_where_the_answer_is_the_secret() -> None:
    """A Secret is written in a secret member, and is a defect in any other."""
    key = {"UserName": "alice", "AccessKeyId": "AKIA", "Status": "Active", "SecretAccessKey": Secret("s3cr3t")}
    assert b"<SecretAccessKey>s3cr3t</SecretAccessKey>" in document("CreateAccessKey", {"AccessKey": key})
    credentials = {
        "AccessKeyId": "ASIA",
        "SecretAccessKey": Secret("s3cr3t"),
        "SessionToken": Secret("t0ken"),
        "Expiration": USER["CreateDate"],
    }
    assert b"<SessionToken>t0ken</SessionToken>" in document("GetSessionToken", {"Credentials": credentials}, STS)
    with pytest.raises(TypeError, match=r"^CreateAccessKey\.AccessKey\.UserName must be a str, not Secret\.$"):
        document("CreateAccessKey", {"AccessKey": key | {"UserName": Secret("s3cr3t")}})


@pytest.mark.parametrize(
    ("operation", "result", "defect"),
    [
        ("GetUser", {}, r"GetUser\.User is missing"),
        ("GetUser", {"User": {}}, r"GetUser\.User\.Path is missing"),
        ("GetUser", {"User": USER, "Group": 1}, "GetUser has no member Group"),
        ("GetUser", {"User": USER | {"Colour": "red"}}, r"GetUser\.User has no member Colour"),
        (
            "GetUser",
            {"User": USER | {"CreateDate": "now"}},
            r"GetUser\.User\.CreateDate must be an aware datetime, not str",
        ),
        ("GetUser", {"User": USER | {"CreateDate": datetime(2026, 1, 1)}}, "must be an aware datetime"),  # noqa: DTZ001
        ("GetUser", {"User": USER | {"Path": None}}, r"GetUser\.User\.Path must be a str, not NoneType"),
        ("GetUser", {"User": USER | {"Tags": "x"}}, r"GetUser\.User\.Tags must be a list, not str"),
        ("GetUser", {"User": "alice"}, r"GetUser\.User must be a dict, not str"),
        ("ListUsers", {"Users": [], "IsTruncated": 1}, r"ListUsers\.IsTruncated must be a bool, not int"),
        (
            "GetAccountSummary",
            {"SummaryMap": {"Users": True}},
            r"GetAccountSummary\.SummaryMap must be an int, not bool",
        ),
        ("GetAccountSummary", {"SummaryMap": []}, r"GetAccountSummary\.SummaryMap must be a dict, not list"),
        ("GetCredentialReport", {"Content": "x"}, r"GetCredentialReport\.Content must be bytes, not str"),
        ("DeleteUser", {"User": USER}, "DeleteUser answers nothing"),
    ],
)
def test_results_that_do_not_fit(operation: str, result: dict[str, object], defect: str) -> None:
    """A result of another shape is a defect, and the message names the place, never the value."""
    with pytest.raises(TypeError, match=defect):
        document(operation, result)
