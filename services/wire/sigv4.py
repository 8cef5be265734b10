"""AWS Signature Version 4, verified from the bytes that arrived.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

In three steps, so that the secret can be looked up between them and nothing unproved is worth work: `read_claim` finds
out who claims to call, `present` computes what that caller must have signed, `SignatureVerifier.verify` proves it. A
refusal's message never repeats what it could not read: refusals are recorded, and a client's mistake may have put a
secret there.
"""

import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Final, NamedTuple

from domain.foundation.errors import (
    IncompleteSignature,
    InvalidClientTokenId,
    MissingAuthenticationToken,
    SignatureDoesNotMatch,
)
from domain.foundation.secret import Secret
from services.wire.canonical import (
    SIGNED_LIKE_S3,
    canonical_path,
    canonical_request,
    check_signed_headers,
    declared_payload,
    hex_digest,
    payload_hash,
    query_parameters,
    signed_path,
)
from services.wire.raw_request import RawRequest
from services.wire.signing_dates import basic, date_in_header, instant

AUTHORIZATION_BYTES_MAX: Final = 8192
SIGNED_HEADERS_MAX: Final = 100
EXPIRES_SECONDS_MAX: Final = 604_800
SKEW_MAX: Final = timedelta(minutes=15)

_ALGORITHM = b"AWS4-HMAC-SHA256"
_ALGORITHM_OF_SIGV4A = b"AWS4-ECDSA-P256-SHA256"
_TERMINATOR = b"aws4_request"
_IN_HEADER = (b"Credential", b"SignedHeaders", b"Signature")
_IN_QUERY = (b"X-Amz-Algorithm", b"X-Amz-Credential", b"X-Amz-Date", b"X-Amz-SignedHeaders", b"X-Amz-Signature")
_IN_QUERY_IF_NEEDED = (b"X-Amz-Expires", b"X-Amz-Security-Token")
_NOT_BESIDE_QUERY = (b"authorization", b"x-amz-date", b"x-amz-security-token")

# The pattern of an access key id is accessKeyIdType's in the model. Regions are left open, because with a
# custom endpoint a client signs for whatever region it is configured with.
_ACCESS_KEY_ID = re.compile(rb"\w{16,128}")
_SCOPE = re.compile(rb"([0-9]{8})/([A-Za-z0-9-]{1,64})/([a-z0-9-]{1,64})/aws4_request")
_CLAIMED_SERVICE = re.compile(rb"(?:/|%2[Ff])([a-z0-9-]{1,64})(?:/|%2[Ff])aws4_request")
_SIGNATURE = re.compile(rb"[0-9a-f]{64}")

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_UNKNOWN = "The security token included in the request is invalid."


@dataclass(frozen=True, slots=True)
class SignatureClaim:
    """What a request claims. Nothing in it is proven before `SignatureVerifier.verify` returns."""

    access_key_id: str
    region: str
    service: str
    day: str
    """YYYYMMDD, of the credential scope and of `signed_at`."""
    signed_at: datetime
    """UTC."""
    valid_for: timedelta
    """From `signed_at`: 15 minutes, less if X-Amz-Expires says so, and for S3 what it says."""
    session_token: str | None = field(repr=False)
    path: bytes
    """Still percent-encoded, but normalised, unless for S3: the path that was signed. Route by it, never by the raw
    path, which may be respelt (`//`, `/x/../`) without breaking the signature."""
    signature: bytes = field(repr=False)
    """64 lower-case hexadecimal digits."""
    signed_headers: bytes = field(repr=False)
    parameters: Sequence[tuple[bytes, bytes]] = field(repr=False)
    """Of the query string, decoded."""


@dataclass(frozen=True, slots=True)
class PresentedSignature:
    """A claim, and the material to prove it with."""

    claim: SignatureClaim
    string_to_sign: bytes = field(repr=False)


class _Claim(NamedTuple):
    credential: bytes
    signed_headers: bytes
    signature: bytes
    signed_at: datetime
    session_token: bytes | None
    expires: bytes | None


