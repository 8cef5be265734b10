"""Trails: an account's calls as CloudTrail delivers them, hour by hour, with signed digests."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from domain.foundation.errors import ValidationError
from services.api.contract.evidence import Sha256Text
from services.api.contract.question import Answer, MomentText, Page, PagedQuestion, Question, Text

TRAIL_RESOURCE = "trail/{name}"
TrailName = Annotated[Text, StringConstraints(max_length=128, pattern=r"^[A-Za-z0-9._-]+$")]
SignatureText = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2}){128,512}$")]
"""Of RSA, in hexadecimal digits."""


class TrailDetails(Answer):
    account_id: str
    name: str
    trail_arn: str
    region: str
    """Its home Region, under which all files stand. Which one a call was made to, its record says."""
    bucket: str
    prefix: str | None
    begins_at: datetime
    """The hour with which its chain of digests begins."""
    closed_until: datetime
    """The end of the last hour that is over: nothing is added to it any more."""
    fingerprints: tuple[str, ...]
    """Of the keys that sign, oldest first."""


class BeginTrail(Question[TrailDetails]):
    """Begins a trail, and makes the key that signs its digests where there is none; of one that there is in this place,
    tells about it."""

    method = "POST"
    path = "/v1/trails/{name}"
    resource = TRAIL_RESOURCE
    read_only = False

    name: TrailName
    bucket: Text | None = None
    """Without it, of a trail that there is its own, or else aws-cloudtrail-logs- and the account's id."""
    prefix: Text | None = None
    """In the bucket that is named."""
    since: MomentText | None = None
    """The hour of this time is the first; without it that in which the account began. A trail that has begun has its
    first hour."""


class RotatedTrailKey(Answer):
    account_id: str
    fingerprint: str


class RotateTrailKey(Question[RotatedTrailKey]):
    """Makes another key, which signs the digests of all hours that end from now on. The former ones stay listed."""

    method = "POST"
    path = "/v1/trail-keys"
    resource = "trail-keys"
    read_only = False


class TrailFile(Answer):
    key: str
    """Of the object in the bucket."""
    sha256: str
    """Of the text in UTF-8, which is compressed with gzip before it is delivered."""
    records: int
    text: str
    """JSON, as CloudTrail has it."""


class TrailFiles(Page):
    """One with a marker may have fewer files than the limit: it has some megabytes at most."""

    files: tuple[TrailFile, ...]
    """In the order of their calls."""


class ListTrailFiles(PagedQuestion[TrailFiles]):
    """The log files of hours that are over."""

    path = "/v1/trails/{name}/files"
    resource = TRAIL_RESOURCE
    place_numbers = 3

    name: TrailName
    since: MomentText
    """The beginning of an hour."""
    until: MomentText
    """The end of an hour that is over."""


class TrailDigest(Answer):
    key: str
    ends_at: datetime
    sha256: str
    """Of the text in UTF-8, which is compressed with gzip before it is delivered."""
    text: str
    """JSON, as CloudTrail has it."""
    signature: str
    """In hexadecimal digits; its algorithm is SHA256withRSA."""


class TrailDigests(Answer):
    account_id: str
    digests: tuple[TrailDigest, ...]
    """In the order of their hours; those of the next hours are asked for with the last of them. Of a busy hour there
    may be none yet: what was read of it is known when it is asked for again."""


class SignTrailDigests(Question[TrailDigests]):
    """The digests of hours that are over, computed from the ledger and signed. Unless the first of them is the trail's
    first, the digest of the hour before is named, which was signed here too."""

    path = "/v1/trails/{name}/digests"
    resource = TRAIL_RESOURCE

    name: TrailName
    since: MomentText
    until: MomentText
    former_sha256: Sha256Text | None = None
    """Of the digest before."""
    former_signature: SignatureText | None = None
    """Of the digest before."""
    signature_before: SignatureText | None = None
    """That the digest before has of the one before it; none where that was the trail's first."""

    @model_validator(mode="after")
    def _names_the_former_whole(self) -> Self:
        if (self.former_sha256 is None) != (self.former_signature is None):
            raise ValidationError("The digest before is named by its SHA-256 and by its signature: expected both.")
        return self
