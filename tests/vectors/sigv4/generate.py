"""Pins what awscrt, AWS's own C implementation, signs. To write it anew: `python -m tests.vectors.sigv4.generate`."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import NamedTuple, TypedDict

from awscrt.auth import (
    AwsCredentialsProvider,
    AwsSignatureType,
    AwsSignedBodyHeaderType,
    AwsSigningAlgorithm,
    AwsSigningConfig,
    aws_sign_request,
)
from awscrt.http import HttpHeaders, HttpRequest

PINNED = Path(__file__).with_name("vectors.json")

ACCESS_KEY_ID = "AKIDEXAMPLE000000000"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+signed=="
DATES = (datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC))
SCOPES = (("us-east-1", "iam"), ("eu-central-1", "sts"), ("cn-north-1", "muniment"))
FORM = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")

TARGETS = (
    "/",
    "//",
    "/a//b/",
    "/a/./b",
    "/a/b/..",
    "/a/b/../",
    "/a/..",
    "/../a",
    "/a/../..//b/.",
    "/as-of/2026-01-31T23:59:59Z/",
    "/as-of/p17/",
    "/a%20b/c%2Fd/%25",
    "/%zz",
    "/%C3%A9/\u00e9",
    "/-_.~!$&'()*+,;=:@",
    "/v1/%E2%80%A6/?a=%E2%80%A6",
    "/?Action=GetCallerIdentity&Version=2011-06-15",
    "/?b=2&a=1&a=0&B=3&a-=4&a0=5&a=10",
    "/?empty=&none&=nameless&x==y",
    "/?&&a=1&&b=2&",
    "/?a%20b=c%20d&e=%7E~%2d&f=%2f%2F&g=%C3%A9\u00e9",
    "/?u=-_.!*'()@:,;$/?",
)
HEADERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (FORM,),
    (("X-Repeated", "b"), ("X-Repeated", "a"), ("X-Spaced", "  one   two\t three  "), ("X-Empty", "")),
    (("X-Amz-Target", "Service.Operation"), ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef"), ("User-Agent", "a b")),
)
BODIES = ("", "Action=ListUsers&Version=2010-05-08", '{"text": "\u00fc \u2026"}')


class Vector(TypedDict):
    """A signed request as it goes over the wire, text in UTF-8, and what it was signed with."""

    method: str
    target: str
    headers: list[list[str]]
    body: str
    region: str
    service: str
    signed_at: str
    expires_seconds: int | None
    session_token: str | None


def vectors() -> Iterator[Vector]:
    """Every target in a GET and presigned, the rest rotating; then headers, bodies and tokens crossed."""
    for number, target in enumerate(TARGETS):
        signer = Signer(*SCOPES[number % 3], DATES[number % 2], (None, TOKEN)[number // 2 % 2])
        yield signer.sign("GET", target)
        yield signer.sign("GET", target, presigned=True, expires_seconds=(60, 604_800)[number % 2])
    for (number, headers), body, token in product(enumerate(HEADERS), BODIES, (None, TOKEN)):
        signer = Signer(*SCOPES[number], DATES[0], token)
        yield signer.sign(("POST", "PUT", "DELETE")[number], "/", headers, body, hash_header=number == 1)
    # The window of a presigned request without X-Amz-Expires is that of a header.
    yield Signer(*SCOPES[0], DATES[0], None).sign("POST", "/?Action=ListUsers", (FORM,), "a=b", presigned=True)


class Signer(NamedTuple):
    region: str
    service: str
    at: datetime
    token: str | None

    def sign(
        self,
        method: str,
        target: str,
        headers: tuple[tuple[str, str], ...] = (),
        body: str = "",
        *,
        presigned: bool = False,
        expires_seconds: int | None = None,
        hash_header: bool = False,
    ) -> Vector:
        kind = AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS if presigned else AwsSignatureType.HTTP_REQUEST_HEADERS
        hashed = AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256 if hash_header else AwsSignedBodyHeaderType.NONE
        config = AwsSigningConfig(
            algorithm=AwsSigningAlgorithm.V4,
            signature_type=kind,
            credentials_provider=AwsCredentialsProvider.new_static(ACCESS_KEY_ID, SECRET, self.token),
            region=self.region,
            service=self.service,
            date=self.at,
            signed_body_header_type=hashed,
            expiration_in_seconds=expires_seconds,
        )
        carried = HttpHeaders([("Host", f"{self.service}.example:8420"), *headers])
        request = HttpRequest(method, target, carried, BytesIO(body.encode()) if body else None)
        signed = aws_sign_request(request, config).result()
        return Vector(
            method=signed.method,
            target=signed.path,
            headers=[list(header) for header in signed.headers],
            body=body,
            region=self.region,
            service=self.service,
            signed_at=self.at.isoformat(),
            expires_seconds=expires_seconds,
            session_token=self.token,
        )


def rendered() -> str:
    return json.dumps(list(vectors()), indent=1) + "\n"


if __name__ == "__main__":
    PINNED.write_text(rendered(), encoding="ascii")
