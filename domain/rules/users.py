"""Users: what may be done with them."""

from domain.account import Account
from domain.calls import Call
from domain.entity_kinds import refuse_deletion
from domain.families.users import USERS, UserCreated, UserDeleted, UserUpdated
from domain.foundation.errors import NoSuchEntity, ValidationError
from domain.rules.quotas import USERS_MAX, refuse_beyond

ROOT = "root"
"""As GetUser and ListVirtualMFADevices call root; other answers say the account's id."""


def create_user(account: Account, *, user_id: str, user_name: str, path: str) -> UserCreated:
    account[USERS].refuse_taken(user_name)
    refuse_beyond("UsersPerAccount", len(account[USERS]), USERS_MAX)
    return UserCreated(user_id=user_id, user_name=user_name, path=path)


def update_user(account: Account, *, user_name: str, new_path: str | None, new_user_name: str | None) -> UserUpdated:
    user = account[USERS].named(user_name)
    name, path = new_user_name or user.name, new_path or user.path
    account[USERS].refuse_taken(name, by_other_than=user)
    return UserUpdated(user_id=user.id, user_name=user.name, new_user_name=name, new_path=path)


def delete_user(account: Account, *, user_name: str) -> UserDeleted:
    user = account[USERS].named(user_name)
    refuse_deletion(account, user.id)
    return UserDeleted(user_id=user.id, user_name=user.name)


def answered_name(account: Account, user_id: str) -> str:
    """How IAM answers whose something is, by the unique id of a user, or the account's id for root."""
    return ROOT if user_id == account.id else account[USERS].by_id[user_id].name


def means_root(account: Account, call: Call, user_name: str | None) -> bool:
    """Whether root names itself so; a user of that name goes first."""
    return call.caller.is_root and user_name in {ROOT, account.id} and account[USERS].find(user_name or "") is None


def user_id_or_caller(account: Account, call: Call, user_name: str | None) -> str:
    """The unique id of the user named; without a name, that of the caller (the account's id for root).

    Raises NoSuchEntity, and ValidationError where the caller is no user.
    """
    if means_root(account, call, user_name):
        return account.id
    if user_name is not None:
        return account[USERS].named(user_name).id
    if call.caller.principal.type == "AssumedRole":
        raise ValidationError("Must specify userName when calling with non-User credentials")
    caller_id = call.caller.entity_id
    if caller_id != account.id and caller_id not in account[USERS].by_id:
        # A call about the past, in which the caller was not there yet.
        raise NoSuchEntity(f"There was no user {caller_id}, who is calling.")
    return caller_id
