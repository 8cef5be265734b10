"""The memory that a server gives back: under many threads glibc keeps what it has freed, in pieces of many arenas."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""mallopt(3)."""
LARGE_BYTES = 128 * 1_024
"""What is as large has pages of its own, which go back when it is freed. Setting it keeps glibc from raising it."""


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
