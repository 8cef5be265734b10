"""Signatures of S3, which are made otherwise: botocore's own, verified without the body."""

from dataclasses import replace

import pytest

from domain.foundation.errors import SignatureDoesNotMatch
from services.wire.canonical import PAYLOAD_HEADER, SIGNED_LIKE_S3
from services.wire.raw_request import RawRequest
from services.wire.sigv4 import SignatureClaim, claimed_service
from tests.services.wire.signing import signed, verified, with_header

PATHS = ("/", "//", "/bucket/a//b/../c/./", "/bucket/%C3%BC%20%2B~", "/b/x%252F", "/b/%28a%29%2A%27%21", "/b/~-._")


def verified_by_s3(request: RawRequest, service: str = "s3") -> SignatureClaim:
    return verified(request, service=service, body_is_read=False)


@pytest.mark.parametrize("path", PATHS)
def test_the_path_is_signed_as_it_stands(path: str) -> None:
    """Encoded once, with its dots and empty segments, in headers and in the query string; any other spelling that
    leads elsewhere is refused."""
    for expires_seconds in (None, 60):
        request = signed("PUT", path, body=b"", expires_seconds=expires_seconds, service="s3")
        assert verified_by_s3(request).path == path.encode()
        with pytest.raises(SignatureDoesNotMatch, match="does not match the signature you provided"):
            verified_by_s3(replace(request, raw_path=request.raw_path + b"/"))


def test_the_path_is_signed_encoded() -> None:
    """However it is spelt on the wire."""
    request = signed("GET", "/b/a%2Bb%28c%29", body=b"", service="s3")
    verified_by_s3(replace(request, raw_path=b"/b/a+b(c)"))


@pytest.mark.parametrize("service", sorted(SIGNED_LIKE_S3))
@pytest.mark.parametrize(
    "declared",
    ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0" * 64],
)
def test_what_is_declared_of_the_body_was_signed(service: str, declared: str) -> None:
    """No body is needed to prove who calls. The declaration may be unsigned as a header, for the signature holds it in
    another place; changed it is refused."""
    request = signed("PUT", "/b/k", headers={"X-Amz-Content-SHA256": declared}, body=b"x", service=service)
    verified_by_s3(replace(request, body=b""), service)
    for other in (b"UNSIGNED-PAYLOAD!", b"1" * 64, None):
        with pytest.raises(SignatureDoesNotMatch):
            verified_by_s3(with_header(request, PAYLOAD_HEADER, other), service)


def test_a_presigned_request_signs_no_body() -> None:
    """Whatever is sent with it."""
    request = signed("PUT", "/b/k", body=b"", expires_seconds=604_800, service="s3")
    verified_by_s3(replace(request, body=b"anything"))


@pytest.mark.parametrize("service", ["iam", "s3", "elasticloadbalancing", "sms-voice"])
def test_the_service_at_a_glance(service: str) -> None:
    """As it is read with care afterwards, from headers and from the query string."""
    in_header = signed(service=service)
    in_query = signed("GET", "/?Action=x", body=b"", expires_seconds=60, service=service)
    assert claimed_service(in_header) == claimed_service(in_query) == service
    assert claimed_service(with_header(in_header, b"authorization", None)) is None
