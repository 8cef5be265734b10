"""How far a long command has come: on a terminal one line that moves, elsewhere a line now and then."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from services.cli.lib.terminal import printable

MOVING_SECONDS, STANDING_SECONDS = 0.2, 10.0
_TO_THE_END_ERASED = "\x1b[K"


class Progress:
    """On standard error."""

    def __init__(self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = sys.stderr if out is None else out
        self._clock = clock
        self._moving = self._out.isatty()
        self._began_at = self._next_at = clock()
        self._done = self._total = 0
        if not self._moving:
            self._next_at += STANDING_SECONDS  # What is over sooner needs no line.

    def tell(self, doing: str, done: int, total: int, unit: str = "positions") -> None:
        """Where total is 0, nobody knows how much there is. What is counted are positions of ledgers, if not others."""
        now = self._clock()
        if done < self._done or total != self._total:
            self._began_at = now  # Of something else.
        self._done, self._total = done, total
        if now < self._next_at:
            return
        self._next_at = now + (MOVING_SECONDS if self._moving else STANDING_SECONDS)
        line = f"muniment: {printable(doing)}{_amount(done, total, now - self._began_at, unit)}"
        self._out.write(f"\r{line}{_TO_THE_END_ERASED}" if self._moving else f"{line}\n")
        self._out.flush()

    def clear(self) -> None:
        """Makes room for what is said next."""
        if self._moving:
            self._out.write(f"\r{_TO_THE_END_ERASED}")
            self._out.flush()


def _amount(done: int, total: int, seconds: float, unit: str) -> str:
    if total == 0:
        return ""
    amount = f": {done:,} of {total:,} {unit}"
    if done == 0 or seconds <= 0:
        return amount
    rate = done / seconds
    rest = round((total - done) / rate)
    return f"{amount}, {rate:,.0f} a second, about {rest // 60}:{rest % 60:02} left"
