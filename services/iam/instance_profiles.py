"""IAM's operations on instance profiles, of which an account has none yet."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.roles import ROLES
from services.iam import resources
from services.iam.empty_page import empty_page
from services.wire.operations import answers, any_resource


@answers("ListInstanceProfiles", on=any_resource, records="path_prefix marker max_items")
def list_instance_profiles(
    _account: Account,
    _call: Call,
    *,
    path_prefix: str = "/",  # noqa: ARG001  there is nothing to filter
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    return empty_page("InstanceProfiles", marker, max_items)


@answers("ListInstanceProfilesForRole", on=resources.role, records="role_name marker max_items")
def list_instance_profiles_for_role(
    account: Account, _call: Call, *, role_name: str, marker: str | None = None, max_items: int | None = None
) -> Outcome:
    account[ROLES].named(role_name)
    return empty_page("InstanceProfiles", marker, max_items)
