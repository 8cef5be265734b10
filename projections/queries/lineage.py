"""What a credential gave birth to, and those in turn, in every account; and what of it all was alive at a moment."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

import psycopg

from domain.families.containment import CONTAINED_POLICY_NAME, CONTAINED_SHA256
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf, EventRef, Moment
from domain.read_models.lineage import ACCESS_KINDS, NODES_MAX, LineageKind, LineageState
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import resolve_in_projection

SQL = load_statements("projections.queries", "lineage.sql")
PRINCIPALS = load_statements("projections.queries", "queries.sql")["principals"]

_OWNER_KINDS: frozenset[LineageKind] = frozenset({"root", "user", "role"})

LineageRef = tuple[str, int]
"""Account and position: where a birth stands in the ledgers."""
AccountFilter = Callable[[str], bool]
"""Whether whoever asks may see into the account with this id."""


class _LineageRow(NamedTuple):
    """A row."""

    account_id: str
    position: int
    at: datetime
    request_id: str
    by_arn: str
    by_access_key_id: str | None
    by_session_id: str | None
    kind: LineageKind
    subject_id: str
    owner_id: str
    name: str
    arn: str | None
    access_key_id: str | None
    version: str | None
    sha256: str | None
    expires_at: datetime | None
    ended_as: LineageState | None
    ended_position: int | None
    ended_at: datetime | None
    ended_by: str | None

    @property
    def place(self) -> LineageRef:
        return self.account_id, self.position


class _StateAtMoment(NamedTuple):
    state: LineageState
    since: EventRef | None
    before: EventRef | None = None
    """What had made it inactive before it ended."""


@dataclass(frozen=True, slots=True)
class LineageItem:
    """Something that was born, as it was known at the moment."""

    account_id: str
    position: int
    """Of its birth, in that account's ledger."""
    at: datetime
    request_id: str
    parent: LineageRef | None
    """Who made it, or else whose it is; None of the seed."""
    depth: int
    """0 of the seed."""
    kind: LineageKind
    subject_id: str
    """Its unique id, key id, session id or ARN; of what ties something to its owner, the other end: the policy's name
    or ARN, the group's id."""
    owner_id: str
    """The unique id of the user, group or role that it is or belongs to, or a policy's ARN; the account id for root."""
    name: str
    """What it, or its owner, was called when it was born."""
    arn: str | None
    access_key_id: str | None
    """With which it signs."""
    version: str | None
    """Of a policy."""
    sha256: str | None
    """Of the policy's text."""
    by: str
    """The ARN of who made it, or `operator user@host`."""
    by_access_key_id: str | None
    by_session_id: str | None
    expires_at: datetime | None
    state: LineageState
    since: EventRef | None
    """The event that put it into that state; None of what is active, and of what has expired."""
    inactive_position: int | None
    """Of the event from which on it was not active any more: before that of `since`, for what was inactive when it was
    deleted. None where there is no `since`."""

    @property
    def place(self) -> LineageRef:
        return self.account_id, self.position

    @property
    def alive(self) -> bool:
        return self.state == "active"


@dataclass(frozen=True, slots=True)
class UnfollowedItem:
    """A way into an account that whoever asks may not see into."""

    account_id: str
    position: int
    kind: LineageKind
    subject_id: str
    arn: str | None
    at: datetime
    parent: LineageRef


@dataclass(frozen=True, slots=True)
class Lineage:
    moments: Mapping[str, Moment]
    """Of the seed's account, which comes first, and of the others that were come to."""
    nodes: tuple[LineageItem, ...]
    """The seed first, and parents before their children; those of equal depth in the order of their births."""
    unfollowed: tuple[UnfollowedItem, ...]
    stopped_after_nodes: int | None
    """The bound on nodes, where there are more of them."""

    @property
    def seed(self) -> LineageItem:
        return self.nodes[0]

    @property
    def remaining(self) -> tuple[LineageItem, ...]:
        """What lets somebody in at the moment."""
        return tuple(node for node in self.nodes if node.kind in ACCESS_KINDS and node.alive)


def any_account(_account_id: str) -> bool:
    return True


