"""The kinds of entities whose operations are alike, as IAM's requests and answers name them."""

from dataclasses import dataclass

from services.iam import condition_keys, resources
from services.wire.operations import FindConditionKeys, FindResource


@dataclass(frozen=True, slots=True)
class NamedEntity:
    holder: str
    """The parameter that names it."""
    member: str
    """Of answers that name it."""
    on: FindResource
    boundary: FindConditionKeys = lambda _account, _parameters: {}
    """The condition key that tells the permissions boundary it has, where it can have one."""


USER = NamedEntity("user_name", "UserName", resources.user, condition_keys.boundary_of_user)
GROUP = NamedEntity("group_name", "GroupName", resources.group)
ROLE = NamedEntity("role_name", "RoleName", resources.role, condition_keys.boundary_of_role)
