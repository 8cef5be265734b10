"""Authentication that cannot be read is refused by a message that names what was wrong and what was expected."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.foundation.errors import IncompleteSignature, MissingAuthenticationToken, SignatureDoesNotMatch
from services.wire.raw_request import RawRequest
from tests.services.wire.signing import ACCESS_KEY_ID, REFUSALS, read_signature, signed, verified, with_header

ALGORITHM = "AWS4-HMAC-SHA256"
SCOPE = "20260131/us-east-1/iam/aws4_request"
CREDENTIAL = f"Credential={ACCESS_KEY_ID}/{SCOPE}"
REST = f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"


def without(request: RawRequest, parameter: bytes) -> RawRequest:
    kept = [part for part in request.query.split(b"&") if not part.startswith(parameter)]
    return replace(request, query=b"&".join(kept))


def test_no_signature_is_no_authentication() -> None:
    """A request without any authentication is told apart from one with bad authentication."""
    for query in (b"", b"Action=GetUser", b"Action=Get+User&a=%zz"):
        with pytest.raises(MissingAuthenticationToken, match=r"^Request is missing Authentication Token$"):
            read_signature(RawRequest("POST", b"/", query, ((b"host", b"h"),), b""))


def test_header_and_query_authentication_together_are_refused() -> None:
    """Two claims in one request, or a header that speaks for the query's claim, are refused."""
    presigned = signed("GET", "/?Action=ListUsers", body=b"", expires_seconds=60)
    in_header = signed("GET", "/?Action=ListUsers", body=b"")
    both = replace(presigned, headers=in_header.headers)
    token_only = replace(in_header, query=b"Action=ListUsers&X-Amz-Security-Token=t")
    for request in (both, token_only, with_header(presigned, b"x-amz-date", b"20260101T000000Z")):
        with pytest.raises(IncompleteSignature, match="in the headers and in the query string"):
            read_signature(request)


