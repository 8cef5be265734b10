"""Signature Version 4: what is read, within which time and scope it counts, and which signing keys are kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits
from urllib.parse import quote

import pytest
from botocore.utils import normalize_url_path
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.foundation.errors import InvalidClientTokenId, SignatureDoesNotMatch
from domain.foundation.secret import Secret
from services.wire.sigv4 import PresentedSignature, SignatureClaim, SignatureVerifier
from tests.services.wire.signing import (
    ACCESS_KEY_ID,
    SECRET,
    arrived,
    authorization,
    read_signature,
    signed,
    verified,
    with_header,
)
from tests.vectors.sigv4 import generate

SEGMENTS = st.one_of(st.sampled_from(["", ".", ".."]), st.text(min_size=1, max_size=6))
PATHS = st.lists(SEGMENTS, max_size=4).map(lambda parts: "/" + "/".join(quote(part, safe="~") for part in parts))
QUERIES = st.lists(st.tuples(st.text(min_size=1, max_size=6), st.text(max_size=8)), max_size=4).map(
    lambda pairs: "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=8).map("x-custom-{}".format)
VALUES = st.text(ascii_letters + digits + " \t!#$%&'()*+,-./:;<=>?@[]^_`{|}~", max_size=20)


@settings(deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=PATHS,
    query=QUERIES,
    headers=st.dictionaries(NAMES, VALUES, max_size=3),
    body=st.binary(max_size=64),
    token=st.none() | st.text(ascii_letters + digits + "/+=", min_size=1, max_size=40),
)
def test_what_botocore_signs_verifies(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, token: str | None
) -> None:
    """botocore's signer and ours agree on every request that an SDK can send."""
    presented = verified(signed(method, f"{path}?{query}", headers=headers, body=body, token=token))
    assert (presented.region, presented.service, presented.session_token) == ("eu-west-1", "iam", token)
    assert presented.path.decode() == normalize_url_path(path)


@settings(deadline=None)
@given(path=PATHS, query=st.dictionaries(st.text(ascii_letters, min_size=1), st.text(max_size=8), max_size=4))
def test_what_botocore_presigns_verifies(path: str, query: dict[str, str]) -> None:
    """The same for a request that carries its signature in the query string."""
    operation = "&".join(f"{name}={quote(value, safe='~')}" for name, value in query.items())
    presented = verified(signed("GET", f"{path}?{operation}", body=b"", token="tok/en+=", expires_seconds=60))
    assert (presented.valid_for, presented.session_token) == (timedelta(minutes=1), "tok/en+=")


def test_a_date_header_serves_where_x_amz_date_is_absent() -> None:
    """An HTTP date signs as well as X-Amz-Date does, and its day must be the scope's too."""
    request = signed(headers={"Date": "to be replaced by botocore"})
    assert request.header("x-amz-date") is None
    verified(request)
    with pytest.raises(SignatureDoesNotMatch, match=r"^Date in Credential scope does not match .* != '20010203'\.$"):
        read_signature(with_header(request, b"date", b"Sat, 03 Feb 2001 04:05:06 GMT"))


def test_a_date_header_may_be_in_iso_8601() -> None:
    """The Date header takes the place of X-Amz-Date in its own format as well."""
    request = signed(headers={"Date": "to be replaced by botocore"})
    with pytest.raises(SignatureDoesNotMatch, match=r"!= '20010203'\.$"):
        read_signature(with_header(request, b"date", b"20010203T040506Z"))


def test_the_path_to_route_by_is_the_one_that_was_signed() -> None:
    """A path respelt on the way still verifies, as in AWS, and routes to what was signed."""
    request = signed(target="/as-of/p7/")
    respelt = replace(request, raw_path=b"/v1/..//as-of/./p7/")
    assert verified(respelt).path == verified(request).path == b"/as-of/p7/"


# Time and scope


def at(instant: datetime, valid_for: timedelta = timedelta(minutes=15)) -> PresentedSignature:
    day = instant.strftime("%Y%m%d")
    claim = SignatureClaim(
        ACCESS_KEY_ID, "us-east-1", "iam", day, instant, valid_for, None, b"/", b"0" * 64, b"host", ()
    )
    return PresentedSignature(claim, b"to sign")


def scoped(presented: PresentedSignature, *, region: str = "us-east-1", service: str = "iam") -> PresentedSignature:
    return replace(presented, claim=replace(presented.claim, region=region, service=service))


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_the_edges_of_the_window_of_a_header() -> None:
    """Fifteen minutes either way are current, to the second; one more is not."""
    request = signed()
    verified(request, timedelta(minutes=15))
    verified(request, -timedelta(minutes=15))
    for beyond in (timedelta(minutes=15, seconds=1), -timedelta(minutes=15, seconds=1)):
        with pytest.raises(SignatureDoesNotMatch, match=r"Signature expired|not yet current"):
            verified(request, beyond)


