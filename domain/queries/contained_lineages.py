"""The containment of a whole lineage by one event in each account that it may have come to (docs/adr/0047)."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from domain.account import Account
from domain.descent import MADE
from domain.families.access_keys import ACCESS_KEYS
from domain.families.containment import (
    CONTAINED_LINEAGES,
    CONTAINED_LINEAGES_MAX,
    REACHED_ACCOUNTS,
    ContainedLineage,
    LineageContained,
    Seed,
)
from domain.families.user_credentials import USER_CREDENTIALS
from domain.foundation.errors import LimitExceeded, OperationNotPermittedException
from domain.queries.named import credential_owners
from domain.read_models.lineage import LineageNode, NodePosition

TRUSTED_AFTER = timedelta(days=1)
"""Whoever had made many users and roles so long ago has most likely made them by right."""
AccountsOf = Callable[[Collection[str]], Mapping[str, Account]]


def find_seed(account: Account, named: str) -> Seed | None:
    """An access key or another credential that there is, or a user, role or root, by unique id, name or ARN. None where
    the account itself cannot tell, as of sessions, or it may be several."""
    key = account[ACCESS_KEYS].by_id.get(named)
    if key is not None:
        return Seed(key.id, key.user_id)
    if named in account[USER_CREDENTIALS].by_id:
        return Seed(named, None)
    owners = credential_owners(account, named)
    return Seed(owners.pop(), None) if len(owners) == 1 else None


def reached_from(home: str, accounts_of: AccountsOf) -> dict[str, Account]:
    """The account, and all into which sessions have come from it, or from one of those."""
    found: dict[str, Account] = {}
    frontier = {home}
    while frontier:
        there = accounts_of({*found, *frontier})
        found = {account_id: account for account_id, account in there.items() if account.exists}
        frontier = {other for account in found.values() for other in account[REACHED_ACCOUNTS]} - there.keys()
    return found


def containing_events(
    accounts: Mapping[str, Account], seed: Seed, since: datetime | None, spared: tuple[str, ...], reason: str | None
) -> dict[str, LineageContained]:
    """By account, where it is not contained so already. Raises LimitExceeded."""
    event = LineageContained(
        seed=seed.id, seed_owner=seed.owner_id, compromised_since=since, spared=spared, reason=reason
    )
    events = {}
    for account_id, account in accounts.items():
        former = account[CONTAINED_LINEAGES].get(seed.id)
        after = event.fold(account, datetime.min)[CONTAINED_LINEAGES]  # noqa: DTZ901  it needs no time
        if len(after) > CONTAINED_LINEAGES_MAX and former is None:
            raise LimitExceeded(
                f"{CONTAINED_LINEAGES_MAX} lineages are contained in {account_id}: release one of them first."
            )
        if after[seed.id] != former:
            events[account_id] = event
    return events


def refuse_narrowing(account: Account, seed: Seed, since: datetime | None, spared: Collection[str]) -> None:
    """Raises OperationNotPermittedException where the lineage is contained already, and less would be of it now: only a
    release lets anything go."""
    former = account[CONTAINED_LINEAGES].get(seed.id)
    if former is None:
        return
    is_later = since is not None and (former.since is None or former.since < since)
    if is_later or not set(spared) <= set(former.spared):
        raise OperationNotPermittedException(
            f"The lineage of {seed.id} is contained from position {former.position} on, with more than this would "
            "contain. Release it first, with --release, and contain it anew."
        )


def refuse_everybody(account: Account, seed: Seed, at: datetime) -> None:
    """Raises OperationNotPermittedException where the seed had made many users and roles long ago: without a moment
    from which on it was compromised, they would all be cut off with it."""
    made = account[MADE].get(seed.id)
    if made is not None and made.many_at is not None and made.many_at < at - TRUSTED_AFTER:
        raise OperationNotPermittedException(
            f"This would cut off all that {seed.id} has ever made: {made.count} users and roles, many of them more "
            "than a day ago, with their credentials. Say since when it may have been in other hands, with "
            "--compromised-since; to cut off all, since the account began."
        )


def held_by_lineages(
    nodes: Iterable[LineageNode], contained: Mapping[str, Mapping[str, ContainedLineage]]
) -> Iterator[tuple[LineageNode, ContainedLineage]]:
    """Of the nodes, parents before children, those that are not honoured. By account, what is contained there."""
    every = {seed: lineage for lineages in contained.values() for seed, lineage in lineages.items()}
    held = dict[NodePosition, set[str]]()
    by_place = dict[NodePosition, LineageNode]()
    for node in nodes:
        by_place[node.place] = node
        parent = None if node.parent is None else by_place.get(node.parent)
        ids = {node.access_key_id or node.subject_id, node.owner_id}
        seeds = ids & every.keys()
        if parent is not None:
            own = {parent.access_key_id or parent.subject_id, parent.owner_id}
            seeds |= {seed for seed in held[parent.place] if seed not in own or _is_since(node, every[seed])}
        held[node.place] = {seed for seed in seeds if ids.isdisjoint(every[seed].spared)}
        here = contained[node.account_id]
        lineage = next((here[seed] for seed in sorted(held[node.place]) if seed in here), None)
        if lineage is not None and node.gives_access and not node.stands_alone:
            yield node, lineage


def _is_since(node: LineageNode, lineage: ContainedLineage) -> bool:
    return lineage.since is None or node.at >= lineage.since


def parted_by_spared(
    nodes: Sequence[LineageNode], spared: Collection[str]
) -> tuple[tuple[LineageNode, ...], tuple[LineageNode, ...]]:
    """Parents before children: those that are contained, and what is spared with what that has made."""
    left_out = set[NodePosition]()
    for node in nodes:
        ids = {node.access_key_id or node.subject_id, *([node.owner_id] if node.depth else [])}
        if node.parent in left_out or (node.depth and not ids.isdisjoint(spared)):
            left_out.add(node.place)
    kept = tuple(node for node in nodes if node.place not in left_out)
    return kept, tuple(node for node in nodes if node.place in left_out)
