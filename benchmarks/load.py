"""One run of wrk: a file of signed requests against one server over so many connections."""

import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import NotMeasured

SCRIPT = Path(__file__).parent / "replay.lua"
ANSWER_SECONDS_MAX = 10


@dataclass(frozen=True, slots=True)
class Run:
    calls: int
    """Answered, none with a status of 400 or more (wrk tells the others not apart)."""
    calls_a_second: float
    generator_share: float
    """Of one core that wrk took: near 1 it measures itself."""


def wrk() -> str:
    """Raises NotMeasured when it is not installed."""
    program = shutil.which("wrk")
    if program is None:
        raise NotMeasured("The load generator wrk is missing. On Debian and Ubuntu: apt-get install wrk")
    return program


def run(
    endpoint: str, requests: Path, *, connections: int, seconds: int, cycle: bool, pause_ms: int | None = None
) -> Run:
    """`pause_ms` is what each connection waits between an answer and its next request. Raises NotMeasured when a
    request was not answered, or with an error."""
    # One thread: then the file is sent in order, and nothing twice.
    command = [wrk(), "--threads=1", f"--connections={connections}", f"--duration={seconds}s"]
    command += [f"--timeout={ANSWER_SECONDS_MAX}s", f"--script={SCRIPT}", endpoint, "--", str(requests)]
    command += ["cycle" if cycle else "once", *([] if pause_ms is None else [str(pause_ms)])]
    before = _processor_seconds()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    processor_seconds = _processor_seconds() - before
    result = next((line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if done.returncode != 0 or result is None:
        raise NotMeasured(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    microseconds, calls, refused, unanswered = map(int, result)
    if refused or unanswered or not calls:
        raise NotMeasured(
            f"Of {calls} answers {refused} were errors, and {unanswered} requests had no answer; expected neither."
        )
    return Run(calls, calls * 1e6 / microseconds, processor_seconds * 1e6 / microseconds)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
