"""Nothing that was signed can be changed on the way, and nothing that decides can be left unsigned."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest
from botocore.utils import normalize_url_path
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.foundation.errors import IncompleteSignature, SignatureDoesNotMatch
from services.wire.canonical import PAYLOAD_HEADER, hex_digest
from services.wire.raw_request import RawRequest
from tests.services.wire.signing import FORM, REFUSALS, authorization, read_signature, signed, verified, with_header


def meaning(request: RawRequest) -> object:
    """What a signature covers, by the libraries of others: respellings that mean the same are the same."""
    names = dict(request.headers)[b"authorization"].split(b"SignedHeaders=")[1].split(b",")[0].split(b";")
    return (
        request.method,
        normalize_url_path(request.raw_path.decode("latin-1")),
        sorted(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")),
        [(name, b" ".join(value.split())) for name, value in request.headers if name in names],
        request.body,
    )


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """One byte replaced, inserted or taken out."""
    position = draw(st.integers(0, len(original) - 1))
    byte = draw(st.one_of(st.sampled_from(b"/.%&=+ ;,0aA"), st.integers(0, 255)))
    width = draw(st.sampled_from([0, 1]))
    inserted = draw(st.sampled_from([b"", bytes([byte])]))
    changed = original[:position] + inserted + original[position + width :]
    assume(changed != original)
    return changed


@settings(deadline=None)
@given(data=st.data(), part=st.sampled_from(["method", "raw_path", "query", "body", "header"]))
def test_nothing_that_is_signed_can_be_changed(data: st.DataObject, part: str) -> None:
    """Whatever byte of method, path, query, signed headers or body is changed, the request is refused."""
    request = signed(
        "POST", "/as-of/p12/?Action=Get%2BUser&b=%2F", headers={"Content-Type": FORM, "X-Amz-Foo": "1 2"}, token="tok"
    )
    match part:
        case "method":
            changed = replace(request, method=data.draw(mutated(b"POST")).decode("latin-1"))
        case "raw_path":
            changed = replace(request, raw_path=data.draw(mutated(request.raw_path)))
        case "query":
            changed = replace(request, query=data.draw(mutated(request.query)))
        case "body":
            changed = replace(request, body=data.draw(mutated(request.body)))
        case _:
            name = data.draw(st.sampled_from([n for n, _ in request.headers if n != b"authorization"]))
            headers = tuple((n, data.draw(mutated(v)) if n == name else v) for n, v in request.headers)
            changed = replace(request, headers=headers)
    assume(meaning(changed) != meaning(request))
    with pytest.raises(REFUSALS):
        verified(changed)


@settings(deadline=None)
@given(data=st.data())
def test_the_authorization_header_cannot_be_changed(data: st.DataObject) -> None:
    """A changed Authorization header is refused, or reads as the very same claim (a space after a comma)."""
    request = signed(headers={"Content-Type": FORM})
    changed = with_header(request, b"authorization", data.draw(mutated(authorization(request))))
    try:
        presented = verified(changed)
    except REFUSALS:
        return
    assert presented == read_signature(request).claim


@settings(deadline=None)
@given(data=st.data())
def test_a_presigned_query_cannot_be_changed(data: st.DataObject) -> None:
    """A changed presigned query string is refused, or decodes to the very same parameters."""
    request = signed("GET", "/?Action=Get%2BUser&b=%2F", body=b"", token="tok", expires_seconds=900)
    changed = replace(request, query=data.draw(mutated(request.query)))
    try:
        verified(changed)
    except REFUSALS:
        return
    before, after = (parse_qsl(r.query.decode("latin-1"), keep_blank_values=True) for r in (request, changed))
    assert sorted(before) == sorted(after)


@pytest.mark.parametrize("name", [b"x-amz-foo", b"x-amz-security-token", b"x-amz-content-sha512"])
def test_an_x_amz_header_added_on_the_way_is_refused(name: bytes) -> None:
    """No header that AWS gives a meaning to counts unless it was signed."""
    with pytest.raises(SignatureDoesNotMatch, match=f"'{name.decode()}' must be a 'SignedHeader'"):
        read_signature(with_header(signed(), name, b"1"))


def test_an_unsigned_hash_of_the_body_is_accepted_if_it_is_the_hash() -> None:
    """It says what the signature covers anyway; one that says anything else is refused."""
    request = signed(body=b"Action=ListUsers")
    verified(with_header(request, PAYLOAD_HEADER, hex_digest(b"Action=ListUsers")))
    for other in (hex_digest(b""), hex_digest(b"Action=ListUsers").upper(), b"UNSIGNED-PAYLOAD", b""):
        with pytest.raises(SignatureDoesNotMatch, match="does not match the SHA-256 of the body"):
            verified(with_header(request, PAYLOAD_HEADER, other))
    changed = replace(request, body=b"Action=ListRoles")
    with pytest.raises(SignatureDoesNotMatch, match="does not match the signature you provided"):
        verified(with_header(changed, PAYLOAD_HEADER, hex_digest(changed.body)))


def test_host_must_be_signed() -> None:
    """A signature for one server is none for another."""
    request = signed()
    unsigned = authorization(request).replace(b"SignedHeaders=host;", b"SignedHeaders=")
    for changed in (with_header(request, b"authorization", unsigned), with_header(request, b"host", None)):
        with pytest.raises(SignatureDoesNotMatch, match="'Host' must be a 'SignedHeader'"):
            read_signature(changed)


@pytest.mark.parametrize(
    "declared", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "0" * 64, "", "e3b0c442"]
)
def test_the_declared_hash_of_the_body_is_never_trusted(declared: str) -> None:
    """A signed x-amz-content-sha256 must be the hash of the body that arrived; there is no unsigned payload."""
    with pytest.raises(SignatureDoesNotMatch, match="does not match the SHA-256 of the body; unsigned and streaming"):
        read_signature(signed(headers={"X-Amz-Content-SHA256": declared}))


@pytest.mark.parametrize(
    "name", [b"authorization", b"date", b"host", b"x-amz-content-sha256", b"x-amz-date", b"x-amz-security-token"]
)
def test_a_second_header_that_decides_is_refused(name: bytes) -> None:
    """Of two such headers nobody could say which one was meant, even if they are equal."""
    request = signed(token="tok", headers={"Date": "x"} if name == b"date" else {})
    value = dict(request.headers).get(name, b"same")
    twice = replace(with_header(request, name, value), headers=(*request.headers, (name, value), (name, value)))
    with pytest.raises(IncompleteSignature, match=f"The header '{name.decode()}' appears more than once"):
        read_signature(twice)
    with pytest.raises(IncompleteSignature, match="appears more than once"):
        twice.header(name.decode().title())


def test_other_repeated_headers_are_one_list() -> None:
    """RFC 9110: repeated fields are one, joined by commas in order, for the signature and for every reader alike."""
    request = RawRequest("GET", b"/", b"", ((b"x-a", b" 1 "), (b"x-b", b"\xfc"), (b"x-a", b"2")), b"")
    assert (request.header("X-A"), request.header("x-b"), request.header("x-c")) == ("1,2", "\u00fc", None)
    assert request.fields() == {b"x-a": b"1,2", b"x-b": b"\xfc"}
