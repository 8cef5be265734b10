"""A lifecycle profile as a framework: what its rules would have found."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from domain.account import Account, Component
from domain.compliance.check import ACCOUNT, CheckCriterion, CheckFinding, ComplianceCheck
from domain.compliance.frameworks import Control, Framework
from domain.families.access_keys import ACCESS_KEYS
from domain.families.compliance_frameworks import ControlDefinition, ControlTest, FrameworkDefinition
from domain.families.credential_use import LAST_USES
from domain.families.lifecycle_profiles import LifecycleProfile
from domain.families.mfa_devices import MFA_DEVICES
from domain.families.notices import CredentialIdle, Notice, RotationDue, RotationOverdue, RotationOverlapExceeded
from domain.families.passwords import LOGIN_PROFILES
from domain.families.roles import ROLES
from domain.families.saml_providers import SAML_PROVIDERS
from domain.families.server_certificates import SERVER_CERTIFICATES
from domain.families.tags import TAGS
from domain.families.user_credentials import USER_CREDENTIALS
from domain.families.users import USERS
from domain.foundation.credential_kind import KIND_NAMES
from domain.rules.lifecycle import milestones

HOLDERS = (ACCOUNT, "user", "role", "server certificate", "SAML provider")
_UNEXEMPTED = datetime.max.replace(tzinfo=UTC)
"""Exemptions are from the profile in force, and have ended by then."""
_READS = frozenset[Component[Any]](
    (
        *(ACCESS_KEYS, LAST_USES, LOGIN_PROFILES, MFA_DEVICES, ROLES, SAML_PROVIDERS, SERVER_CERTIFICATES, TAGS),
        *(USER_CREDENTIALS, USERS),
    )
)
"""The credentials, when they were used, and by what overrides find their owners."""
_CONTROLS: tuple[tuple[type[Notice], str], ...] = (
    (RotationDue, "Credentials are replaced before they are due"),
    (RotationOverdue, "No credential is overdue"),
    (RotationOverlapExceeded, "Credentials are not active for long beside their successors"),
    (CredentialIdle, "No active credential is idle"),
)
"""What a profile finds of credentials that are active."""


def profile_framework(profile: LifecycleProfile) -> Framework:
    """A control for each kind of finding, of all kinds of credentials together."""
    controls = []
    for notice, title in _CONTROLS:
        check = _check(profile, notice, title)
        criteria = tuple(CheckCriterion(check, (("kind", kind),)) for kind in KIND_NAMES)
        tests = (ControlTest(check=check.name),)
        controls.append(Control(ControlDefinition(id=notice.about, title=title, tests=tests), criteria))
    definition = FrameworkDefinition(
        name=profile.name,
        version=str(profile.version),
        title="Lifecycle profile",
        source="the rules that were given",
        controls=tuple(control.definition for control in controls),
    )
    return Framework(definition, tuple(controls))


def _check(profile: LifecycleProfile, notice: type[Notice], title: str) -> ComplianceCheck:
    def test(account: Account, holder_id: str, *, kind: str) -> Iterator[CheckFinding]:
        for milestone in milestones(account, holder_id, _UNEXEMPTED, profile):
            if milestone.notice is notice and milestone.held.kind == kind and milestone.held.active:
                yield CheckFinding(milestone.held.id, milestone.due_at)

    return ComplianceCheck(
        f"profile.{notice.about}",
        1,
        test,
        HOLDERS,
        _READS,
        title=title,
        rationale="The profile's rules say so.",
        remediation="muniment rotate access-key USER",
        severity="medium",
        exposure="key-days",
    )