@pytest.mark.parametrize(
    ("authorization", "code", "message"),
    [
        ("", "IncompleteSignature", "Unsupported AWS 'algorithm': expected AWS4-HMAC-SHA256."),
        ("Bearer s3cret", "IncompleteSignature", "Unsupported AWS 'algorithm': expected AWS4-HMAC-SHA256."),
        (f"AWS4-HMAC-SHA1 {CREDENTIAL}, {REST}", "IncompleteSignature", "Unsupported AWS 'algorithm'"),
        (f"AWS4-ECDSA-P256-SHA256 {CREDENTIAL}, {REST}", "IncompleteSignature", "(Signature Version 4A)"),
        (ALGORITHM, "IncompleteSignature", "Part 1 of the Authorization header is not a valid key=value pair"),
        (f"{ALGORITHM} {CREDENTIAL}, s3cret, {REST}", "IncompleteSignature", "Part 2 of the Authorization header"),
        (f"{ALGORITHM} {CREDENTIAL}, {REST}, a=s3cret", "IncompleteSignature", "Part 4 of the Authorization header"),
        (f"{ALGORITHM} {CREDENTIAL}, {CREDENTIAL}, {REST}", "IncompleteSignature", "unknown or repeated"),
        (
            f"{ALGORITHM} {CREDENTIAL}",
            "IncompleteSignature",
            (
                "Authorization header requires 'SignedHeaders' parameter. "
                "Authorization header requires 'Signature' parameter."
            ),
        ),
        (f"{ALGORITHM} Credential=s3cret, {REST}", "IncompleteSignature", "5 slash-delimited elements"),
        (f"{ALGORITHM} {CREDENTIAL}/s3cret, {REST}", "IncompleteSignature", "term, got 6."),
        (f"{ALGORITHM} {CREDENTIAL}5, {REST}", "SignatureDoesNotMatch", "valid terminator: 'aws4_request'."),
        (f"{ALGORITHM} {CREDENTIAL.replace('iam', '')}, {REST}", "IncompleteSignature", "a region and a service"),
        (f"{ALGORITHM} {CREDENTIAL.replace('2026', '26')}, {REST}", "IncompleteSignature", "a date of eight digits"),
        (
            f"{ALGORITHM} {CREDENTIAL.replace('0131', '0130')}, {REST}",
            "SignatureDoesNotMatch",
            "'20260130' != '20260131'",
        ),
        (f"{ALGORITHM} Credential=short/{SCOPE}, {REST}", "InvalidClientTokenId", "security token included"),
        (
            f"{ALGORITHM} Credential=\u00fcber{'0' * 16}/{SCOPE}, {REST}",
            "InvalidClientTokenId",
            "security token included",
        ),
        (f"{ALGORITHM} {CREDENTIAL}, {REST}0", "IncompleteSignature", "64 lower-case hexadecimal digits"),
        (f"{ALGORITHM} {CREDENTIAL}, {REST[:-1]}A", "IncompleteSignature", "64 lower-case hexadecimal digits"),
        (f"{ALGORITHM} {CREDENTIAL}, {REST.replace('host', 'Host')}", "SignatureDoesNotMatch", "'Host' must be"),
        (f"{ALGORITHM} {CREDENTIAL}, {REST.replace('host', 'host;host')}", "IncompleteSignature", "element 2 is not"),
        (f"{ALGORITHM} {CREDENTIAL}, {REST.replace('host;', 'host;;')}", "IncompleteSignature", "element 2 is not"),
        (
            f"{ALGORITHM} {CREDENTIAL}, {REST.replace('host;x-amz-date', 'x-amz-date;host')}",
            "IncompleteSignature",
            "element 2 is not",
        ),
        (f"{ALGORITHM} {CREDENTIAL}, {REST.replace('host', 'A;host')}", "IncompleteSignature", "element 1 is not"),
        (f"{ALGORITHM} {CREDENTIAL}, {REST.replace('host', 'host;k')}", "SignatureDoesNotMatch", "Element 2 of Signed"),
        (f"{ALGORITHM} {CREDENTIAL}, {REST}{' ' * 8192}", "IncompleteSignature", "bytes long: at most 8192 are read."),
    ],
)
def test_a_malformed_authorization_header_is_refused_by_name(authorization: str, code: str, message: str) -> None:
    """The message names what was wrong and what was expected, and repeats nothing that could be a secret."""
    headers = ((b"host", b"h"), (b"x-amz-date", b"20260131T000000Z"), (b"authorization", authorization.encode()))
    with pytest.raises(REFUSALS) as refused:
        read_signature(RawRequest("POST", b"/", b"", headers, b""))
    assert refused.value.code == code
    assert message in refused.value.message
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (b"x-amz-date", b"20261399T000000Z", "names a day or a time of day that does not exist"),
        (b"x-amz-date", b"20260131T235960Z", "names a day or a time of day that does not exist"),
        (b"x-amz-date", b"20260131T240000Z", "must be in ISO-8601 'basic format'"),
        (b"x-amz-date", b"2026-01-31T00:00:00Z", "must be in ISO-8601 'basic format'"),
        (b"x-amz-date", b"Sat, 31 Jan 2026 00:00:00 GMT", "must be in ISO-8601 'basic format'"),
        (b"x-amz-date", b"\xb2\xb0260131T000000Z", "must be in ISO-8601 'basic format'"),
        (b"x-amz-date", None, "either a 'X-Amz-Date' or a 'Date' header"),
        (b"date", b"Sat, 32 Jan 2026 00:00:00 GMT", "The 'Date' header names a day"),
        (b"date", b"Sat, 31 Foo 2026 00:00:00 GMT", "The 'Date' header names a day"),
        (b"date", b"Sat, 31 Jan 2026 00:00:00 CET", "must be in ISO-8601 'basic format'"),
    ],
)
def test_a_malformed_date_is_refused_by_name(name: bytes, value: bytes | None, message: str) -> None:
    """A date that cannot be read, or that no calendar has, never reaches the comparison with the clock."""
    request = with_header(signed(), b"x-amz-date", None)
    with pytest.raises(IncompleteSignature, match=message):
        read_signature(with_header(request, name, value))


