"""Calls that wait for a round: in lines, one for each set of accounts, taken in turns (docs/adr/0012)."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from services.ledger.pending_call import LedgerUnavailable, PendingCall

WAITING_CALLS_MAX = 20_000
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


class Overloaded(Exception):  # noqa: N818  a state of the queue
    """Too many calls are waiting. The answer is Throttling."""


class _QueueState(Enum):
    IN_TURN = 1
    """Anybody's turn comes."""
    HELD = 2
    """Another process was found to hold one of the accounts."""
    AWAITED = 3
    """The thread that waits is waiting for the accounts, or makes their round."""
    LOADING = 4
    """A value is being loaded, outside of any lock."""


@dataclass(slots=True, eq=False)
class _AccountQueue:
    accounts: _Accounts
    calls: deque[PendingCall] = field(default_factory=deque)
    state: _QueueState = _QueueState.IN_TURN
    look_at: float = 0.0
    """Of a held queue: when a round that does not wait tries it again."""
    wait_at: float = 0.0
    """Of a held queue: from when on it may be waited for."""


class CallQueue:
    """Two threads take from here: one whose rounds never wait (`take`), and one that waits for what another process
    holds (`take_held`). No queue is with both, so they do not contend with each other."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._in_turn = threading.Condition(lock)
        self._held = threading.Condition(lock)
        # Guarded by the lock.
        self._open = True
        self._count = 0
        self._turns: OrderedDict[_Accounts, _AccountQueue] = OrderedDict()
        self._apart: dict[_Accounts, _AccountQueue] = {}  # held, awaited, loading

    def put(self, call: PendingCall) -> None:
        """Raises Overloaded, and LedgerUnavailable when closed."""
        with self._in_turn:
            if not self._open:
                raise LedgerUnavailable(CLOSED_MESSAGE)
            queue = self._queue_of(call)
            # No more than are free: however many calls one account has waiting, there is room for another's.
            if len(queue.calls) >= WAITING_CALLS_MAX - self._count:
                if not queue.calls and queue.state is _QueueState.IN_TURN:
                    del self._turns[call.accounts]
                raise Overloaded(f"{self._count} calls are waiting for a round, {len(queue.calls)} of them here.")
            queue.calls.append(call)
            self._count += 1
            if call.founding and queue.state is _QueueState.IN_TURN:
                self._set_apart(queue, _QueueState.HELD, look_at=_NEVER)
            (self._in_turn if queue.state is _QueueState.IN_TURN else self._held).notify()

    def take(self, most: int) -> list[PendingCall]:
        """At most that many calls, one of each queue after the other, and all that have become too old wherever they
        wait. Waits for the first; empty when closed."""
        with self._in_turn:
            while self._open:
                taken, pause = self._look_apart()
                while len(taken) < most and self._turns:
                    accounts, queue = self._turns.popitem(last=False)
                    taken.append(queue.calls.popleft())
                    self._count -= 1
                    if queue.calls:
                        self._turns[accounts] = queue
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
        """In front of their queues, and these in front of the others. Gives back what a closed queue does not take."""
        return self._put_in_front(calls, self._set_founding_apart)

    def hold(self, calls: list[PendingCall], *, rested: bool = False) -> list[PendingCall]:
        """Puts back calls whose accounts another process holds. With a rest, if they were waited for in vain."""
        now = time.monotonic()
        for call in calls:
            call.misses += 1
            if rested:
                call.rests_until = now + REST_SECONDS

        def set_apart(queue: _AccountQueue) -> None:
            if queue.state is (_QueueState.AWAITED if rested else _QueueState.IN_TURN):
                first = queue.calls[0]
                pause = min(LOOK_SECONDS_MIN * 2 ** min(first.misses - 1, 10), LOOK_SECONDS_MAX)
                look_at = _NEVER if _is_founding(queue) else now + pause
                self._set_apart(queue, _QueueState.HELD, look_at=look_at, wait_at=max(now, first.rests_until))

        return self._put_in_front(calls, set_apart)

    def load(self, calls: list[PendingCall]) -> list[PendingCall]:
        """Puts back calls one of whose accounts is being loaded, until it is `loaded`."""

        def set_apart(queue: _AccountQueue) -> None:
            if queue.state is not _QueueState.LOADING:
                self._set_apart(queue, _QueueState.LOADING)

        return self._put_in_front(calls, set_apart)

    def loaded(self, account_id: str) -> None:
        """The account's calls may try again."""
        with self._in_turn:
            for queue in tuple(self._apart.values()):
                if queue.state is _QueueState.LOADING and account_id in queue.accounts:
                    self._back_in_turn(queue)

    def take_loading(self, account_id: str) -> list[PendingCall]:
        """All calls that wait for a value that cannot be loaded."""
        with self._in_turn:
            queues = [
                queue
                for queue in self._apart.values()
                if queue.state is _QueueState.LOADING and account_id in queue.accounts
            ]
            calls = [call for queue in queues for call in self._first_of(queue, len(queue.calls))]
            for queue in queues:
                del self._apart[queue.accounts]
            return calls

    def release(self, accounts: _Accounts, *, contended: bool) -> None:
        """The awaited accounts have had their round. As long as another process was found to hold them, they are
        waited for again: whoever waits gets its turn, whoever only looks may always come too late."""
        with self._held:
            queue = self._apart.get(accounts)
            if queue is None or queue.state is not _QueueState.AWAITED:
                return
            if contended and queue.calls:
                now = time.monotonic()
                self._set_apart(queue, _QueueState.HELD, look_at=now + LOOK_SECONDS_MAX, wait_at=now)
            else:
                self._back_in_turn(queue)

    def close(self) -> list[PendingCall]:
        """Takes and gives nothing any more; gives back what was waiting."""
        with self._in_turn:
            calls = [call for queues in (self._turns, self._apart) for queue in queues.values() for call in queue.calls]
            self._open = False
            self._turns.clear()
            self._apart.clear()
            self._count = 0
            self._in_turn.notify_all()
            self._held.notify_all()
            return calls

    def _queue_of(self, call: PendingCall) -> _AccountQueue:
        queue = self._turns.get(call.accounts) or self._apart.get(call.accounts)
        if queue is None:
            queue = self._turns[call.accounts] = _AccountQueue(call.accounts)
        return queue

    def _first_of(self, queue: _AccountQueue, most: int) -> list[PendingCall]:
        taken = [queue.calls.popleft() for _ in range(min(most, len(queue.calls)))]
        self._count -= len(taken)
        return taken

    def _put_in_front(self, calls: list[PendingCall], then: Callable[[_AccountQueue], None]) -> list[PendingCall]:
        with self._in_turn:
            if not self._open:
                return calls
            queues: dict[_Accounts, _AccountQueue] = {}
            for call in reversed(calls):
                queue = queues[call.accounts] = self._queue_of(call)
                queue.calls.appendleft(call)
                if queue.state is _QueueState.IN_TURN:
                    self._turns.move_to_end(call.accounts, last=False)
            self._count += len(calls)
            for queue in reversed(queues.values()):
                then(queue)
            self._in_turn.notify()
            return []

    def _set_apart(
        self, queue: _AccountQueue, state: _QueueState, *, look_at: float = 0.0, wait_at: float = 0.0
    ) -> None:
        self._turns.pop(queue.accounts, None)
        self._apart[queue.accounts] = queue
        queue.state, queue.look_at, queue.wait_at = state, look_at, wait_at
        if state is _QueueState.HELD:
            self._held.notify()
        self._in_turn.notify()

    def _back_in_turn(self, queue: _AccountQueue) -> None:
        del self._apart[queue.accounts]
        queue.state = _QueueState.IN_TURN
        if queue.calls:
            self._turns[queue.accounts] = queue
            self._turns.move_to_end(queue.accounts, last=False)
            self._in_turn.notify()
            self._set_founding_apart(queue)

    def _set_founding_apart(self, queue: _AccountQueue) -> None:
        """Whoever begins a ledger that another process is beginning has to wait for it: not in the rounds that never
        wait."""
        if queue.state is _QueueState.IN_TURN and _is_founding(queue):
            self._set_apart(queue, _QueueState.HELD, look_at=_NEVER)

    def _look_apart(self) -> tuple[list[PendingCall], float | None]:
        """Brings back what is due for another look. Gives calls that have become too old, and the seconds until
        somebody has to look again."""
        old: list[PendingCall] = []
        if not self._apart:
            return old, None
        now = time.monotonic()
        look_at = now + LOOK_SECONDS_MAX
        for queue in tuple(self._apart.values()):
            while queue.calls and queue.calls[0].since + CALL_SECONDS_MAX < now:
                old.append(queue.calls.popleft())
            if queue.state is _QueueState.HELD and not queue.calls:
                del self._apart[queue.accounts]
            elif queue.state is _QueueState.HELD and queue.look_at <= now:
                self._back_in_turn(queue)
            elif queue.state is _QueueState.HELD:
                look_at = min(look_at, queue.look_at)
        self._count -= len(old)
        return old, look_at - now if self._apart else None


def _is_founding(queue: _AccountQueue) -> bool:
    return any(call.founding for call in queue.calls)


def split_expired(calls: Iterable[PendingCall]) -> tuple[list[PendingCall], list[PendingCall]]:
    """Those that may still be decided, and those that are too old."""
    oldest = time.monotonic() - CALL_SECONDS_MAX
    young: list[PendingCall] = []
    old: list[PendingCall] = []
    for call in calls:
        (young if call.since >= oldest else old).append(call)
    return young, old
