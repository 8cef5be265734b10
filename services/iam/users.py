"""IAM's operations on users."""

from dataclasses import replace

from domain.account import Account
from domain.authorization import authorize
from domain.calls import Call, Outcome, done
from domain.families.users import USER, USERS
from domain.rules import permissions_boundaries, tagging, users
from services.iam import condition_keys, resources
from services.iam.entities import list_under_path
from services.iam.entity_members import listed_user_members, root_members, user_members
from services.iam.tags import TagList, authorized_tags
from services.wire.operations import answers


@answers(
    "CreateUser",
    on=resources.user,
    records="user_name path permissions_boundary tags",
    context=condition_keys.new_entity,
)
def create_user(
    account: Account,
    call: Call,
    *,
    user_name: str,
    path: str = "/",
    permissions_boundary: str | None = None,
    tags: TagList | None = None,
) -> Outcome:
    given = authorized_tags(account, call, "iam:TagUser", account.arn(f"user{path}{user_name}"), tags)
    created = users.create_user(account, user_id=call.unique_id(USER.id_prefix), user_name=user_name, path=path)
    born = (created.user_id, created.user_name)
    return Outcome(
        lambda after: {"User": user_members(after, after[USERS].by_id[created.user_id])},
        [
            created,
            *tagging.tags_on_create(USER, *born, given),
            *permissions_boundaries.boundary_on_create(account, USER, *born, permissions_boundary),
        ],
    )


@answers("GetUser", on=resources.user, records="user_name")
def get_user(account: Account, call: Call, *, user_name: str | None = None) -> Outcome:
    user_id = users.user_id_or_caller(account, call, user_name)
    if user_id == account.id:
        return Outcome(lambda after: {"User": root_members(after)})
    return Outcome(lambda after: {"User": user_members(after, after[USERS].by_id[user_id])})


@answers("ListUsers", on=resources.users_under_path, records="path_prefix marker max_items")
def list_users(
    _account: Account, _call: Call, *, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> Outcome:
    return list_under_path(USER, listed_user_members, path_prefix, marker, max_items)


@answers("UpdateUser", on=resources.user, records="user_name new_path new_user_name")
def update_user(
    account: Account, call: Call, *, user_name: str, new_path: str | None = None, new_user_name: str | None = None
) -> Outcome:
    """IAM asks for permission on the user as it is and as it will be (API Reference, "UpdateUser"). As what it is
    already, it is not changed."""
    user = account[USERS].named(user_name)
    after = replace(user, name=new_user_name or user.name, path=new_path or user.path)
    if after == user:
        return done()
    tags = condition_keys.resource_tags(account, user)
    named = account.arn(f"user{new_path or '/'}{new_user_name or user_name}")
    authorize(account, call, "iam:UpdateUser", account.arn(after.resource), tags, named=named)
    return done(users.update_user(account, user_name=user_name, new_path=new_path, new_user_name=new_user_name))


@answers("DeleteUser", on=resources.user, records="user_name")
def delete_user(account: Account, _call: Call, *, user_name: str) -> Outcome:
    return done(users.delete_user(account, user_name=user_name))
