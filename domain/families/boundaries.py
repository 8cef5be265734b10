"""Permissions boundaries: managed policies that say what a user or a role may do at most."""

from typing import Literal

from domain.foundation.events import Change
from domain.foundation.many_to_many import ManyToMany

BoundedKind = Literal["user", "role"]


class PermissionsBoundaryPut(Change, topic="iam.permissions_boundary.put.v1"):
    """In the place of the one before, if there was one."""

    entity: BoundedKind
    entity_id: str
    entity_name: str
    policy_id: str
    policy_arn: str


class PermissionsBoundaryDeleted(Change, topic="iam.permissions_boundary.deleted.v1"):
    entity: BoundedKind
    entity_id: str
    entity_name: str
    policy_id: str
    policy_arn: str


BoundaryEvent = PermissionsBoundaryPut | PermissionsBoundaryDeleted


def boundary_arn(event: BoundaryEvent) -> str | None:
    """Of the policy that bounds the entity from here on."""
    return event.policy_arn if isinstance(event, PermissionsBoundaryPut) else None


def evolve(boundaries: ManyToMany, event: BoundaryEvent) -> ManyToMany:
    """Unique ids of users and roles on the left, and on the right the ARN of the one policy that bounds them."""
    match event:
        case PermissionsBoundaryPut():
            return forget(boundaries, event.entity_id).add(event.entity_id, event.policy_arn)
        case PermissionsBoundaryDeleted():
            return boundaries.remove(event.entity_id, event.policy_arn)


def forget(boundaries: ManyToMany, entity_id: str) -> ManyToMany:
    """A boundary goes with its user or role."""
    for policy_arn in boundaries.rights_of(entity_id):
        boundaries = boundaries.remove(entity_id, policy_arn)
    return boundaries
