"""An account told fact by fact: each is about one thing, has an id that is this thing's alone, and says little.

Facts hang together on a subject: a user with all that is the user's, a managed policy with its versions. Subjects are
known by their ids: unique ids, of a policy the ARN, of the account and of sessions theirs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.account import Account, components
from domain.policy import say_the_same

AttributeValue = str | int | datetime | tuple[str, ...] | None
Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class FactKind:
    """What a fact is called, and what became of one that was not there before, and of one that is there no more."""

    name: str
    came: str = "was created"
    went: str = "was deleted"


def capitalized(noun: str) -> str:
    """As it begins a sentence: MFA device stays as it is."""
    return noun[:1].upper() + noun[1:]


class Fact(NamedTuple):
    kind: FactKind
    id: str
    """Of several parts where the fact is about a pair, with a slash between them."""


@dataclass(frozen=True, slots=True, eq=False)
class FactValue:
    """What a fact says. Two are equal when they say the same, whatever the things in it are called, and however the
    policy document in it is written."""

    name: str
    """How people call what the fact is about."""
    said: Attributes
    document: str | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FactValue):
            return NotImplemented
        return self.said == other.said and say_the_same(self.document, other.document)

    __hash__ = None  # type: ignore[assignment]  # What it says is no key to anything.


FactSource = Callable[[Account, str], Iterator[tuple[Fact, FactValue]]]
"""The facts of one subject that a family knows: none of a subject that is not its own, or that is not there."""
_sources: list[FactSource] = []


def tells_facts(source: FactSource) -> FactSource:
    """Adds what the family of this function knows about subjects."""
    _sources.append(source)
    # In whatever order families were imported, facts come in the same one.
    _sources.sort(key=lambda source: source.__module__)
    return source


def facts(account: Account, subject: str) -> dict[Fact, FactValue]:
    """Of one subject; none where the account does not have it."""
    return {fact: value for source in _sources for fact, value in source(account, subject)}


def subjects(account: Account) -> Iterator[str]:
    """All that there are."""
    yield account.id
    for component in components():
        yield from component.ids(account[component])


def every_document(account: Account) -> Iterator[str]:
    """Of all policies that there are, whatever their kind."""
    for subject in subjects(account):
        yield from (value.document for value in facts(account, subject).values() if value.document is not None)


ACCOUNT = FactKind("account")


@tells_facts
def _account_facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    if subject == account.id and account.exists:
        said: Attributes = {
            "ledger_id": account.ledger_id,
            "partition": account.partition,
            "created_at": account.created_at,
            "closed_at": account.closed_at,
        }
        yield Fact(ACCOUNT, account.id), FactValue(account.id, said)
