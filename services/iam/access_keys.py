"""IAM's operations on access keys."""

from domain.account import Account
from domain.calls import Call, NewSecret, Outcome, done
from domain.families.access_keys import ACCESS_KEYS, AccessKeyStatus
from domain.families.credential_use import LAST_USES
from domain.foundation.errors import AccessDenied
from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id
from domain.foundation.secret import SecretId, SecretKind
from domain.rules import access_keys
from domain.rules.users import user_id_or_caller
from services.iam import resources
from services.iam.entity_members import access_key_members
from services.wire.operations import answers
from services.wire.pagination import page_request


@answers("CreateAccessKey", on=resources.user, records="user_name")
def create_access_key(account: Account, call: Call, *, user_name: str | None = None) -> Outcome:
    """The only answer that ever shows the secret."""
    user_id = user_id_or_caller(account, call, user_name)
    access_key_id = new_access_key_id(ACCESS_KEY, account.id, call.random)
    secret = call.secret_access_key()
    created = access_keys.create_access_key(account, user_id=user_id, access_key_id=access_key_id)

    def answer(after: Account) -> dict[str, object]:
        key = after[ACCESS_KEYS].by_id[access_key_id]
        return {"AccessKey": access_key_members(after, key) | {"SecretAccessKey": secret}}

    new_secret = NewSecret(SecretId(SecretKind.ACCESS_KEY, access_key_id), user_id, secret)
    return Outcome(answer, [created], new_secrets=[new_secret])


@answers("ListAccessKeys", on=resources.user, records="user_name marker max_items")
def list_access_keys(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    user_id, pages = user_id_or_caller(account, call, user_name), page_request("AccessKeyMetadata", marker, max_items)
    return Outcome(
        lambda after: pages.of(
            after[ACCESS_KEYS].of(user_id),
            key=lambda key: f"{key.created_at.isoformat()} {key.id}",
            render=lambda key: access_key_members(after, key),
        )
    )


@answers(
    "UpdateAccessKey",
    on=resources.user,
    records="user_name access_key_id status",
    ends_access=lambda parameters: parameters.get("status") == "Inactive",
)
def update_access_key(
    account: Account, call: Call, *, access_key_id: str, status: AccessKeyStatus, user_name: str | None = None
) -> Outcome:
    user_id = user_id_or_caller(account, call, user_name)
    return done(*access_keys.update_access_key(account, user_id=user_id, access_key_id=access_key_id, status=status))


@answers("DeleteAccessKey", on=resources.user, records="user_name access_key_id")
def delete_access_key(account: Account, call: Call, *, access_key_id: str, user_name: str | None = None) -> Outcome:
    """The sealed secret is destroyed in the same transaction."""
    user_id = user_id_or_caller(account, call, user_name)
    deleted = access_keys.delete_access_key(account, user_id=user_id, access_key_id=access_key_id)
    return Outcome(lambda _after: {}, deleted, destroyed_secrets=[SecretId(SecretKind.ACCESS_KEY, access_key_id)])


@answers("GetAccessKeyLastUsed", on=resources.access_key_owner, records="access_key_id")
def get_access_key_last_used(account: Account, _call: Call, *, access_key_id: str) -> Outcome:
    """Exact to `credential_use.USE_WINDOW`; a key that was never used has the region and service N/A, as in AWS."""
    key = account[ACCESS_KEYS].by_id.get(access_key_id)
    if key is None:
        raise AccessDenied(f"The access key {access_key_id} does not exist in this account.")
    used = account[LAST_USES].get(access_key_id)
    last = (
        {"Region": "N/A", "ServiceName": "N/A"}
        if used is None
        else {"LastUsedDate": used.at, "Region": used.region, "ServiceName": used.service}
    )
    owner = access_keys.owner_name(account, key.user_id)
    return Outcome(lambda _after: {"UserName": owner, "AccessKeyLastUsed": last})
