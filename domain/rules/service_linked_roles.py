"""Service-linked roles: which there can be, and how they come and go
(https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html).

In service_linked_roles.txt stand, for each service, the end of the role's name, the policy that AWS attaches to it, and
`suffix` where the caller may add one.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from domain.account import Account, AccountChange
from domain.authorization import SERVICE_LINKED
from domain.families.aws_managed_policies import adoption, find_policy
from domain.families.boundaries import PermissionsBoundaryDeleted, boundary_arn
from domain.families.policies import (
    ATTACHMENTS,
    INLINE_POLICIES,
    MANAGED_POLICIES,
    NO_INLINE_POLICIES,
    InlinePolicyDeleted,
    PolicyAttached,
    PolicyDetached,
)
from domain.families.roles import ROLE, ROLES, Role, RoleCreated, RoleDeleted
from domain.families.service_linked_roles import DELETION_TASKS, ServiceLinkedRoleDeletionFinished
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.identifiers import arn
from domain.policy.service_principals import known_name
from domain.rules.protected_roles import is_service_linked
from domain.rules.quotas import ROLES_MAX, refuse_beyond

SESSION_SECONDS_MAX: Final = 3_600
ROLE_NAME_CHARACTERS_MAX: Final = 64
_TASK_PARTS = 5
"""`task/aws-service-role/SERVICE/ROLE/UUID`."""


@dataclass(frozen=True, slots=True)
class Template:
    """Of the role that a service has."""

    name: str
    policy: str
    takes_suffix: bool


def _template(name: str, policy: str, suffix: str = "") -> Template:
    return Template(f"AWSServiceRoleFor{name}", policy, suffix == "suffix")


_TEMPLATES: Mapping[str, Template] = {
    service: _template(*columns)
    for service, *columns in (
        line.split("\t")
        for line in files("domain.rules").joinpath("service_linked_roles.txt").read_text("utf-8").splitlines()
    )
}
"""By the service's name, without a domain."""


def role_name_for(service: str, suffix: str | None, partition: str) -> str:
    """Of a service without such a role, how all names begin: what may be asked about it, policies say by that."""
    template = _find_template(service, partition)
    name = "AWSServiceRoleFor" if template is None else template.name
    return name if suffix is None else f"{name}_{suffix}"


def _find_template(service: str, partition: str) -> Template | None:
    return _TEMPLATES.get(known_name(service, partition) or "")


def create(
    account: Account, *, role_id: str, service: str, description: str | None, suffix: str | None
) -> Iterator[AccountChange]:
    """With the policy that AWS attaches, if this installation has it. Raises InvalidInput and LimitExceeded."""
    template = _find_template(service, account.partition)
    if template is None:
        raise InvalidInput(f"No service-linked role is known of the service {service}.")
    if suffix is not None and not template.takes_suffix:
        raise InvalidInput(f"Custom suffix is not allowed for {service}")
    name = role_name_for(service, suffix, account.partition)
    if len(name) > ROLE_NAME_CHARACTERS_MAX:
        raise InvalidInput(f"The role name {name} is longer than {ROLE_NAME_CHARACTERS_MAX} characters.")
    if account[ROLES].find(name) is not None:
        raise InvalidInput(f"Service role name {name} has been taken in this account, please try a different suffix.")
    refuse_beyond("RolesPerAccount", len(account[ROLES]), ROLES_MAX)
    trust = {"Effect": "Allow", "Principal": {"Service": [service]}, "Action": ["sts:AssumeRole"]}
    yield RoleCreated(
        role_id=role_id,
        role_name=name,
        path=f"{SERVICE_LINKED}{service}/",
        description=description,
        session_seconds_max=SESSION_SECONDS_MAX,
        trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        trusted={},
    )
    policy = find_policy(account, arn(account.partition, "iam", "aws", f"policy{SERVICE_LINKED}{template.policy}"))
    if policy is not None:
        yield from adoption(account, policy.arn)
        named = {"entity": ROLE.noun, "entity_id": role_id, "entity_name": name}
        yield PolicyAttached(**named, policy_id=policy.id, policy_arn=policy.arn)


def delete(account: Account, *, role_name: str, new_uuid: Callable[[], str]) -> tuple[str, list[AccountChange]]:
    """The task's id, and the changes. Raises NoSuchEntity, for another role too: it is not deleted like that."""
    role = account[ROLES].find(role_name)
    if role is None or not is_service_linked(role):
        raise NoSuchEntity(f"There is no service-linked role with name {role_name}.")
    task_id = f"task{role.path}{role.name}/{new_uuid()}"
    finished = ServiceLinkedRoleDeletionFinished(deletion_task_id=task_id, role_id=role.id, role_name=role.name)
    deleted = RoleDeleted(role_id=role.id, role_name=role.name)
    return task_id, [*_emptied(account, role), deleted, finished]


def _emptied(account: Account, role: Role) -> Iterator[AccountChange]:
    """What it holds goes with it, of a containment too."""
    named = ROLE.naming(role)
    for policy_arn in account[ATTACHMENTS].rights_of(role.id):
        policy_id = account[MANAGED_POLICIES][policy_arn].id
        yield PolicyDetached(**named, policy_id=policy_id, policy_arn=policy_arn)
    for policy_name in sorted(account[INLINE_POLICIES].get(role.id, NO_INLINE_POLICIES)):
        yield InlinePolicyDeleted(**named, policy_name=policy_name)
    bounded = boundary_arn(account, role.id)
    if bounded is not None:
        yield PermissionsBoundaryDeleted(**named, policy_id=account[MANAGED_POLICIES][bounded].id, policy_arn=bounded)


def role_of_task(task_id: str) -> str | None:
    """The path and name of the role that the task is about; None for what is no id of a task."""
    parts = task_id.split("/")
    is_one = len(parts) == _TASK_PARTS and parts[0] == "task" and f"/{parts[1]}/" == SERVICE_LINKED and all(parts)
    return "/".join(("", *parts[1:4])) if is_one else None


def refuse_unknown_task(account: Account, task_id: str) -> None:
    """Raises InvalidInput and NoSuchEntity. A task that is known has succeeded."""
    resource = role_of_task(task_id)
    if resource is None:
        raise InvalidInput(f"Expected task{SERVICE_LINKED}SERVICE/ROLE/UUID; got {task_id}.")
    task = account[DELETION_TASKS].get(resource.rpartition("/")[2].lower())
    if task is None or task.id != task_id:
        raise NoSuchEntity(f"There is no deletion task {task_id}.")
