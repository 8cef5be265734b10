"""Who could, from when to when: the questions of `queries.access` for every moment of a span (docs/adr/0025).

Exact at every position of the ledger and every time between: an answer is made again whenever something has changed
that it depends on, and at each instant that a condition on the time names (`policy.time_boundaries`). Changes that no
answer depends on make nothing again, and a change that concerns some principals leaves the others alone. Of several
accounts a position orders only its own ledger: they are followed by time, equal times in the order of their ids.
"""

import heapq
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.account import Account, AccountChange, evolve
from domain.entity_kinds import find_entity_by_arn
from domain.families.boundaries import boundary_arn
from domain.families.roles import Role, RoleCreated, TrustPolicyReplaced
from domain.families.tags import tags_of
from domain.foundation.events import Entry
from domain.foundation.intervals import Step
from domain.policy import Layer, SourcedPolicy, Statement, time_boundaries
from domain.queries.access import (
    Access,
    AccessQuery,
    access_query,
    assume_role_query,
    external_principals,
    external_query,
    find_caller,
    principals,
    trusted_accounts,
)
from domain.queries.named import find_role

AccountsById = Mapping[str, Account]
PrincipalKey = tuple[str, str]
"""An account's id and a unique id in it; or, as a trust policy has them, a kind such as Service and a name."""


@dataclass(frozen=True, slots=True)
class TimedAccess:
    access: Access
    complete: bool
    """Whether each change that time alone makes is known (`domain.policy.Turning`)."""


class AccessInquiry(ABC):
    """What is asked of whom, on the accounts as they are at some moment."""

    @abstractmethod
    def everybody(self, accounts: AccountsById) -> Iterator[PrincipalKey]: ...

    @abstractmethod
    def asked(self, accounts: AccountsById, who: PrincipalKey, at: datetime) -> AccessQuery | None:
        """None of whoever is not there, or is not asked."""

    @abstractmethod
    def concerned(self, before: Account, after: Account, entry: Entry) -> set[PrincipalKey] | None:
        """Whose answers may be others after a change of one of the accounts; None: everybody's."""


@dataclass(frozen=True, slots=True)
class ActionInquiry(AccessInquiry):
    """Which principals of an account could do an action to a resource, as `who_can` tells it."""

    account_id: str
    action: str
    resource: str

    def everybody(self, accounts: AccountsById) -> Iterator[PrincipalKey]:
        return _principals_of(accounts[self.account_id])

    def asked(self, accounts: AccountsById, who: PrincipalKey, at: datetime) -> AccessQuery | None:
        account = accounts[self.account_id]
        caller = find_caller(account, who[1]) if account.is_open else None
        return None if caller is None else access_query(account, caller, self.action, self.resource, at)

    def concerned(self, before: Account, after: Account, entry: Entry) -> set[PrincipalKey] | None:
        if _as_resource(before, self.resource) != _as_resource(after, self.resource):
            return None
        assert isinstance(entry.event, AccountChange)
        ids = entry.event.affected_principals(before, after)
        return None if ids is None else {(self.account_id, entity_id) for entity_id in ids}


@dataclass(frozen=True, slots=True)
class AssumeRoleInquiry(AccessInquiry):
    """Who could assume the role that had this name or ARN at each moment, as `can_assume` tells it; nobody while there
    was none. Of the accounts given those are asked that the trust policy named at the moment."""

    owner_id: str
    role: str

    def everybody(self, accounts: AccountsById) -> Iterator[PrincipalKey]:
        role = find_role(accounts[self.owner_id], self.role)
        if role is None:
            return
        for account in accounts.values():
            if self._trusts(role, account):
                yield from (who for who in _principals_of(account) if who[1] != account.id)
        yield from sorted(external_principals(role))

    def asked(self, accounts: AccountsById, who: PrincipalKey, at: datetime) -> AccessQuery | None:
        owner = accounts[self.owner_id]
        role = find_role(owner, self.role)
        if role is None:
            return None
        account = accounts.get(who[0])
        if account is None:
            return external_query(owner, role, who, at) if who in external_principals(role) else None
        caller = find_caller(account, who[1]) if self._trusts(role, account) else None
        if caller is None or caller.is_root:
            return None
        return assume_role_query(account, owner, caller, owner.arn(role.resource), role, at)

    def concerned(self, before: Account, after: Account, entry: Entry) -> set[PrincipalKey] | None:
        was, is_ = (find_role(account, self.role) for account in (before, after))
        if before.id == self.owner_id and _role_as_resource(before, was) != _role_as_resource(after, is_):
            return None
        assert isinstance(entry.event, AccountChange)
        ids = entry.event.affected_principals(before, after)
        if ids is None:
            # The organization of the role's account limits whoever asks; that of another its own principals.
            return None if before.id == self.owner_id else {*_principals_of(before), *_principals_of(after)}
        return {(before.id, entity_id) for entity_id in ids}

    def _trusts(self, role: Role, account: Account) -> bool:
        trusted = trusted_accounts(role.trust_policy)
        return account.is_open and (account.id == self.owner_id or trusted is None or account.id in trusted)


def trust_policies(owner: Account, role: str, changes: Iterable[Entry]) -> frozenset[str]:
    """Of any role that is called so in the span."""
    named = role.rsplit("/", 1)[-1].lower()
    first = find_role(owner, role)
    texts = set() if first is None else {first.trust_policy}
    for change in changes:
        event = change.event
        if not isinstance(event, RoleCreated | TrustPolicyReplaced):
            continue
        if named in {event.role_name.lower(), event.role_id.lower()}:
            texts.add(event.trust_policy)
    return frozenset(texts)


