"""MFA of users."""

from collections.abc import Iterator

from domain.account import Account
from domain.compliance.check import CheckFinding, check, violated
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.passwords import LOGIN_PROFILES
from domain.families.users import USERS
from domain.rules.mfa_devices import has_mfa


@check(
    of="user",
    reads=(LOGIN_PROFILES, MFA_DEVICES),
    title="Users with a password have MFA",
    rationale="A password that is guessed or taken lets nobody in who has not the device too.",
    remediation="aws iam enable-mfa-device",
    severity="high",
)
def password_without_mfa(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    if holder_id in account[LOGIN_PROFILES]:
        yield violated(holder_id, not has_mfa(account, holder_id))


@check(
    of="user",
    reads=(USERS, MFA_DEVICES),
    title="Users have MFA",
    rationale="Policies can ask for MFA only of those who have it.",
    remediation="aws iam enable-mfa-device",
    severity="medium",
)
def user_without_mfa(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    yield violated(holder_id, not has_mfa(account, holder_id))
