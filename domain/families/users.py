"""Users: people and programs with credentials of their own."""

from dataclasses import dataclass, replace
from datetime import datetime

from immutables import Map

from domain.families.boundaries import BoundaryEvent, PermissionsBoundaryDeleted, PermissionsBoundaryPut, boundary_arn
from domain.families.tags import EntityTagged, EntityUntagged, TagEvent, Tags
from domain.families.tags import evolve as evolve_tags
from domain.foundation.entity_index import EntityIndex
from domain.foundation.events import Change


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    path: str
    created_at: datetime
    tags: Tags = Map()
    boundary_arn: str | None = None
    """Of the managed policy that is its permissions boundary."""

    @property
    def resource(self) -> str:
        """The last part of the ARN."""
        return f"user{self.path}{self.name}"


class UserCreated(Change, topic="iam.user.created.v1"):
    user_id: str
    user_name: str
    path: str


class UserUpdated(Change, topic="iam.user.updated.v1"):
    """The user has another name or path, and with it another ARN. The unique id stays."""

    user_id: str
    user_name: str
    new_user_name: str
    new_path: str


class UserDeleted(Change, topic="iam.user.deleted.v1"):
    user_id: str
    user_name: str


UserEvent = UserCreated | UserUpdated | UserDeleted | TagEvent | BoundaryEvent
Users = EntityIndex[User]


def evolve(users: Users, event: UserEvent, at: datetime) -> Users:
    match event:
        case UserCreated():
            return users.add(User(event.user_id, event.user_name, event.path, at))
        case UserUpdated():
            user = users.by_id[event.user_id]
            return users.put(replace(user, name=event.new_user_name, path=event.new_path))
        case EntityTagged() | EntityUntagged():
            user = users.by_id[event.entity_id]
            return users.put(replace(user, tags=evolve_tags(user.tags, event)))
        case PermissionsBoundaryPut() | PermissionsBoundaryDeleted():
            return users.put(replace(users.by_id[event.entity_id], boundary_arn=boundary_arn(event)))
        case UserDeleted():
            return users.without(event.user_id)
