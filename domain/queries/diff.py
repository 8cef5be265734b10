"""What two values of an account differ in, and which changes made it so.

Bookkeeping is no difference: when credentials were last used, what the scheduler has told, failed attempts, in which
order pairs were made, which numbers versions had that are gone, how a policy document is written that says the same,
and that a revocation is forgotten when the session would have ended by itself. Everything else is told fact by fact
(`domain.facts`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.account import Account, AccountChange, evolve
from domain.facts import AttributeValue, Fact, FactValue, capitalized, facts
from domain.foundation.events import Entry
from domain.policy import StatementDifference, document_differences, listing_change, statement_differences

ChangeKind = Literal["added", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class FactDifference:
    """Of one fact, by one change or by all between two values."""

    fact: Fact
    before: FactValue | None
    """None: it was not there."""
    after: FactValue | None

    @property
    def change(self) -> ChangeKind:
        if self.before is None:
            return "added"
        return "changed" if self.after is not None else "removed"

    @property
    def statements(self) -> tuple[StatementDifference, ...]:
        """Of the policy document, where it has one."""
        before, after = (None if state is None else state.document for state in (self.before, self.after))
        return statement_differences(before, after)

    @property
    def sentence(self) -> str:
        """In English, with the names that things had afterwards; of what is gone, before."""
        kind = self.fact.kind
        what = capitalized(kind.name)
        if self.after is None:
            assert self.before is not None, "A fact that is at neither end does not differ."
            return f"{what} {self.before.name} {kind.went}."
        if self.before is None:
            return f"{what} {self.after.name} {kind.came}."
        return f"{what} {self.after.name} changed: {'; '.join(_changed(self.before, self.after))}."


@dataclass(frozen=True, slots=True)
class FactStep:
    """What one change made of a fact."""

    entry: Entry
    made: FactDifference


@dataclass(frozen=True, slots=True)
class Difference:
    made: FactDifference
    """In net terms, with the names that things had in the end; of what is gone, when it was first changed."""
    steps: tuple[FactStep, ...]
    """Every change of the fact between the two values, the last one first, each with the names of then."""


_SECRETS = {"password_id": "password", "secret_id": "password", "seed_id": "seed"}
"""What ids of secrets stand for: they themselves name nothing to a person."""


def _changed(before: FactValue, after: FactValue) -> Iterator[str]:
    for name in sorted(before.said.keys() | after.said.keys()):
        was, is_ = before.said.get(name), after.said.get(name)
        if isinstance(was, tuple) and isinstance(is_, tuple):
            if told := listing_change(name, frozenset(was), frozenset(is_)):
                yield told
        elif was != is_ and was is not None and is_ is not None and name in _SECRETS:
            yield f"it has another {_SECRETS[name]}"
        elif was != is_:
            yield f"{name} was {_shown(was)} and is {_shown(is_)}"
    if before.document is not None and after.document is not None:
        yield from document_differences(before.document, after.document)


def _shown(value: AttributeValue) -> str:
    match value:
        case None:
            return "nothing"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class Differences:
    differing: tuple[Difference, ...]
    """In the order of the last change of each; those of one change by what they are about."""
    undone: int
    """So many facts were changed and were in the end what they had been."""
    stopped_at: Entry | None
    """The work was bounded: true up to this change. None where there were no more."""


def differences(before: Account, changes: Iterable[Entry], changes_max: int) -> Differences:
    """What the changes that follow made of the account, in net terms."""
    account, first, steps = before, dict[Fact, FactValue | None](), defaultdict[Fact, list[FactStep]](list)
    last, touched = dict[Fact, FactValue | None](), set[str]()
    entry = stopped_at = None
    for number, change in enumerate(changes):
        if number == changes_max:
            stopped_at = entry
            break
        entry, former = change, account
        account = evolve(account, change)
        assert isinstance(change.event, AccountChange)
        for subject in change.event.changed_subjects(account.id):
            touched.add(subject)
            for fact, was, is_ in changed_facts(former, account, subject):
                first.setdefault(fact, was)
                last[fact] = is_
                steps[fact].append(FactStep(change, FactDifference(fact, was, is_)))
    for subject in touched:
        # They say what they said; what the things in them are called may be another name since.
        last |= facts(account, subject)
    found = [
        Difference(FactDifference(fact, first[fact], last[fact]), tuple(reversed(made)))
        for fact, made in steps.items()
        if first[fact] != last[fact]
    ]
    found.sort(key=_place)
    return Differences(tuple(found), len(steps) - len(found), stopped_at)


def _place(difference: Difference) -> tuple[int, str, str]:
    fact = difference.made.fact
    return difference.steps[0].entry.position, fact.kind.name, fact.id


def changed_facts(
    before: Account, after: Account, subject: str
) -> Iterator[tuple[Fact, FactValue | None, FactValue | None]]:
    """The facts of a subject that say something else afterwards."""
    was, is_ = facts(before, subject), facts(after, subject)
    for fact in [*was, *(fact for fact in is_ if fact not in was)]:
        if was.get(fact) != is_.get(fact):
            yield fact, was.get(fact), is_.get(fact)