def trace_lineage(
    cursor: psycopg.Cursor,
    account_id: str,
    seed: str,
    as_of: AsOf,
    *,
    follows: AccountFilter = any_account,
    nodes_max: int = NODES_MAX,
) -> Lineage:
    """From an access key id (also that of a session), a session id, a user or role by ARN, unique id or name at the
    moment, or the account id or root's ARN: what it signed for, and of users, roles and root all keys and sessions;
    and so on for each of these. In other accounts at the moment's time.

    Raises NoSuchEntity, InvalidInput when the seed has no descendants by its nature or may be several, and what
    `resolve_in_projection` raises, of any of the accounts.
    """
    moment = resolve_in_projection(cursor, "lineage", account_id, as_of)
    walk = _Traversal(cursor, as_of, _find_seed(cursor, account_id, seed, moment), moment, follows)
    walk.descend(min(nodes_max, NODES_MAX))
    states = dict(_states_at(cursor, walk.moments, walk.births.values()))
    nodes = tuple(_lineage_item(birth, *walk.origins[place], states[place]) for place, birth in walk.births.items())
    return Lineage(walk.moments, nodes, tuple(walk.unfollowed.values()), len(nodes) if walk.stopped else None)


def lagging_accounts(cursor: psycopg.Cursor) -> dict[str, int]:
    """The accounts whose births are not all known yet, with the position of the newest event there."""
    return dict(cursor.execute(SQL["behind"], {"installation": INSTALLATION}).fetchall())


def _find_seed(cursor: psycopg.Cursor, account_id: str, seed: str, moment: Moment) -> _LineageRow:
    place = {"account_id": account_id, "position": moment.position}
    row = cursor.execute(SQL["seed"], {**place, "seed": seed}).fetchone()
    if row is None:
        resolve_in_projection(cursor, "permissions", account_id, AsOf(moment.at, position=moment.position))
        named = cursor.execute(PRINCIPALS, {**place, "principal": seed}).fetchall()
        called = [(entity_id, arn) for kind, entity_id, _, arn in named if kind != "group"]
        if named and not called:
            raise InvalidInput(f"{seed} is a group: it has no credentials. Ask for one of its users.")
        if len(called) > 1:
            raise InvalidInput(f"{seed} may be {' or '.join(arn for _, arn in called)}: give the ARN.")
        for entity_id, _ in called:
            row = cursor.execute(SQL["seed"], {**place, "seed": entity_id}).fetchone()
    if row is None:
        raise NoSuchEntity(
            f"{account_id} had no access key, session, user or role {seed} at position {moment.position}: "
            f"{_former_holder(cursor, account_id, seed, moment)}"
        )
    return _LineageRow(*row)


def _former_holder(cursor: psycopg.Cursor, account_id: str, seed: str, moment: Moment) -> str:
    """Who was called so before, or else what a seed looks like."""
    named = {"account_id": account_id, "position": moment.position, "seed": seed}
    row = cursor.execute(SQL["former"], named).fetchone()
    if row is None:
        return "expected an access key id, a session id, a name, a unique id or an ARN."
    kind, entity_id, position, at, is_gone = row
    ended = "was deleted" if is_gone else "got another name or path"
    when = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"the {kind} {entity_id}, who had this name, {ended} at position {position}, {when}: ask for {entity_id}."


class _Traversal:
    """From parents to children, a generation at a time. What has been found is not looked at again, so that it ends
    also where a key has made another one for its own user."""

    def __init__(
        self, cursor: psycopg.Cursor, as_of: AsOf, seed: _LineageRow, moment: Moment, follows: AccountFilter
    ) -> None:
        self._cursor = cursor
        self._follows = follows
        newest = AsOf(as_of.now)
        self._elsewhere = newest if as_of == newest else AsOf.time(moment.at, moment.at)
        # Another account's ledger may run a little ahead of the caller's clock: the newest state has no last time.
        self._until = None if as_of == newest else moment.at
        self.moments = {seed.account_id: moment}
        """Of each account that was come to."""
        self.births = {seed.place: seed}
        """In the order in which they were found."""
        self.origins: dict[LineageRef, tuple[LineageRef | None, int]] = {seed.place: (None, 0)}
        """The parent, and the generation."""
        self.unfollowed: dict[LineageRef, UnfollowedItem] = {}
        self.stopped = False

    def descend(self, nodes_max: int) -> None:
        generation = list(self.births.values())
        while generation and not self.stopped:
            born = []
            for birth, parent in self._children(generation, nodes_max + 1):
                if birth.place in self.births:
                    continue
                if len(self.births) == nodes_max:
                    self.stopped = True
                    break
                self.births[birth.place] = birth
                self.origins[birth.place] = parent, self.origins[parent][1] + 1
                born.append(birth)
            generation = born

    def _children(self, generation: list[_LineageRow], limit: int) -> Iterator[tuple[_LineageRow, LineageRef]]:
        """Of the keys what they have signed for, and of the owners what is theirs; the maker is the parent before the
        owner."""
        keys: dict[str | None, LineageRef] = {
            birth.access_key_id: birth.place for birth in generation if birth.access_key_id is not None
        }
        owners = {(birth.account_id, birth.owner_id): birth.place for birth in generation if birth.kind in _OWNER_KINDS}
        parameters = {
            "keys": list(keys),
            "owner_accounts": [account_id for account_id, _ in owners],
            "owners": [owner_id for _, owner_id in owners],
            "until": self._until,
            # Some of them may have been found before.
            "limit": limit + len(self.births) + len(self.unfollowed),
        }
        for birth in map(_LineageRow._make, self._cursor.execute(SQL["children"], parameters).fetchall()):
            maker = birth.by_access_key_id
            parent = keys[maker] if maker in keys else owners[birth.account_id, birth.owner_id]
            if self._is_known(birth, parent):
                yield birth, parent

    def _is_known(self, birth: _LineageRow, parent: LineageRef) -> bool:
        """Whether it had happened at the moment, in an account that may be seen into."""
        account_id = birth.account_id
        if account_id not in self.moments:
            if not self._follows(account_id):
                self.unfollowed[birth.place] = UnfollowedItem(
                    account_id, birth.position, birth.kind, birth.subject_id, birth.arn, birth.at, parent
                )
                return False
            self.moments[account_id] = resolve_in_projection(self._cursor, "lineage", account_id, self._elsewhere)
        return birth.position <= self.moments[account_id].position


