"""What an organization's management account may do with the root users of its members.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html#id_root-user-access-management
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.account import Account, AffectsNobody, Component, OfAccount
from domain.facts import Fact, FactKind, FactValue, tells_facts

Feature = Literal["RootSessions", "RootCredentialsManagement"]


@dataclass(frozen=True, slots=True)
class OrganizationsFeatures:
    organization_id: str
    enabled: tuple[Feature, ...]
    """In order."""


ORGANIZATIONS_FEATURES = Component[OrganizationsFeatures | None]("organizations_features", None)
"""In the management account; of the organization that it managed when they were enabled."""
FEATURE_FACT = FactKind("organizations feature", "was enabled", "was disabled")


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
