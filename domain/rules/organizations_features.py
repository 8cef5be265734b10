"""Centralized root access: who may turn it on, and for which organization.

The operator sets the organization, with all features and with trusted access for IAM; it knows no delegated
administrators.
"""

from domain.account import Account
from domain.families.organization import ORGANIZATION_MEMBERSHIP, is_managed_by
from domain.families.organizations_features import (
    Feature,
    OrganizationsFeatureDisabled,
    OrganizationsFeatureEnabled,
    enabled_features,
)
from domain.foundation.errors import Refusal


class OrganizationNotFoundException(Refusal): ...


class AccountNotManagementOrDelegatedAdministratorException(Refusal): ...


def managed_organization_id(account: Account) -> str:
    """Raises OrganizationNotFoundException and AccountNotManagementOrDelegatedAdministratorException."""
    membership = account[ORGANIZATION_MEMBERSHIP]
    if membership is None:
        raise OrganizationNotFoundException(
            "The request was rejected because no organization is associated with your account."
        )
    if not is_managed_by(membership, account.id):
        raise AccountNotManagementOrDelegatedAdministratorException(
            "The request was rejected because the account making the request is not the management account or "
            "delegated administrator account for centralized root access."
        )
    return membership.organization_id


def enable(account: Account, feature: Feature) -> tuple[OrganizationsFeatureEnabled, ...]:
    """What is enabled already is no error and no event."""
    organization_id = managed_organization_id(account)
    if feature in enabled_features(account):
        return ()
    return (OrganizationsFeatureEnabled(organization_id=organization_id, feature=feature),)


def disable(account: Account, feature: Feature) -> tuple[OrganizationsFeatureDisabled, ...]:
    organization_id = managed_organization_id(account)
    if feature not in enabled_features(account):
        return ()
    return (OrganizationsFeatureDisabled(organization_id=organization_id, feature=feature),)
