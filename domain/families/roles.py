"""Roles: identities without credentials of their own, taken on for a while by whom the trust policy names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from immutables import Map

from domain.families.boundaries import BoundaryEvent, PermissionsBoundaryDeleted, PermissionsBoundaryPut, boundary_arn
from domain.families.tags import EntityTagged, EntityUntagged, TagEvent, Tags
from domain.families.tags import evolve as evolve_tags
from domain.foundation.entity_index import EntityIndex
from domain.foundation.events import Change


@dataclass(frozen=True, slots=True)
class Role:
    id: str
    name: str
    path: str
    created_at: datetime
    description: str | None
    session_seconds_max: int
    trust_policy: str
    trusted: Map[str, str]
    """The ARNs of users and roles in the trust policy, each with the unique id it meant when the policy was written:
    whoever gets that ARN later is somebody else."""
    tags: Tags = Map()
    boundary_arn: str | None = None
    """Of the managed policy that is its permissions boundary."""

    @property
    def resource(self) -> str:
        return f"role{self.path}{self.name}"


class RoleCreated(Change, topic="iam.role.created.v1"):
    role_id: str
    role_name: str
    path: str
    description: str | None = None
    session_seconds_max: int
    trust_policy: str
    trusted: Mapping[str, str]


class RoleUpdated(Change, topic="iam.role.updated.v1"):
    role_id: str
    role_name: str
    description: str | None = None
    session_seconds_max: int


class TrustPolicyReplaced(Change, topic="iam.role.trust_policy_replaced.v1"):
    role_id: str
    role_name: str
    trust_policy: str
    trusted: Mapping[str, str]


class RoleDeleted(Change, topic="iam.role.deleted.v1"):
    role_id: str
    role_name: str


RoleEvent = RoleCreated | RoleUpdated | TrustPolicyReplaced | RoleDeleted | TagEvent | BoundaryEvent
Roles = EntityIndex[Role]


def evolve(roles: Roles, event: RoleEvent, at: datetime) -> Roles:
    match event:
        case RoleCreated():
            return roles.add(
                Role(
                    event.role_id,
                    event.role_name,
                    event.path,
                    at,
                    event.description,
                    event.session_seconds_max,
                    event.trust_policy,
                    Map(event.trusted),
                )
            )
        case RoleUpdated():
            role = roles.by_id[event.role_id]
            return roles.put(
                replace(role, description=event.description, session_seconds_max=event.session_seconds_max)
            )
        case TrustPolicyReplaced():
            role = roles.by_id[event.role_id]
            return roles.put(replace(role, trust_policy=event.trust_policy, trusted=Map(event.trusted)))
        case EntityTagged() | EntityUntagged():
            role = roles.by_id[event.entity_id]
            return roles.put(replace(role, tags=evolve_tags(role.tags, event)))
        case PermissionsBoundaryPut() | PermissionsBoundaryDeleted():
            return roles.put(replace(roles.by_id[event.entity_id], boundary_arn=boundary_arn(event)))
        case RoleDeleted():
            return roles.without(event.role_id)
