"""The condition keys that IAM's operations bring of their own.

Which operation brings which: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from collections.abc import Iterable, Mapping

from domain import call_context
from domain.account import Account
from domain.families.account_settings import ACCOUNT_PROPERTIES
from domain.families.boundaries import boundary_arn
from domain.families.roles import ROLES, Role
from domain.families.users import USERS, User
from domain.rules import account_settings
from services.wire.operations import Parameters

ConditionKeys = Mapping[str, tuple[str, ...]]


def policy_arn(_account: Account, parameters: Parameters) -> ConditionKeys:
    return {"iam:policyarn": (parameters["policy_arn"],)}


def request_tags(_account: Account, parameters: Parameters) -> ConditionKeys:
    return from_tags(parameters.get("tags", ()))


def request_tag_keys(_account: Account, parameters: Parameters) -> ConditionKeys:
    return {"aws:tagkeys": tuple(parameters["tag_keys"])}


def from_tags(tags: Iterable[Mapping[str, str]]) -> ConditionKeys:
    """Of tags as a request has them. Without any there is no key."""
    keys: dict[str, tuple[str, ...]] = {f"aws:requesttag/{tag['key'].lower()}": (tag["value"],) for tag in tags}
    return keys | {"aws:tagkeys": tuple(tag["key"] for tag in tags)} if keys else {}


def resource_tags(account: Account, entity: User | Role) -> ConditionKeys:
    """For a check of an ARN that the entity does not have yet: under its own, its tags are known without this."""
    return call_context.resource_tags(account, account.arn(entity.resource))


def account_property_namespaces(account: Account, parameters: Parameters) -> ConditionKeys:
    """Of the properties that are put, or else of all that are read."""
    namespaces = account_settings.namespaces(parameters.get("properties", account[ACCOUNT_PROPERTIES]))
    return {"iam:accountpropertynamespaces": namespaces} if namespaces else {}


def requested_boundary(_account: Account, parameters: Parameters) -> ConditionKeys:
    """The boundary that the user or role is to have."""
    return _of_boundary(parameters.get("permissions_boundary"))


def new_entity(account: Account, parameters: Parameters) -> ConditionKeys:
    """The tags and the boundary that a user or role begins with."""
    return {**request_tags(account, parameters), **requested_boundary(account, parameters)}


def boundary_of_user(account: Account, parameters: Parameters) -> ConditionKeys:
    """The boundary that the user has."""
    return _of_bounded(account, account[USERS].find(parameters["user_name"]))


def boundary_of_role(account: Account, parameters: Parameters) -> ConditionKeys:
    return _of_bounded(account, account[ROLES].find(parameters["role_name"]))


def _of_bounded(account: Account, entity: User | Role | None) -> ConditionKeys:
    return {} if entity is None else _of_boundary(boundary_arn(account, entity.id))


def _of_boundary(arn: str | None) -> ConditionKeys:
    return {} if arn is None else {"iam:permissionsboundary": (arn,)}
