"""Access keys, passwords and MFA."""

from collections.abc import Iterator
from datetime import timedelta

from domain.account import Account
from domain.compliance.check import ACCOUNT, CheckFinding, check, violated
from domain.families.access_keys import ACCESS_KEYS
from domain.families.credential_use import LAST_USES
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.passwords import LOGIN_PROFILES
from domain.families.users import USERS
from domain.rules.mfa_devices import has_mfa


@check(
    of=("user", ACCOUNT),
    reads=(ACCESS_KEYS,),
    title="Active access keys are not too old",
    rationale="An old key has been in more places, and whoever has found it can use it for as long.",
    remediation="muniment rotate access-key USER",
    severity="medium",
    exposure="key-days",
)
def access_key_age(account: Account, holder_id: str, *, days: int = 90) -> Iterator[CheckFinding]:
    for key in account[ACCESS_KEYS].of(holder_id):
        due_at = key.created_at + timedelta(days=days)
        yield CheckFinding(key.id, due_at if key.status == "Active" else None)


@check(
    of="user",
    reads=(ACCESS_KEYS, LAST_USES),
    title="Access keys that nobody uses are deactivated",
    rationale="Nobody notices that somebody else uses a key that its owner has forgotten.",
    remediation="aws iam update-access-key --user-name USER --access-key-id KEY --status Inactive",
    severity="medium",
    exposure="key-days",
)
def access_key_unused(account: Account, holder_id: str, *, days: int = 45) -> Iterator[CheckFinding]:
    for key in account[ACCESS_KEYS].of(holder_id):
        used = account[LAST_USES].get(key.id)
        idle_at = (key.created_at if used is None else used.at) + timedelta(days=days)
        yield CheckFinding(key.id, idle_at if key.status == "Active" else None)


@check(
    of="user",
    reads=(USERS, LOGIN_PROFILES, MFA_DEVICES),
    title="Users with a password have MFA",
    rationale="A password that is guessed or taken lets nobody in who has not the device too.",
    remediation="aws iam enable-mfa-device",
    severity="high",
)
def password_without_mfa(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    if holder_id in account[LOGIN_PROFILES]:
        yield violated(holder_id, not has_mfa(account, holder_id))


@check(
    of=ACCOUNT,
    reads=(MFA_DEVICES,),
    title="The root user has MFA",
    rationale="The root user may do everything, and no policy limits it.",
    remediation="aws iam enable-mfa-device, as root",
    severity="critical",
)
def root_without_mfa(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(account.id, not has_mfa(account, holder_id))


@check(
    of=ACCOUNT,
    reads=(ACCESS_KEYS, LAST_USES),
    title="The root user is not used",
    rationale="What root does, no policy could have prevented.",
    remediation="Use a role for daily work; keep the root user's credentials for what only it can do.",
    severity="high",
)
def root_used(account: Account, holder_id: str, *, days: int = 90) -> Iterator[CheckFinding]:
    uses = account[LAST_USES]
    users = (holder_id, *(key.id for key in account[ACCESS_KEYS].of(holder_id)))
    used_at = max((use.at for each in users if (use := uses.get(each)) is not None), default=None)
    yield CheckFinding(account.id, used_at, None if used_at is None else used_at + timedelta(days=days))
