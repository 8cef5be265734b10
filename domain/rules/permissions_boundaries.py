"""Permissions boundaries of users and roles: who may have which
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from domain.account import Account
from domain.families.boundaries import BoundedKind, PermissionsBoundaryDeleted, PermissionsBoundaryPut
from domain.foundation.errors import InvalidInput, NoSuchEntity, Refusal


class Bounded(Protocol):
    """A user or a role."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def boundary_arn(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class BoundableKind:
    """One of the two kinds that may have a boundary."""

    kind: BoundedKind
    named: Callable[[Account, str], Bounded]
    missing_on_create: type[Refusal]
    """How its creation refuses a policy that does not exist: CreateRole has no NoSuchEntity (API Reference)."""


USER = BoundableKind("user", lambda account, name: account.users.named(name), NoSuchEntity)
ROLE = BoundableKind("role", lambda account, name: account.roles.named(name), InvalidInput)


def put(account: Account, kind: BoundableKind, name: str, *, policy_arn: str) -> tuple[PermissionsBoundaryPut, ...]:
    """Putting the boundary that there is already is no error and no event."""
    entity = kind.named(account, name)
    if policy_arn not in account.managed_policies:
        raise NoSuchEntity(_unknown(policy_arn))
    if entity.boundary_arn == policy_arn:
        return ()
    return boundary_on_create(account, kind, entity.id, entity.name, policy_arn)


def boundary_on_create(
    account: Account, kind: BoundableKind, entity_id: str, entity_name: str, policy_arn: str | None
) -> tuple[PermissionsBoundaryPut, ...]:
    """What follows the creation of an entity that is given this boundary, or none."""
    if policy_arn is None:
        return ()
    policy = account.managed_policies.get(policy_arn)
    if policy is None:
        raise kind.missing_on_create(_unknown(policy_arn))
    return (
        PermissionsBoundaryPut(
            entity=kind.kind, entity_id=entity_id, entity_name=entity_name, policy_id=policy.id, policy_arn=policy.arn
        ),
    )


def delete(account: Account, kind: BoundableKind, name: str) -> PermissionsBoundaryDeleted:
    entity = kind.named(account, name)
    if entity.boundary_arn is None:
        raise NoSuchEntity(f"The {kind.kind} {entity.name} does not have a permissions boundary.")
    return PermissionsBoundaryDeleted(
        entity=kind.kind,
        entity_id=entity.id,
        entity_name=entity.name,
        policy_id=account.managed_policies[entity.boundary_arn].id,
        policy_arn=entity.boundary_arn,
    )


def _unknown(policy_arn: str) -> str:
    return f"Policy {policy_arn} does not exist or is not attachable."
