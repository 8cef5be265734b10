"""Requests that botocore signs, and what they take to be verified, for the tests of Signature Version 4."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from domain.foundation.errors import (
    IncompleteSignature,
    InvalidClientTokenId,
    MissingAuthenticationToken,
    SignatureDoesNotMatch,
)
from domain.foundation.secret import Secret
from services.wire.canonical import SIGNED_LIKE_S3
from services.wire.raw_request import RawRequest
from services.wire.sigv4 import (
    PresentedSignature,
    SignatureClaim,
    SignatureVerifier,
    present,
    read_claim,
    refuse_untimely,
    unknown_key,
)
from tests.vectors.sigv4.generate import Vector

ACCESS_KEY_ID = "AKIDEXAMPLE000000000"
SECRET = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SIGNED_AT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded; charset=utf-8"
REFUSALS = (MissingAuthenticationToken, IncompleteSignature, SignatureDoesNotMatch, InvalidClientTokenId)


def signed(
    method: str = "POST",
    target: str = "/",
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"Action=GetUser&Version=2010-05-08",
    token: str | None = None,
    expires_seconds: int | None = None,
    service: str = "iam",
) -> RawRequest:
    """A request as botocore signs it at SIGNED_AT, in eu-west-1, and as an HTTP server would hand it over."""
    request = AWSRequest(method, f"http://127.0.0.1:8420{target}", headers or {}, body)
    credentials = Credentials(ACCESS_KEY_ID, SECRET.reveal(), token)
    in_header, in_query = (S3SigV4Auth, S3SigV4QueryAuth) if service in SIGNED_LIKE_S3 else (SigV4Auth, SigV4QueryAuth)
    signer = (
        in_header(credentials, service, "eu-west-1")
        if expires_seconds is None
        else in_query(credentials, service, "eu-west-1", expires_seconds)
    )
    with patch("botocore.auth.get_current_datetime", return_value=SIGNED_AT):
        signer.add_auth(request)
    url = urlsplit(request.url)
    carried = [("Host", "127.0.0.1:8420"), *request.headers.items()]
    return RawRequest(
        method,
        url.path.encode("ascii"),
        url.query.encode("ascii"),
        tuple((name.lower().encode("ascii"), value.strip().encode("latin-1")) for name, value in carried),
        request.data or b"",
    )


def with_header(request: RawRequest, name: bytes, value: bytes | None) -> RawRequest:
    """The request with one header replaced or, for None, without it."""
    others = tuple(header for header in request.headers if header[0] != name)
    return replace(request, headers=others if value is None else (*others, (name, value)))


def authorization(request: RawRequest) -> bytes:
    return dict(request.headers)[b"authorization"]


def read_signature(request: RawRequest, *, body_is_read: bool = True) -> PresentedSignature:
    """Both steps before the proof."""
    return present(read_claim(request), request, body_is_read=body_is_read)


def verified(
    request: RawRequest, after: timedelta = timedelta(), *, service: str = "iam", body_is_read: bool = True
) -> SignatureClaim:
    """Reads and verifies the request as if it arrived that long after it was signed."""
    presented = read_signature(request, body_is_read=body_is_read)
    claim = presented.claim
    refuse_untimely(claim, claim.signed_at + after, service=service)
    if claim.access_key_id != ACCESS_KEY_ID:
        raise unknown_key()
    SignatureVerifier(1).verify(presented, SECRET, claim.signed_at + after, service=service)
    return claim


def arrived(vector: Vector) -> RawRequest:
    """A pinned request, as an HTTP server would hand it over."""
    path, _, query = vector["target"].encode().partition(b"?")
    headers = tuple((name.lower().encode(), value.strip().encode()) for name, value in vector["headers"])
    return RawRequest(vector["method"], path, query, headers, vector["body"].encode())
