"""Digests: each says which log files there are of an hour, and is signed
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html)."""

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from domain.families.trails import TrailKey
from domain.foundation.secret import Secret
from domain.rules.trails import HOUR
from services.secrets.trail_keys import is_signed, sign
from services.trail_files.log_files import HashedFile, TrailPlace
from services.trail_files.times import compact_timestamp, timestamp

HASH_ALGORITHM, SIGNATURE_ALGORITHM = "SHA-256", "SHA256withRSA"
NO_SIGNATURE = "null"
"""Stands for that of the digest before the first in what is signed."""


class ChainEnd(NamedTuple):
    """Of the digest before: what the next one says of it."""

    sha256: str
    """Of its content, uncompressed, in hexadecimal digits."""
    signature: str
    """In hexadecimal digits, too."""


class SignedDigest(NamedTuple):
    key: str
    ends_at: datetime
    content: bytes
    """As JSON, before it is compressed."""
    signature: str

    @property
    def end(self) -> ChainEnd:
        return ChainEnd(sha256(self.content).hexdigest(), self.signature)


def digest_key(place: TrailPlace, trail_name: str, ends_at: datetime) -> str:
    name = f"{trail_name}_{place.region}_{compact_timestamp(ends_at)}"
    return place.key("CloudTrail-Digest", ends_at, name)


def sign_digest(
    place: TrailPlace,
    trail_name: str,
    ends_at: datetime,
    files: Sequence[HashedFile],
    former: ChainEnd | None,
    key: tuple[TrailKey, Secret],
) -> SignedDigest:
    """Of the hour with this end. `former` is None for the first one of the chain alone."""
    name = digest_key(place, trail_name, ends_at)
    former_key = None if former is None else digest_key(place, trail_name, ends_at - HOUR)
    content = {
        "awsAccountId": place.account_id,
        "digestStartTime": timestamp(ends_at - HOUR),
        "digestEndTime": timestamp(ends_at),
        "digestS3Bucket": place.bucket,
        "digestS3Object": name,
        "digestPublicKeyFingerprint": key[0].fingerprint,
        "digestSignatureAlgorithm": SIGNATURE_ALGORITHM,
        "newestEventTime": timestamp(max(each.newest for each in files)) if files else None,
        "oldestEventTime": timestamp(min(each.oldest for each in files)) if files else None,
        "previousDigestS3Bucket": None if former is None else place.bucket,
        "previousDigestS3Object": former_key,
        "previousDigestHashValue": None if former is None else former.sha256,
        "previousDigestHashAlgorithm": None if former is None else HASH_ALGORITHM,
        "previousDigestSignature": None if former is None else former.signature,
        "logFiles": [_told(place, each) for each in files],
    }
    text = json.dumps(content, separators=(",", ":")).encode()
    former_signature = None if former is None else former.signature
    message = _message(place, name, ends_at, sha256(text).hexdigest(), former_signature)
    return SignedDigest(name, ends_at, text, sign(key[1], message))


def is_own_end(
    place: TrailPlace, trail_name: str, ends_at: datetime, end: ChainEnd, former_signature: str | None, key: TrailKey
) -> bool:
    """Whether this key signed a digest of this trail and hour that has this hash, behind one with that signature: it
    signs no other than such as were made here."""
    name = digest_key(place, trail_name, ends_at)
    message = _message(place, name, ends_at, end.sha256, former_signature)
    return is_signed(key.public_key, bytes.fromhex(end.signature), message)


def _told(place: TrailPlace, file: HashedFile) -> dict[str, str]:
    return {
        "s3Bucket": place.bucket,
        "s3Object": file.key,
        "hashValue": file.sha256,
        "hashAlgorithm": HASH_ALGORITHM,
        "newestEventTime": timestamp(file.newest),
        "oldestEventTime": timestamp(file.oldest),
    }


def _message(place: TrailPlace, name: str, ends_at: datetime, digest: str, former_signature: str | None) -> bytes:
    parts = (timestamp(ends_at), f"{place.bucket}/{name}", digest, former_signature or NO_SIGNATURE)
    return "\n".join(parts).encode()
