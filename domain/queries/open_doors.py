"""What lets somebody in and was made so by a lineage: the settings that it has altered, as long as they are as it left
them; and how the account would be without."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import NamedTuple, Self

from domain.account import Account, AccountChange, evolve
from domain.altered_settings import AlteredSetting, without_lineage
from domain.families.containment import CONTAINED_DOCUMENT, CONTAINED_POLICY_NAME
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.policies import INLINE_POLICIES, MANAGED_POLICIES, held_by
from domain.foundation.events import Entry
from domain.lineage_kinds import Setting
from domain.read_models.lineage import LineageNode, NodePosition, OpenDoor
from domain.registry import lineage_kind

AccountAt = Callable[[str, int], Account]
"""The account with this id as it was at a position."""
ChangesBetween = Callable[[str, int, int], Iterable[Entry]]
"""Of the account with this id, behind one position and up to another."""
CHANGES_MAX = 50_000
"""So many changes of an account are gone through, the first since the lineage's first."""
_MADE = frozenset({"user", "group", "role", "policy", "server_certificate"})
_PUTS_BACK = "Contain"
"""The operation that restores."""


class AlteredSettings(NamedTuple):
    found: list[AlteredSetting]
    unexamined: int
    """So many changes of accounts, at least, were not gone through."""


@dataclass(frozen=True, slots=True)
class _Makers:
    """By which a change is known as the lineage's."""

    places: Mapping[tuple[str, int], LineageNode]
    requests: frozenset[str]
    windows: Mapping[str, Sequence[tuple[datetime, datetime | None]]]
    """Of each key: while what it signs is the lineage's."""

    @classmethod
    def of(cls, nodes: Sequence[LineageNode], since: datetime | None) -> Self:
        windows = defaultdict(list)
        for node in nodes:
            if node.access_key_id is not None:
                until = node.since.at if node.kind == "activation" and node.since is not None else None
                windows[node.access_key_id].append((max(node.at, since) if since else node.at, until))
        places = {(node.account_id, node.position): node for node in nodes[1:]}
        return cls(places, frozenset(node.request_id for node in nodes[1:]), windows)

    def made(self, entry: Entry) -> bool:
        if entry.cause.request_id in self.requests:
            return True
        windows = self.windows.get(entry.cause.access_key_id or "", ())
        return any(begin <= entry.at and (end is None or entry.at < end) for begin, end in windows)


def altered_settings(
    nodes: Sequence[LineageNode],
    positions: Mapping[str, int],
    since: datetime | None,
    account_at: AccountAt,
    changes: ChangesBetween,
) -> AlteredSettings:
    """Of a lineage, its seed first, up to positions of its accounts. Folds the changes since its first one."""
    named: dict[str, dict[tuple[Setting, str, str], AlteredSetting]] = defaultdict(dict)
    first: dict[str, int] = {}
    for node in nodes[1:]:
        kind = lineage_kind(node.kind)
        if kind is not None and kind.setting is not None:
            place = (kind.setting, node.owner_id, node.subject_id)
            setting = AlteredSetting(kind.setting, node.kind, node.account_id, node.owner_id, node.subject_id)
            named[node.account_id].setdefault(place, setting).nodes.append((node.position, node.at))
            first[node.account_id] = min(node.position, first.get(node.account_id, node.position))
    makers, unexamined = _Makers.of(nodes, since), 0
    for account_id, settings in named.items():
        begin, end = first[account_id] - 1, positions[account_id]
        entries = changes(account_id, begin, end)
        unexamined += _advance(list(settings.values()), account_at(account_id, begin), entries, makers)
    return AlteredSettings([each for settings in named.values() for each in settings.values()], unexamined)


def _advance(settings: Sequence[AlteredSetting], account: Account, entries: Iterable[Entry], makers: _Makers) -> int:
    """Whether some of them were not gone through any more."""
    by_owner = defaultdict(list)
    for setting in settings:
        by_owner[setting.owner_id].append(setting)
    for number, entry in enumerate(entries):
        if number == CHANGES_MAX:
            return 1
        before, account = account, evolve(account, entry)
        assert isinstance(entry.event, AccountChange)
        touched = [each for owner in entry.event.changed_subjects(account.id) for each in by_owner.get(owner, ())]
        node = makers.places.get((account.id, entry.position))
        kind = None if node is None else lineage_kind(node.kind)
        for setting in touched:
            writes = kind.writes if kind is not None and kind.setting is setting.setting else None
            setting.advance(
                before,
                account,
                entry.at,
                by_lineage=makers.made(entry),
                putting_back=entry.cause.operation == _PUTS_BACK,
                written={} if writes is None else writes(account, setting.owner_id, setting.subject_id),
            )
    return 0


def made_by(nodes: Sequence[LineageNode]) -> frozenset[str]:
    """Ids of the lineage's own users, groups, roles and server certificates, and ARNs of its policies."""
    return frozenset(node.subject_id for node in nodes[1:] if node.kind in _MADE)


def open_doors(
    nodes: Sequence[LineageNode],
    altered: Sequence[AlteredSetting],
    account_at: Callable[[str], Account],
    others: Callable[[], Iterable[Account]] = tuple,
) -> Iterator[OpenDoor]:
    """At the moment of the nodes, which the accounts are of too. `others` are accounts whose policies count as well."""
    by_place = {node.place: node for node in nodes}
    made = made_by(nodes)
    accounts = {each.account_id: account_at(each.account_id) for each in altered}
    untouched = cache(lambda account_id: without_lineage(accounts[account_id], altered))
    for each in altered:
        account = accounts[each.account_id]
        delta = each.delta(account)
        if delta is None or account.closed_at is not None or _is_shut(account, each.owner_id, made):
            continue
        if each.setting.is_name and each.owner_id in made:
            # It had no name that was anybody else's.
            continue
        delta = replace(delta, others=others)
        try:
            opens = list(each.setting.openings(delta))
            if not opens:
                # What one change opens another one may hide: a detached policy of which the text was replaced too.
                opens = list(each.setting.openings(replace(delta, account=untouched(each.account_id))))
        except LookupError as error:
            opens = [f"cannot be described: {error}"]
        if opens:
            node = by_place[NodePosition(each.account_id, max(position for position, _ in each.nodes))]
            yield OpenDoor(node=node, opens=tuple(dict.fromkeys(opens)))


def _is_shut(account: Account, owner_id: str, made: Collection[str]) -> bool:
    """Whether the user or role that it is about may do nothing any more, or all who hold what is the lineage's own. Who
    holds another's group or policy may change at any time."""
    if owner_id not in made:
        return _is_contained(account, owner_id)
    holders: Iterable[str] = (owner_id,)
    if owner_id in account[GROUPS].by_id:
        holders = account[MEMBERSHIPS].lefts_of(owner_id)
    elif owner_id in account[MANAGED_POLICIES]:
        holders = held_by(account, owner_id)
    return all(_is_contained(account, each) for each in holders)


def _is_contained(account: Account, entity_id: str) -> bool:
    inline = account[INLINE_POLICIES].get(entity_id)
    return inline is not None and inline.get(CONTAINED_POLICY_NAME) == CONTAINED_DOCUMENT
