"""Calls that wait for a round: in turns by whose they are, and apart when their accounts cannot be had now
(docs/adr/0012, 0042)."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from services.fair_queue import Places, TwoLanes
from services.ledger.pending_call import LedgerUnavailable, PendingCall

WAITING_CALLS_MAX, CALLS_OF_AN_ACCOUNT_MAX, CALLS_OF_A_PRINCIPAL_MAX = 20_000, 4_000, 2_000
RESERVED_CALLS_MAX, RESERVED_OF_AN_ACCOUNT_MAX, RESERVED_OF_A_PRINCIPAL_MAX = 4_000, 1_000, 250
"""In the reserved lane."""
CALL_SECONDS_MAX = 4.0
"""A call in no round by then is answered LedgerUnavailable, and never decided: longer than PostgreSQL
lets a stalled process keep an account (`database.STATEMENT_SECONDS_MAX`), shorter than requests wait for an answer."""
LOOK_SECONDS_MIN, LOOK_SECONDS_MAX = 0.002, 0.025
"""Between two looks, each longer than the one before, at accounts that another process holds."""
REST_SECONDS = 0.1
"""Before accounts are waited for again whose holder did not let go of them in `database.LOCK_MILLISECONDS_MAX`."""
CLOSED_MESSAGE = "The ledger is closed."

_NEVER = float("inf")
_Accounts = frozenset[str]


class _QueueState(Enum):
    HELD = 1
    """Another process was found to hold one of the accounts."""
    AWAITED = 2
    """The thread that waits is waiting for the accounts, or makes their round."""
    LOADING = 3
    """A value is being loaded, outside of any lock."""


@dataclass(slots=True, eq=False)
class _AccountQueue:
    """Of accounts that cannot be had in any round."""

    accounts: _Accounts
    state: _QueueState
    look_at: float = 0.0
    """Of a held queue: when a round that does not wait tries it again."""
    wait_at: float = 0.0
    """Of a held queue: from when on it may be waited for."""
    calls: TwoLanes[PendingCall] = field(default_factory=TwoLanes)
    oldest: float = _NEVER
    """No call was submitted before."""
    founding: bool = False
    """Whether a call that may begin a ledger has waited here."""

    def add(self, call: PendingCall, *, in_front: bool = False) -> None:
        (self.calls.put_back if in_front else self.calls.put)(call.turn, call)
        self.oldest = min(self.oldest, call.since)
        self.founding = self.founding or call.founding


class CallQueue:
    """Two threads take from here: one whose rounds never wait (`take`), and one that waits for what another process
    holds (`take_held`). No account is with both, so they do not contend with each other."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._in_turn = threading.Condition(lock)
        self._held = threading.Condition(lock)
        # Guarded by the lock.
        self._open = True
        self._places = {
            False: Places(WAITING_CALLS_MAX, CALLS_OF_AN_ACCOUNT_MAX, CALLS_OF_A_PRINCIPAL_MAX),
            True: Places(RESERVED_CALLS_MAX, RESERVED_OF_AN_ACCOUNT_MAX, RESERVED_OF_A_PRINCIPAL_MAX),
        }
        self._turns: TwoLanes[PendingCall] = TwoLanes()
        """Calls whose accounts have been set apart since are found out when their turn comes."""
        self._apart: dict[_Accounts, _AccountQueue] = {}

    def put(self, call: PendingCall) -> None:
        """Raises Overloaded, and LedgerUnavailable when closed."""
        with self._in_turn:
            if not self._open:
                raise LedgerUnavailable(CLOSED_MESSAGE)
            self._places[call.turn.reserved].take(call.turn)
            self._insert(call)

    def take(self, most: int) -> list[PendingCall]:
        """At most that many calls in turn, and all that have become too old wherever they wait. Waits for the first;
        empty when closed."""
        with self._in_turn:
            while self._open:
                taken, pause = self._look_apart()
                while len(taken) < most and (call := self._turns.take()) is not None:
                    if call.accounts in self._apart:
                        self._insert(call)
                    else:
                        taken.append(self._freed(call))
                if taken:
                    return taken
                self._in_turn.wait(pause)
            return []

    def take_held(self, most: int) -> list[PendingCall]:
        """At most that many calls about one set of accounts that another process holds, which are the caller's until
        it `hold`s or `release`s them. Waits for the first; empty when closed."""
        with self._held:
            while self._open:
                held = [queue for queue in self._apart.values() if queue.state is _QueueState.HELD and queue.calls]
                queue = min(held, key=lambda queue: queue.wait_at, default=None)
                pause = queue.wait_at - time.monotonic() if queue is not None else None
                if queue is not None and pause is not None and pause <= 0:
                    queue.state = _QueueState.AWAITED
                    return self._first_of(queue, most)
                self._held.wait(pause)
            return []

    def join(self, accounts: _Accounts, most: int) -> list[PendingCall]:
        """At most that many calls that have come about awaited accounts in the meantime."""
        with self._held:
            queue = self._apart.get(accounts)
            return self._first_of(queue, most) if queue is not None and queue.state is _QueueState.AWAITED else []

    def put_back(self, calls: list[PendingCall]) -> list[PendingCall]:
        """In front of the others, in this order. Gives back what a closed queue does not take."""
        with self._in_turn:
            return self._put_in_front(calls)

    def hold(self, calls: list[PendingCall], *, rested: bool = False) -> list[PendingCall]:
        """Puts back calls whose accounts another process holds. With a rest, if they were waited for in vain."""
        now = time.monotonic()
        for call in calls:
            call.misses += 1
            if rested:
                call.rests_until = now + REST_SECONDS
        with self._in_turn:
            for first in _first_of_each(calls):
                queue = self._apart.get(first.accounts)
                if queue is None or (rested and queue.state is _QueueState.AWAITED):
                    pause = min(LOOK_SECONDS_MIN * 2 ** min(first.misses - 1, 10), LOOK_SECONDS_MAX)
                    self._set_apart(first.accounts, _QueueState.HELD, now + pause, max(now, first.rests_until))
            return self._put_in_front(calls)

    def load(self, calls: list[PendingCall]) -> list[PendingCall]:
        """Puts back calls one of whose accounts is being loaded, until it is `loaded`."""
        with self._in_turn:
            for first in _first_of_each(calls):
                self._set_apart(first.accounts, _QueueState.LOADING)
            return self._put_in_front(calls)

    def loaded(self, account_id: str) -> None:
        """The account's calls may try again."""
        with self._in_turn:
            for queue in self._loading(account_id):
                self._back_in_turn(queue)

    def take_loading(self, account_id: str) -> list[PendingCall]:
        """All calls that wait for a value that cannot be loaded."""
        with self._in_turn:
            queues = self._loading(account_id)
            for queue in queues:
                del self._apart[queue.accounts]
            return [self._freed(call) for queue in queues for call in queue.calls.drained()]

    def release(self, accounts: _Accounts, *, contended: bool) -> None:
        """The awaited accounts have had their round. As long as another process was found to hold them, they are
        waited for again: whoever waits gets its turn, whoever only looks may always come too late."""
        with self._held:
            queue = self._apart.get(accounts)
            if queue is None or queue.state is not _QueueState.AWAITED:
                return
            if contended and queue.calls:
                now = time.monotonic()
                self._set_apart(accounts, _QueueState.HELD, now + LOOK_SECONDS_MAX, now)
            else:
                self._back_in_turn(queue)

    def close(self) -> list[PendingCall]:
        """Takes and gives nothing any more; gives back what was waiting."""
        with self._in_turn:
            waiting = [self._turns, *(queue.calls for queue in self._apart.values())]
            calls = [self._freed(call) for calls in waiting for call in calls.drained()]
            self._open = False
            self._apart.clear()
            self._in_turn.notify_all()
            self._held.notify_all()
            return calls

    def _loading(self, account_id: str) -> list[_AccountQueue]:
        return [
            queue
            for queue in self._apart.values()
            if queue.state is _QueueState.LOADING and account_id in queue.accounts
        ]

    def _freed(self, call: PendingCall) -> PendingCall:
        self._places[call.turn.reserved].free(call.turn)
        return call

    def _first_of(self, queue: _AccountQueue, most: int) -> list[PendingCall]:
        taken: list[PendingCall] = []
        while len(taken) < most and (call := queue.calls.take()) is not None:
            taken.append(self._freed(call))
        return taken

    def _insert(self, call: PendingCall, *, in_front: bool = False) -> None:
        """Whoever begins a ledger that another process is beginning has to wait for it: not in the rounds that never
        wait."""
        if call.founding and call.accounts not in self._apart:
            self._set_apart(call.accounts, _QueueState.HELD)
        queue = self._apart.get(call.accounts)
        if queue is None:
            (self._turns.put_back if in_front else self._turns.put)(call.turn, call)
            self._in_turn.notify()
            return
        queue.add(call, in_front=in_front)
        if queue.founding:
            queue.look_at = _NEVER
        self._held.notify()

    def _put_in_front(self, calls: list[PendingCall]) -> list[PendingCall]:
        if not self._open:
            return calls
        for call in reversed(calls):
            self._places[call.turn.reserved].take_again(call.turn)
            self._insert(call, in_front=True)
        return []

    def _set_apart(self, accounts: _Accounts, state: _QueueState, look_at: float = 0.0, wait_at: float = 0.0) -> None:
        queue = self._apart.setdefault(accounts, _AccountQueue(accounts, state))
        queue.state, queue.look_at, queue.wait_at = state, look_at, wait_at
        if state is _QueueState.HELD:
            self._held.notify()
        self._in_turn.notify()

    def _back_in_turn(self, queue: _AccountQueue) -> None:
        if queue.founding and queue.calls:
            self._set_apart(queue.accounts, _QueueState.HELD, _NEVER)
            return
        del self._apart[queue.accounts]
        for call in reversed(tuple(queue.calls.drained())):
            self._turns.put_back(call.turn, call)
        self._in_turn.notify()

    def _look_apart(self) -> tuple[list[PendingCall], float | None]:
        """Brings back what is due for another look. Gives calls that have become too old, and the seconds until
        somebody has to look again."""
        old: list[PendingCall] = []
        if not self._apart:
            return old, None
        now = time.monotonic()
        look_at = now + LOOK_SECONDS_MAX
        for queue in tuple(self._apart.values()):
            if queue.oldest + CALL_SECONDS_MAX < now:
                old += self._expired(queue)
            if queue.state is _QueueState.HELD and not queue.calls:
                del self._apart[queue.accounts]
            elif queue.state is _QueueState.HELD and queue.look_at <= now:
                self._back_in_turn(queue)
            elif queue.state is _QueueState.HELD:
                look_at = min(look_at, queue.look_at)
        return old, look_at - now if self._apart else None

    def _expired(self, queue: _AccountQueue) -> list[PendingCall]:
        young, old = split_expired(queue.calls.drained())
        queue.oldest = _NEVER
        for call in young:
            queue.add(call)
        return [self._freed(call) for call in old]


def _first_of_each(calls: Iterable[PendingCall]) -> list[PendingCall]:
    """Of each set of accounts."""
    first: dict[_Accounts, PendingCall] = {}
    for call in calls:
        first.setdefault(call.accounts, call)
    return list(first.values())


def split_expired(calls: Iterable[PendingCall]) -> tuple[list[PendingCall], list[PendingCall]]:
    """Those that may still be decided, and those that are too old."""
    oldest = time.monotonic() - CALL_SECONDS_MAX
    young: list[PendingCall] = []
    old: list[PendingCall] = []
    for call in calls:
        (young if call.since >= oldest else old).append(call)
    return young, old
