"""Groups, and which users are in them."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.foundation.entity_index import EntityIndex
from domain.foundation.events import Change
from domain.foundation.many_to_many import ManyToMany


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    name: str
    path: str
    created_at: datetime

    @property
    def resource(self) -> str:
        return f"group{self.path}{self.name}"


class GroupCreated(Change, topic="iam.group.created.v1"):
    group_id: str
    group_name: str
    path: str


class GroupUpdated(Change, topic="iam.group.updated.v1"):
    group_id: str
    group_name: str
    new_group_name: str
    new_path: str


class GroupDeleted(Change, topic="iam.group.deleted.v1"):
    group_id: str
    group_name: str


class UserAddedToGroup(Change, topic="iam.group.user_added.v1"):
    group_id: str
    group_name: str
    user_id: str
    user_name: str


class UserRemovedFromGroup(Change, topic="iam.group.user_removed.v1"):
    group_id: str
    group_name: str
    user_id: str
    user_name: str


GroupEvent = GroupCreated | GroupUpdated | GroupDeleted
MembershipEvent = UserAddedToGroup | UserRemovedFromGroup
Groups = EntityIndex[Group]


def evolve(groups: Groups, event: GroupEvent, at: datetime) -> Groups:
    match event:
        case GroupCreated():
            return groups.add(Group(event.group_id, event.group_name, event.path, at))
        case GroupUpdated():
            group = groups.by_id[event.group_id]
            return groups.put(replace(group, name=event.new_group_name, path=event.new_path))
        case GroupDeleted():
            return groups.without(event.group_id)


def evolve_memberships(memberships: ManyToMany, event: MembershipEvent) -> ManyToMany:
    """Users on the left, groups on the right."""
    match event:
        case UserAddedToGroup():
            return memberships.add(event.user_id, event.group_id)
        case UserRemovedFromGroup():
            return memberships.remove(event.user_id, event.group_id)
