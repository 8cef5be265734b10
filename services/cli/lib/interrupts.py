"""Ctrl-C and SIGTERM as the usual end of a server."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPT_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block in good order, at whatever point it is; both are the usual end of a server."""
    former = {number: signal.signal(number, _interrupt) for number in INTERRUPT_SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second one must not break off the stopping of the database. No SIG_IGN, which the programs that we run to stop
    # it would inherit.
    for number in INTERRUPT_SIGNALS:
        signal.signal(number, lambda _number, _frame: None)
    raise KeyboardInterrupt


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM interrupts the block as Ctrl-C does, so that it takes away what it has begun."""
    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
