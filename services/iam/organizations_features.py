"""IAM's operations on centralized root access."""

from collections.abc import Callable

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.organizations_features import Feature, enabled_features
from domain.foundation.events import Change
from domain.rules import organizations_features as rules
from services.wire.operations import answers, any_resource


def _members(account: Account) -> dict[str, object]:
    return {
        "OrganizationId": rules.managed_organization_id(account),
        "EnabledFeatures": list(enabled_features(account)),
    }


def _answer(name: str, feature: Feature, change: Callable[[Account, Feature], tuple[Change, ...]]) -> None:
    @answers(name, on=any_resource, ends_access=lambda _parameters: change is rules.disable)
    def change_feature(account: Account, _call: Call) -> Outcome:
        return Outcome(_members, change(account, feature))


_answer("EnableOrganizationsRootCredentialsManagement", "RootCredentialsManagement", rules.enable)
_answer("DisableOrganizationsRootCredentialsManagement", "RootCredentialsManagement", rules.disable)
_answer("EnableOrganizationsRootSessions", "RootSessions", rules.enable)
_answer("DisableOrganizationsRootSessions", "RootSessions", rules.disable)


@answers("ListOrganizationsFeatures", on=any_resource)
def list_organizations_features(account: Account, _call: Call) -> Outcome:
    rules.managed_organization_id(account)
    return Outcome(_members)
