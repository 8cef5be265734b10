"""Answers that take long to make, made beside the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from domain.foundation.errors import Throttling

T = TypeVar("T")


class WorkerPool:
    """Threads for one kind of work, and a bound on what waits for them. One event loop's."""

    def __init__(self, name: str, *, threads: int, waiting_max: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"muniment-{name}")
        self._waiting_max = waiting_max
        self._waiting = 0

    async def run_in_thread(self, make: Callable[[], T]) -> T:
        """Raises Throttling when too many wait, and whatever `make` raises."""
        if self._waiting >= self._waiting_max:
            raise Throttling(f"{self._waiting} answers are being made.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, make)
        finally:
            self._waiting -= 1
