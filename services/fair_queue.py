"""Turns: by account, inside an account by principal; and a lane that only what ends access may enter
(docs/adr/0042)."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


class Overloaded(Exception):  # noqa: N818  a state of a queue
    """Too much is waiting. The answer is Throttling."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn some work waits for."""

    account_id: str
    """Empty for the server's own work, the operator's, and that of callers who are not proved."""
    principal: str
    """Whoever acts in the account: the unique id of a user or role. Who is not proved is known by his address alone."""
    reserved: bool = False
    """Whether it waits in the reserved lane."""


OPERATOR = Turn("", "operator", reserved=True)
SERVER = Turn("", "server")


def turn_of_stranger(source: str) -> Turn:
    """Of a caller who has not proved anything, by where he calls from (`bounded_http.source_of`). All of them together
    have the turns of one account."""
    return Turn("", f"source {source}")


def _anybody(_account_id: str) -> bool:
    return True


class FairQueue(Generic[T]):
    """Of one lane. Each account has a turn before any has its second, and so has each principal inside it. Whoever
    uses it locks it."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, OrderedDict[str, deque[T]]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._accounts)

    def __iter__(self) -> Iterator[T]:
        """Account by account."""
        return (item for account in self._accounts.values() for items in account.values() for item in items)

    def put(self, turn: Turn, item: T) -> None:
        self._accounts.setdefault(turn.account_id, OrderedDict()).setdefault(turn.principal, deque()).append(item)

    def put_back(self, turn: Turn, item: T) -> None:
        """In front of everything: its turn was not used."""
        account = self._accounts.setdefault(turn.account_id, OrderedDict())
        account.setdefault(turn.principal, deque()).appendleft(item)
        account.move_to_end(turn.principal, last=False)
        self._accounts.move_to_end(turn.account_id, last=False)

    def take(self, may: Callable[[str], bool] = _anybody) -> T | None:
        """The next whose account `may` have a turn now; None where there is nothing."""
        account_id = next(filter(may, self._accounts), None)
        if account_id is None:
            return None
        account = self._accounts[account_id]
        principal, items = account.popitem(last=False)
        item = items.popleft()
        if items:
            account[principal] = items
        if account:
            self._accounts.move_to_end(account_id)
        else:
            del self._accounts[account_id]
        return item


class TwoLanes(Generic[T]):
    """Both lanes for one who takes: alternately, so that neither can keep the other waiting."""

    def __init__(self) -> None:
        self._lanes: deque[tuple[bool, FairQueue[T]]] = deque([(True, FairQueue()), (False, FairQueue())])

    def __bool__(self) -> bool:
        return any(lane for _, lane in self._lanes)

    def __iter__(self) -> Iterator[T]:
        return (item for _, lane in self._lanes for item in lane)

    def put(self, turn: Turn, item: T) -> None:
        self._lane(turn).put(turn, item)

    def put_back(self, turn: Turn, item: T) -> None:
        self._lane(turn).put_back(turn, item)

    def take(self) -> T | None:
        for _ in range(len(self._lanes)):
            lane = self._lanes[0][1]
            self._lanes.rotate()
            if lane:
                return lane.take()
        return None

    def drained(self) -> Iterator[T]:
        """Everything, in the order of turns."""
        while (item := self.take()) is not None:
            yield item

    def _lane(self, turn: Turn) -> FairQueue[T]:
        return next(lane for reserved, lane in self._lanes if reserved == turn.reserved)


@dataclass(slots=True)
class Places:
    """How many may wait in one lane: in all, of an account, of a principal. Whoever uses it locks it."""

    total: int
    account: int
    principal: int
    _taken: int = field(default=0, init=False)
    _of_account: Counter[str] = field(default_factory=Counter, init=False)
    _of_principal: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    def take(self, turn: Turn) -> None:
        """Raises Overloaded. Of those who are not proved each address is bounded, and not all of them as an account."""
        mine = self._of_principal[turn.account_id, turn.principal]
        account = self._of_account[turn.account_id] if turn.account_id else 0
        if mine >= self.principal or account >= self.account or self._taken >= self.total:
            raise Overloaded(f"Rate exceeded: {mine} calls of the caller are waiting, {self._taken} in all.")
        self.take_again(turn)

    def take_again(self, turn: Turn) -> None:
        """For what had a place before, however full it is."""
        self._taken += 1
        self._of_account[turn.account_id] += 1
        self._of_principal[turn.account_id, turn.principal] += 1

    def free(self, turn: Turn) -> None:
        self._taken -= 1
        _decrement(self._of_account, turn.account_id)
        _decrement(self._of_principal, (turn.account_id, turn.principal))


def _decrement(counts: Counter[T], key: T) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
