"""What a credential gave birth to, and those in turn, in every account; and what of it all was alive at a moment."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

import psycopg

from domain.families.containment import CONTAINED_POLICY_NAME, CONTAINED_SHA256
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf, EventRef, Moment
from domain.read_models.lineage import NODES_MAX, LineageNode, LineageState, NodePosition, StateSince, UnfollowedBranch
from domain.registry import lineage_kind_names, stands_alone
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import resolve_in_projection
from projections.queries.lineage_seeds import CreatedNode, find_seed

SQL = load_statements("projections.queries", "lineage.sql")

_NAMING_SUBJECTS = frozenset({"membership", "membership_removed", "profile_role", "profile_role_removed"})
"""Of which the other end is called something at the time."""
DOOR_ROUNDS_MAX = 50
"""So often it is looked for who has used what the lineage has opened: each time those who came by that may have opened
more."""
AccountFilter = Callable[[str], str | None]
"""Why whoever asks may not see into the account with this id; None where it may."""


class _StateAtMoment(NamedTuple):
    state: LineageState
    since: EventRef | None
    before: EventRef | None = None
    """What had made it inactive before it ended."""


class DoorUse(NamedTuple):
    """A call that the lineage's changes alone made possible."""

    request_id: str
    door: NodePosition
    """The change."""


class DoorUses(NamedTuple):
    found: Sequence[DoorUse]
    unexamined: int
    """So many calls at least might be some, too."""


FindDoorUses = Callable[[Sequence[LineageNode], Mapping[str, Moment], datetime | None, datetime | None], DoorUses]
"""From the nodes that are known and the moments of their accounts; since the compromise, and up to a time."""


@dataclass(frozen=True, slots=True)
class Lineage:
    moments: Mapping[str, Moment]
    """Of the seed's account, which comes first, and of the others that were come to."""
    nodes: tuple[LineageNode, ...]
    """The seed first, and parents before their children; those of equal depth in the order of their births."""
    unfollowed: tuple[UnfollowedBranch, ...]
    stopped_after_nodes: int | None
    """The bound on nodes, where there are more of them."""
    unexamined_calls: int = 0
    """So many calls of others, at least, may have been possible because of the lineage alone."""
    left: tuple[LineageNode, ...] = ()
    """What the credentials had made before they were compromised."""
    compromised_since: datetime | None = None

    @property
    def seed(self) -> LineageNode:
        return self.nodes[0]

    @property
    def remaining(self) -> tuple[LineageNode, ...]:
        """What lets somebody in at the moment."""
        return tuple(node for node in self.nodes if node.gives_access and node.alive)


def trace_lineage(
    cursor: psycopg.Cursor,
    account_id: str,
    seed: str,
    as_of: AsOf,
    *,
    follows: AccountFilter = lambda _account_id: None,
    nodes_max: int = NODES_MAX,
    compromised_since: AsOf | None = None,
    door_uses: FindDoorUses | None = None,
) -> Lineage:
    """From an access key id (also that of a session), a session id or ARN, a user or role by ARN, unique id or name at
    the moment, or before where nobody has it, or the account id, `root` or root's ARN: what it signed for, and of
    users, roles and root all keys and sessions; and so on for each of these. In other accounts at the moment's time.
    What was signed for before `compromised_since` is left. What others did that `door_uses` finds descends from the
    change that let them.

    Raises NoSuchEntity, InvalidInput when the seed has no descendants by its nature or may be several, and what
    `resolve_in_projection` raises, of any of the accounts.
    """
    moment = resolve_in_projection(cursor, "lineage", account_id, as_of)
    since = None
    if compromised_since is not None:
        since = compromised_since.at or resolve_in_projection(cursor, "lineage", account_id, compromised_since).at
    walk = _Traversal(cursor, as_of, find_seed(cursor, account_id, seed, moment), moment, follows, since)
    walk.descend(min(nodes_max, NODES_MAX))
    nodes, unexamined = walk.nodes(walk.found), 0
    for _ in range(DOOR_ROUNDS_MAX if door_uses is not None else 0):
        assert door_uses is not None
        uses, unexamined = door_uses(nodes, walk.moments, since, walk.until)
        if not walk.enter(uses, min(nodes_max, NODES_MAX)):
            break
        nodes = walk.nodes(walk.found)
    else:
        unexamined += door_uses is not None
    return Lineage(
        walk.moments,
        nodes,
        tuple(walk.unfollowed.values()),
        len(nodes) if walk.stopped else None,
        unexamined,
        walk.nodes(walk.left),
        since,
    )


def lagging_accounts(cursor: psycopg.Cursor) -> dict[str, int]:
    """The accounts whose births are not all known yet, with the position of the newest event there."""
    return dict(cursor.execute(SQL["behind"], {"installation": INSTALLATION}).fetchall())


