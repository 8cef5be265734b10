"""The kinds of nodes in the lineage of a credential: each family registers those that its events make."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from domain.account import Account


class Command(NamedTuple):
    """Of the aws CLI, for IAM."""

    operation: str
    options: Mapping[str, str]


Removals = Callable[[Account, str], Iterator[tuple[str, Command]]]
"""Of all that an owner, by its unique id, has of a kind now: the subject id of each, and what removes it."""


@dataclass(frozen=True, slots=True, eq=False)
class LineageKind:
    """A family makes its own, named as its section in lineage.sql enters them. Raises TypeError when the name is taken.

    A node is either something that somebody can act with or as, or a change that a person has to judge.
    """

    name: str
    label: str = "{kind} {name}"
    """For people; of the fields of `node_label`."""
    gives_access: bool = False
    owns_credentials: bool = False
    removals: Removals | None = None

    def __post_init__(self) -> None:
        if self.name in _kinds:
            raise TypeError(f"There is a kind of lineage node {self.name} already.")
        _kinds[self.name] = self


_kinds: dict[str, LineageKind] = {}
LineageKind("root", "root of {account}", owns_credentials=True)


def removals_of_kinds() -> dict[str, Removals]:
    """By the names of their kinds, in that order."""
    return {name: kind.removals for name, kind in sorted(_kinds.items()) if kind.removals is not None}


def lineage_kind_names() -> frozenset[str]:
    return frozenset(_kinds)


def lineage_kind(name: str) -> LineageKind | None:
    return _kinds.get(name)
