"""Calls that wait for a round: in lines, one for each set of accounts that calls concern, taken in turns."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from services.ledger.pending_call import LedgerUnavailable, PendingCall

WAITING_CALLS_MAX = 20_000
CALL_SECONDS_MAX = 4.0
"""A call that has not come into a round by then is answered Unavailable, and never decided: longer than PostgreSQL
lets a stalled process keep an account (`database.STATEMENT_SECONDS_MAX`), shorter than the doors wait for an answer."""
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
    place: _QueueState = _QueueState.IN_TURN
    look_at: float = 0.0
    """Of a held line: when a round that does not wait tries it again."""
    wait_at: float = 0.0
    """Of a held line: from when on it may be waited for."""


class CallQueue:
    """Two threads take from here: one whose rounds never wait (`take`), and one that waits for what another process
    holds (`take_held`). No line is with both, so they do not contend with each other."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._in_turn = threading.Condition(lock)
        self._held = threading.Condition(lock)
        # Guarded by the lock.
        self._open = True
        self._count = 0
        self._turns: OrderedDict[_Accounts, _AccountQueue] = OrderedDict()
        self._aside: dict[_Accounts, _AccountQueue] = {}  # held, awaited, loading

    def put(self, work: PendingCall) -> None:
        """Raises Overloaded, and Unavailable when closed."""
        with self._in_turn:
            if not self._open:
                raise LedgerUnavailable(CLOSED_MESSAGE)
            line = self._line(work)
            # No more than are free: however many calls one account has waiting, there is room for another's.
            if len(line.calls) >= WAITING_CALLS_MAX - self._count:
                if not line.calls and line.place is _QueueState.IN_TURN:
                    del self._turns[work.accounts]
                raise Overloaded(f"{self._count} calls are waiting for a round, {len(line.calls)} of them here.")
            line.calls.append(work)
            self._count += 1
            if work.founding and line.place is _QueueState.IN_TURN:
                self._set_aside(line, _QueueState.HELD, look_at=_NEVER)
            (self._in_turn if line.place is _QueueState.IN_TURN else self._held).notify()

    def take(self, most: int) -> list[PendingCall]:
        """At most that many calls, one of each line after the other, and all that have become too old wherever they
        wait. Waits for the first; empty when closed."""
        with self._in_turn:
            while self._open:
                taken, pause = self._look_aside()
                while len(taken) < most and self._turns:
                    accounts, line = self._turns.popitem(last=False)
                    taken.append(line.calls.popleft())
                    self._count -= 1
                    if line.calls:
                        self._turns[accounts] = line
                if taken:
                    return taken
                self._in_turn.wait(pause)
            return []

    def take_held(self, most: int) -> list[PendingCall]:
        """At most that many calls about one set of accounts that another process holds, which are the caller's until
        it `hold`s or `release`s them. Waits for the first; empty when closed."""
        with self._held:
            while self._open:
                held = [line for line in self._aside.values() if line.place is _QueueState.HELD and line.calls]
                line = min(held, key=lambda line: line.wait_at, default=None)
                pause = line.wait_at - time.monotonic() if line is not None else None
                if line is not None and pause is not None and pause <= 0:
                    line.place = _QueueState.AWAITED
                    return self._first_of(line, most)
                self._held.wait(pause)
            return []

    def join(self, accounts: _Accounts, most: int) -> list[PendingCall]:
        """At most that many calls that have come about awaited accounts in the meantime."""
        with self._held:
            line = self._aside.get(accounts)
            return self._first_of(line, most) if line is not None and line.place is _QueueState.AWAITED else []

    def put_back(self, works: list[PendingCall]) -> list[PendingCall]:
        """In front of their lines, and these in front of the others. Gives back what a closed queue does not take."""
        return self._put_in_front(works, self._founding_aside)

    def hold(self, works: list[PendingCall], *, rested: bool = False) -> list[PendingCall]:
        """Puts back calls whose accounts another process holds. With a rest, if they were waited for in vain."""
        now = time.monotonic()
        for work in works:
            work.misses += 1
            if rested:
                work.rests_until = now + REST_SECONDS

        def set_aside(line: _AccountQueue) -> None:
            if line.place is (_QueueState.AWAITED if rested else _QueueState.IN_TURN):
                first = line.calls[0]
                pause = min(LOOK_SECONDS_MIN * 2 ** min(first.misses - 1, 10), LOOK_SECONDS_MAX)
                look_at = _NEVER if _is_founding(line) else now + pause
                self._set_aside(line, _QueueState.HELD, look_at=look_at, wait_at=max(now, first.rests_until))

        return self._put_in_front(works, set_aside)

    def load(self, works: list[PendingCall]) -> list[PendingCall]:
        """Puts back calls one of whose accounts is being loaded, until it is `loaded`."""

        def set_aside(line: _AccountQueue) -> None:
            if line.place is not _QueueState.LOADING:
                self._set_aside(line, _QueueState.LOADING)

        return self._put_in_front(works, set_aside)

    def loaded(self, account_id: str) -> None:
        """The account's calls may try again."""
        with self._in_turn:
            for line in tuple(self._aside.values()):
                if line.place is _QueueState.LOADING and account_id in line.accounts:
                    self._back_in_turn(line)

    def take_loading(self, account_id: str) -> list[PendingCall]:
        """All calls that wait for a value that cannot be loaded."""
        with self._in_turn:
            lines = [
                line
                for line in self._aside.values()
                if line.place is _QueueState.LOADING and account_id in line.accounts
            ]
            works = [work for line in lines for work in self._first_of(line, len(line.calls))]
            for line in lines:
                del self._aside[line.accounts]
            return works

    def release(self, accounts: _Accounts, *, contended: bool) -> None:
        """The awaited accounts have had their round. As long as another process was found to hold them, they are
        waited for again: whoever waits gets its turn, whoever only looks may always come too late."""
        with self._held:
            line = self._aside.get(accounts)
            if line is None or line.place is not _QueueState.AWAITED:
                return
            if contended and line.calls:
                now = time.monotonic()
                self._set_aside(line, _QueueState.HELD, look_at=now + LOOK_SECONDS_MAX, wait_at=now)
            else:
                self._back_in_turn(line)

    def close(self) -> list[PendingCall]:
        """Takes and gives nothing any more; gives back what was waiting."""
        with self._in_turn:
            works = [work for lines in (self._turns, self._aside) for line in lines.values() for work in line.calls]
            self._open = False
            self._turns.clear()
            self._aside.clear()
            self._count = 0
            self._in_turn.notify_all()
            self._held.notify_all()
            return works

    def _line(self, work: PendingCall) -> _AccountQueue:
        line = self._turns.get(work.accounts) or self._aside.get(work.accounts)
        if line is None:
            line = self._turns[work.accounts] = _AccountQueue(work.accounts)
        return line

    def _first_of(self, line: _AccountQueue, most: int) -> list[PendingCall]:
        taken = [line.calls.popleft() for _ in range(min(most, len(line.calls)))]
        self._count -= len(taken)
        return taken

    def _put_in_front(self, works: list[PendingCall], then: Callable[[_AccountQueue], None]) -> list[PendingCall]:
        with self._in_turn:
            if not self._open:
                return works
            lines: dict[_Accounts, _AccountQueue] = {}
            for work in reversed(works):
                line = lines[work.accounts] = self._line(work)
                line.calls.appendleft(work)
                if line.place is _QueueState.IN_TURN:
                    self._turns.move_to_end(work.accounts, last=False)
            self._count += len(works)
            for line in reversed(lines.values()):
                then(line)
            self._in_turn.notify()
            return []

    def _set_aside(
        self, line: _AccountQueue, place: _QueueState, *, look_at: float = 0.0, wait_at: float = 0.0
    ) -> None:
        self._turns.pop(line.accounts, None)
        self._aside[line.accounts] = line
        line.place, line.look_at, line.wait_at = place, look_at, wait_at
        if place is _QueueState.HELD:
            self._held.notify()
        self._in_turn.notify()

    def _back_in_turn(self, line: _AccountQueue) -> None:
        del self._aside[line.accounts]
        line.place = _QueueState.IN_TURN
        if line.calls:
            self._turns[line.accounts] = line
            self._turns.move_to_end(line.accounts, last=False)
            self._in_turn.notify()
            self._founding_aside(line)

    def _founding_aside(self, line: _AccountQueue) -> None:
        """Whoever begins a ledger that another process is beginning has to wait for it: not in the rounds that never
        wait."""
        if line.place is _QueueState.IN_TURN and _is_founding(line):
            self._set_aside(line, _QueueState.HELD, look_at=_NEVER)

    def _look_aside(self) -> tuple[list[PendingCall], float | None]:
        """Brings back what is due for another look. Gives calls that have become too old, and the seconds until
        somebody has to look again."""
        old: list[PendingCall] = []
        if not self._aside:
            return old, None
        now = time.monotonic()
        look_at = now + LOOK_SECONDS_MAX
        for line in tuple(self._aside.values()):
            while line.calls and line.calls[0].since + CALL_SECONDS_MAX < now:
                old.append(line.calls.popleft())
            if line.place is _QueueState.HELD and not line.calls:
                del self._aside[line.accounts]
            elif line.place is _QueueState.HELD and line.look_at <= now:
                self._back_in_turn(line)
            elif line.place is _QueueState.HELD:
                look_at = min(look_at, line.look_at)
        self._count -= len(old)
        return old, look_at - now if self._aside else None


def _is_founding(line: _AccountQueue) -> bool:
    return any(work.founding for work in line.calls)


def split_expired(works: Iterable[PendingCall]) -> tuple[list[PendingCall], list[PendingCall]]:
    """Those that may still be decided, and those that are too old."""
    oldest = time.monotonic() - CALL_SECONDS_MAX
    young: list[PendingCall] = []
    old: list[PendingCall] = []
    for work in works:
        (young if work.since >= oldest else old).append(work)
    return young, old
