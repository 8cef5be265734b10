"""CloudTrail's operation on the keys with which digests are checked."""

import base64
from datetime import datetime

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.trails import TRAIL_KEYS
from domain.foundation.errors import Refusal
from domain.foundation.moments import format_rfc3339
from domain.rules.trails import HOUR, hour_of, keys_between
from services.wire.operations import answers, any_resource

SERVICE = "cloudtrail"


class InvalidTimeRangeException(Refusal): ...


class InvalidTokenException(Refusal): ...


@answers("ListPublicKeys", service=SERVICE, on=any_resource, records="start_time end_time next_token")
def list_public_keys(
    account: Account,
    call: Call,
    *,
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    next_token: str | None = None,
) -> Outcome:
    """Those that sign digests of hours that end in the span, all on one page; without times, the one that signs this
    hour. Raises InvalidTimeRangeException, and InvalidTokenException for a token: none is given."""
    if next_token is not None:
        raise InvalidTokenException("The token is not one that ListPublicKeys has given.")
    end = end_time or hour_of(call.at) + HOUR
    start = start_time or end
    if start > end:
        raise InvalidTimeRangeException(
            f"The span ends before it begins: from {format_rfc3339(start)} to {format_rfc3339(end)}."
        )
    keys, created_at = account[TRAIL_KEYS], account.created_at
    assert created_at is not None
    listed = []
    for key, until in keys_between(keys, start, end):
        since = hour_of(created_at) if key == keys[0] else key.created_at
        value = {"Value": base64.b64decode(key.public_key), "Fingerprint": key.fingerprint, "ValidityStartTime": since}
        listed.append(value if until is None else value | {"ValidityEndTime": until})
    return Outcome(lambda _after: {"PublicKeyList": listed})
