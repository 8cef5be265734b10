"""Access keys and passwords of users: how old they are, and whether anybody uses them."""

from collections.abc import Iterator
from datetime import timedelta

from domain.account import Account
from domain.compliance.check import ROOT, CheckFinding, Days, check, violated
from domain.families.access_keys import ACCESS_KEYS
from domain.families.credential_use import LAST_USES
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.passwords import LOGIN_PROFILES
from domain.families.users import USERS
from domain.rules.mfa_devices import has_mfa


@check(
    of=("user", ROOT),
    reads=(ACCESS_KEYS,),
    title="Active access keys are not too old",
    rationale="An old key has been in more places, and whoever has found it can use it for as long.",
    remediation="muniment rotate access-key USER",
    severity="medium",
    exposure="key-days",
)
def access_key_age(account: Account, holder_id: str, *, days: Days = 90) -> Iterator[CheckFinding]:
    for key in account[ACCESS_KEYS].of(holder_id):
        if key.status == "Active":
            yield CheckFinding(key.id, key.created_at + timedelta(days=days))


@check(
    of="user",
    reads=(ACCESS_KEYS, LAST_USES),
    title="Access keys that nobody uses are deactivated",
    rationale="Nobody notices that somebody else uses a key that its owner has forgotten.",
    remediation="aws iam update-access-key --user-name USER --access-key-id KEY --status Inactive",
    severity="medium",
    exposure="key-days",
)
def access_key_unused(account: Account, holder_id: str, *, days: Days = 45) -> Iterator[CheckFinding]:
    uses, idle = account[LAST_USES], timedelta(days=days)
    for key in account[ACCESS_KEYS].of(holder_id):
        if key.status == "Active":
            used = uses.get(key.id)
            yield CheckFinding(key.id, (key.created_at if used is None else used.at) + idle)


@check(
    of="user",
    reads=(ACCESS_KEYS, LAST_USES, LOGIN_PROFILES),
    title="Users with a password have no access key that was never used",
    rationale="Keys that are made with the user, in case they are needed, lie about until somebody finds them.",
    remediation="aws iam delete-access-key --user-name USER --access-key-id KEY",
    severity="medium",
    exposure="key-days",
)
def unused_key_beside_password(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    """As CIS audits that no key is made with a user: `password_enabled`, and an active key without a last use."""
    if holder_id in account[LOGIN_PROFILES]:
        for key in account[ACCESS_KEYS].of(holder_id):
            yield violated(key.id, key.status == "Active" and key.id not in account[LAST_USES])


@check(
    of="user",
    reads=(ACCESS_KEYS,),
    title="Users have one active access key at most",
    rationale="A second key is for the days of a rotation: each one more is one more that can be lost.",
    remediation="aws iam update-access-key --user-name USER --access-key-id KEY --status Inactive",
    severity="medium",
)
def several_active_access_keys(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    if keys := account[ACCESS_KEYS].of(holder_id):
        yield violated(holder_id, sum(key.status == "Active" for key in keys) > 1)


@check(
    of="user",
    reads=(LOGIN_PROFILES, MFA_DEVICES),
    title="Passwords are changed in time",
    rationale="A password that has leaked without notice is good for as long as it stays.",
    remediation="aws iam update-login-profile --user-name USER --password-reset-required",
    severity="low",
)
def password_age(
    account: Account, holder_id: str, *, days: Days = 90, without_mfa: bool = False
) -> Iterator[CheckFinding]:
    """`without_mfa`: of users for whom the password is enough."""
    profile = account[LOGIN_PROFILES].get(holder_id)
    if profile is not None and not (without_mfa and has_mfa(account, holder_id)):
        yield CheckFinding(holder_id, profile.changed_at + timedelta(days=days))


@check(
    of="user",
    reads=(USERS, ACCESS_KEYS, LAST_USES),
    title="Users whose keys nobody uses are removed",
    rationale="Of somebody who has left, the user is what is left to be taken over.",
    remediation="aws iam delete-user --user-name USER, when nothing of it is needed any more",
    severity="medium",
)
def user_unused(account: Account, holder_id: str, *, days: Days = 90) -> Iterator[CheckFinding]:
    """Since it was made, or an access key of it was last used, be it one that is deleted by now."""
    uses, last = account[LAST_USES], account[USERS].by_id[holder_id].created_at
    for credential_id in (holder_id, *account[ACCESS_KEYS].owned.rights_of(holder_id)):
        use = uses.get(credential_id)
        if use is not None and use.at > last:
            last = use.at
    yield CheckFinding(holder_id, last + timedelta(days=days))
