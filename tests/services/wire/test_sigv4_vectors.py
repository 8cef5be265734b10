"""Requests that awscrt, AWS's own C implementation, signed at fixed dates, are verified."""

import json
from datetime import datetime, timedelta

import pytest

from domain.foundation.errors import SignatureDoesNotMatch
from domain.foundation.secret import Secret
from services.wire.sigv4 import SignatureVerifier
from tests.services.wire.signing import arrived, read_signature
from tests.vectors.sigv4 import generate

VECTORS: list[generate.Vector] = json.loads(generate.PINNED.read_text(encoding="ascii"))
EVERY_VECTOR = pytest.mark.parametrize(
    "vector", VECTORS, ids=[f"{number}-{vector['method']}" for number, vector in enumerate(VECTORS)]
)


@EVERY_VECTOR
def test_what_awscrt_signed_is_read_and_verified(vector: generate.Vector) -> None:
    """Every pinned request verifies at its own instant, and says of itself what it was signed with."""
    presented = read_signature(arrived(vector))
    signed_at = datetime.fromisoformat(vector["signed_at"])
    SignatureVerifier(1).verify(presented, Secret(generate.SECRET), signed_at, service=vector["service"])
    assert presented.claim.access_key_id == generate.ACCESS_KEY_ID
    assert (presented.claim.region, presented.claim.service) == (vector["region"], vector["service"])
    assert (presented.claim.signed_at, presented.claim.day) == (signed_at, signed_at.strftime("%Y%m%d"))
    ignored = vector["service"] == "sts"
    assert presented.claim.valid_for == timedelta(
        seconds=900 if ignored else min(vector["expires_seconds"] or 900, 900)
    )
    assert presented.claim.session_token == vector["session_token"]


@EVERY_VECTOR
def test_what_awscrt_signed_is_refused_with_another_secret(vector: generate.Vector) -> None:
    """A pinned request verifies with its own secret only."""
    presented = read_signature(arrived(vector))
    with pytest.raises(SignatureDoesNotMatch, match="does not match the signature you provided"):
        SignatureVerifier(1).verify(
            presented, Secret(generate.SECRET.lower()), presented.claim.signed_at, service=vector["service"]
        )


def test_the_generator_still_gives_the_pinned_bytes() -> None:
    """The pinned vectors are what the installed awscrt signs today, so they were not edited by hand."""
    assert generate.rendered() == generate.PINNED.read_text(encoding="ascii")
