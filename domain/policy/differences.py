"""What two policy documents differ in: not their texts, but their statements.

White space, the order of statements and of what an element lists, whether a single value stands in a list, and in which
of its two ways an account is named, mean nothing.
"""

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, methodcaller

from domain.policy.decode import Json, decoded, unquoted
from domain.policy.statement_texts import written_out

Elements = Mapping[str, frozenset[str]]
"""What each element of a statement lists. A principal has its kind before it, a condition's value its operator and
key."""
_TEXTS_REMEMBERED_MAX = 4_096
_PRINCIPALS = {"Principal", "NotPrincipal"}
_CHANGED_ALONE = ("Sid", "Action", "Resource", "Principal", "Condition", "Effect", "NotAction", "NotResource")


@dataclass(frozen=True, slots=True)
class StatementText:
    index: int
    """Its place in the document, from 0."""
    elements: Elements

    @property
    def sid(self) -> str | None:
        return next(iter(self.elements.get("Sid", ())), None)

    def without(self, element: str | None = None) -> Hashable:
        """What it says, but for one element: equal where two say the same."""
        return frozenset(item for item in self.elements.items() if item[0] != element)


@dataclass(frozen=True, slots=True)
class StatementDifference:
    """A statement that only one of the documents has, or that both have and that says something else."""

    before: StatementText | None
    after: StatementText | None

    def describe(self) -> str:
        if self.before is None:
            assert self.after is not None, "A statement that is in neither does not differ."
            return f"{_title(self.after)} was added ({_said(self.after)})"
        if self.after is None:
            return f"{_title(self.before)} was removed ({_said(self.before)})"
        was, is_ = self.before.elements, self.after.elements
        changed = (
            listing_change(name, was.get(name, _NONE), is_.get(name, _NONE)) for name in sorted(was.keys() | is_.keys())
        )
        return f"{_title(self.after)} changed ({'; '.join(filter(None, changed))})"


@dataclass(frozen=True, slots=True)
class _Document:
    statements: tuple[StatementText, ...]
    around: Mapping[str, str]
    """Version and Id."""
    meaning: Hashable


def say_the_same(one: str | None, other: str | None) -> bool:
    """Of two documents, or of None, which says nothing. Raises MalformedPolicyDocument for what is none."""
    if one == other or one is None or other is None:
        return one == other
    return _read(one).meaning == _read(other).meaning


def statement_differences(before: str | None, after: str | None) -> tuple[StatementDifference, ...]:
    """In the order of the statements; None is a document that is not there. Statements are the same one where they have
    one Sid, or differ in one element alone."""
    was = [] if before is None else list(_read(before).statements)
    is_ = [] if after is None else list(_read(after).statements)
    paired = [*_take_pairs(was, is_, attrgetter("sid"))]
    for element in (None, *_CHANGED_ALONE):
        paired += _take_pairs(was, is_, methodcaller("without", element))
    found = [StatementDifference(*pair) for pair in paired if pair[0].without() != pair[1].without()]
    found += [StatementDifference(each, None) for each in was]
    found += [StatementDifference(None, each) for each in is_]
    return tuple(sorted(found, key=_place))


def document_differences(before: str, after: str) -> Iterator[str]:
    """In English, with what stands around the statements."""
    was, is_ = _read(before).around, _read(after).around
    for name in sorted(was.keys() | is_.keys()):
        if was.get(name) != is_.get(name):
            yield f"{name} was {was.get(name, 'missing')} and is {is_.get(name, 'missing')}"
    for found in statement_differences(before, after):
        yield found.describe()


def _take_pairs(
    was: list[StatementText], is_: list[StatementText], key: Callable[[StatementText], Hashable]
) -> Iterator[tuple[StatementText, StatementText]]:
    """Takes from both lists those of one key; None is none."""
    waiting: dict[Hashable, list[StatementText]] = {}
    for statement in reversed(was):
        waiting.setdefault(key(statement), []).append(statement)
    for statement in list(is_):
        same = waiting.get(key(statement))
        if same and key(statement) is not None:
            former = same.pop()
            was.remove(former)
            is_.remove(statement)
            yield former, statement


def _place(found: StatementDifference) -> tuple[int, bool]:
    statement = found.after or found.before
    assert statement is not None
    return statement.index, found.after is not None


@lru_cache(_TEXTS_REMEMBERED_MAX)
def _read(text: str) -> _Document:
    """Raises MalformedPolicyDocument."""
    document = decoded(text)
    assert isinstance(document, dict)
    given = document.get("Statement")
    statements = tuple(
        StatementText(
            index, {name: listed for name, value in statement.items() if (listed := frozenset(_texts_in(name, value)))}
        )
        for index, statement in enumerate(given if isinstance(given, list) else [given])
        if isinstance(statement, dict)
    )
    around = {"Version": "2008-10-17"} | {name: str(value) for name, value in document.items() if name != "Statement"}
    meaning = (frozenset(around.items()), frozenset(Counter(each.without() for each in statements).items()))
    return _Document(statements, around, meaning)


def _texts_in(element: str, value: Json) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                # Below an operator stand keys; below a kind of principal, names.
                for text in _texts_in(element, inner):
                    yield f"{name} {written_out(name, text) if element in _PRINCIPALS else text}"
        case list():
            yield from (text for inner in value for text in _texts_in(element, inner))
        case _:
            text = str(unquoted(value))
            if element == "Condition":
                # Where a key ends and its value begins would not be told apart otherwise: both may have spaces.
                yield json.dumps(text, ensure_ascii=False)
            elif text or element != "Sid":
                yield text


def _title(statement: StatementText) -> str:
    return f"statement {statement.sid or statement.index}"


def _said(statement: StatementText) -> str:
    shown = {name: listed for name, listed in statement.elements.items() if name != "Sid"}
    return ", ".join(f"{name} {_joined(listed)}" for name, listed in shown.items())


def listing_change(name: str, was: frozenset[str], is_: frozenset[str]) -> str | None:
    """What something that lists texts gained and lost; None where both list the same."""
    came, went = is_ - was, was - is_
    if len(was) == len(is_) == len(came) == 1:
        return f"{name} was {_joined(was)} and is {_joined(is_)}"
    told = [f"{verb} {_joined(texts)}" for verb, texts in (("gained", came), ("lost", went)) if texts]
    return f"{name} {' and '.join(told)}" if told else None


def _joined(texts: frozenset[str]) -> str:
    return ", ".join(sorted(texts)) or "nothing"


_NONE: frozenset[str] = frozenset()
