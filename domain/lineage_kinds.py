"""The kinds of nodes in the lineage of a credential, and what undoes them: each family registers its own."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from domain.account import Account, AccountChange
from domain.facts import every_document, facts


class Command(NamedTuple):
    """Of the aws CLI, for IAM."""

    operation: str
    options: Mapping[str, str]


Removals = Callable[[Account, str], Iterator[tuple[str, Command]]]
"""Of all that an owner, by its unique id, has of a kind now: the subject id of each, and what removes it."""


_DOCUMENTS_REMEMBERED = 1_024
_VARIABLE = re.compile(r"\$\{\s*([^,}]+?)\s*[,}]")
"""A policy variable, with or without a default."""
Parts = Mapping[str, str]
"""What a setting says, part by part: of a document its statements, of a tag its value by key."""


@dataclass(frozen=True, slots=True)
class SettingDelta:
    """What of a setting is the lineage's at a moment, in its account as it then was."""

    account: Account
    owner_id: str
    subject_id: str
    introduced: Parts
    """That were not there before the lineage, and are."""
    dropped: Parts
    """That were there before, and are not."""
    former: Account
    """As it was before the lineage made this difference."""
    lost: Account
    """As it was before the last of `dropped` was taken away: what they name was there."""
    others: Callable[[], Iterable[Account]] = tuple
    """Accounts of which policies may ask about it."""

    def is_asked_for(self, *keys: str) -> bool:
        """Whether a policy of the account, or of the others, asks for one of the condition keys, lower-cased: in a
        condition or a variable."""
        accounts = (self.account, *self.others())
        documents = (document for account in accounts for document in every_document(account))
        return not all(_keys_asked_for(document).isdisjoint(keys) for document in documents)


@lru_cache(_DOCUMENTS_REMEMBERED)
def _keys_asked_for(document: str) -> frozenset[str]:
    """Lower-cased, among other names of the document's elements."""
    names = set[str]()

    def read(pairs: list[tuple[str, object]]) -> dict[str, object]:
        names.update(name for name, _ in pairs)
        return dict(pairs)

    plain = json.dumps(json.loads(document, object_pairs_hook=read), ensure_ascii=False)
    return frozenset(name.lower() for name in (*names, *_VARIABLE.findall(plain)))


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What a change has altered: the trust of a role, one inline policy, one membership. By the ids of owner and
    subject of the change's node."""

    parts: Callable[[Account, str, str], Parts]
    """None where there is no such setting, or not any more."""
    without: Callable[[SettingDelta, Parts], Account]
    """The account with these parts in the place of its own."""
    openings: Callable[[SettingDelta], Iterator[str]]
    """What is let in by it, a phrase each; none where nothing is."""
    is_keyed: bool = False
    """Each part has one value, such as a tag: whoever sets another one decides."""
    is_versioned: bool = False
    """A part may come into force long after it was written, by whoever chooses so."""
    is_name: bool = False
    """Calls tell the owner by it, in ARNs."""


_brought: list[Callable[[Account, Account, str], Account]] = []


def brings_back(of: Callable[[Account, Account, str], Account]) -> Callable[[Account, Account, str], Account]:
    """Adds what a family's things come back with: the account, as it was, and the unique id of what came back."""
    _brought.append(of)
    return of


def with_what_it_had(account: Account, former: Account, entity_id: str) -> Account:
    for of in _brought:
        account = of(account, former, entity_id)
    return account


def documents_of(account: Account, holder_id: str) -> Iterator[str]:
    """Those that a user, group or role has of its own, with those of attached policies."""
    for value in facts(account, holder_id).values():
        if value.document is not None:
            yield value.document
        policy_arn = value.said.get("policy_arn")
        if isinstance(policy_arn, str):
            yield from (policy.document for policy in facts(account, policy_arn).values() if policy.document)


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
    cut_off: Callable[[Account, str], AccountChange | None] | None = None
    """Of a credential, by its id, what ends it where it does not end by who it is of: what takes it asks for its
    status alone."""
    setting: Setting | None = None
    """Of a change that may let somebody in."""
    writes: Callable[[Account, str, str], Parts] | None = None
    """What such a change has written, read behind it, where that may be in force only later."""

    def __post_init__(self) -> None:
        if self.name in _kinds:
            raise TypeError(f"There is a kind of lineage node {self.name} already.")
        _kinds[self.name] = self


_kinds: dict[str, LineageKind] = {}
LineageKind("root", "root of {account}", owns_credentials=True)


def removals_of_kinds() -> dict[str, Removals]:
    """By the names of their kinds, in that order."""
    return {name: kind.removals for name, kind in sorted(_kinds.items()) if kind.removals is not None}


def cut_offs(account: Account, subject_id: str) -> Iterator[AccountChange]:
    """What ends the credential that has this id, of whatever kind; none where it is not there, or ended already."""
    for cut_off in {kind.cut_off for kind in _kinds.values() if kind.cut_off is not None}:
        event = cut_off(account, subject_id)
        if event is not None:
            yield event


def stands_alone(kind_name: str) -> bool:
    """Whether a credential of the kind is usable its own status tells, whatever is denied to its owner. So too, to be
    safe, of what no family has registered."""
    kind = _kinds.get(kind_name)
    return kind is None or kind.cut_off is not None


def lineage_kind_names() -> frozenset[str]:
    return frozenset(_kinds)


def lineage_kind(name: str) -> LineageKind | None:
    return _kinds.get(name)
