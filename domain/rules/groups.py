"""Groups: what may be done with them and with their members."""

from domain.account import Account
from domain.authorization import identity_policies, own_policies
from domain.entity_kinds import refuse_deletion
from domain.families.groups import (
    GROUPS,
    MEMBERSHIPS,
    Group,
    GroupCreated,
    GroupDeleted,
    GroupUpdated,
    UserAddedToGroup,
    UserRemovedFromGroup,
)
from domain.families.users import USERS, User
from domain.foundation.errors import NoSuchEntity
from domain.rules.policy_prices import refuse_unaffordable
from domain.rules.quotas import GROUPS_MAX, GROUPS_OF_A_USER_MAX, refuse_beyond


def create_group(account: Account, *, group_id: str, group_name: str, path: str) -> GroupCreated:
    account[GROUPS].refuse_taken(group_name)
    refuse_beyond("GroupsPerAccount", len(account[GROUPS]), GROUPS_MAX)
    return GroupCreated(group_id=group_id, group_name=group_name, path=path)


def update_group(
    account: Account, *, group_name: str, new_path: str | None, new_group_name: str | None
) -> GroupUpdated:
    group = account[GROUPS].named(group_name)
    name, path = new_group_name or group.name, new_path or group.path
    account[GROUPS].refuse_taken(name, by_other_than=group)
    return GroupUpdated(group_id=group.id, group_name=group.name, new_group_name=name, new_path=path)


def delete_group(account: Account, *, group_name: str) -> GroupDeleted:
    group = account[GROUPS].named(group_name)
    refuse_deletion(account, group.id)
    return GroupDeleted(group_id=group.id, group_name=group.name)


def add_user_to_group(account: Account, *, group_name: str, user_name: str) -> tuple[UserAddedToGroup, ...]:
    """Adding twice is no error and no event."""
    group, user = account[GROUPS].named(group_name), account[USERS].named(user_name)
    if (user.id, group.id) in account[MEMBERSHIPS]:
        return ()
    refuse_beyond("GroupsPerUser", len(account[MEMBERSHIPS].rights_of(user.id)), GROUPS_OF_A_USER_MAX)
    refuse_unaffordable(f"user {user.name}", (*identity_policies(account, user.id), *own_policies(account, group.id)))
    return (UserAddedToGroup(group_id=group.id, group_name=group.name, user_id=user.id, user_name=user.name),)


def remove_user_from_group(account: Account, *, group_name: str, user_name: str) -> UserRemovedFromGroup:
    group, user = account[GROUPS].named(group_name), account[USERS].named(user_name)
    if (user.id, group.id) not in account[MEMBERSHIPS]:
        raise NoSuchEntity(f"User {user.name} is not in group {group.name}.")
    return UserRemovedFromGroup(group_id=group.id, group_name=group.name, user_id=user.id, user_name=user.name)


def members(account: Account, group_id: str) -> list[User]:
    return [account[USERS].by_id[user_id] for user_id in account[MEMBERSHIPS].lefts_of(group_id)]


def groups_of(account: Account, user_id: str) -> list[Group]:
    return [account[GROUPS].by_id[group_id] for group_id in account[MEMBERSHIPS].rights_of(user_id)]
