"""Which credentials nothing automatic is done to: whoever has them would be locked out, or the account would be."""

from datetime import datetime
from heapq import nsmallest

from domain.account import Account
from domain.credential_kinds import HeldCredential, credentials_of
from domain.families.access_keys import ACCESS_KEYS
from domain.families.notices import Protection
from domain.queries.access import is_administrator
from domain.rules.successors import is_usable

OWNERS_TRIED_MAX = 50
"""Of whom another administrator is looked for. Where none of them is one, the account is taken to have no other."""
_LETS_IN = {"access_key", "password"}
"""Whoever has one can call, or sign in. What a single service takes stands in for its like alone."""


def protection(
    account: Account, held: HeldCredential, at: datetime, administrators: set[str] | None = None
) -> Protection | None:
    """Why the credential, which works, stays as it is; None where it may be deactivated. `administrators` are owners
    that are known to be some at the time, to whom those are added that are found: who asks about many passes one set.
    """
    if held.owner_id == account.id:
        return "root"
    others = [
        other
        for other in credentials_of(account, held.owner_id)
        if other != held and _stands_in(other, held) and _works(account, other, at)
    ]
    if not others:
        return "last working credential"
    known = set() if administrators is None else administrators
    has_other_keys = any(other.kind == "access_key" for other in others)
    if held.kind == "access_key" and not has_other_keys and _is_last_administrator(account, held, at, known):
        return "last administrator"
    return None


def _stands_in(other: HeldCredential, held: HeldCredential) -> bool:
    return other.kind in _LETS_IN or (other.kind == held.kind and other.service == held.service)


def _works(account: Account, held: HeldCredential, at: datetime) -> bool:
    if held.kind == "access_key":
        return is_usable(account, account[ACCESS_KEYS].by_id[held.id])
    return held.active and (held.expires_at is None or held.expires_at > at)


def _is_last_administrator(account: Account, held: HeldCredential, at: datetime, known: set[str]) -> bool:
    """Whether an access key would be left of nobody who may set the account's permissions in order."""
    if any(owner_id != held.owner_id and _has_working_key(account, owner_id) for owner_id in known):
        return False
    if not is_administrator(account, held.owner_id, at):
        return False
    known.add(held.owner_id)
    found = _administrator(account, at, but=held.owner_id)
    if found is not None:
        known.add(found)
    return found is None


def has_administrator(account: Account, at: datetime) -> bool:
    """Whether an access key is left of somebody who may set the account's permissions in order."""
    return _administrator(account, at) is not None


def _administrator(account: Account, at: datetime, but: str | None = None) -> str | None:
    """The first one that is found, other than `but`."""
    others = (key for key in account[ACCESS_KEYS].by_id.values() if key.user_id != but)
    usable = (key for key in others if is_usable(account, key))
    first = nsmallest(OWNERS_TRIED_MAX, usable, key=lambda key: (key.user_id != account.id, key.created_at, key.id))
    owners = dict.fromkeys(key.user_id for key in first)
    return next((owner_id for owner_id in owners if is_administrator(account, owner_id, at)), None)


def _has_working_key(account: Account, owner_id: str) -> bool:
    return any(is_usable(account, key) for key in account[ACCESS_KEYS].of(owner_id))
