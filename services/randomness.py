"""Random bytes without a system call for each draw (docs/adr/0001)."""

import os
import threading

BUFFER_BYTES = 8_192


class Randomness(threading.local):
    """The operating system's random bytes, drawn in large pieces, one piece a thread.

    `os.urandom` gives the interpreter lock away at every call. The event loop and the rounds draw several times for
    each request, and each time the other one took the lock: that was half of the processor time of a call.
    """

    def __init__(self) -> None:
        self._drawn = b""
        self._used = 0

    def __call__(self, count: int) -> bytes:
        begin, end = self._used, self._used + count
        if end > len(self._drawn):
            self._drawn = os.urandom(max(BUFFER_BYTES, count))
            begin, end = 0, count
        self._used = end
        return self._drawn[begin:end]
