"""The root user, who may do everything, and whom no policy of the account limits."""

from collections.abc import Iterator
from datetime import timedelta

from domain.account import Account
from domain.compliance.check import ROOT, CheckFinding, Days, check, violated
from domain.families.access_keys import ACCESS_KEYS
from domain.families.credential_use import LAST_USES
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.passwords import LOGIN_PROFILES
from domain.rules.mfa_devices import has_mfa


@check(
    version=2,
    of=ROOT,
    reads=(LOGIN_PROFILES, MFA_DEVICES),
    title="A root user with a password has MFA",
    rationale="The root user may do everything, and no policy limits it.",
    remediation="aws iam enable-mfa-device, as root; or leave root without a password",
    severity="critical",
)
def root_without_mfa(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    """It protects a password: access keys work without it (Security Hub User Guide, IAM.6 and IAM.9)."""
    yield violated(holder_id, holder_id in account[LOGIN_PROFILES] and not has_mfa(account, holder_id))


@check(
    version=2,
    of=ROOT,
    reads=(LOGIN_PROFILES,),
    title="A root user with a password has MFA of hardware, and no other",
    rationale="What makes the codes of a virtual device can be copied with the machine that it is on.",
    remediation="Leave root without a password: there are virtual devices only here",
    severity="critical",
)
def root_without_hardware_mfa(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    """All devices here are virtual, and one that is would violate it too."""
    yield violated(holder_id, holder_id in account[LOGIN_PROFILES])


@check(
    of=ROOT,
    reads=(ACCESS_KEYS,),
    title="The root user has no access keys",
    rationale="Whoever has the key has the account, from anywhere and without MFA.",
    remediation="aws iam delete-access-key --access-key-id KEY, as root",
    severity="critical",
    exposure="key-days",
)
def root_access_key(account: Account, holder_id: str) -> Iterator[CheckFinding]:
    for key in account[ACCESS_KEYS].of(holder_id):
        yield violated(key.id, when=True)


@check(
    of=ROOT,
    reads=(ACCESS_KEYS, LAST_USES),
    title="The root user is not used",
    rationale="What root does, no policy could have prevented.",
    remediation="Use a role for daily work; keep the root user's credentials for what only it can do.",
    severity="high",
)
def root_used(account: Account, holder_id: str, *, days: Days = 90) -> Iterator[CheckFinding]:
    uses = account[LAST_USES]
    users = (holder_id, *(key.id for key in account[ACCESS_KEYS].of(holder_id)))
    used_at = max((use.at for each in users if (use := uses.get(each)) is not None), default=None)
    yield CheckFinding(account.id, used_at, None if used_at is None else used_at + timedelta(days=days))
