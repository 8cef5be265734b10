"""Joiners, movers and leavers: which changes made somebody a user, gave a user other access or another name, or ended
it."""

from functools import cache
from typing import Literal

from domain.entity_kinds import EntityChange
from domain.families.boundaries import BoundaryChange
from domain.families.groups import GroupMembershipChange
from domain.families.policies import HolderChange
from domain.families.users import UserChange, UserCreated, UserDeleted
from domain.foundation.events import Event, event_classes, topics_of

Movement = Literal["joined", "moved", "left"]
_MOVING = (UserChange, GroupMembershipChange, HolderChange, BoundaryChange)


def movement(event: Event) -> Movement | None:
    """None of a change that moves no user. Who is given another access key or password does not move."""
    if not isinstance(event, _MOVING) or (isinstance(event, EntityChange) and event.entity != "user"):
        return None
    if isinstance(event, UserCreated):
        return "joined"
    return "left" if isinstance(event, UserDeleted) else "moved"


@cache
def moving_topics() -> tuple[str, ...]:
    """Under which all events with a movement are stored, with others of groups and roles among them."""
    found = (topic for topic, event in event_classes().items() if issubclass(event, _MOVING))
    return tuple(each for topic in found for each in topics_of(topic))
