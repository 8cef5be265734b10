"""Where the time of one operation goes, function by function, for the event loop and for the rounds."""

import marshal
import os
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import load, signing
from benchmarks.accounts import create_role, open_accounts
from benchmarks.profiled_server import LOOP, ROUNDS
from benchmarks.servers import NotMeasured, muniment
from benchmarks.throughput import CONNECTIONS, OPERATIONS, WARM_UP_SECONDS

FUNCTIONS = 40
Figures = dict[tuple[str, int, str], tuple[int, int, float, float, object]]
"""As cProfile stores them: by file, line and function the calls without and with recursion, the seconds in the function
itself and with all that it called, and its callers."""


def profile(name: str, directory: Path, seconds: int) -> None:
    """Prints the functions that take most, with as many connections as are ever measured. The profiler itself makes
    small functions look dearer than they are. Raises NotMeasured."""
    if sys.version_info >= (3, 12):
        raise NotMeasured("From Python 3.12 on cProfile does not keep threads apart; profile with Python 3.11.")
    for thread in (LOOP, ROUNDS):
        with tempfile.TemporaryDirectory() as place:
            calls = _calls(name, directory, seconds, Path(place), thread)
            figures: Figures = marshal.loads((Path(place) / "figures").read_bytes())  # noqa: S302  our own file
        _print(f"{name}, thread {thread}", figures, calls)


def _calls(name: str, directory: Path, seconds: int, place: Path, thread: str) -> int:
    [operation] = [operation for operation in OPERATIONS if operation.name == name]
    figures, requests = place / "figures", place / "requests"
    environment = {"MEASURED_THREAD": thread, "MEASURED_FILE": str(figures)}
    with muniment(directory, [sys.executable, "-m", "benchmarks.profiled_server"], environment) as server:
        [account] = open_accounts(server.data, 1)
        create_role(server.endpoint, account, signing.ROLE)
        signing.write(requests, operation.requests(account))
        connections = max(CONNECTIONS)
        if operation.cycle:
            # What a process does only once is not what a call costs.
            load.run(server.endpoint, requests, connections=connections, seconds=WARM_UP_SECONDS, cycle=True)
        os.kill(server.process_id, signal.SIGUSR1)
        run = load.run(server.endpoint, requests, connections=connections, seconds=seconds, cycle=operation.cycle)
    return run.calls


def _print(title: str, figures: Figures, calls: int) -> None:
    total = sum(own for _, _, own, _, _ in figures.values())
    print(f"\n{title}: {total / calls * 1e6:.0f} µs of processor time a call, {calls} calls\n")
    print("  own µs  with callees  times  function")
    dearest = sorted(figures.items(), key=lambda item: item[1][2], reverse=True)
    for (file, line, function), (_, times, own, cumulative, _) in dearest[:FUNCTIONS]:
        where = function if file == "~" else f"{'/'.join(Path(file).parts[-3:])}:{line} {function}"
        print(f"{own / calls * 1e6:8.1f}  {cumulative / calls * 1e6:12.1f}  {times / calls:5.1f}  {where}")
