"""IAM's operations on groups and on who is in them."""

from dataclasses import replace

from domain.account import Account
from domain.authorization import authorize
from domain.calls import Call, Outcome, done
from domain.families.groups import GROUP, GROUPS
from domain.families.users import USERS
from domain.rules import groups
from services.iam import resources
from services.iam.entities import list_under_path
from services.iam.entity_members import group_members, listed_user_members
from services.wire.operations import answers
from services.wire.pagination import page_request


@answers("CreateGroup", on=resources.group, records="group_name path")
def create_group(account: Account, call: Call, *, group_name: str, path: str = "/") -> Outcome:
    created = groups.create_group(account, group_id=call.unique_id(GROUP.id_prefix), group_name=group_name, path=path)
    return Outcome(lambda after: {"Group": group_members(after, after[GROUPS].by_id[created.group_id])}, [created])


@answers("GetGroup", on=resources.group, records="group_name marker max_items")
def get_group(
    account: Account, _call: Call, *, group_name: str, marker: str | None = None, max_items: int | None = None
) -> Outcome:
    """The group and a page of its users."""
    group, pages = account[GROUPS].named(group_name), page_request("Users", marker, max_items)
    return Outcome(
        lambda after: {
            "Group": group_members(after, group),
            **pages.of(
                groups.members(after, group.id),
                key=lambda user: user.name,
                render=lambda user: listed_user_members(after, user),
            ),
        }
    )


@answers("ListGroups", on=resources.groups_under_path, records="path_prefix marker max_items")
def list_groups(
    _account: Account, _call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Outcome:
    return list_under_path(GROUP, group_members, path_prefix, marker, max_items)


@answers("UpdateGroup", on=resources.group, records="group_name new_path new_group_name")
def update_group(
    account: Account, call: Call, *, group_name: str, new_path: str | None = None, new_group_name: str | None = None
) -> Outcome:
    """IAM asks for permission on the group as it is and as it will be (API Reference, "UpdateGroup"). As what it is
    already, it is not changed."""
    group = account[GROUPS].named(group_name)
    after = replace(group, name=new_group_name or group.name, path=new_path or group.path)
    if after == group:
        return done()
    named = account.arn(f"group{new_path or '/'}{new_group_name or group_name}")
    authorize(account, call, "iam:UpdateGroup", account.arn(after.resource), named=named)
    return done(groups.update_group(account, group_name=group_name, new_path=new_path, new_group_name=new_group_name))


@answers("DeleteGroup", on=resources.group, records="group_name")
def delete_group(account: Account, _call: Call, *, group_name: str) -> Outcome:
    return done(groups.delete_group(account, group_name=group_name))


@answers("AddUserToGroup", on=resources.group, records="group_name user_name")
def add_user_to_group(account: Account, _call: Call, *, group_name: str, user_name: str) -> Outcome:
    return done(*groups.add_user_to_group(account, group_name=group_name, user_name=user_name))


@answers("RemoveUserFromGroup", on=resources.group, records="group_name user_name")
def remove_user_from_group(account: Account, _call: Call, *, group_name: str, user_name: str) -> Outcome:
    return done(groups.remove_user_from_group(account, group_name=group_name, user_name=user_name))


@answers("ListGroupsForUser", on=resources.user, records="user_name marker max_items")
def list_groups_for_user(
    account: Account, _call: Call, *, user_name: str, marker: str | None = None, max_items: int | None = None
) -> Outcome:
    user, pages = account[USERS].named(user_name), page_request("Groups", marker, max_items)
    return Outcome(
        lambda after: pages.of(
            groups.groups_of(after, user.id),
            key=lambda group: group.name,
            render=lambda group: group_members(after, group),
        )
    )
