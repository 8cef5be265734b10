"""Tags: what is written on a user or a role, for people to sort by and for policies to ask about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from immutables import Map

from domain.foundation.events import Change

TaggedKind = Literal["user", "role"]


@dataclass(frozen=True, slots=True)
class Tag:
    key: str
    value: str


Tags = Map[str, Tag]
"""By lower-cased key: those of users and roles are unique without regard to case, and shown as they were given (IAM
User Guide, "Tagging IAM resources", Case sensitivity)."""


class EntityTagged(Change, topic="iam.entity.tagged.v1"):
    """The tags are added, each in the place of one whose key differs by case alone."""

    entity: TaggedKind
    entity_id: str
    entity_name: str
    tags: Mapping[str, str]
    """Values by key."""


class EntityUntagged(Change, topic="iam.entity.untagged.v1"):
    entity: TaggedKind
    entity_id: str
    entity_name: str
    keys: tuple[str, ...]


TagEvent = EntityTagged | EntityUntagged


def evolve(tags: Tags, event: TagEvent) -> Tags:
    match event:
        case EntityTagged():
            return tags.update({key.lower(): Tag(key, value) for key, value in event.tags.items()})
        case EntityUntagged():
            for key in event.keys:
                tags = tags.delete(key.lower())
            return tags
