"""What a session is given besides its permissions: tags, a source identity, and how much of both and of policies fits.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
"""

import json
import math
import zlib
from collections.abc import Sequence

from domain.families.sessions import Session, SessionPolicy, SessionTag
from domain.foundation.errors import InvalidParameterValue, PackedPolicyTooLarge, ValidationError

PACKED_BYTES_MAX = 1_536
"""Of a session's policies and tags, compressed: half of what a session token has room for."""
UNPACKED_BYTES_MAX = 24 * 1_024
"""Of the same before: 50 tags of AWS's lengths and 2,048 characters of policies. They are recorded in one entry."""
_RAW_DEFLATE = -15
_RESERVED = "aws:"


def session_tags(
    given: Sequence[tuple[str, str]], transitive_keys: Sequence[str], calling: Session | None
) -> tuple[SessionTag, ...]:
    """Of a new session: the transitive ones of the calling one, and those that are given. Keys do not differ by case
    alone. Raises ValidationError and InvalidParameterValue."""
    inherited = [tag for tag in (calling.tags if calling is not None else None) or () if tag.transitive]
    keys = [key.lower() for key, _ in given]
    if len(set(keys)) < len(keys):
        raise ValidationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    for key, value in given:
        if key.lower().startswith(_RESERVED) or value.lower().startswith(_RESERVED):
            raise ValidationError(f"The tag {key} begins with {_RESERVED}, which is reserved for system use.")
    transitive = {key.lower() for key in transitive_keys}
    if taken := sorted({tag.key.lower() for tag in inherited} & (transitive | set(keys))):
        raise InvalidParameterValue(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            f"the calling session. (Inherited: {', '.join(taken)}.)"
        )
    if strange := sorted(transitive - set(keys)):
        raise InvalidParameterValue(
            "The specified transitive tag key must be included in the requested tags. "
            f"(Not among them: {', '.join(strange)}.)"
        )
    return (
        *inherited,
        *(SessionTag(key=key, value=value, transitive=key.lower() in transitive) for key, value in given),
    )


def source_identity(given: str | None, calling: Session | None) -> str | None:
    """What the calling session has sticks. Raises ValidationError for another one."""
    kept = None if calling is None else calling.principal.source_identity
    if kept is not None and given not in {None, kept}:
        raise ValidationError("The source identity is already set for this assume role session")
    return kept or given


def tag_keys(given: Sequence[tuple[str, str]], transitive_keys: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """The condition keys of tags that are asked for. Without any there is no key."""
    keys: dict[str, tuple[str, ...]] = {f"aws:requesttag/{key.lower()}": (value,) for key, value in given}
    if keys:
        keys["aws:tagkeys"] = tuple(key for key, _ in given)
    return keys | {"sts:transitivetagkeys": tuple(transitive_keys)} if transitive_keys else keys


def packed_percent(policies: Sequence[SessionPolicy], tags: Sequence[SessionTag]) -> int | None:
    """AWS's PackedPolicySize: of what policies and tags may take, the whole percent that they do take, rounded up; None
    where there are none. It is their share of PACKED_BYTES_MAX, compressed, or of UNPACKED_BYTES_MAX, whichever is
    greater. Whether a tag is transitive counts nothing.

    Raises PackedPolicyTooLarge above 100.
    """
    if not policies and not tags:
        return None
    texts = [text for policy in policies for text in (policy.document, policy.policy_arn) if text is not None]
    plain = json.dumps([texts, [[tag.key, tag.value] for tag in tags]], ensure_ascii=False, separators=(",", ":"))
    unpacked = plain.encode()
    packed = zlib.compress(unpacked, wbits=_RAW_DEFLATE)
    percent = math.ceil(100 * max(len(packed) / PACKED_BYTES_MAX, len(unpacked) / UNPACKED_BYTES_MAX))
    if percent > 100:  # noqa: PLR2004  a percentage
        raise too_large(percent, policies=bool(policies), tags=bool(tags))
    return percent


def too_large(percent: int, *, policies: bool, tags: bool, detail: str = "") -> PackedPolicyTooLarge:
    """In AWS's words."""
    if not tags:
        said = f"Packed policy consumes {percent}% of allotted space, please use smaller policy."
        return PackedPolicyTooLarge(said, detail)
    what = "session policies and session tags" if policies else "session tags"
    return PackedPolicyTooLarge(f"Packed size of {what} consumes {percent}% of allotted space.", detail)
