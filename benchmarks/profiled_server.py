"""`muniment serve` with one of its threads under cProfile; SIGUSR1 forgets what was, stopping writes the figures.

MEASURED_THREAD is `loop` (HTTP, signatures, parsing, answers) or `rounds` (decisions, encoding, the database);
MEASURED_FILE is the file. The clock counts the thread's own processor time: waiting costs nothing there, neither for a
commit nor for the interpreter's lock.
"""

import cProfile
import os
import signal
import sys
import threading
import time
from types import FrameType

from services.cli import main

LOOP, ROUNDS = "loop", "rounds"
THREAD_OF_ROUNDS = "muniment-rounds"


def run() -> int:
    profile = cProfile.Profile(time.thread_time)

    def enable_in_rounds(_frame: FrameType, _event: str, _argument: object) -> None:
        """Called by every new thread once; in the one that is measured, cProfile takes its place."""
        sys.setprofile(None)
        if threading.current_thread().name == THREAD_OF_ROUNDS:
            profile.enable()

    signal.signal(signal.SIGUSR1, lambda _signal, _frame: profile.clear())
    # Stopping has to come back here.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if os.environ["MEASURED_THREAD"] == LOOP:
            return profile.runcall(main, ["serve", *sys.argv[1:]])
        threading.setprofile(enable_in_rounds)
        return main(["serve", *sys.argv[1:]])
    except KeyboardInterrupt:
        return 0
    finally:
        profile.dump_stats(os.environ["MEASURED_FILE"])


if __name__ == "__main__":
    sys.exit(run())
