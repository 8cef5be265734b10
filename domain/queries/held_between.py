"""What counted for somebody, from when to when: every policy that granted or limited, with its text (docs/adr/0025).

Exact at every position. A name or an ARN is whoever was called so at each moment; a unique id follows its user, group
or role through every rename.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.account import Account, evolve
from domain.authorization import own_policies
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.organization import ORGANIZATION_MEMBERSHIP
from domain.families.policies import HolderNoun
from domain.foundation.events import Entry
from domain.foundation.intervals import Step, mapping_changes
from domain.policy import Layer, SourcedPolicy
from domain.queries.access import permission_layers
from domain.queries.named import find_holders


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


def policies_held(account: Account, principal: str) -> dict[Holding, HeldDocument]:
    return {
        holding: text
        for kind, entity in find_holders(account, principal)
        for holding, text in _holdings_of(account, kind, entity.id)
    }


def _holdings_of(account: Account, kind: HolderNoun, entity_id: str) -> Iterator[tuple[Holding, HeldDocument]]:
    membership = account[ORGANIZATION_MEMBERSHIP]
    levels = iter(() if membership is None else membership.levels)
    for layer, policies in permission_layers(account, entity_id):
        level = next(levels) if layer is Layer.SCP else None
        for sourced in policies:
            # Of the identity's policies what the account lends to every user; it is told below through whom it has the
            # others.
            if layer is not Layer.IDENTITY or sourced.source_id == account.id:
                place = entity_id if level is None else level.id
                text = _text(sourced, None if level is None else level.name)
                yield _holding(kind, entity_id, layer, place, sourced), text
    for holder_id in (entity_id, *account[MEMBERSHIPS].rights_of(entity_id)):
        through = None if holder_id == entity_id else account[GROUPS].by_id[holder_id].name
        for sourced in own_policies(account, holder_id):
            yield _holding(kind, entity_id, Layer.IDENTITY, holder_id, sourced), _text(sourced, through)


def _holding(kind: HolderNoun, entity_id: str, layer: Layer, place: str, sourced: SourcedPolicy) -> Holding:
    return Holding(kind, entity_id, layer, place, sourced.source_type, sourced.source_id)


def _text(sourced: SourcedPolicy, through: str | None) -> HeldDocument:
    return HeldDocument(sourced.version_id, sourced.policy.sha256, sourced.policy.text, through)
