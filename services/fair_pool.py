"""Threads for work that the event loop has no time for, taken in turns (docs/adr/0042)."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Generic, TypeVar

from services.fair_queue import FairQueue, Places, Turn

T = TypeVar("T")
RESERVED_THREADS = 2
RESERVED_PLACES = (256, 64, 16)
"""Of the reserved lane of every pool: in all, of an account, of a principal."""


class Stopping(Exception):  # noqa: N818  a state of the server
    """The server is being stopped, and begins nothing any more."""


class FairPool:
    """Some threads for each lane. An account has at most half of them at work, so that one whose work takes long
    leaves room for the others, unless there is one thread alone."""

    def __init__(
        self, name: str, *, threads: int, places: Places, initializer: Callable[[], None] = lambda: None
    ) -> None:
        """`initializer` is run by each thread of the ordinary lane when it starts."""
        self._lanes = {
            False: _Lane(ThreadPoolExecutor(threads, f"muniment-{name}", initializer), threads, places),
            True: _Lane(
                ThreadPoolExecutor(RESERVED_THREADS, f"muniment-{name}-reserved"),
                RESERVED_THREADS,
                Places(*RESERVED_PLACES),
            ),
        }

    async def run(self, turn: Turn, work: Callable[[], T]) -> T:
        """Raises Overloaded when too many wait, Stopping, and whatever `work` raises."""
        return await asyncio.wrap_future(self.submit(turn, work))

    def submit(self, turn: Turn, work: Callable[[], T]) -> Future[T]:
        """Raises Overloaded and Stopping."""
        return self._lanes[turn.reserved].submit(turn, work)

    def close(self) -> None:
        """What waits is told Stopping; what is under way is not waited for."""
        for lane in self._lanes.values():
            lane.close()


class _Job(Generic[T]):
    def __init__(self, turn: Turn, work: Callable[[], T]) -> None:
        self.turn = turn
        self.answer: Future[T] = Future()
        self._work = work

    def run(self) -> Callable[[], None]:
        """Gives what tells the result to who waits."""
        if not self.answer.set_running_or_notify_cancel():
            return lambda: None
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001  told to who waits
            return partial(self.answer.set_exception, error)
        return partial(self.answer.set_result, result)

    def refuse(self) -> None:
        if self.answer.set_running_or_notify_cancel():
            self.answer.set_exception(Stopping())


class _Lane:
    def __init__(self, threads: ThreadPoolExecutor, count: int, places: Places) -> None:
        self._threads = threads
        self._count = count
        self._of_an_account_max = max(count // 2, 1)
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._open = True
        self._busy = 0
        self._places = places
        self._waiting: FairQueue[_Job[Any]] = FairQueue()
        self._at_work: Counter[str] = Counter()

    def submit(self, turn: Turn, work: Callable[[], T]) -> Future[T]:
        job = _Job(turn, work)
        with self._lock:
            if not self._open:
                raise Stopping
            self._places.take(turn)
            self._waiting.put(turn, job)
            if self._busy < self._count:
                self._busy += 1
                self._threads.submit(self._drain)
        return job.answer

    def close(self) -> None:
        with self._lock:
            self._open = False
            left = list(self._waiting)
            self._waiting = FairQueue()
        for job in left:
            job.refuse()
        self._threads.shutdown(wait=False)

    def _drain(self) -> None:
        while (job := self._next()) is not None:
            tell = job.run()
            # A place is free when the work is done, not when the caller stops waiting for it; and before it is told, so
            # that whoever asks again finds it free.
            with self._lock:
                self._places.free(job.turn)
                self._at_work[job.turn.account_id] -= 1
            tell()

    def _next(self) -> _Job[Any] | None:
        """None where there is nothing that may begin now: then whoever ends next looks again."""
        with self._lock:
            job = self._waiting.take(lambda account_id: self._at_work[account_id] < self._of_an_account_max)
            if job is None:
                self._busy -= 1
            else:
                self._at_work[job.turn.account_id] += 1
            return job