def claimed_service(request: RawRequest) -> str | None:
    """The service in the credential scope, at a glance: nothing is proven, and `read_claim` reads it anew."""
    authorization = next((value for name, value in request.headers if name == b"authorization"), None)
    found = _CLAIMED_SERVICE.search(request.query if authorization is None else authorization)
    return found and found[1].decode("ascii")


def is_signed(request: RawRequest) -> bool:
    """Whether it says anything about who calls."""
    return any(name == b"authorization" for name, _ in request.headers) or any(
        name in _IN_QUERY for name, _ in query_parameters(request.query)
    )


def read_claim(request: RawRequest) -> SignatureClaim:
    """Who claims to call, in the headers or in the query string. Cheap: nothing is hashed, sorted or encoded.

    Raises MissingAuthenticationToken if nobody does, IncompleteSignature if the claim is malformed,
    SignatureDoesNotMatch if no secret could make it match, InvalidClientTokenId if the access key id or session token
    cannot be one.
    """
    fields = request.fields()
    parameters = query_parameters(request.query) if request.query else []
    claim = _claim_in_query(parameters, fields) or _claim_in_header(fields)

    access_key_id, _, scope = claim.credential.partition(b"/")
    matched = _SCOPE.fullmatch(scope)
    if matched is None:
        raise _malformed_credential(claim.credential)
    if _ACCESS_KEY_ID.fullmatch(access_key_id) is None:
        raise InvalidClientTokenId(_UNKNOWN)
    day, region, service = (part.decode("ascii") for part in matched.groups())
    if _SIGNATURE.fullmatch(claim.signature) is None:
        raise IncompleteSignature("Signature must be 64 lower-case hexadecimal digits.")
    if (count := claim.signed_headers.count(b";") + 1) > SIGNED_HEADERS_MAX:
        raise IncompleteSignature(f"SignedHeaders names {count} headers: at most {SIGNED_HEADERS_MAX} are read.")

    timestamp = basic(claim.signed_at)
    if not timestamp.startswith(day):
        raise SignatureDoesNotMatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{day}' != '{timestamp[:8]}'."
        )
    check_signed_headers(claim.signed_headers, fields)
    return SignatureClaim(
        access_key_id=access_key_id.decode("ascii"),
        region=region,
        service=service,
        day=day,
        signed_at=claim.signed_at,
        valid_for=_validity(claim.expires, service),
        session_token=_token(claim.session_token),
        path=signed_path(request.raw_path, service),
        signature=claim.signature,
        signed_headers=claim.signed_headers,
        parameters=parameters,
    )


def present(claim: SignatureClaim, request: RawRequest, *, body_is_read: bool = True) -> PresentedSignature:
    """What must have been signed. Where nobody reads the body, what the client declares of it is what was signed.

    Raises SignatureDoesNotMatch if no secret could make it match.
    """
    fields = request.fields()
    payload = payload_hash(request.body, fields) if body_is_read else declared_payload(request, fields, claim.service)
    canonical = canonical_request(
        request, canonical_path(claim.path, claim.service), claim.parameters, fields, claim.signed_headers, payload
    )
    scope = f"{claim.day}/{claim.region}/{claim.service}/aws4_request"
    head = f"{_ALGORITHM.decode()}\n{basic(claim.signed_at)}\n{scope}\n".encode("ascii")
    return PresentedSignature(claim, head + hex_digest(canonical))


