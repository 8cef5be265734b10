"""Memory that a server gives back."""

import ctypes
from pathlib import Path

import pytest

from services import heap


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's alone")
def test_pages_between_others_are_given_back() -> None:
    """Of 64 MiB in pieces of 16 kB all but every sixteenth are freed; most of the pages go back."""
    pieces = [b"x" * 16_384 for _ in range(4_096)]
    kept = pieces[::16]
    del pieces
    before = _resident_kib()
    heap.give_back()
    assert before - _resident_kib() > 32 * 1_024
    assert len(kept) == 256


def _resident_kib() -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
