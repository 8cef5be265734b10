"""Permissions boundaries of users and roles: who may have which
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html)."""

from domain.account import Account, AccountChange
from domain.entity_kinds import AnyKind
from domain.families.aws_managed_policies import adoption, find_policy, is_attachable
from domain.families.boundaries import PermissionsBoundaryDeleted, PermissionsBoundaryPut, boundary_arn
from domain.families.policies import MANAGED_POLICIES
from domain.foundation.errors import NoSuchEntity, Refusal
from domain.rules.protected_roles import refuse_protected


def put(account: Account, kind: AnyKind, name: str, *, policy_arn: str) -> tuple[AccountChange, ...]:
    """Putting the boundary that there is already is no error and no event."""
    entity = kind.named(account, name)
    refuse_protected(entity)
    if boundary_arn(account, entity.id) == policy_arn:
        return ()
    return boundary_on_create(account, kind, entity.id, entity.name, policy_arn)


def boundary_on_create(
    account: Account,
    kind: AnyKind,
    entity_id: str,
    entity_name: str,
    policy_arn: str | None,
    *,
    missing: type[Refusal] = NoSuchEntity,
) -> tuple[AccountChange, ...]:
    """What follows the creation of an entity that is given this boundary, or none. Raises `missing` where there is no
    such policy: CreateRole has no NoSuchEntity (API Reference)."""
    if policy_arn is None:
        return ()
    policy = find_policy(account, policy_arn)
    if policy is None or not is_attachable(policy):
        raise missing(f"Scope ARN: {policy_arn} does not exist or is not attachable.")
    return (
        *adoption(account, policy_arn),
        PermissionsBoundaryPut(
            entity=kind.noun, entity_id=entity_id, entity_name=entity_name, policy_id=policy.id, policy_arn=policy.arn
        ),
    )


def delete(account: Account, kind: AnyKind, name: str) -> PermissionsBoundaryDeleted:
    entity = kind.named(account, name)
    refuse_protected(entity)
    policy_arn = boundary_arn(account, entity.id)
    if policy_arn is None:
        raise NoSuchEntity(f"The {kind.noun} {entity.name} does not have a permissions boundary.")
    policy_id = account[MANAGED_POLICIES][policy_arn].id
    return PermissionsBoundaryDeleted(**kind.naming(entity), policy_id=policy_id, policy_arn=policy_arn)