class _Traversal:
    """From parents to children, a generation at a time. What has been found is not looked at again, so that it ends
    also where a key has made another one for its own user."""

    def __init__(
        self,
        cursor: psycopg.Cursor,
        as_of: AsOf,
        seed: CreatedNode,
        moment: Moment,
        follows: AccountFilter,
        compromised_since: datetime | None,
    ) -> None:
        self._cursor = cursor
        self._follows = follows
        self._since = compromised_since
        newest = AsOf(as_of.now)
        self._elsewhere = newest if as_of == newest else AsOf.time(moment.at, moment.at)
        # Another account's ledger may run a little ahead of the caller's clock: the newest state has no last time.
        self.until = None if as_of == newest else moment.at
        self.moments = {seed.node.account_id: moment}
        """Of each account that was come to."""
        self.found = {seed.node.place: seed}
        """In the order in which they were found."""
        self.origins: dict[NodePosition, tuple[NodePosition | None, int]] = {seed.node.place: (None, 0)}
        """The parent, and the generation."""
        self.unfollowed: dict[NodePosition, UnfollowedBranch] = {}
        self.left: dict[NodePosition, CreatedNode] = {}
        """What was signed for before the compromise."""
        self.stopped = False

    def nodes(self, of: Mapping[NodePosition, CreatedNode]) -> tuple[LineageNode, ...]:
        """As they are at the moment."""
        states = dict(_states_at(self._cursor, self.moments, of.values()))
        groups = _subject_names(self._cursor, [found.node for found in of.values()])
        return tuple(
            _node_at(found.node, *self.origins[place], states[place], groups.get(place)) for place, found in of.items()
        )

    def descend(self, nodes_max: int) -> None:
        self._descend(list(self.found.values()), nodes_max)

    def enter(self, uses: Sequence[DoorUse], nodes_max: int) -> bool:
        """What came of calls through open doors, with all that descends from it. Whether that was anything new."""
        doors = {use.request_id: use.door for use in uses}
        parameters = {"requests": list(doors), "until": self.until, "limit": nodes_max + 1}
        rows = map(CreatedNode.of_row, self._cursor.execute(SQL["of_requests"], parameters).fetchall())
        children = [(child, doors[child.node.request_id]) for child in rows]
        created = self._add(((child, door) for child, door in children if self._is_known(child.node, door)), nodes_max)
        self._descend(created, nodes_max)
        return bool(created)

    def _descend(self, generation: list[CreatedNode], nodes_max: int) -> None:
        while generation and not self.stopped:
            generation = self._add(self._children(generation, nodes_max + 1), nodes_max)

    def _add(self, children: Iterable[tuple[CreatedNode, NodePosition]], nodes_max: int) -> list[CreatedNode]:
        """Those that were not found before."""
        created = []
        for child, parent in children:
            place = child.node.place
            if place in self.found:
                continue
            if len(self.found) == nodes_max:
                self.stopped = True
                break
            self.left.pop(place, None)
            self.found[place] = child
            self.origins[place] = parent, self.origins[parent][1] + 1
            created.append(child)
        return created

    def _children(self, generation: list[CreatedNode], limit: int) -> Iterator[tuple[CreatedNode, NodePosition]]:
        """Of the keys what they have signed for, and of the owners what is theirs; the maker is the parent before the
        owner."""
        nodes = [found.node for found in generation]
        # Of a key that was activated, before the key itself: what it is by then, it is in whole.
        ordered = sorted(nodes, key=lambda node: node.kind != "activation")
        keys = {node.access_key_id: node.place for node in ordered if node.access_key_id is not None}
        owners = {(node.account_id, node.owner_id): node.place for node in nodes if node.owns_credentials}
        parameters = {
            "keys": list(keys),
            "owner_accounts": [account_id for account_id, _ in owners],
            "owners": [owner_id for _, owner_id in owners],
            "alone": [kind for kind in lineage_kind_names() if stands_alone(kind)],
            "until": self.until,
            # Some of them may have been found before.
            "limit": limit + len(self.found) + len(self.unfollowed),
        }
        for child in map(CreatedNode.of_row, self._cursor.execute(SQL["children"], parameters).fetchall()):
            maker = child.node.by_access_key_id
            parent = keys[maker] if maker in keys else owners[child.node.account_id, child.node.owner_id]
            if not self._is_known(child.node, parent) or not self._is_signed_by(child.node, parent):
                continue
            if maker in keys and self._since is not None and child.node.at < self._since:
                owned = child.node.account_id, child.node.owner_id
                is_credential = child.node.access_key_id is not None or child.node.stands_alone
                if not is_credential or owned not in owners:
                    self._leave(child, parent)
                    continue
                parent = owners[owned]
            yield child, parent

    def _is_signed_by(self, child: LineageNode, parent: NodePosition) -> bool:
        """What an activated key signs is the lineage's while it is active by that: before, and when somebody else has
        activated it again, it is its owner's."""
        found = self.found[parent]
        if found.node.kind != "activation":
            return True
        ended = found.ended
        return found.node.at <= child.at and (ended is None or child.at < ended[1].at)

    def _leave(self, child: CreatedNode, parent: NodePosition) -> None:
        if child.node.place not in self.found and len(self.left) < NODES_MAX:
            self.left[child.node.place] = child
            self.origins[child.node.place] = parent, self.origins[parent][1] + 1

    def _is_known(self, node: LineageNode, parent: NodePosition) -> bool:
        """Whether it had happened at the moment, in an account that may be seen into."""
        account_id = node.account_id
        if account_id not in self.moments:
            reason = self._follows(account_id)
            if reason is not None:
                self.unfollowed[node.place] = UnfollowedBranch(
                    account_id=account_id,
                    kind=node.kind,
                    subject_id=node.subject_id,
                    arn=node.arn,
                    at=node.at,
                    parent=parent,
                    reason=reason,
                )
                return False
            self.moments[account_id] = resolve_in_projection(self._cursor, "lineage", account_id, self._elsewhere)
        return node.position <= self.moments[account_id].position


