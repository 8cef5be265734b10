"""The memory that a server gives back: under many threads glibc keeps what it has freed, in pieces of many arenas."""

import ctypes
import gc
import sys
from collections.abc import Mapping

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""mallopt(3)."""
LARGE_BYTES = 128 * 1_024
"""What is as large has pages of its own, which go back when it is freed. Setting it keeps glibc from raising it."""

OLDEST_GENERATION = 2
GARBAGE_OBJECTS_MIN = 50_000
"""As many more must have come than gone before the youngest are looked through."""


def keep_small() -> None:
    """Before threads begin. One arena: the interpreter lets one thread at a time ask for memory. What attacks leave
    behind becomes half of what it was (benchmarks/README.md, siege)."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc's alone
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, LARGE_BYTES)


def give_back() -> None:
    """Pages that hold nothing any more and lie between others. Takes milliseconds, without the interpreter's lock."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # glibc's alone
        trim(0)


def set_old_aside() -> None:
    """What is there when garbage is collected wholly is not looked at by later collections: it goes when nothing refers
    to it, as nearly everything does. Else each pause is as long as all values of accounts that are kept take: half a
    second for 40,000 credentials. Calls leave no cycles behind (at full load: 17 µs a call less)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS_MIN)
    gc.callbacks.append(_OldObjects())


class _OldObjects:
    """When twice as much lies aside as after they were last looked at, all are looked at again."""

    def __init__(self) -> None:
        self._kept = gc.get_freeze_count()

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        if phase != "stop" or info["generation"] < OLDEST_GENERATION:
            return
        was_whole = gc.get_freeze_count() == 0
        gc.freeze()
        if was_whole:
            self._kept = gc.get_freeze_count()
        elif gc.get_freeze_count() > 2 * self._kept:
            gc.unfreeze()
