"""Trails: where an account's calls are delivered as CloudTrail delivers them, and the keys that sign their digests
(docs/adr/0068)."""

from dataclasses import dataclass
from datetime import datetime

from immutables import Map

from domain.account import Account, Bookkeeping, Component
from domain.foundation.moments import format_rfc3339
from domain.foundation.secret import Secret, SecretId, SecretKind


@dataclass(frozen=True, slots=True)
class Trail:
    name: str
    bucket: str
    prefix: str | None
    """Of every key in the bucket, without a slash at its end."""
    begins_at: datetime
    """The hour with which its chain of digests begins."""
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class TrailKey:
    """Of RSA. The private one is sealed, and stays so: hours of its time may be delivered to another place later."""

    fingerprint: str
    """As CloudTrail has it: MD5 of the public key's DER, in hexadecimal digits."""
    public_key: str
    """PKCS #1 (RFC 8017, appendix A.1.1) as DER in base64."""
    created_at: datetime

    @property
    def secret_id(self) -> SecretId:
        return SecretId(SecretKind.TRAIL_KEY, self.fingerprint)


TRAILS = Component[Map[str, Trail]]("trails", Map())
"""By name."""
TRAIL_KEYS = Component[tuple[TrailKey, ...]]("trail_keys", ())
"""Oldest first."""


@dataclass(frozen=True, slots=True)
class NewTrailKeyQuery:
    """A new key, which takes long to find."""


@dataclass(frozen=True, slots=True)
class NewTrailKeyFacts:
    fingerprint: str
    public_key: str
    private_key: Secret
    """PKCS #8 (RFC 5208) as DER in base64."""


@dataclass(frozen=True, slots=True)
class TrailKeysQuery:
    """The private keys of these."""

    fingerprints: frozenset[str]


@dataclass(frozen=True, slots=True)
class TrailKeysFacts:
    private_keys: dict[str, Secret]
    """By fingerprint."""


TrailQuery = NewTrailKeyQuery | TrailKeysQuery
TrailFacts = NewTrailKeyFacts | TrailKeysFacts


class TrailBegun(Bookkeeping, topic="cloudtrail.trail.begun.v1"):
    """From that hour on, its digests are signed. It never moves, nor begins anew: a chain has one beginning."""

    trail_name: str
    bucket: str
    prefix: str | None = None
    begins_at: datetime

    def fold(self, account: Account, at: datetime) -> Account:
        if self.trail_name in account[TRAILS]:
            raise LookupError(f"There is a trail {self.trail_name} already.")
        trail = Trail(self.trail_name, self.bucket, self.prefix, self.begins_at, at)
        return account.put(TRAILS, account[TRAILS].set(self.trail_name, trail))

    def describe(self) -> str:
        place = "/".join(filter(None, (self.bucket, self.prefix)))
        return f"Trail {self.trail_name} begins at {format_rfc3339(self.begins_at)}, in s3://{place}."


class TrailKeyCreated(Bookkeeping, topic="cloudtrail.trail_key.created.v1"):
    """It signs the digests of the hours that end after this, and of all before where it is the first."""

    fingerprint: str
    public_key: str
    sentence = "The key {fingerprint} was created, which signs digests of trails."

    def fold(self, account: Account, at: datetime) -> Account:
        keys = account[TRAIL_KEYS]
        if any(key.fingerprint == self.fingerprint for key in keys):
            raise LookupError(f"There is a trail key {self.fingerprint} already.")
        return account.put(TRAIL_KEYS, (*keys, TrailKey(self.fingerprint, self.public_key, at)))
