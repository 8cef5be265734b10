"""What counted for somebody, from when to when: every policy that granted or limited, with its text (docs/adr/0025).

Exact at every position. A name or an ARN is whoever was called so at each moment; a unique id follows its user, group
or role through every rename.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from domain.account import Account, AccountChange, evolve
from domain.authorization import own_policies
from domain.families.groups import GROUPS, MEMBERSHIPS, with_members
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.families.policies import HolderNoun
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.events import Entry
from domain.foundation.intervals import Step, mapping_changes
from domain.policy import Layer, SourcedPolicy
from domain.queries.access import permission_layers
from domain.queries.named import PolicyHolder, find_holders


class Holding(NamedTuple):
    """That one policy counts for one user, group or role, in one of the ways in which it can."""

    kind: HolderNoun
    entity_id: str
    layer: Layer
    place: str
    """Through which it has the policy: the unique id of the holder, itself or one of its groups; of an organization's
    policies the level that they are attached to."""
    source_type: str
    source_id: str


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """What the policy says while it counts."""

    version_id: str | None
    sha256: str
    document: str
    through: str | None
    """The name of the group, or of the organization's level."""
    name: str = field(compare=False)
    """What whoever holds it was called when it came to count."""


def held_between(
    account: Account, since: datetime, changes: Iterable[Entry], principal: str
) -> Iterator[Step[Holding, HeldDocument]]:
    """The policies of whoever is called `principal`, or is, at `since`, and as the changes that follow have them."""
    before = policies_held(account, principal)
    yield Step(since, None, dict(before))
    for change in changes:
        account = evolve(account, change)
        after = policies_held(account, principal)
        yield Step(change.at, change, mapping_changes(before, after))
        before = after


def all_held_between(
    account: Account, since: datetime, changes: Iterable[Entry]
) -> Iterator[Step[Holding, HeldDocument]]:
    """The same of every user and role, without the organization's policies, which limit all alike. Only those whom a
    change concerns are looked at again."""
    held = {entity_id: _held_by(account, entity_id) for entity_id in _everybody(account)}
    yield Step(since, None, {holding: text for each in held.values() for holding, text in each.items()})
    for change in changes:
        before, account = account, evolve(account, change)
        whose = _concerned(before, account, change)
        news: dict[Holding, HeldDocument | None] = {}
        for entity_id in whose:
            after = _held_by(account, entity_id)
            news |= mapping_changes(held.get(entity_id, {}), after)
            held[entity_id] = after
        yield Step(change.at, change, news, 1 + len(whose))


def _everybody(account: Account) -> list[str]:
    return [*account[USERS].by_id, *account[ROLES].by_id]


def _concerned(before: Account, after: Account, change: Entry) -> list[str]:
    """Whose policies may be others, or come through a group that is called otherwise."""
    assert isinstance(change.event, AccountChange)
    ids = change.event.affected_principals(before, after)
    if ids is None:
        return list(dict.fromkeys([*_everybody(before), *_everybody(after)]))
    groups = (each for each in change.event.changed_subjects(after.id) if each in after[GROUPS].by_id)
    return sorted(ids.union(*(with_members(after, group_id) for group_id in groups)))


def _held_by(account: Account, entity_id: str) -> dict[Holding, HeldDocument]:
    """Nothing where there is no such user or role."""
    holders: tuple[tuple[HolderNoun, PolicyHolder | None], ...] = (
        ("user", account[USERS].by_id.get(entity_id)),
        ("role", account[ROLES].by_id.get(entity_id)),
    )
    return {
        holding: text
        for kind, entity in holders
        if entity is not None
        for holding, text in _holdings_of(account, kind, entity)
        if holding.layer is not Layer.SCP
    }


def policies_held(account: Account, principal: str) -> dict[Holding, HeldDocument]:
    return {
        holding: text
        for kind, entity in find_holders(account, principal)
        for holding, text in _holdings_of(account, kind, entity)
    }


def _holdings_of(account: Account, kind: HolderNoun, entity: PolicyHolder) -> Iterator[tuple[Holding, HeldDocument]]:
    entity_id = entity.id
    membership = account[ORGANIZATION_MEMBERSHIP]
    levels = iter(() if membership is None else membership.levels)
    for layer, policies in permission_layers(account, entity_id):
        level = next(levels) if layer is Layer.SCP else None
        for sourced in policies:
            # Of the identity's policies what the account lends to every user; it is told below through whom it has the
            # others.
            if layer is not Layer.IDENTITY or sourced.source_id == account.id:
                place = entity_id if level is None else level.id
                text = _text(sourced, None if level is None else level.name, entity)
                yield _holding(kind, entity_id, layer, place, sourced), text
    for holder_id in (entity_id, *account[MEMBERSHIPS].rights_of(entity_id)):
        through = None if holder_id == entity_id else account[GROUPS].by_id[holder_id].name
        for sourced in own_policies(account, holder_id):
            yield _holding(kind, entity_id, Layer.IDENTITY, holder_id, sourced), _text(sourced, through, entity)


def _holding(kind: HolderNoun, entity_id: str, layer: Layer, place: str, sourced: SourcedPolicy) -> Holding:
    return Holding(kind, entity_id, layer, place, sourced.source_type, sourced.source_id)


def _text(sourced: SourcedPolicy, through: str | None, entity: PolicyHolder) -> HeldDocument:
    return HeldDocument(sourced.version_id, sourced.policy.sha256, sourced.policy.text, through, entity.name)
