"""The condition keys that IAM's operations bring of their own.

Which operation brings which: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from collections.abc import Iterable, Mapping

from domain.account import Account
from domain.roles import Role
from domain.users import User
from services.wire.operations import Parameters

Keys = Mapping[str, tuple[str, ...]]


def policy_arn(_account: Account, parameters: Parameters) -> Keys:
    return {"iam:policyarn": (parameters["policy_arn"],)}


def tags_given(_account: Account, parameters: Parameters) -> Keys:
    return of_tags(parameters.get("tags", ()))


def tag_keys_given(_account: Account, parameters: Parameters) -> Keys:
    return {"aws:tagkeys": tuple(parameters["tag_keys"])}


def of_tags(tags: Iterable[Mapping[str, str]]) -> Keys:
    """Of tags as a request has them. Without any there is no key."""
    keys: dict[str, tuple[str, ...]] = {f"aws:requesttag/{tag['key'].lower()}": (tag["value"],) for tag in tags}
    return keys | {"aws:tagkeys": tuple(tag["key"] for tag in tags)} if keys else {}


def tags_of(entity: User | Role) -> Keys:
    """For a check of an ARN that the entity does not have yet: under its own, its tags are known without this."""
    return {
        f"{service}:resourcetag/{key}": (tag.value,) for service in ("aws", "iam") for key, tag in entity.tags.items()
    }


def boundary_given(_account: Account, parameters: Parameters) -> Keys:
    """The boundary that the user or role is to have."""
    return _of_boundary(parameters.get("permissions_boundary"))


def new_entity(account: Account, parameters: Parameters) -> Keys:
    """The tags and the boundary that a user or role begins with."""
    return {**tags_given(account, parameters), **boundary_given(account, parameters)}


def boundary_of_user(account: Account, parameters: Parameters) -> Keys:
    """The boundary that the user has."""
    return _of_bounded(account.users.find(parameters["user_name"]))


def boundary_of_role(account: Account, parameters: Parameters) -> Keys:
    return _of_bounded(account.roles.find(parameters["role_name"]))


def _of_bounded(entity: User | Role | None) -> Keys:
    return {} if entity is None else _of_boundary(entity.boundary_arn)


def _of_boundary(arn: str | None) -> Keys:
    return {} if arn is None else {"iam:permissionsboundary": (arn,)}
