"""What a change alters in what is found: only those are asked again whom it can concern."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from domain.account import NOBODY, Account, AccountChange, Component
from domain.compliance.check import ACCOUNT, CheckCriterion, CheckFinding, holders
from domain.credential_kinds import find_credential
from domain.entity_kinds import find_entity
from domain.families.boundaries import BOUNDARIES, boundary_arn
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.foundation.credential_kind import KIND_NAMES
from domain.foundation.events import Entry

_NO_ACCOUNT = ""
"""What is of the account itself names nobody."""


class FindingChange(NamedTuple):
    criterion: CheckCriterion
    holder_id: str
    subject_id: str
    before: CheckFinding | None
    """Only one that is, or will be, violated; None where there was none."""
    after: CheckFinding | None


@dataclass(frozen=True, eq=False)
class Criteria:
    """Those that are looked at together."""

    every: tuple[CheckCriterion, ...]

    def __post_init__(self) -> None:
        reading = defaultdict[Component[Any], list[CheckCriterion]](list)
        for criterion in self.every:
            for component in criterion.check.reads:
                reading[component].append(criterion)
        object.__setattr__(self, "_reading", dict(reading))

    def changes(self, before: Account, entry: Entry, after: Account) -> Iterator[FindingChange]:
        """By an entry whose event has led from one value of the account to the other."""
        event = entry.event
        assert isinstance(event, AccountChange)
        if before.is_open != after.is_open:
            for criterion in self.every:
                yield from _changes(criterion, _everybody(criterion, before, after), before, after)
            return
        reading: dict[Component[Any], list[CheckCriterion]] = self.__dict__["_reading"]
        changed = (c for c in reading if before.parts.get(c) is not after.parts.get(c))
        asked = dict.fromkeys(criterion for component in changed for criterion in reading[component])
        if not asked:
            return
        named = _named_holders(event, before, after)
        for criterion in asked:
            yield from _changes(criterion, _concerned(criterion, event, named, before, after), before, after)


def _concerned(
    criterion: CheckCriterion, event: AccountChange, named: Mapping[str, str], before: Account, after: Account
) -> Iterable[str]:
    """The ids of holders that the criterion may find something else of. An event that names nobody may concern
    everybody."""
    check = criterion.check
    if check.of == (ACCOUNT,):
        return (after.id,)
    principals = event.affected_principals(before, after) if check.follows_access else NOBODY
    if principals is None or not (named or check.follows_access):
        return _everybody(criterion, before, after)
    concerned = {holder_id for holder_id, noun in named.items() if noun in check.of} | principals
    if ACCOUNT in check.of:
        concerned.add(after.id)
    return concerned


def _everybody(criterion: CheckCriterion, before: Account, after: Account) -> Iterable[str]:
    every = (holders(account, noun) for noun in criterion.check.of for account in (before, after))
    return dict.fromkeys(holder_id for ids in every for holder_id in ids)


def _changes(
    criterion: CheckCriterion, holder_ids: Iterable[str], before: Account, after: Account
) -> Iterator[FindingChange]:
    for holder_id in holder_ids:
        former, now = (_violations(criterion, account, holder_id) for account in (before, after))
        if former != now:
            for subject_id in {**former, **now}:
                was, is_now = former.get(subject_id), now.get(subject_id)
                if was != is_now:
                    yield FindingChange(criterion, holder_id, subject_id, was, is_now)


def _violations(criterion: CheckCriterion, account: Account, holder_id: str) -> dict[str, CheckFinding]:
    found = criterion.findings(account, holder_id)
    return {finding.subject_id: finding for finding in found if finding.since is not None}


@cache
def _naming_fields(event_class: type[AccountChange]) -> tuple[str, ...]:
    fields = event_class.model_fields
    return tuple(name for name in fields if name.endswith(("_id", "_arn")) or name == event_class.subject)


def _named_holders(event: AccountChange, before: Account, after: Account) -> dict[str, str]:
    """The ids of the entities that an event names, of those that have the credentials that it names, and the account's
    for what is root's; each with its noun. With those that it concerns by another one that it names."""
    named = dict[str, str]()
    fields = (getattr(event, field) for field in _naming_fields(type(event)))
    for name in dict.fromkeys((*fields, *event.changed_subjects(_NO_ACCOUNT))):
        if name and not _name(named, after, name):
            _name(named, before, name)
    if before.parts.get(GROUPS) is not after.parts.get(GROUPS):
        for group_id in [holder_id for holder_id, noun in named.items() if noun == "group"]:
            named |= dict.fromkeys(after[MEMBERSHIPS].lefts_of(group_id), "user")
    if before.parts.get(BOUNDARIES) is not after.parts.get(BOUNDARIES):
        bounding = (boundary_arn(account, holder_id) for account in (before, after) for holder_id in list(named))
        named |= {policy_arn: "policy" for policy_arn in bounding if policy_arn is not None}
    return named


def _name(named: dict[str, str], account: Account, name: str) -> bool:
    """Whether the account knows whom the name means."""
    if name == account.id:
        named[name] = ACCOUNT
    elif (found := find_entity(account, name)) is not None:
        named[name] = found[0].noun
    elif (owner_id := _credential_owner(account, name)) is not None:
        return _name(named, account, owner_id)
    else:
        return False
    return True


def _credential_owner(account: Account, credential_id: str) -> str | None:
    for kind in KIND_NAMES:
        held = find_credential(account, kind, credential_id)
        if held is not None:
            return held.owner_id
    return None
