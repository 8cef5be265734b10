"""Services that are not here: what is recognised, in which form it is told, and what is made of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from domain.foundation.errors import SignatureDoesNotMatch
from services.wire.absent_services import AbsentServices
from services.wire.errors import UnsupportedService
from services.wire.model import load_model
from services.wire.raw_request import RawRequest
from services.wire.time_travel import RequestPath
from tests.services.endpoint import PROTOCOLS
from tests.services.wire.signing import signed

ABSENT = AbsentServices(tuple(dict.fromkeys(PROTOCOLS.values())))
NOW = datetime(2026, 1, 31, tzinfo=UTC)
REFUSAL = UnsupportedService("Not <here>, naïve café.")


def written(directory: str, operation: str, protocol: str, members: Mapping[str, object]) -> RawRequest:
    """As botocore writes it for the service, signed."""
    model = load_model(directory)
    serializer = create_serializer(protocol)
    it: dict[str, Any] = serializer.serialize_to_request(dict(members), model.operation_model(operation))
    body = urlencode(it["body"]).encode() if isinstance(it["body"], dict) else it["body"]
    return signed(it["method"], it["url_path"], headers=it["headers"], body=body, service=model.signing_name)


@pytest.mark.parametrize(
    ("directory", "operation", "protocol", "content_type", "named"),
    [
        ("kms", "ListKeys", "json", "application/x-amz-json-1.1", "ListKeys"),
        ("dynamodb", "ListTables", "json", "application/x-amz-json-1.0", "ListTables"),
        ("sns", "ListTopics", "query", "text/xml", "ListTopics"),
        ("lambda", "ListFunctions", "rest-json", "application/json", ""),
        ("route53", "ListHostedZones", "rest-xml", "text/xml", ""),
        ("s3", "ListBuckets", "rest-xml", "application/xml", ""),
        ("s3control", "ListJobs", "rest-xml", "text/xml", ""),
        ("cloudwatch", "ListMetrics", "smithy-rpc-v2-cbor", "application/cbor", "ListMetrics"),
    ],
)
def test_each_client_is_told_in_its_own_form(
    directory: str, operation: str, protocol: str, content_type: str, named: str
) -> None:
    """botocore reads code and message out of it; and the record names the operation where the request does."""
    members = {"AccountId": "123456789012"} if directory == "s3control" else {}
    request = written(directory, operation, protocol, members)
    assert ABSENT.serves(request, RequestPath.split(request.raw_path))
    form = ABSENT.speaking_to(request)
    status, body, headers = form.refuse(REFUSAL, None, "r-1")
    carried = {"content-type": form.content_type, **{name.decode(): value.decode() for name, value in headers}}
    answer = {"status_code": status, "body": body, "headers": carried}
    shape = load_model(directory).operation_model(operation).output_shape
    error = create_parser(protocol).parse(answer, shape)["Error"]
    assert (status, form.content_type) == (400, content_type)
    assert (error["Code"], error["Message"]) == ("UnsupportedService", REFUSAL.message)
    service = load_model(directory).signing_name
    asked = form.read(request, request.raw_path, service, NOW)
    assert (asked.name, asked.operation) == (named, None)
    assert asked.refusal is not None
    assert asked.refusal.message == (
        f"This server does not have the service {service}. "
        "It has access-analyzer, account, cloudtrail, config, ec2, iam, organizations, securityhub and sts."
    )


def test_what_is_served_here_is_not_absent() -> None:
    """By the credential scope, whatever else the request looks like; and should the glance at it be deceived, what was
    read with care is refused."""
    for service in ("iam", "sts", "access-analyzer"):
        request = signed(headers={"X-Amz-Target": "A.B", "Content-Type": "application/json"}, service=service)
        assert not ABSENT.serves(request, RequestPath.split(b"/"))
        with pytest.raises(SignatureDoesNotMatch):
            ABSENT.require_signed_for(service)


@pytest.mark.parametrize(
    ("path", "headers", "told"),
    [
        (b"/", {b"x-amz-target": b"AWSCognitoIdentityService.GetId"}, "the operation AWSCognitoIdentityService.GetId"),
        (b"/client/register", {b"content-type": b"application/json"}, "an operation at this path"),
        (b"/federation/credentials", {b"x-amz-sso_bearer_token": b"t"}, "an operation at this path"),
        (b"/", {}, None),
        (b"/", {b"content-type": b"application/x-www-form-urlencoded"}, None),
        (b"/policy/validation", {b"content-type": b"application/json"}, None),
        (b"/", {b"x-amz-target": b"A.B", b"authorization": b"Bearer t"}, None),
    ],
)
def test_operations_that_need_no_signature(path: bytes, headers: dict[bytes, bytes], told: str | None) -> None:
    """Those of other services are told that they are not here; what may be meant for one that is here is not."""
    request = RawRequest("POST", path, b"", tuple(headers.items()), b"{}")
    assert ABSENT.serves(request, RequestPath.split(path)) is (told is not None)
    if told is not None:
        with pytest.raises(UnsupportedService, match=f"does not have {told}"):
            ABSENT.refuse_unsigned(request, path)


def test_only_a_body_that_was_signed_matters() -> None:
    """Where a header or S3's way says what was signed, the body need not arrive."""
    assert not ABSENT.needs_body(signed("PUT", "/b/k", service="s3"))
    assert not ABSENT.needs_body(signed(headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, service="lambda"))
    assert ABSENT.needs_body(signed(service="lambda"))