@pytest.mark.parametrize(
    ("parameter", "replacement", "code", "message"),
    [
        (b"X-Amz-Algorithm", b"X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256", "IncompleteSignature", "Version 4A"),
        (b"X-Amz-Credential", b"", "IncompleteSignature", "must include 'X-Amz-Credential'."),
        (b"X-Amz-Date", b"X-Amz-Date=20261399T000000Z", "IncompleteSignature", "does not exist"),
        (b"X-Amz-Date", b"X-Amz-Date=Sat, 31 Jan 2026 00:00:00 GMT", "IncompleteSignature", "'basic format'"),
        (b"X-Amz-Expires", b"X-Amz-Expires=0", "IncompleteSignature", "seconds from 1 to 604800"),
        (b"X-Amz-Expires", b"X-Amz-Expires=604801", "IncompleteSignature", "seconds from 1 to 604800"),
        (b"X-Amz-Expires", b"X-Amz-Expires=-1", "IncompleteSignature", "seconds from 1 to 604800"),
        (b"X-Amz-Expires", b"X-Amz-Expires=" + b"9" * 5000, "IncompleteSignature", "seconds from 1 to 604800"),
        (b"X-Amz-Expires", b"X-Amz-Expires=1&X-Amz-Expires=1", "IncompleteSignature", "'X-Amz-Expires' appears more"),
        (b"X-Amz-Security-Token", b"X-Amz-Security-Token=", "InvalidClientTokenId", "security token included"),
        (b"X-Amz-Security-Token", b"X-Amz-Security-Token=%FC", "InvalidClientTokenId", "security token included"),
        (b"Action", b"Action=Get+User", "SignatureDoesNotMatch", "a space as %20, '+' as %2B"),
        (b"Action", b"Action=%zz", "SignatureDoesNotMatch", "two hexadecimal digits after %"),
    ],
)
def test_a_malformed_presigned_query_is_refused_by_name(
    parameter: bytes, replacement: bytes, code: str, message: str
) -> None:
    """The same for authentication in the query string."""
    request = without(signed("GET", "/?Action=GetUser", body=b"", token="tok", expires_seconds=60), parameter)
    with pytest.raises(REFUSALS) as refused:
        read_signature(replace(request, query=request.query + b"&" + replacement))
    assert refused.value.code == code
    assert message in refused.value.message


def test_a_request_target_that_is_no_path_is_refused() -> None:
    """`OPTIONS *` does not pass for a request to `/*`."""
    with pytest.raises(SignatureDoesNotMatch, match="path must begin with '/'"):
        read_signature(replace(signed("OPTIONS", "/*"), raw_path=b"*"))


def test_requests_and_claims_print_without_secrets() -> None:
    """Both can be logged: a claim shows who claims to call, and nothing that could be replayed."""
    request = signed(target="/?Password=s3cret", body=b"Password=s3cret", token="s3cret-token")
    presented = read_signature(request)
    assert "s3cret" not in repr(request)
    assert ACCESS_KEY_ID in repr(presented)
    assert "s3cret" not in repr(presented)
    assert presented.claim.signature.decode() not in repr(presented)


FRAGMENTS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [
            ALGORITHM.encode(),
            CREDENTIAL.encode(),
            REST.encode(),
            b" ",
            b", ",
            b"=",
            b"/",
            b"Credential=",
            b"SignedHeaders=host",
            b"Signature=",
            b"20260131T000000Z",
            b"Sat, 31 Jan 2026 00:00:00 GMT",
            b"&X-Amz-Algorithm=AWS4-HMAC-SHA256",
            f"&X-Amz-Credential={ACCESS_KEY_ID}/{SCOPE}".encode(),
            b"&X-Amz-Date=20260131T000000Z",
            b"&X-Amz-SignedHeaders=host",
            b"&X-Amz-Signature=" + b"0" * 64,
            b"&X-Amz-Expires=",
            b"%",
        ]
    ),
)
LINES = st.lists(FRAGMENTS, max_size=8).map(b"".join)
FUZZED = st.builds(
    RawRequest,
    method=st.text(max_size=8),
    raw_path=LINES,
    query=LINES,
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"authorization", b"host", b"date", b"x-amz-date", b"x-amz-security-token"])
            | st.binary(max_size=8),
            LINES,
        ),
        max_size=6,
    ).map(tuple),
    body=st.binary(max_size=8),
)


@settings(deadline=None)
@given(request=FUZZED)
def test_no_request_makes_anything_but_a_refusal(request: RawRequest) -> None:
    """Whatever nobody signed is refused, by one of four names and in printable words."""
    with pytest.raises(REFUSALS) as refused:
        verified(request)
    assert refused.value.message.isprintable()
