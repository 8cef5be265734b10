"""What people are told of a credential and of where it stands in its life."""

from collections.abc import Sequence
from datetime import datetime

from domain.foundation.credential_kind import kind_title
from domain.foundation.identifiers import ACCOUNT_ID
from domain.foundation.moments import format_rfc3339
from domain.read_models.credentials import (
    AccessKeyCredential,
    AccessKeyLastUsed,
    AgeingEntity,
    Credential,
    HeldUserCredential,
    LifecycleStep,
    MFADeviceCredential,
    PasswordCredential,
)
from services.cli.lib.output import Column, arn_resource, short_time
from services.cli.lib.terminal import Colour

NEVER, NOT_RECORDED = "never", "not recorded"
_STANDS = {
    "rotation_warned": "warned",
    "rotation_due": "due",
    "rotation_overdue": "overdue",
    "rotation_overlap_exceeded": "overlap exceeded",
    "expiry_warned": "expires soon",
    "deactivated": "to be deactivated",
    "deleted": "to be deleted",
}
_NEXT = {"rotation_due": "due", "rotation_overdue": "overdue", "rotation_overlap_exceeded": "overlap exceeded"}


def credential_name(held: Credential) -> str:
    if isinstance(held, HeldUserCredential):
        return held.credential_id
    if isinstance(held, MFADeviceCredential):
        return f"MFA {arn_resource(held.serial_number).removeprefix('mfa/')}"
    return held.access_key_id if isinstance(held, AccessKeyCredential) else kind_title(held.kind)


def credential_owner(held: Credential) -> str:
    if not isinstance(held, AgeingEntity):
        return held.user_name or "root"
    return arn_resource(held.name).removeprefix("saml-provider/")


def owner_title(owner_id: str, owner_name: str) -> str:
    """Of root events have the account's id as id and name."""
    return "root" if ACCOUNT_ID.fullmatch(owner_id) else owner_name


def status(held: Credential) -> str | None:
    match held:
        case AccessKeyCredential():
            return held.status
        case MFADeviceCredential():
            return "Active"
        case AgeingEntity():
            return "expired" if held.expired else None
        case _ if held.expired:
            return "expired"
        case HeldUserCredential():
            return held.status
        case PasswordCredential():
            return "to be reset" if held.reset_required else "Active"


def created_at(held: Credential) -> datetime:
    if isinstance(held, AgeingEntity):
        return held.created_at
    return held.changed.at if isinstance(held, PasswordCredential) else held.created.at


def last_used(held: Credential) -> str | None:
    if held.lifecycle is None:
        return None
    at = held.lifecycle.last_used_at
    return short_time(at) if at is not None else NEVER if held.lifecycle.use_recorded else NOT_RECORDED


def stands(held: Credential) -> str | None:
    """What has become of it, and since when."""
    if held.lifecycle is None:
        return None
    leaked_at = held.lifecycle.reported_leaked_at
    said = [] if leaked_at is None else [f"reported leaked {_date(leaked_at)}"]
    said += [f"{_word(step)} since {_date(step.at)}" for step in held.lifecycle.stands]
    if held.lifecycle.exempt_until is not None:
        said.append(f"exempt until {_date(held.lifecycle.exempt_until)}")
    return ", ".join(said) or None


def coming(held: Credential) -> str | None:
    """What becomes of it next, and when."""
    step = None if held.lifecycle is None else held.lifecycle.next
    if step is None:
        return None
    what = f"{step.action}d" if step.action is not None and step.protects is None else _NEXT.get(step.what, step.what)
    return f"{_date(step.at)} {what}{_withheld(step)}"


def rule(held: Credential) -> str | None:
    """Of the last that has become of it, or else of the next: a finding names profile and version."""
    step = _telling(held)
    if step is None:
        return None
    override = "" if step.override is None else f" ({step.override})"
    return f"{step.profile} {step.version} {step.rule} {step.days}{override}"


def _telling(held: Credential) -> LifecycleStep | None:
    life = held.lifecycle
    return None if life is None else life.stands[-1] if life.stands else life.next


def _profile(held: Credential) -> str | None:
    step = _telling(held)
    return None if step is None else f"{step.profile} {step.version}"


def _last_used_day(held: Credential) -> str | None:
    at = None if held.lifecycle is None else held.lifecycle.last_used_at
    return last_used(held) if at is None else _date(at)


def _word(step: LifecycleStep) -> str:
    return f"{_STANDS.get(step.what, step.what)}{_withheld(step)}"


def _withheld(step: LifecycleStep) -> str:
    return "" if step.protects is None else f" ({step.protects})"


def _date(at: datetime) -> str:
    return format_rfc3339(at)[:10]


def _expires_at(held: Credential) -> datetime | None:
    return None if isinstance(held, AccessKeyCredential | MFADeviceCredential) else held.expires_at


def _service(held: Credential) -> str | None:
    if isinstance(held, HeldUserCredential):
        return held.service_name
    used = _key_use(held)
    return used.service if used else None


def _key_use(held: Credential) -> AccessKeyLastUsed | None:
    return held.last_used if isinstance(held, AccessKeyCredential) else None


def _colour(text: str) -> Colour | None:
    alarming = ("overdue", "expired", "idle", "exceeded")
    return Colour.RED if any(each in text for each in alarming) else Colour.YELLOW


def _time(at: datetime | None) -> str | None:
    return None if at is None else short_time(at)


CREDENTIALS: Sequence[Column[Credential]] = (
    Column("CREDENTIAL", credential_name),
    Column("OWNER", credential_owner),
    Column("STATUS", status),
    Column("CREATED", lambda held: short_time(created_at(held)), wide=True),
    Column("AGE DAYS", lambda held: str(held.age_days)),
    Column("LAST USED", last_used, short=_last_used_day),
    Column("EXPIRES", lambda held: _time(_expires_at(held)), wide=True),
    Column("STANDS", stands, wraps=True, least=20, colour=_colour),
    Column("NEXT", coming),
    Column("RULE", rule, short=_profile),
    Column("SERVICE", _service, wide=True),
    Column("REGION", lambda held: used.region if (used := _key_use(held)) else None, wide=True),
)


def _due(held: Credential) -> LifecycleStep | None:
    return None if held.lifecycle is None else held.lifecycle.due


EXPORTED: Sequence[Column[Credential]] = (
    Column("kind", lambda held: held.kind),
    Column("credential_id", lambda held: held.lifecycle.credential_id if held.lifecycle else None),
    Column("owner_id", lambda held: held.lifecycle.owner_id if held.lifecycle else None),
    Column("owner", credential_owner),
    Column("status", status),
    Column("created", lambda held: short_time(created_at(held))),
    Column("age_days", lambda held: str(held.age_days)),
    Column("last_used", last_used),
    Column("expires", lambda held: _time(_expires_at(held))),
    Column("stands", stands),
    Column("due", lambda held: _time(due.at) if (due := _due(held)) else None),
    Column("next", coming),
    Column("rule", rule),
)