@pytest.mark.parametrize(
    ("service", "expires_seconds", "window_seconds"),
    [
        ("iam", 60, 60),
        ("iam", 604_800, 900),
        ("muniment", 604_800, 900),
        ("sts", 60, 900),
        ("sts", 604_800, 900),
        ("sts", 0, 900),
        ("sts", 999_999, 900),
        ("s3", 60, 60),
        ("s3", 604_800, 604_800),
    ],
)
def test_the_edges_of_the_window_of_a_presigned_request(
    service: str, expires_seconds: int, window_seconds: int
) -> None:
    """X-Amz-Expires is as much as it says with S3 alone, may shorten the window elsewhere, and is nothing to STS. It
    never moves the window's beginning."""
    request = signed("GET", "/?Action=ListUsers", body=b"", expires_seconds=expires_seconds, service=service)
    window = timedelta(seconds=window_seconds)
    verified(request, window, service=service, body_is_read=service != "s3")
    verified(request, -timedelta(minutes=15), service=service, body_is_read=service != "s3")
    for beyond in (window + timedelta(seconds=1), -timedelta(minutes=15, seconds=1)):
        with pytest.raises(SignatureDoesNotMatch, match=r"Signature expired|not yet current"):
            verified(request, beyond, service=service, body_is_read=service != "s3")


@pytest.mark.parametrize(
    ("presented", "message"),
    [
        (
            at(NOON - timedelta(minutes=16)),
            "Signature expired: 20260101T114400Z is now earlier than 20260101T114500Z (20260101T120000Z - 15 min.)",
        ),
        (
            at(NOON - timedelta(seconds=91), timedelta(seconds=90)),
            "Signature expired: 20260101T115829Z is now earlier than 20260101T115830Z (20260101T120000Z - 90 sec.)",
        ),
        (
            at(NOON + timedelta(minutes=16)),
            (
                "Signature not yet current: 20260101T121600Z is still later than 20260101T121500Z "
                "(20260101T120000Z + 15 min.)"
            ),
        ),
        (
            at(datetime(1, 1, 1, tzinfo=UTC)),
            "Signature expired: 00010101T000000Z is now earlier than 20260101T114500Z (20260101T120000Z - 15 min.)",
        ),
        (scoped(at(NOON), service="sts"), "Credential should be scoped to correct service: 'iam'."),
        (
            at(NOON),
            (
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details."
            ),
        ),
    ],
)
def test_the_messages_are_those_of_aws(presented: PresentedSignature, message: str) -> None:
    """Clients and people tell clock skew, a wrong service and a wrong secret apart by these words."""
    with pytest.raises(SignatureDoesNotMatch) as refused:
        SignatureVerifier(1).verify(presented, SECRET, NOON, service="iam")
    assert refused.value.message == message


def test_an_unknown_access_key_is_refused_in_the_order_of_a_known_one() -> None:
    """Scope and time are judged first for an unknown key too; then it is the key that is named."""
    request = signed()
    unknown = with_header(request, b"authorization", authorization(request).replace(b"AKIDEXAMPLE0", b"AKIDEXAMPLE1"))
    with pytest.raises(InvalidClientTokenId, match=r"^The security token included in the request is invalid\.$"):
        verified(unknown)
    with pytest.raises(SignatureDoesNotMatch, match="scoped to correct service: 'sts'"):
        verified(unknown, service="sts")
    with pytest.raises(SignatureDoesNotMatch, match="Signature expired"):
        verified(unknown, timedelta(hours=1))


# The cache of signing keys


def test_a_replaced_secret_does_not_verify_with_the_signing_key_of_the_old_one() -> None:
    """The cache is no second life for a secret, under the same access key id, day and scope."""
    keys = SignatureVerifier(8)
    presented = read_signature(signed())
    keys.verify(presented, Secret(SECRET.reveal()), presented.claim.signed_at, service="iam")
    with pytest.raises(SignatureDoesNotMatch):
        keys.verify(presented, Secret("the secret that replaced it"), presented.claim.signed_at, service="iam")
    keys.verify(presented, Secret(SECRET.reveal()), presented.claim.signed_at, service="iam")
    assert len(keys._keys) == 1


def test_only_a_proven_signature_enters_the_cache() -> None:
    """Whoever knows an access key id but not its secret cannot displace anybody's signing key."""
    keys = SignatureVerifier(1)
    presented = read_signature(signed())
    keys.verify(presented, SECRET, presented.claim.signed_at, service="iam")
    before = dict(keys._keys)
    for region in ("a", "b", "c"):
        forged = scoped(presented, region=region)
        with pytest.raises(SignatureDoesNotMatch):
            keys.verify(forged, SECRET, presented.claim.signed_at, service="iam")
    assert keys._keys == before


def test_the_cache_keeps_what_was_used_last_within_its_limit() -> None:
    """Memory is bounded, and the credential in use is not the one that goes."""
    vectors = [vector for vector in generate.vectors() if vector["service"] == "iam"]
    keys = SignatureVerifier(2)
    first = read_signature(signed())
    keys.verify(first, SECRET, first.claim.signed_at, service="iam")
    (slot,) = keys._keys
    for vector in vectors:
        other = read_signature(arrived(vector))
        keys.verify(other, Secret(generate.SECRET), other.claim.signed_at, service="iam")
        assert slot in keys._keys
        assert len(keys._keys) == 2
        keys.verify(first, SECRET, first.claim.signed_at, service="iam")
    with pytest.raises(ValueError, match="limit of cached signing keys is 0: expected at least 1"):
        SignatureVerifier(0)
