"""What containment does: which events cut off a credential and all that it gave birth to, and whom they must not."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest

from domain.account import Account, AccountChange
from domain.callers import Caller, containing_key
from domain.families.access_keys import ACCESS_KEYS, AccessKeyDeactivated
from domain.families.containment import (
    CONTAINED_DOCUMENT,
    CONTAINED_POLICY_NAME,
    CredentialContained,
    Descendant,
    LineageFacts,
)
from domain.families.policies import INLINE_POLICIES, InlinePolicyPut
from domain.families.roles import ROLES
from domain.families.sessions import REVOCATIONS, SessionRevoked
from domain.families.user_credentials import USER_CREDENTIALS, UserCredentialDeactivated
from domain.families.users import USERS
from domain.foundation.errors import OperationNotPermittedException
from domain.foundation.events import Change
from domain.lineage_kinds import cut_offs
from domain.queries.access import is_administrator
from domain.queries.restoration import Restored, SettingRestoration, restore
from domain.rules.access_keys import owner_name

KEYS_TRIED_MAX = 20
"""Where there are more active access keys, an administrator is taken to be left: to ask all takes longer than a round
may, and a containment has to be quick."""
CONTAINMENT_EVENTS_MAX = 500
"""So many of an account a single call ends, parents before children: a round has other calls to decide. Whoever asks
again ends the next."""

ContainmentBarrier = Callable[[Account], str | None]
"""Why nothing may be contained in the account; None where it may."""
ContainmentEvent = AccountChange


@dataclass(frozen=True, slots=True)
class ContainmentPlan:
    """What a containment comes to. Accounts in which nothing is left to be done have no events."""

    events: Mapping[str, Sequence[Change]]
    contained: tuple[CredentialContained, ...]
    """In the order of the accounts of `events`, which it belongs to."""
    barred: Mapping[str, str]
    """Accounts in which nothing was contained, and why. None that only another of these could have told of."""
    restored: tuple[SettingRestoration, ...] = ()
    """With those that were refused."""
    after: Mapping[str, Account] = field(default_factory=dict)
    """The accounts of `events` with what was put back."""
    spared: tuple[str, ...] = ()


def contain(
    accounts: Mapping[str, Account],
    lineage: LineageFacts,
    barred: ContainmentBarrier,
    reason: str | None,
    at: datetime,
    *,
    restoring: bool = False,
) -> ContainmentPlan:
    """`accounts` are those of the lineage. Asked again, nothing changes."""
    descendants = lineage.descendants
    refused = {account_id: why for account_id, account in accounts.items() if (why := barred(account)) is not None}
    events: dict[str, Sequence[Change]] = {}
    done, restored, after = [], list[SettingRestoration](), {}
    for account_id, account in accounts.items():
        if account_id in refused:
            continue
        there = [descendant for descendant in descendants if descendant.account_id == account_id]
        ends = _events_of(account, there, at)
        back = restore(account, lineage.altered if restoring else (), lineage.made, at)
        restored += back.told
        if ends or back.changes:
            done.append(_summary_event(ends, lineage, reason, back))
            events[account_id] = (*ends, *back.changes, done[-1])
            after[account_id] = back.account
    named = {each.account_id for each in descendants if each.parent_account_id not in refused}
    barring = {other: why for other, why in refused.items() if other in named}
    return ContainmentPlan(events, tuple(done), barring, tuple(restored), after)


def refuse_self_containment(caller: Caller, descendants: Iterable[Descendant]) -> None:
    """Raises OperationNotPermittedException when the caller is among them: by its key or session, by what that was
    minted with, or as a user or role."""
    session = caller.session
    ids = {caller.access_key_id, session and session.minted_by_access_key_id, session and session.minted_by_session_id}
    for descendant in descendants:
        if {descendant.access_key_id, descendant.id} & (ids - {None}) or descendant.id == caller.entity_id:
            raise OperationNotPermittedException(
                f"This would cut off the caller: {descendant.id} is of the lineage, and {caller.principal.arn} calls "
                f"with it or by it. Call with another credential, or with --include-self."
            )


def refuse_lockout(account: Account, after: Account, events: Iterable[Change], at: datetime) -> None:
    """Raises OperationNotPermittedException when an access key is left of nobody who may set the account's permissions
    in order again, and there was one. Who comes by assuming a role is not counted: that needs somebody else's key.
    `after` is the account with what is put back."""
    cut = {event.access_key_id for event in events if isinstance(event, AccessKeyDeactivated)}
    denied = {event.entity_id for event in events if isinstance(event, InlinePolicyPut)}
    active = [key for key in account[ACCESS_KEYS].by_id.values() if key.status == "Active"]
    first = nsmallest(KEYS_TRIED_MAX, active, key=lambda key: (key.user_id != account.id, key.created_at, key.id))
    honoured = [key for key in first if containing_key(after, key) is None]
    left = {key.user_id for key in honoured if key.id not in cut and key.user_id not in denied}
    if len(active) > len(first) or any(is_administrator(after, owner_id, at) for owner_id in left):
        return
    for owner_id in sorted({key.user_id for key in active} - left):
        if is_administrator(account, owner_id, at):
            raise OperationNotPermittedException(
                f"This would cut off the last administrator of {account.id}: without {owner_name(account, owner_id)} "
                f"no active access key is left of anybody who may attach policies and create access keys. Give "
                f"somebody else a key first, or use --include-self."
            )


def _events_of(account: Account, descendants: Sequence[Descendant], at: datetime) -> tuple[ContainmentEvent, ...]:
    """What of them is not at an end yet, is ended. A closed account honours nothing."""
    if account.closed_at is not None:
        return ()
    found: dict[str, ContainmentEvent] = {}
    for descendant in descendants:
        for key, event in _events_for(account, descendant, at):
            found.setdefault(key, event)
    return tuple(found.values())[:CONTAINMENT_EVENTS_MAX]


def _events_for(account: Account, descendant: Descendant, at: datetime) -> Iterator[tuple[str, ContainmentEvent]]:
    match descendant.kind:
        case "user" | "role" as kind:
            entity = (account[USERS] if kind == "user" else account[ROLES]).by_id.get(descendant.id)
            if entity is None:
                return
            inline = account[INLINE_POLICIES].get(entity.id)
            if inline is None or inline.get(CONTAINED_POLICY_NAME) != CONTAINED_DOCUMENT:
                put = InlinePolicyPut(
                    entity=kind,
                    entity_id=entity.id,
                    entity_name=entity.name,
                    policy_name=CONTAINED_POLICY_NAME,
                    document=CONTAINED_DOCUMENT,
                )
                yield entity.id, put
            # Those that it got a moment ago, and that no table knows yet, as well.
            for key in account[ACCESS_KEYS].of(entity.id):
                yield from _deactivated(account, key.id)
            for credential_id in account[USER_CREDENTIALS].owned.rights_of(entity.id):
                yield from _cut_off(account, credential_id)
        case "access_key":
            yield from _deactivated(account, descendant.id)
        case "credential":
            yield from _cut_off(account, descendant.id)
        case "session":
            assert descendant.expires_at is not None
            if descendant.expires_at > at and descendant.id not in account[REVOCATIONS]:
                yield descendant.id, SessionRevoked(session_id=descendant.id)


def _deactivated(account: Account, access_key_id: str) -> Iterator[tuple[str, ContainmentEvent]]:
    key = account[ACCESS_KEYS].by_id.get(access_key_id)
    if key is not None and key.status == "Active":
        name = owner_name(account, key.user_id)
        yield key.id, AccessKeyDeactivated(access_key_id=key.id, user_id=key.user_id, user_name=name)


def _deactivated_ids(event: ContainmentEvent) -> Iterator[str]:
    if isinstance(event, AccessKeyDeactivated):
        yield event.access_key_id
    if isinstance(event, UserCredentialDeactivated):
        yield event.credential_id


def _cut_off(account: Account, credential_id: str) -> Iterator[tuple[str, ContainmentEvent]]:
    for event in cut_offs(account, credential_id):
        yield credential_id, event


def _summary_event(
    ends: Sequence[ContainmentEvent], lineage: LineageFacts, reason: str | None, back: Restored
) -> CredentialContained:
    return CredentialContained(
        seed=lineage.wanted.seed,
        reason=reason,
        denied=tuple(event.entity_id for event in ends if isinstance(event, InlinePolicyPut)),
        deactivated=tuple(ended for event in ends for ended in _deactivated_ids(event)),
        revoked=tuple(event.session_id for event in ends if isinstance(event, SessionRevoked)),
        restored=tuple(each.what for each in back.told if each.refused is None),
        compromised_since=lineage.compromised_since,
    )