def accounts_trusted(trusts: Iterable[str]) -> frozenset[str] | None:
    """Those whose principals the trust policies may name. None for all."""
    found = frozenset[str]()
    for text in trusts:
        trusted = trusted_accounts(text)
        if trusted is None:
            return None
        found |= trusted
    return found


def merge_ledgers(*ledgers: Iterable[Entry]) -> Iterator[Entry]:
    """The entries of several ledgers, each in its order."""
    return heapq.merge(*ledgers, key=lambda entry: (entry.at, entry.account_id, entry.position))


def access_between(
    inquiry: AccessInquiry, accounts: AccountsById, since: datetime, changes: Iterable[Entry], until: datetime
) -> Iterator[Step[PrincipalKey, TimedAccess]]:
    """The answers at `since`, on the accounts as they were, and what became others with the changes that followed and
    as time went on, up to `until`."""
    watch = _AccessTracker(inquiry, dict(accounts), until)
    yield watch.looked(inquiry.everybody(accounts), since)
    for change in changes:
        yield from watch.turned(change.at)
        yield from watch.changed(change)
    yield from watch.turned(None)


@dataclass(slots=True)
class _AccessTracker:
    inquiry: AccessInquiry
    accounts: dict[str, Account]
    until: datetime
    turns: list[tuple[datetime, PrincipalKey]] = field(default_factory=list)
    """A heap of the instants at which answers may change by themselves. One that an answer made since does not name any
    more does no harm: it is made once in vain."""
    known: set[PrincipalKey] = field(default_factory=set)
    """Of whom there is an answer."""

    def looked(self, whose: Iterable[PrincipalKey], at: datetime) -> Step[PrincipalKey, TimedAccess]:
        return self._step(whose, at, None)

    def turned(self, before: datetime | None) -> Iterator[Step[PrincipalKey, TimedAccess]]:
        """At each instant that lies before a change; None: at all that are left of the span."""
        while self.turns and (before is None or self.turns[0][0] < before):
            at = self.turns[0][0]
            yield self._step(self._due(at), at, at)

    def changed(self, entry: Entry) -> Iterator[Step[PrincipalKey, TimedAccess]]:
        before = self.accounts[entry.account_id]
        after = self.accounts[entry.account_id] = evolve(before, entry)
        concerned = self.inquiry.concerned(before, after, entry)
        if concerned is None:
            whose = list(dict.fromkeys([*self.inquiry.everybody(self.accounts), *sorted(self.known)]))
        else:
            whose = sorted(concerned)
        yield self._step(whose, entry.at, entry)
        # Time does for the others what it does at this very instant, on what the change has left them.
        answered = frozenset(whose)
        while self.turns and self.turns[0][0] <= entry.at:
            yield self._step([who for who in self._due(entry.at) if who not in answered], entry.at, entry.at)

    def _due(self, at: datetime) -> list[PrincipalKey]:
        due = set[PrincipalKey]()
        while self.turns and self.turns[0][0] <= at:
            due.add(heapq.heappop(self.turns)[1])
        return sorted(due)

    def _step(
        self, whose: Iterable[PrincipalKey], at: datetime, end: Entry | datetime | None
    ) -> Step[PrincipalKey, TimedAccess]:
        news = {who: self._told(who, at) for who in whose}
        for who, told in news.items():
            (self.known.discard if told is None else self.known.add)(who)
        return Step(at, end, news, 1 + len(news))

    def _told(self, who: PrincipalKey, at: datetime) -> TimedAccess | None:
        asked = self.inquiry.asked(self.accounts, who, at)
        if asked is None:
            return None
        turns = [time_boundaries(statement) for statement in _relevant_statements(asked)]
        for instant in frozenset[datetime]().union(*(turn.instants for turn in turns)):
            if at < instant <= self.until:
                heapq.heappush(self.turns, (instant, who))
        return TimedAccess(asked.answer(), all(turn.complete for turn in turns))


def _relevant_statements(asked: AccessQuery) -> Iterator[Statement]:
    for _, policies in asked.layers:
        for sourced in policies:
            yield from sourced.policy.about[asked.request.action.lower()]


def _as_resource(account: Account, arn: str) -> object:
    """What policies can ask about it when it is the resource."""
    found = find_entity_by_arn(account, arn)
    if found is None:
        return None
    kind, entity = found
    return entity, tags_of(account, kind.subject(entity)), boundary_arn(account, entity.id)


def _role_as_resource(account: Account, role: Role | None) -> object:
    return role and _as_resource(account, account.arn(role.resource))


def _principals_of(account: Account) -> Iterator[PrincipalKey]:
    if account.is_open:
        yield from ((account.id, caller.entity_id) for caller in principals(account))


def is_same_access(one: TimedAccess, other: TimedAccess) -> bool:
    """Whether both say the same, in the same words and by the same statements. A policy is compared by its text: one
    that was compiled again is another object."""
    return one.complete == other.complete and _comparable(one.access) == _comparable(other.access)


def _comparable(access: Access) -> tuple[object, ...]:
    found = access.possible
    return (
        (access.kind, access.account_id, access.entity_id, access.arn),
        (found.possibility, found.decision.result, found.decision.layer),
        [
            (match.level, *_statement_key(match.layer, match.sourced, match.statement))
            for match in found.decision.matched
        ],
        [(*_statement_key(each.layer, each.sourced, each.statement), each.unmet) for each in found.depends_on],
    )


def _statement_key(layer: Layer, sourced: SourcedPolicy, statement: Statement) -> tuple[object, ...]:
    return (layer, sourced.source_type, sourced.source_id, sourced.version_id, sourced.policy.sha256, statement.index)
