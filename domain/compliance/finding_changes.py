"""What a change alters in what is found: only those are asked again whom it can concern."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import chain
from typing import Any, NamedTuple

from domain.account import Account, AccountChange, Component
from domain.compliance.check import ACCOUNT, ROOT, CheckCriterion, CheckFinding, holders
from domain.credential_kinds import find_credential
from domain.entity_kinds import find_entity
from domain.families.access_keys import ACCESS_KEYS
from domain.families.boundaries import BOUNDARIES, boundary_arn
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.users import USERS
from domain.foundation.credential_kind import KIND_NAMES
from domain.foundation.events import Entry

KnownFindings = dict[tuple[str, str], dict[str, list[CheckFinding]]]
"""What was last found, by the holder's noun and id, and by criterion: it is so until a change says otherwise."""
_NO_ACCOUNT = ""
"""What is of the account itself names nobody."""


class FindingChange(NamedTuple):
    criterion: CheckCriterion
    noun: str
    """Of the holder."""
    holder_id: str
    subject_id: str
    before: CheckFinding | None
    """Only one that is, or will be, violated; None where there was none."""
    after: CheckFinding | None


class _Asked(NamedTuple):
    """Of criteria that read something that has changed."""

    of: Mapping[str, tuple[CheckCriterion, ...]]
    """By the noun of whom they are asked, if an event names one such."""
    of_others: tuple[CheckCriterion, ...]
    """Than the account itself."""


@dataclass(frozen=True, eq=False)
class Criteria:
    """Those that are looked at together."""

    every: tuple[CheckCriterion, ...]

    @cached_property
    def _components(self) -> tuple[Component[Any], ...]:
        return tuple({component: None for criterion in self.every for component in criterion.check.reads})

    @cached_property
    def _asked(self) -> dict[tuple[Component[Any], ...], _Asked]:
        """By what has changed, as far as that has come up. A change is of few components."""
        return {}

    def changes(self, before: Account, entry: Entry, after: Account, known: KnownFindings) -> list[FindingChange]:
        """By an entry whose event has led from one value of the account to the other."""
        event = entry.event
        assert isinstance(event, AccountChange)
        is_former, is_now = before.is_open, after.is_open
        comparison = _Comparison(before if is_former else None, after if is_now else None, known)
        if is_former != is_now:
            comparison.of_everybody(self.every)
            return comparison.found
        former, now = before.parts, after.parts
        changed = tuple([each for each in self._components if former.get(each) is not now.get(each)])
        if not changed:
            return []
        asked = self._asked.get(changed) or self._asked.setdefault(changed, self._asked_about(changed))
        named = _named_holders(event, before, after)
        for holder_id, noun in ((after.id, ACCOUNT), *named.items()):
            if criteria := asked.of.get(noun):
                comparison.of_holder(criteria, noun, holder_id)
        if not named:
            comparison.of_everybody(asked.of_others)
        return comparison.found

    def _asked_about(self, changed: Collection[Component[Any]]) -> _Asked:
        asked = [criterion for criterion in self.every if not criterion.check.reads.isdisjoint(changed)]
        nouns = {noun for criterion in asked for noun in criterion.check.of}
        return _Asked(
            {noun: tuple(each for each in asked if noun in each.check.of) for noun in nouns},
            tuple(each for each in asked if each.check.of != (ACCOUNT,)),
        )


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Of two values of an account; None: it is not open, and nothing is found of it."""

    before: Account | None
    after: Account | None
    known: KnownFindings
    found: list[FindingChange] = field(default_factory=list)

    def of_everybody(self, criteria: Iterable[CheckCriterion]) -> None:
        accounts = [each for each in (self.before, self.after) if each is not None]
        for criterion in criteria:
            for noun in criterion.check.of:
                for holder_id in dict.fromkeys(chain.from_iterable(holders(each, noun) for each in accounts)):
                    self.of_holder((criterion,), noun, holder_id)

    def of_holder(self, criteria: Iterable[CheckCriterion], noun: str, holder_id: str) -> None:
        """Nothing is found of one that is not there."""
        before, after = self.before, self.after
        is_former = before is not None and holder_id in holders(before, noun)
        is_now = after is not None and holder_id in holders(after, noun)
        known = self.known.setdefault((noun, holder_id), {})
        for criterion in criteria:
            former = known.get(criterion.id)
            if former is None:
                former = criterion.violations(before, holder_id) if before is not None and is_former else []
            now = criterion.violations(after, holder_id) if after is not None and is_now else []
            known[criterion.id] = now
            if former == now:
                continue
            if len(former) == len(now) == 1 and former[0].subject_id == now[0].subject_id:  # As most have.
                (one,), (other,) = former, now
                self.found.append(FindingChange(criterion, noun, holder_id, one.subject_id, one, other))
            else:
                self._compare(criterion, noun, holder_id, former, now)

    def _compare(
        self,
        criterion: CheckCriterion,
        noun: str,
        holder_id: str,
        former: Iterable[CheckFinding],
        now: Iterable[CheckFinding],
    ) -> None:
        was, is_now = ({each.subject_id: each for each in findings} for findings in (former, now))
        for subject_id in {**was, **is_now}:
            one, other = was.get(subject_id), is_now.get(subject_id)
            if one != other:
                self.found.append(FindingChange(criterion, noun, holder_id, subject_id, one, other))


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
    """Whether the account knows whom the name means. Most events are of users and their keys."""
    if name == account.id:
        named[name] = ROOT
    elif (key := account[ACCESS_KEYS].by_id.get(name)) is not None:
        return _name(named, account, key.user_id)
    elif name in account[USERS].by_id:
        named[name] = "user"
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
