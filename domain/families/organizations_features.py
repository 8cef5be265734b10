"""What an organization's management account may do with the root users of its members.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html#id_root-user-access-management
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, get_args

from domain.account import Account, AffectsNobody, Component, OfAccount
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.families.organization import ORGANIZATION_MEMBERSHIP, is_managed_by
from domain.lineage_kinds import Command, LineageKind, Parts, Setting, SettingDelta

Feature = Literal["RootSessions", "RootCredentialsManagement"]


@dataclass(frozen=True, slots=True)
class OrganizationsFeatures:
    organization_id: str
    enabled: tuple[Feature, ...]
    """In order."""


ORGANIZATIONS_FEATURES = Component[OrganizationsFeatures | None]("organizations_features", None)
"""In the management account; of the organization that it managed when they were enabled."""
FEATURE_FACT = FactKind("organizations feature", "was enabled", "was disabled")
_OPERATIONS: dict[str, str] = {
    "RootSessions": "organizations-root-sessions",
    "RootCredentialsManagement": "organizations-root-credentials-management",
}


def enabled_features(account: Account) -> tuple[Feature, ...]:
    """Of the organization that the account manages; none where it manages none, or another than that."""
    membership, features = account[ORGANIZATION_MEMBERSHIP], account[ORGANIZATIONS_FEATURES]
    if membership is None or features is None or not is_managed_by(membership, account.id):
        return ()
    return features.enabled if features.organization_id == membership.organization_id else ()


def _removals(now: Account, owner_id: str) -> Iterator[tuple[str, Command]]:
    for feature in enabled_features(now) if owner_id == now.id else ():
        yield feature, Command(f"disable-{_OPERATIONS[feature]}", {})


def _parts(account: Account, _account_id: str, feature: str) -> Parts:
    features = account[ORGANIZATIONS_FEATURES]
    return {} if features is None or feature not in features.enabled else {feature: features.organization_id}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    features = delta.account[ORGANIZATIONS_FEATURES]
    if features is None:
        return delta.account
    kept = (*(each for each in features.enabled if each != delta.subject_id), *parts)
    enabled = tuple(feature for feature in sorted(get_args(Feature)) if feature in kept)
    return delta.account.put(ORGANIZATIONS_FEATURES, replace(features, enabled=enabled))


def _openings(delta: SettingDelta) -> Iterator[str]:
    """Whom policies allow sts:AssumeRoot, those of any moment."""
    for feature in set(delta.introduced).intersection(enabled_features(delta.account)):
        yield f"lets principals of {delta.account.id} assume root of member accounts, for tasks of {feature}"


FEATURE_SETTING = Setting(_parts, _without, _openings, is_keyed=True)
LineageKind("organizations_feature", "organizations feature {name}", removals=_removals, setting=FEATURE_SETTING)
LineageKind("organizations_feature_disabled", "organizations feature {name} disabled", setting=FEATURE_SETTING)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    features = account[ORGANIZATIONS_FEATURES]
    if subject == account.id and features is not None:
        for feature in features.enabled:
            said = {"organization_id": features.organization_id}
            yield Fact(FEATURE_FACT, f"{features.organization_id}/{feature}"), FactValue(feature, said)


class FeatureChange(AffectsNobody, OfAccount):
    organization_id: str
    feature: Feature


class OrganizationsFeatureEnabled(FeatureChange, topic="iam.organizations_feature.enabled.v1"):
    """Those of an organization that the account managed before are gone with that."""

    sentence = "{feature} was enabled in organization {organization_id}."

    def fold(self, account: Account, at: datetime) -> Account:
        before = account[ORGANIZATIONS_FEATURES]
        known = before.enabled if before is not None and before.organization_id == self.organization_id else ()
        enabled = tuple(sorted({*known, self.feature}))
        return account.put(ORGANIZATIONS_FEATURES, OrganizationsFeatures(self.organization_id, enabled))


class OrganizationsFeatureDisabled(FeatureChange, topic="iam.organizations_feature.disabled.v1"):
    sentence = "{feature} was disabled in organization {organization_id}."

    def fold(self, account: Account, at: datetime) -> Account:
        before = account[ORGANIZATIONS_FEATURES]
        if before is None or before.organization_id != self.organization_id or self.feature not in before.enabled:
            raise LookupError(f"{self.feature} is not enabled in {self.organization_id}.")
        enabled = tuple(feature for feature in before.enabled if feature != self.feature)
        return account.put(ORGANIZATIONS_FEATURES, OrganizationsFeatures(self.organization_id, enabled))
