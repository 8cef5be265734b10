"""Reads policies that have not been asked about lately, so that no round does it under its locks."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from services.ledger.pending_call import PendingCall

READING_CALLS_MAX = 64
"""Of one set of accounts. Whatever comes beyond it is answered Throttling."""

_Accounts = frozenset[str]


class PolicyReader(threading.Thread):
    """Takes accounts in turns, a call each, so that one with many policies does not keep the others waiting."""

    def __init__(self, read: Callable[[PendingCall], None]) -> None:
        super().__init__(name="muniment-reading", daemon=True)
        self._read = read
        self._changed = threading.Condition()
        # Guarded by the condition.
        self._open = True
        self._waiting: OrderedDict[_Accounts, deque[PendingCall]] = OrderedDict()

    def put(self, calls: Iterable[PendingCall]) -> list[PendingCall]:
        """Gives back those for which there is no room."""
        beyond = []
        with self._changed:
            for call in calls:
                waiting = self._waiting.setdefault(call.accounts, deque())
                if not self._open or len(waiting) >= READING_CALLS_MAX:
                    beyond.append(call)
                else:
                    waiting.append(call)
            self._changed.notify()
        return beyond

    def close(self) -> list[PendingCall]:
        """Ends after the call that is under way. Gives back what was waiting."""
        with self._changed:
            self._open = False
            waiting = [call for calls in self._waiting.values() for call in calls]
            self._waiting.clear()
            self._changed.notify()
            return waiting

    def run(self) -> None:
        while self.read_next():
            pass

    def read_next(self) -> bool:
        """Waits for a call and reads its policies; False when closed."""
        call = self._next()
        if call is None:
            return False
        for policy in call.policies:
            _ = policy.statements
        self._read(call)
        return True

    def _next(self) -> PendingCall | None:
        with self._changed:
            while self._open and not self._waiting:
                self._changed.wait()
            if not self._open:
                return None
            accounts, calls = self._waiting.popitem(last=False)
            call = calls.popleft()
            if calls:
                self._waiting[accounts] = calls
            return call
