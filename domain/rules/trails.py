"""Trails: which there may be, and which key signs the digest of an hour."""

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from domain.account import Account
from domain.families.trails import TRAIL_KEYS, TRAILS, NewTrailKeyFacts, Trail, TrailBegun, TrailKey, TrailKeyCreated
from domain.foundation.errors import LimitExceeded, NoSuchEntity, ValidationError
from domain.foundation.moments import format_rfc3339
from domain.foundation.nearest import nearest

HOUR = timedelta(hours=1)
TRAILS_MAX = 20
"""Of an account. CloudTrail has five in a Region ("Quotas in AWS CloudTrail")."""
KEYS_MAX = 100
PREFIX_CHARACTERS_MAX = 200
"""CloudTrail API Reference, "CreateTrail", S3KeyPrefix."""
_NAME = re.compile(r"(?=.{3,128}\Z)[A-Za-z0-9](?:[._-]?[A-Za-z0-9])*")
"""CloudTrail API Reference, "CreateTrail", Name."""
_BUCKET = re.compile(r"(?=.{3,63}\Z)[a-z0-9](?:[a-z0-9-]|\.(?!\.))*[a-z0-9]")
"""Amazon S3 User Guide, "General purpose bucket naming rules"."""
_PREFIX = re.compile(r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9!_.*'()-]+(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9!_.*'()-]+)*")
"""The characters that are safe in keys (Amazon S3 User Guide, "Naming Amazon S3 objects"). Its parts are no names that
mean another directory."""


def begin_trail(
    account: Account, *, name: str, bucket: str | None, prefix: str | None, begins_at: datetime
) -> TrailBegun | None:
    """None where there is this trail already, whenever it began. Without a bucket it is where it is, or in the one that
    is called like the account. Raises ValidationError, also where it is somewhere else, and LimitExceeded."""
    if bucket is None and prefix is not None:
        raise ValidationError(f"A prefix is one in a bucket, which has to be named; got {prefix!r}.")
    found = account[TRAILS].get(name)
    if found is not None:
        if bucket is not None and (found.bucket, found.prefix) != (bucket, prefix):
            raise ValidationError(
                f"The trail {name} is in {place_of(found.bucket, found.prefix)}, not in {place_of(bucket, prefix)}: "
                "one in another place has another name."
            )
        return None
    bucket = bucket or f"aws-cloudtrail-logs-{account.id}"
    if _NAME.fullmatch(name) is None or _is_address(name):
        raise ValidationError(
            "A trail's name is 3 to 128 letters, digits, and between them single periods, underscores and dashes; "
            f"got {name!r}."
        )
    if _BUCKET.fullmatch(bucket) is None or _is_address(bucket):
        raise ValidationError(
            f"A bucket's name is 3 to 63 lower-case letters, digits, dashes and single periods; got {bucket!r}."
        )
    if prefix is not None and (_PREFIX.fullmatch(prefix) is None or len(prefix) > PREFIX_CHARACTERS_MAX):
        raise ValidationError(
            f"A prefix is at most {PREFIX_CHARACTERS_MAX} letters, digits and !_.*'()- between single slashes; "
            f"got {prefix!r}."
        )
    if len(account[TRAILS]) >= TRAILS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for Trails: {TRAILS_MAX}")
    return TrailBegun(trail_name=name, bucket=bucket, prefix=prefix, begins_at=begins_at)


def create_trail_key(account: Account, made: NewTrailKeyFacts) -> TrailKeyCreated:
    """Raises LimitExceeded."""
    if len(account[TRAIL_KEYS]) >= KEYS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for TrailKeys: {KEYS_MAX}")
    return TrailKeyCreated(fingerprint=made.fingerprint, public_key=made.public_key)


def find_trail(account: Account, name: str) -> Trail:
    """Raises NoSuchEntity."""
    found = account[TRAILS].get(name)
    if found is None:
        raise NoSuchEntity(f"There is no trail {name}.", suggestion=nearest(name, account[TRAILS]))
    return found


def key_of_hour(keys: Sequence[TrailKey], ends_at: datetime) -> TrailKey:
    """That signs the digest of the hour with this end: the newest one that there was before, or else the first. The
    same one whenever it is asked for once the hour is over. Raises LookupError where there is none."""
    older = [key for key in keys if key.created_at < ends_at]
    return (older or keys)[-1 if older else 0]


def keys_between(keys: Sequence[TrailKey], start: datetime, end: datetime) -> list[tuple[TrailKey, datetime | None]]:
    """Those that sign digests of hours with an end in the span, each with the time at which another takes its place."""
    found = []
    for number, key in enumerate(keys):
        until = keys[number + 1].created_at if number + 1 < len(keys) else None
        if (number == 0 or key.created_at < end) and (until is None or until >= start):
            found.append((key, until))
    return found


def hour_of(at: datetime) -> datetime:
    """The beginning of the hour that the time lies in, in UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def whole_hour(at: datetime) -> datetime:
    """Raises ValidationError for a time within one."""
    if hour_of(at) != at:
        raise ValidationError(f"Digests are of whole hours of UTC; got {format_rfc3339(at)}.")
    return at.astimezone(UTC)


def place_of(bucket: str, prefix: str | None) -> str:
    return f"s3://{bucket}" if prefix is None else f"s3://{bucket}/{prefix}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
