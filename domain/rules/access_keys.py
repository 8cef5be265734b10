"""Access keys: what may be done with them."""

from domain.account import Account
from domain.families.access_keys import (
    ACCESS_KEYS,
    AccessKey,
    AccessKeyActivated,
    AccessKeyChange,
    AccessKeyCreated,
    AccessKeyDeactivated,
    AccessKeyDeleted,
    AccessKeyStatus,
)
from domain.families.notices import RotationCompleted
from domain.families.users import USERS
from domain.foundation.errors import NoSuchEntity
from domain.rules.quotas import ACCESS_KEYS_OF_A_USER_MAX, refuse_beyond
from domain.rules.successors import completed_rotation


def create_access_key(account: Account, *, user_id: str, access_key_id: str) -> AccessKeyCreated:
    """`user_id` is that of an existing user, or the account's id for root."""
    refuse_beyond("AccessKeysPerUser", len(account[ACCESS_KEYS].of(user_id)), ACCESS_KEYS_OF_A_USER_MAX)
    return AccessKeyCreated(access_key_id=access_key_id, user_id=user_id, user_name=owner_name(account, user_id))


def update_access_key(
    account: Account, *, user_id: str, access_key_id: str, status: AccessKeyStatus
) -> tuple[AccessKeyChange | RotationCompleted, ...]:
    """Setting the status that the key has already is no error and no event."""
    key = owned_key(account, user_id, access_key_id)
    if key.status == status:
        return ()
    naming = {"access_key_id": key.id, "user_id": user_id, "user_name": owner_name(account, user_id)}
    if status == "Active":
        return (AccessKeyActivated.model_validate(naming),)
    return (*completed_rotation(account, "access_key", key.id), AccessKeyDeactivated.model_validate(naming))


def delete_access_key(
    account: Account, *, user_id: str, access_key_id: str
) -> tuple[AccessKeyChange | RotationCompleted, ...]:
    key = owned_key(account, user_id, access_key_id)
    deleted = AccessKeyDeleted(access_key_id=key.id, user_id=user_id, user_name=owner_name(account, user_id))
    return (*completed_rotation(account, "access_key", key.id), deleted)


def owned_key(account: Account, user_id: str, access_key_id: str) -> AccessKey:
    key = account[ACCESS_KEYS].by_id.get(access_key_id)
    if key is None or key.user_id != user_id:
        raise NoSuchEntity(f"The Access Key with id {access_key_id} cannot be found.")
    return key


def owner_name(account: Account, user_id: str) -> str:
    """The user's name; for a key of root the account's id, as IAM answers it."""
    return account.id if user_id == account.id else account[USERS].by_id[user_id].name
