"""The canonical request of Signature Version 4: the bytes that a client must have hashed, from those that arrived.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#create-canonical-request
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from domain.foundation.errors import IncompleteSignature, SignatureDoesNotMatch
from services.wire.raw_request import RawRequest

SIGNED_LIKE_S3: Final = frozenset({"s3", "s3-object-lambda", "s3-outposts", "s3express"})
"""In the credential scope. The path is signed as it stands, encoded once
(https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html)."""

PAYLOAD_HEADER: Final = b"x-amz-content-sha256"

_AMBIGUOUS = re.compile(rb"\+|%(?![0-9A-Fa-f]{2})")


def canonical_request(
    request: RawRequest,
    path: bytes,
    parameters: Sequence[tuple[bytes, bytes]],
    fields: dict[bytes, bytes],
    signed_headers: bytes,
    payload: bytes,
) -> bytes:
    """From `path` as `canonical_path` gives it, `parameters` decoded, the headers as `RawRequest.fields`, checked by
    `check_signed_headers`, and what stands for the body.

    Raises SignatureDoesNotMatch if the query string breaks a rule that no signature can mend.
    """
    return b"\n".join(
        (
            request.method.encode("ascii", "backslashreplace"),
            path,
            _canonical_query(request.query, parameters) if parameters else b"",
            *_canonical_headers(signed_headers, fields),
            b"",
            signed_headers,
            payload,
        )
    )


def canonical_path(path: bytes, service: str) -> bytes:
    """From what `signed_path` gives. The path on the wire is encoded already; every service but S3 has it encoded once
    more."""
    if path == b"/":
        return path
    return quote_from_bytes(unquote_to_bytes(path) if service in SIGNED_LIKE_S3 else path, safe="/").encode("ascii")


def signed_path(raw_path: bytes, service: str) -> bytes:
    """The path that was signed, still percent-encoded. Raises SignatureDoesNotMatch if it does not begin with a
    slash."""
    if not raw_path.startswith(b"/"):
        raise SignatureDoesNotMatch("The request's path must begin with '/'.")
    return raw_path if service in SIGNED_LIKE_S3 else _normalised(raw_path)


def _normalised(raw_path: bytes) -> bytes:
    """As every service but S3 signs it: without dot segments (RFC 3986 section 5.2.4) and empty segments."""
    if raw_path == b"/":
        return raw_path
    kept: list[bytes] = []
    for segment in raw_path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    return b"/" + b"/".join(kept) + (b"/" if kept and raw_path.endswith(b"/") else b"")


def query_parameters(query: bytes) -> list[tuple[bytes, bytes]]:
    """The parameters of a query string, in order; a plus is a plus, and a broken escape stays as it is."""
    pairs = (parameter.partition(b"=") for parameter in query.split(b"&") if parameter)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


def _canonical_query(query: bytes, parameters: Sequence[tuple[bytes, bytes]]) -> bytes:
    # A raw '+' is a plus to a signer and a space to a form parser: were it accepted, somebody between the two could
    # change the one into the other. The specification has both percent-encoded.
    if _AMBIGUOUS.search(query):
        raise SignatureDoesNotMatch(
            "The query string must be percent-encoded: a space as %20, '+' as %2B, and two hexadecimal digits after %."
        )
    encoded = sorted(
        (quote_from_bytes(name, safe=""), quote_from_bytes(value, safe=""))
        for name, value in parameters
        if name != b"X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in encoded).encode("ascii")


def _canonical_headers(signed_headers: bytes, fields: dict[bytes, bytes]) -> list[bytes]:
    return [b"%b:%b" % (name, b" ".join(fields[name].split())) for name in signed_headers.split(b";")]


def check_signed_headers(signed_headers: bytes, fields: dict[bytes, bytes]) -> None:
    """Raises IncompleteSignature for a list that is none, and SignatureDoesNotMatch where it leaves out a header that
    has to be signed, or names one that is not there."""
    names = signed_headers.split(b";")
    unsigned = fields.keys() - set(names)
    if b"host" in unsigned or b"host" not in fields:
        raise SignatureDoesNotMatch("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for name in unsigned:
        if name.startswith(b"x-amz-") and name != PAYLOAD_HEADER:  # Which says what is signed as the payload anyway.
            raise SignatureDoesNotMatch(
                f"'{name[:64].decode('ascii', 'backslashreplace')}' must be a 'SignedHeader' in the AWS Authorization."
            )
    previous = b""
    for position, name in enumerate(names, start=1):
        if name <= previous or name != name.lower():
            raise IncompleteSignature(
                f"SignedHeaders must be lower-case, sorted, and free of duplicates: element {position} is not."
            )
        if name not in fields:
            raise SignatureDoesNotMatch(f"Element {position} of SignedHeaders names a header that did not arrive.")
        previous = name


def payload_hash(body: bytes, fields: dict[bytes, bytes]) -> bytes:
    """Of the body that arrived. Raises SignatureDoesNotMatch if a header declares another."""
    digest = hex_digest(body)
    declared = fields.get(PAYLOAD_HEADER)
    if declared is not None and declared.strip() != digest:
        raise SignatureDoesNotMatch(
            "The provided 'x-amz-content-sha256' header does not match the SHA-256 of the body; "
            "unsigned and streaming payloads are not accepted."
        )
    return digest


def declared_payload(request: RawRequest, fields: dict[bytes, bytes], service: str) -> bytes:
    """What a client signs as the payload, for requests whose body nobody reads: a hash that need not be the body's,
    UNSIGNED-PAYLOAD, STREAMING-…"""
    declared = fields.get(PAYLOAD_HEADER)
    if declared is not None:
        return declared.strip()
    # In a query string S3 signs no payload
    # (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
    presigned = service in SIGNED_LIKE_S3 and b"authorization" not in fields
    return b"UNSIGNED-PAYLOAD" if presigned else hex_digest(request.body)


def hex_digest(content: bytes) -> bytes:
    return sha256(content).hexdigest().encode("ascii")