class SignatureVerifier:
    """Verifies signatures, and remembers the day-scoped signing keys of the last `limit` credentials and scopes that
    verified. One event loop's: it does not lock."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"The limit of cached signing keys is {limit}: expected at least 1.")
        self._limit = limit
        self._keys: OrderedDict[tuple[bytes, str, str, str], hmac.HMAC] = OrderedDict()
        self._fingerprint_key = secrets.token_bytes(32)

    def verify(self, presented: PresentedSignature, secret: Secret, now: datetime, *, service: str) -> None:
        """Returns if the request was signed with `secret` for this service and is current at `now` (UTC, the arrival).

        Raises SignatureDoesNotMatch otherwise.
        """
        refuse_untimely(presented.claim, now, service=service)
        if not self._proves(presented, secret):
            raise SignatureDoesNotMatch(_MISMATCH)

    def _proves(self, presented: PresentedSignature, secret: Secret) -> bool:
        # The secret itself, as a fingerprint, is part of the name under which its signing key is kept: the key of a
        # secret that was replaced cannot be found any more, whatever the access key id.
        text = secret.reveal().encode()
        fingerprint = blake2b(text, digest_size=32, key=self._fingerprint_key).digest()
        claim = presented.claim
        slot = (fingerprint, claim.day, claim.region, claim.service)
        key = self._keys.get(slot) or hmac.new(_signing_key(text, claim), digestmod="sha256")
        # Not hmac.digest, which gives the interpreter lock away for the microsecond that it takes.
        proof = key.copy()
        proof.update(presented.string_to_sign)
        expected = proof.hexdigest().encode("ascii")
        if not hmac.compare_digest(expected, claim.signature):
            return False
        # Kept only now: a stranger who knows a key id but not its secret cannot displace the keys of others.
        self._keys[slot] = key
        self._keys.move_to_end(slot)
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return True


def refuse_untimely(claim: SignatureClaim, now: datetime, *, service: str) -> None:
    """Raises SignatureDoesNotMatch for what was signed for another service or time."""
    if claim.service != service:
        raise SignatureDoesNotMatch(f"Credential should be scoped to correct service: '{service}'.")
    age = now - claim.signed_at
    if age > claim.valid_for:
        seconds = claim.valid_for // timedelta(seconds=1)
        span = f"{seconds} sec." if seconds % 60 else f"{seconds // 60} min."
        raise SignatureDoesNotMatch(
            f"Signature expired: {basic(claim.signed_at)} is now earlier than "
            f"{basic(now - claim.valid_for)} ({basic(now)} - {span})"
        )
    if age < -SKEW_MAX:
        raise SignatureDoesNotMatch(
            f"Signature not yet current: {basic(claim.signed_at)} is still later than "
            f"{basic(now + SKEW_MAX)} ({basic(now)} + 15 min.)"
        )


def unknown_key() -> InvalidClientTokenId:
    """Of an access key id that nobody has."""
    return InvalidClientTokenId(_UNKNOWN)


def _signing_key(secret: bytes, claim: SignatureClaim) -> bytes:
    key = b"AWS4" + secret
    for part in (claim.day, claim.region, claim.service):
        key = hmac.digest(key, part.encode("ascii"), "sha256")
    return hmac.digest(key, _TERMINATOR, "sha256")


def _claim_in_header(fields: dict[bytes, bytes]) -> _Claim:
    authorization = fields.get(b"authorization")
    if authorization is None:
        raise MissingAuthenticationToken("Request is missing Authentication Token")
    if len(authorization) > AUTHORIZATION_BYTES_MAX:
        raise IncompleteSignature(
            f"The Authorization header is {len(authorization)} bytes long: at most {AUTHORIZATION_BYTES_MAX} are read."
        )
    algorithm, _, rest = authorization.strip().partition(b" ")
    _check_algorithm(algorithm)
    found: dict[bytes, bytes] = {}
    for position, part in enumerate(rest.split(b","), start=1):
        name, equals, value = part.strip().partition(b"=")
        if not equals:
            raise IncompleteSignature(
                f"Part {position} of the Authorization header is not a valid key=value pair (missing equal-sign)."
            )
        if name not in _IN_HEADER or name in found:
            raise IncompleteSignature(
                f"Part {position} of the Authorization header is unknown or repeated: "
                "expected 'Credential', 'SignedHeaders' and 'Signature', once each."
            )
        found[name] = value
    if len(found) < len(_IN_HEADER):
        raise IncompleteSignature(
            " ".join(
                f"Authorization header requires '{name.decode('ascii')}' parameter."
                for name in _IN_HEADER
                if name not in found
            )
        )
    return _Claim(
        found[b"Credential"],
        found[b"SignedHeaders"],
        found[b"Signature"],
        date_in_header(fields),
        fields.get(b"x-amz-security-token"),
        None,
    )


def _claim_in_query(parameters: Sequence[tuple[bytes, bytes]], fields: dict[bytes, bytes]) -> _Claim | None:
    """None if no parameter of authentication is in the query string."""
    found: dict[bytes, bytes] = {}
    for name, value in parameters:
        if name in _IN_QUERY or name in _IN_QUERY_IF_NEEDED:
            if name in found:
                raise IncompleteSignature(
                    f"The query-string parameter '{name.decode('ascii')}' appears more than once; expected one."
                )
            found[name] = value
    if not found:
        return None
    if any(name in fields for name in _NOT_BESIDE_QUERY):
        raise IncompleteSignature(
            "Authentication is in the headers and in the query string: expected one of 'Authorization', 'X-Amz-Date' "
            "and 'X-Amz-Security-Token' headers, or 'X-Amz-…' query-string parameters."
        )
    missing = [name for name in _IN_QUERY if name not in found]
    if missing:
        raise IncompleteSignature(
            " ".join(f"AWS query-string parameters must include '{name.decode('ascii')}'." for name in missing)
        )
    _check_algorithm(found[b"X-Amz-Algorithm"])
    return _Claim(
        found[b"X-Amz-Credential"],
        found[b"X-Amz-SignedHeaders"],
        found[b"X-Amz-Signature"],
        instant(found[b"X-Amz-Date"]),
        found.get(b"X-Amz-Security-Token"),
        found.get(b"X-Amz-Expires"),
    )


def _check_algorithm(algorithm: bytes) -> None:
    if algorithm == _ALGORITHM_OF_SIGV4A:
        raise IncompleteSignature(
            "Unsupported AWS 'algorithm': AWS4-ECDSA-P256-SHA256 (Signature Version 4A); expected AWS4-HMAC-SHA256."
        )
    if algorithm != _ALGORITHM:
        raise IncompleteSignature("Unsupported AWS 'algorithm': expected AWS4-HMAC-SHA256.")


def _malformed_credential(credential: bytes) -> IncompleteSignature | SignatureDoesNotMatch:
    elements = credential.split(b"/")
    if len(elements) != 5:  # noqa: PLR2004  the message counts them
        return IncompleteSignature(
            f"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"{len(elements)}."
        )
    if elements[4] != _TERMINATOR:
        return SignatureDoesNotMatch("Credential should be scoped with a valid terminator: 'aws4_request'.")
    return IncompleteSignature(
        "Credential should be scoped to a date of eight digits, and to a region and a service of at most 64 letters, "
        "digits and hyphens each."
    )


def _validity(expires: bytes | None, service: str) -> timedelta:
    # The common parameters of IAM and STS do not list X-Amz-Expires. STS ignores it: Kubernetes authenticators ask for
    # a minute and count on a quarter of an hour. Elsewhere it may shorten the window; only S3's is as long as it says.
    if expires is None or service == "sts":
        return SKEW_MAX
    if re.fullmatch(rb"[0-9]{1,6}", expires) and 1 <= int(expires) <= EXPIRES_SECONDS_MAX:
        asked = timedelta(seconds=int(expires))
        return asked if service in SIGNED_LIKE_S3 else min(asked, SKEW_MAX)
    raise IncompleteSignature(f"X-Amz-Expires must be a whole number of seconds from 1 to {EXPIRES_SECONDS_MAX}.")


def _token(session_token: bytes | None) -> str | None:
    if session_token is None:
        return None
    text = session_token.strip()
    if not text or not text.isascii():
        raise InvalidClientTokenId(_UNKNOWN)
    return text.decode("ascii")