def _states_at(
    cursor: psycopg.Cursor, moments: dict[str, Moment], births: Iterable[_LineageRow]
) -> Iterator[tuple[LineageRef, _StateAtMoment]]:
    for account_id, of_account in groupby(
        sorted(births, key=lambda birth: birth.place), lambda birth: birth.account_id
    ):
        there = list(of_account)
        moment = moments[account_id]
        place = {"account_id": account_id, "position": moment.position}
        closed = cursor.execute(SQL["closed"], place).fetchone()
        suspended = cursor.execute(SQL["suspended"], {**place, "positions": [birth.position for birth in there]})
        inactive = {position: EventRef(*since) for position, *since in suspended.fetchall()}
        owners = list({birth.owner_id for birth in there if birth.kind in ACCESS_KINDS})
        policy = {"owners": owners, "policy_name": CONTAINED_POLICY_NAME, "sha256": CONTAINED_SHA256}
        held = cursor.execute(SQL["contained"], {**place, **policy}).fetchall()
        contained = {owner_id: EventRef(*since) for owner_id, *since in held}
        for birth in there:
            if ended := _final_state(birth, moment):
                # A key stays inactive when it is deleted.
                yield birth.place, _StateAtMoment(*ended, inactive.get(birth.position) if ended[1] else None)
            elif closed is not None:
                yield birth.place, _StateAtMoment("closed", EventRef(*closed))
            elif birth.position in inactive:
                yield birth.place, _StateAtMoment("inactive", inactive[birth.position])
            elif birth.kind in ACCESS_KINDS and birth.owner_id in contained:
                yield birth.place, _StateAtMoment("contained", contained[birth.owner_id])
            else:
                yield birth.place, _StateAtMoment("active", None)


def _final_state(birth: _LineageRow, moment: Moment) -> tuple[LineageState, EventRef | None] | None:
    """How it ended for good by the moment, if it did. What has expired cannot be ended again."""
    if birth.ended_position is not None and birth.ended_position <= moment.position:
        assert birth.ended_as is not None
        assert birth.ended_at is not None
        assert birth.ended_by is not None
        if birth.expires_at is None or birth.ended_at < birth.expires_at:
            return birth.ended_as, EventRef(birth.ended_position, birth.ended_at, birth.ended_by)
    if birth.expires_at is not None and birth.expires_at <= moment.at:
        return "expired", None
    return None


def _lineage_item(birth: _LineageRow, parent: LineageRef | None, depth: int, condition: _StateAtMoment) -> LineageItem:
    state, since, before = condition
    first = before or since
    return LineageItem(
        account_id=birth.account_id,
        position=birth.position,
        at=birth.at,
        request_id=birth.request_id,
        parent=parent,
        depth=depth,
        kind=birth.kind,
        subject_id=birth.subject_id,
        owner_id=birth.owner_id,
        name=birth.name,
        arn=birth.arn,
        access_key_id=birth.access_key_id,
        version=birth.version,
        sha256=birth.sha256,
        by=birth.by_arn,
        by_access_key_id=birth.by_access_key_id,
        by_session_id=birth.by_session_id,
        expires_at=birth.expires_at,
        state=state,
        since=since,
        inactive_position=None if first is None else first.position,
    )
