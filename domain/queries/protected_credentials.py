"""Which credentials nothing automatic is done to: whoever has them would be locked out, or the account would be."""

from datetime import datetime
from heapq import nsmallest

from domain.account import Account
from domain.callers import containing_key
from domain.credential_kinds import HeldCredential, credentials_of
from domain.families.access_keys import ACCESS_KEYS
from domain.families.notices import Protection
from domain.queries.access import is_administrator

OWNERS_TRIED_MAX = 50
"""Of whom another administrator is looked for. Where none of them is one, the account is taken to have no other."""
_NOT_SIGNED_IN_WITH = {"user", "role", "mfa_device"}


def protection(account: Account, held: HeldCredential, at: datetime) -> Protection | None:
    """Why the credential, which works, stays as it is; None where it may be deactivated."""
    if held.owner_id == account.id:
        return "root"
    if not any(_works(other, at) for other in credentials_of(account, held.owner_id) if other != held):
        return "last working credential"
    if held.kind == "access_key" and not _has_other_keys(account, held) and _is_last_administrator(account, held, at):
        return "last administrator"
    return None


def _works(held: HeldCredential, at: datetime) -> bool:
    alive = held.expires_at is None or held.expires_at > at
    return held.active and alive and held.kind not in _NOT_SIGNED_IN_WITH


def _has_other_keys(account: Account, held: HeldCredential) -> bool:
    return any(key.status == "Active" and key.id != held.id for key in account[ACCESS_KEYS].of(held.owner_id))


def _is_last_administrator(account: Account, held: HeldCredential, at: datetime) -> bool:
    """Whether an access key would be left of nobody who may set the account's permissions in order."""
    if not is_administrator(account, held.owner_id, at):
        return False
    others = (
        key
        for key in account[ACCESS_KEYS].by_id.values()
        if key.status == "Active" and key.user_id != held.owner_id and containing_key(account, key) is None
    )
    first = nsmallest(OWNERS_TRIED_MAX, others, key=lambda key: (key.user_id != account.id, key.created_at, key.id))
    owners = dict.fromkeys(key.user_id for key in first)
    return not any(is_administrator(account, owner_id, at) for owner_id in owners)