def _states_at(
    cursor: psycopg.Cursor, moments: dict[str, Moment], created: Iterable[CreatedNode]
) -> Iterator[tuple[NodePosition, _StateAtMoment]]:
    in_order = sorted(created, key=lambda each: each.node.place)
    for account_id, of_account in groupby(in_order, lambda each: each.node.account_id):
        there = list(of_account)
        moment = moments[account_id]
        place = {"account_id": account_id, "position": moment.position}
        closed = cursor.execute(SQL["closed"], place).fetchone()
        suspended = cursor.execute(SQL["suspended"], {**place, "positions": [each.node.position for each in there]})
        inactive = {position: EventRef(*since) for position, *since in suspended.fetchall()}
        owners = list({each.node.owner_id for each in there if each.node.gives_access})
        policy = {"owners": owners, "policy_name": CONTAINED_POLICY_NAME, "sha256": CONTAINED_SHA256}
        held = cursor.execute(SQL["contained"], {**place, **policy}).fetchall()
        contained = {owner_id: EventRef(*since) for owner_id, *since in held}
        for each in there:
            node = each.node
            if ended := _final_state(each, moment):
                # A key stays inactive when it is deleted.
                yield node.place, _StateAtMoment(*ended, inactive.get(node.position) if ended[1] else None)
            elif closed is not None:
                yield node.place, _StateAtMoment("closed", EventRef(*closed))
            elif node.position in inactive:
                yield node.place, _StateAtMoment("inactive", inactive[node.position])
            elif node.gives_access and not node.stands_alone and node.owner_id in contained:
                yield node.place, _StateAtMoment("contained", contained[node.owner_id])
            else:
                yield node.place, _StateAtMoment("active", None)


def _final_state(created: CreatedNode, moment: Moment) -> tuple[LineageState, EventRef | None] | None:
    """How it ended for good by the moment, if it did. What has expired cannot be ended again."""
    ended, expires_at = created.ended, created.node.expires_at
    if ended and ended[1].position <= moment.position and (expires_at is None or ended[1].at < expires_at):
        return ended
    if expires_at is not None and expires_at <= moment.at:
        return "expired", None
    return None


def _subject_names(cursor: psycopg.Cursor, nodes: Iterable[LineageNode]) -> dict[NodePosition, str]:
    """As far as they are known: whether it is a change depends on no name."""
    changed = [node for node in nodes if node.kind in _NAMING_SUBJECTS]
    parameters = {
        "accounts": [node.account_id for node in changed],
        "positions": [node.position for node in changed],
        "subjects": [node.subject_id for node in changed],
    }
    rows = cursor.execute(SQL["subject_names"], parameters).fetchall() if changed else []
    return {NodePosition(account_id, position): name for account_id, position, name in rows}


def _node_at(
    node: LineageNode, parent: NodePosition | None, depth: int, condition: _StateAtMoment, subject_name: str | None
) -> LineageNode:
    state, since, before = condition
    first = before or since
    return node.model_copy(
        update={
            "parent": parent,
            "depth": depth,
            "state": state,
            "since": None if since is None else StateSince.model_validate(since),
            "alive": state == "active",
            "inactive_position": None if first is None else first.position,
            "subject_name": subject_name,
        }
    )
