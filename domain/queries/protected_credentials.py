"""Which credentials nothing automatic is done to: whoever has them would be locked out, or the account would be."""

from datetime import datetime
from heapq import nsmallest

from domain.account import Account
from domain.callers import containing_key
from domain.credential_kinds import HeldCredential, credentials_of
from domain.families.access_keys import ACCESS_KEYS, AccessKey
from domain.families.notices import Protection
from domain.queries.access import is_administrator

OWNERS_TRIED_MAX = 50
"""Of whom another administrator is looked for. Where none of them is one, the account is taken to have no other."""
_NOT_SIGNED_IN_WITH = {"user", "role", "mfa_device"}


def protection(
    account: Account, held: HeldCredential, at: datetime, administrators: set[str] | None = None
) -> Protection | None:
    """Why the credential, which works, stays as it is; None where it may be deactivated. `administrators` are owners
    that are known to be some at the time, to whom those are added that are found: who asks about many passes one set.
    """
    if held.owner_id == account.id:
        return "root"
    if not any(_works(other, at) for other in credentials_of(account, held.owner_id) if other != held):
        return "last working credential"
    known = set() if administrators is None else administrators
    if held.kind == "access_key" and not _has_other_keys(account, held):
        return "last administrator" if _is_last_administrator(account, held, at, known) else None
    return None


def _works(held: HeldCredential, at: datetime) -> bool:
    alive = held.expires_at is None or held.expires_at > at
    return held.active and alive and held.kind not in _NOT_SIGNED_IN_WITH


def _has_other_keys(account: Account, held: HeldCredential) -> bool:
    return any(key.status == "Active" and key.id != held.id for key in account[ACCESS_KEYS].of(held.owner_id))


def _is_last_administrator(account: Account, held: HeldCredential, at: datetime, known: set[str]) -> bool:
    """Whether an access key would be left of nobody who may set the account's permissions in order."""
    if any(owner_id != held.owner_id and _has_working_key(account, owner_id) for owner_id in known):
        return False
    if not is_administrator(account, held.owner_id, at):
        return False
    known.add(held.owner_id)
    others = (key for key in account[ACCESS_KEYS].by_id.values() if key.user_id != held.owner_id)
    working = (key for key in others if _is_working(account, key))
    first = nsmallest(OWNERS_TRIED_MAX, working, key=lambda key: (key.user_id != account.id, key.created_at, key.id))
    for owner_id in dict.fromkeys(key.user_id for key in first):
        if is_administrator(account, owner_id, at):
            known.add(owner_id)
            return False
    return True


def _has_working_key(account: Account, owner_id: str) -> bool:
    return any(_is_working(account, key) for key in account[ACCESS_KEYS].of(owner_id))


def _is_working(account: Account, key: AccessKey) -> bool:
    return key.status == "Active" and containing_key(account, key) is None
