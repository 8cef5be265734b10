"""Access keys: long-term credentials of users and of the root user."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from immutables import Map

from domain.foundation.events import Change
from domain.foundation.many_to_many import ManyToMany

AccessKeyStatus = Literal["Active", "Inactive"]


@dataclass(frozen=True, slots=True)
class AccessKey:
    id: str
    user_id: str
    """The owner's unique id; the account id for a key of the root user."""
    status: AccessKeyStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AccessKeys:
    by_id: Map[str, AccessKey] = Map()
    owned: ManyToMany = ManyToMany()
    """Unique ids of owners on the left, key ids on the right."""

    def of(self, user_id: str) -> list[AccessKey]:
        """Oldest first."""
        return [self.by_id[key_id] for key_id in self.owned.rights_of(user_id)]


class AccessKeyCreated(Change, topic="iam.access_key.created.v1"):
    access_key_id: str
    user_id: str
    user_name: str


class AccessKeyActivated(Change, topic="iam.access_key.activated.v1"):
    access_key_id: str
    user_id: str
    user_name: str


class AccessKeyDeactivated(Change, topic="iam.access_key.deactivated.v1"):
    """The key may no longer sign. Sessions minted from it live on, as in AWS; `contain` ends those too."""

    access_key_id: str
    user_id: str
    user_name: str


class AccessKeyDeleted(Change, topic="iam.access_key.deleted.v1"):
    access_key_id: str
    user_id: str
    user_name: str


AccessKeyEvent = AccessKeyCreated | AccessKeyActivated | AccessKeyDeactivated | AccessKeyDeleted


def evolve(keys: AccessKeys, event: AccessKeyEvent, at: datetime) -> AccessKeys:
    key_id = event.access_key_id
    match event:
        case AccessKeyCreated():
            if key_id in keys.by_id:
                raise LookupError(f"There is an access key {key_id} already.")
            key = AccessKey(key_id, event.user_id, "Active", at)
            return AccessKeys(keys.by_id.set(key_id, key), keys.owned.add(event.user_id, key_id))
        case AccessKeyActivated():
            return _with_status(keys, key_id, "Active")
        case AccessKeyDeactivated():
            return _with_status(keys, key_id, "Inactive")
        case AccessKeyDeleted():
            return AccessKeys(keys.by_id.delete(key_id), keys.owned.remove(event.user_id, key_id))


def _with_status(keys: AccessKeys, key_id: str, status: AccessKeyStatus) -> AccessKeys:
    return replace(keys, by_id=keys.by_id.set(key_id, replace(keys.by_id[key_id], status=status)))
