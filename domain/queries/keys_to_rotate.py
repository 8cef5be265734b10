"""Which access keys of users are to be replaced."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from domain.account import Account
from domain.families.access_keys import ACCESS_KEYS, AccessKey
from domain.families.key_rotations import KEY_ROTATIONS, KeyRotation
from domain.families.notices import Notice, RotationDue, RotationOverdue
from domain.families.tags import tag_id, tags_of
from domain.families.users import USERS, User
from domain.rules.lifecycle import milestones

DueNotice = Literal["due", "overdue"]
_DUE: Mapping[type[Notice], DueNotice] = {RotationDue: "due", RotationOverdue: "overdue"}
"""In their order."""


class RotatableKey(NamedTuple):
    user_name: str
    key: AccessKey
    notice: DueNotice | None
    """Of its age, that is so now."""
    rotation: KeyRotation | None
    """That is under way from it."""


def keys_to_rotate(
    account: Account,
    at: datetime,
    *,
    path_prefix: str | None = None,
    tag: tuple[str, str | None] | None = None,
    older_than_days: int | None = None,
) -> Iterator[RotatableKey]:
    """By user name. Active ones that are due or overdue by the rules in force, whether or not the scheduler has come
    by; with `older_than_days` those that are older; and those whose rotation is under way, however far. A tag without a
    value is one with any."""
    for user in sorted(account[USERS], key=lambda user: user.name):
        if not user.path.startswith(path_prefix or "/") or (tag is not None and not _has_tag(account, user, *tag)):
            continue
        rotation, notices = account[KEY_ROTATIONS].get(user.id), _notices(account, user.id, at)
        keys = account[ACCESS_KEYS]
        if rotation is not None:
            # What is left of it, where somebody has deleted a key by hand.
            named = (rotation.old_access_key_id, rotation.new_access_key_id)
            yield from [
                RotatableKey(user.name, keys.by_id[key_id], notices.get(key_id), rotation)
                for key_id in named
                if key_id in keys.by_id
            ][:1]
            continue
        for key in keys.of(user.id):
            notice = notices.get(key.id)
            if key.status == "Active" and (
                notice is not None if older_than_days is None else key.created_at < at - timedelta(days=older_than_days)
            ):
                yield RotatableKey(user.name, key, notice, None)


def _has_tag(account: Account, user: User, key: str, value: str | None) -> bool:
    found = tags_of(account, user.id).get(tag_id(user.noun, key))
    return found is not None and value in {None, found.value}


def _notices(account: Account, user_id: str, at: datetime) -> dict[str, DueNotice]:
    """Which are due by the rules in force, by key id."""
    found: dict[str, DueNotice] = {}
    for milestone in milestones(account, user_id, at):
        notice = _DUE.get(milestone.notice)
        if notice is not None and milestone.held.kind == "access_key" and milestone.due_at <= at:
            found[milestone.held.id] = notice
    return found
