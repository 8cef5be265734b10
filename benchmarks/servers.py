"""muniment and the application that does nothing, each as its own process."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import null_server

BIN = Path(sys.executable).parent
SERVE = (str(BIN / "muniment"), "serve")
READY = "muniment ready on "
STOP_SECONDS_MAX = 60
CATCHING_UP_SECONDS_MAX = 120
POLL_SECONDS = 0.25
REST_SECONDS, REST_SECONDS_MAX, RESTING_PROCESSOR_SHARE = 5, 300, 0.01
"""Of a processor, at most, while nobody calls: what others keep from working uses more."""


class NotMeasured(Exception):  # noqa: N818  said to a person
    """The benchmark cannot be run here, or what it measured counts for nothing."""


@dataclass(frozen=True, slots=True)
class Muniment:
    endpoint: str
    data: Path
    process_id: int

    def catch_up(self, seconds_max: float = CATCHING_UP_SECONDS_MAX) -> float:
        """Waits until the projections have read what the calls left behind, so that they take no processor from the
        next run. Gives the seconds that it took, to within two or so."""
        since = time.monotonic()
        while time.monotonic() - since < seconds_max:
            if not any(projection["lag_positions"] for projection in self._health()["projections"]):
                return time.monotonic() - since
            time.sleep(POLL_SECONDS)
        raise NotMeasured(f"The projections did not catch up within {seconds_max} s.")

    def rest(self) -> None:
        """Waits until the server has done what callers have left behind, such as passwords that it is still hashing."""
        since = time.monotonic()
        while time.monotonic() - since < REST_SECONDS_MAX:
            used = self.processor_seconds()
            time.sleep(REST_SECONDS)
            if self.processor_seconds() - used <= RESTING_PROCESSOR_SHARE * REST_SECONDS:
                return
        raise NotMeasured(f"The server did not come to rest within {REST_SECONDS_MAX} s.")

    def processor_seconds(self) -> float:
        """What the server's process has used since it began, all threads together (proc_pid_stat(5), utime and stime);
        PostgreSQL's processes are others."""
        fields = Path(f"/proc/{self.process_id}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self) -> int:
        """Of the server's process (proc_pid_status(5), VmRSS)."""
        lines = Path(f"/proc/{self.process_id}/status").read_text("ascii").splitlines()
        (resident,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
        return int(resident) * 1_024

    def _health(self) -> dict[str, list[dict[str, int]]]:
        connection = HTTPConnection(urlsplit(self.endpoint).netloc, timeout=10)
        try:
            connection.request("GET", "/health/ready")
            health: dict[str, list[dict[str, int]]] = json.load(connection.getresponse())
        finally:
            connection.close()
        return health


@contextmanager
def throw_away(directory: Path) -> Iterator[Path]:
    """A data directory below `directory`, gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="muniment-benchmark-", dir=directory) as place:
        # PostgreSQL may run as another user, who has to pass through.
        Path(place).chmod(0o711)
        yield Path(place) / "data"


@contextmanager
def muniment(
    directory: Path, command: Sequence[str] = SERVE, environment: Mapping[str, str] | None = None
) -> Iterator[Muniment]:
    """A server with a new database below `directory`, gone when the block ends."""
    with throw_away(directory) as data, serving(data, command, environment) as server:
        yield server


@contextmanager
def serving(
    data: Path, command: Sequence[str] = SERVE, environment: Mapping[str, str] | None = None
) -> Iterator[Muniment]:
    """A server on what is in the data directory. The block begins when it says that it is ready."""
    command = (*command, "--data", str(data), "--listen", "127.0.0.1:0")
    with _running(command, READY, environment or {}) as (endpoint, process_id):
        yield Muniment(endpoint, data, process_id)


@contextmanager
def doing_nothing() -> Iterator[str]:
    with _running([sys.executable, "-m", "benchmarks.null_server"], null_server.READY, {}) as (endpoint, _):
        yield endpoint


@contextmanager
def _running(command: Sequence[str], ready: str, environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The endpoint that the process says it is ready on, and its id. Settings of another server do not come through."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MUNIMENT_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**inherited, **environment}) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(ready):
                    yield line.removeprefix(ready).strip(), process.pid
                    break
            else:
                raise NotMeasured(f"{' '.join(command)} ended before it was ready.")
        finally:
            process.terminate()
            process.communicate(timeout=STOP_SECONDS_MAX)
