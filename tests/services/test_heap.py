"""Memory that a server gives back."""

import ctypes
import subprocess
import sys
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


def test_old_objects_are_looked_at_again_when_they_have_doubled() -> None:
    """A process of its own: what stays is set aside at each whole collection, and cycles among it go when twice as
    much lies aside."""
    program = """
import gc, weakref
from services import heap
heap.set_old_aside()
class Node: pass
def cycle():
    node = Node(); node.itself = node
    return node
node = cycle(); gone = weakref.ref(node)
gc.collect(); kept = gc.get_freeze_count()
del node
gc.collect(); assert gone() is not None, "it was set aside"
heaped = [[] for _ in range(2 * kept)]
gc.collect(); assert gc.get_freeze_count() == 0, "twice as much"
gc.collect(); assert gone() is None
assert gc.get_freeze_count() > 2 * kept
"""
    subprocess.run([sys.executable, "-c", program], check=True)
