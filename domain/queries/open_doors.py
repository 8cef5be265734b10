"""What lets somebody in and was made so by a lineage: the settings that it has altered, as long as they are as it left
them; and how the account would be without."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from domain.account import Account
from domain.altered_settings import AlteredSetting, SettingChange, without_lineage
from domain.families.containment import CONTAINED_DOCUMENT, CONTAINED_POLICY_NAME
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.policies import INLINE_POLICIES, MANAGED_POLICIES, held_by
from domain.lineage_kinds import Setting
from domain.read_models.lineage import LineageNode, NodePosition, OpenDoor
from domain.registry import lineage_kind

AccountAt = Callable[[str, int], Account]
"""The account with this id as it was at a position."""
_ENDED = frozenset({"deleted", "removed", "replaced"})
_MADE = frozenset({"user", "group", "role", "policy"})


def altered_settings(nodes: Iterable[LineageNode], account_at: AccountAt) -> list[AlteredSetting]:
    """Of the nodes of a lineage, but for its seed."""
    by_setting: dict[tuple[Setting, str, str, str], list[LineageNode]] = defaultdict(list)
    for node in nodes:
        kind = lineage_kind(node.kind)
        if kind is not None and kind.setting is not None:
            by_setting[kind.setting, node.account_id, node.owner_id, node.subject_id].append(node)
    return [_altered(*key, changes, account_at) for key, changes in by_setting.items()]


def _altered(
    setting: Setting, account_id: str, owner_id: str, subject_id: str, nodes: list[LineageNode], account_at: AccountAt
) -> AlteredSetting:
    changes = []
    for node in sorted(nodes, key=lambda node: node.position):
        before = setting.parts(account_at(account_id, node.position - 1), owner_id, subject_id).items()
        kind = lineage_kind(node.kind)
        written = (kind and kind.writes) or setting.parts
        after = written(account_at(account_id, node.position), owner_id, subject_id).items()
        ended = node.since.position if node.since is not None and node.state in _ENDED else None
        # What is dropped is asked of the account: a version that is not the default replaces nothing yet.
        added, removed = frozenset(after - before), frozenset(before - after)
        changes.append(SettingChange(node.kind, node.position, node.at, ended, added, removed))
    former = account_at(account_id, changes[0].position - 1)
    return AlteredSetting(setting, account_id, owner_id, subject_id, former, tuple(changes))


def made_by(nodes: Sequence[LineageNode]) -> frozenset[str]:
    """Ids of the lineage's own users, groups and roles, and ARNs of its policies."""
    return frozenset(node.subject_id for node in nodes[1:] if node.kind in _MADE)


def open_doors(
    nodes: Sequence[LineageNode], altered: Iterable[AlteredSetting], account_at: Callable[[str], Account]
) -> Iterator[OpenDoor]:
    """At the moment of the nodes, which the accounts are of too."""
    by_place = {node.place: node for node in nodes}
    made = made_by(nodes)
    altered = list(altered)
    accounts = {each.account_id: account_at(each.account_id) for each in altered}
    untouched = {account_id: without_lineage(account, altered) for account_id, account in accounts.items()}
    for each in altered:
        account = accounts[each.account_id]
        delta = each.delta(account)
        if delta is not None and account.closed_at is None and not _is_shut(account, each.owner_id, made):
            # What one change opens another one may hide: a detached policy of which the text was replaced too.
            as_if_alone = replace(delta, account=untouched[each.account_id])
            opens = tuple(
                dict.fromkeys(each.setting.openings(delta)) or dict.fromkeys(each.setting.openings(as_if_alone))
            )
            if opens:
                last = by_place[NodePosition(each.account_id, each.changes[-1].position)]
                yield OpenDoor(node=last, opens=opens)


def _is_shut(account: Account, owner_id: str, made: Collection[str]) -> bool:
    """Whether everybody whom it is about may do nothing any more. Where that is nobody, somebody may come to be it, but
    of what is the lineage's own."""
    concerned: Sequence[str] = [owner_id]
    if owner_id in account[GROUPS].by_id:
        concerned = account[MEMBERSHIPS].lefts_of(owner_id)
    elif owner_id in account[MANAGED_POLICIES]:
        concerned = sorted(held_by(account, owner_id).difference(account[GROUPS].by_id))
    if not concerned:
        return owner_id in made
    return all(_is_contained(account, each) for each in concerned)


def _is_contained(account: Account, entity_id: str) -> bool:
    inline = account[INLINE_POLICIES].get(entity_id)
    return inline is not None and inline.get(CONTAINED_POLICY_NAME) == CONTAINED_DOCUMENT
