"""What two values of an account differ in, and which changes made it so.

Bookkeeping is no difference: when credentials were last used, what the scheduler has told, failed attempts, in which
order pairs were made, which numbers versions had that are gone, and that a revocation is forgotten when the session
would have ended by itself. Everything else is told fact by fact (`domain.facts`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from domain.account import Account, AccountChange, evolve
from domain.facts import AttributeValue, Fact, FactValue, facts
from domain.foundation.events import Entry


@dataclass(frozen=True, slots=True)
class Difference:
    fact: Fact
    before: FactValue | None
    """None: it was not there."""
    after: FactValue | None
    made_by: tuple[Entry, ...]
    """Every change of the fact between the two values, the last one first."""

    @property
    def sentence(self) -> str:
        """In English, with the names that things had in the end; of what is gone, when it was first changed."""
        kind = self.fact.kind
        what = kind.name.capitalize()
        if self.after is None:
            assert self.before is not None, "A fact that is at neither end does not differ."
            return f"{what} {self.before.name} {kind.went}."
        if self.before is None:
            return f"{what} {self.after.name} {kind.came}."
        return f"{what} {self.after.name} changed: {'; '.join(_changed(self.before, self.after))}."


def _changed(before: FactValue, after: FactValue) -> Iterator[str]:
    for name in sorted(before.said.keys() | after.said.keys()):
        was, is_ = before.said.get(name), after.said.get(name)
        if was != is_:
            yield f"{name} was {_shown(was)} and is {_shown(is_)}"
    if before.document != after.document:
        yield "its document says something else"


def _shown(value: AttributeValue) -> str:
    match value:
        case None:
            return "nothing"
        case datetime():
            return value.isoformat()
        case str() | int():
            return str(value)
        case _:
            return ", ".join(value) or "nothing"


@dataclass(frozen=True, slots=True)
class Differences:
    differing: tuple[Difference, ...]
    """In the order of the last change of each."""
    undone: int
    """So many facts were changed and were in the end what they had been."""
    stopped_at: Entry | None
    """The work was bounded: true up to this change. None where there were no more."""


def differences(before: Account, changes: Iterable[Entry], changes_max: int) -> Differences:
    """What the changes that follow made of the account, in net terms."""
    account, first, made_by = before, dict[Fact, FactValue | None](), defaultdict[Fact, list[Entry]](list)
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
                made_by[fact].append(change)
    for subject in touched:
        # They say what they said; what the things in them are called may be another name since.
        last |= facts(account, subject)
    found = [
        Difference(fact, first[fact], last[fact], tuple(reversed(made)))
        for fact, made in made_by.items()
        if first[fact] != last[fact]
    ]
    found.sort(key=lambda difference: difference.made_by[0].position)
    return Differences(tuple(found), len(made_by) - len(found), stopped_at)


def changed_facts(
    before: Account, after: Account, subject: str
) -> Iterator[tuple[Fact, FactValue | None, FactValue | None]]:
    """The facts of a subject that say something else afterwards."""
    was, is_ = facts(before, subject), facts(after, subject)
    for fact in [*was, *(fact for fact in is_ if fact not in was)]:
        if was.get(fact) != is_.get(fact):
            yield fact, was.get(fact), is_.get(fact)
