"""A throw-away server as its own process, and stock clients as processes beside it."""

import atexit
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.clients.prepared import BIN, PREPARED, PROGRAMS, ROOT, SECONDS_MAX
from tests.places import place_for_data

PROGRAM = (str(BIN / "muniment"),)
READY = "muniment ready on "


@dataclass(frozen=True)
class Server:
    endpoint: str
    data: Path
    process: subprocess.Popen[str]
    log: Path
    """What the server says on its standard error."""

    @property
    def profile(self) -> dict[str, str]:
        """The environment that the server tells a new user to export."""
        return {"AWS_CONFIG_FILE": str(self.data / "aws-profile"), "AWS_PROFILE": "muniment"}

    def credentials(self, access_key_id: str, secret: str, token: str | None = None) -> dict[str, str]:
        """The environment of somebody else than the administrator."""
        environment = {
            "AWS_ACCESS_KEY_ID": access_key_id,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }
        return environment if token is None else environment | {"AWS_SESSION_TOKEN": token}


@contextmanager
def running_server() -> Iterator[Server]:
    """On data that nobody has used but one first start, and nobody will."""
    with place_for_data() as place, serving(place) as server:
        yield server


@contextmanager
def serving(
    place: Path,
    *,
    listen: str = "127.0.0.1:0",
    settings: Mapping[str, str] | None = None,
    program: Sequence[str] = PROGRAM,
) -> Iterator[Server]:
    """A server on the data in `place`, from the moment at which it answers until it is told to end. Where there is none
    yet, it begins with what another server's first start has left."""
    data, log = place / "data", place / "log"
    if not settings and program is PROGRAM and not data.exists():
        subprocess.run(["cp", "-a", _first_start(), data], check=True)  # with its owners, which shutil loses
    with _started(data, log, listen, settings or {}, program) as server:
        yield server


@cache
def _first_start() -> Path:
    """The data of a server that was started once. To copy it takes a twentieth of the time of making it."""
    place = ExitStack()
    atexit.register(place.close)
    first = place.enter_context(place_for_data())
    with _started(first / "data", first / "log", "127.0.0.1:0", {}, PROGRAM):
        pass
    return first / "data"


@contextmanager
def _started(
    data: Path, log: Path, listen: str, settings: Mapping[str, str], program: Sequence[str]
) -> Iterator[Server]:
    command = [*program, "serve", "--data", str(data), "--listen", listen]
    with (
        log.open("a") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=_environment(settings)
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith(READY):
                    break
            else:
                raise AssertionError(f"The server ended before it was ready: {said} {log.read_text()}")
            yield Server(line.removeprefix(READY).strip(), data, process, log)
        finally:
            process.terminate()
            process.communicate(timeout=30)


@dataclass(frozen=True)
class Answer:
    """What a client printed."""

    status: int
    out: str
    error: str

    @property
    def json(self) -> dict[str, object]:
        parsed: dict[str, object] = json.loads(self.out)
        return parsed


def run(command: Sequence[str], environment: Mapping[str, str]) -> Answer:
    """A client as a process, with nothing of our own environment but where programs are."""
    program, *words = command
    if program in PROGRAMS:
        return Answer(*PREPARED.run(program, words, _environment(environment)))
    return started(command, environment)


def started(command: Sequence[str], environment: Mapping[str, str]) -> Answer:
    """The same with the program's own file, for what a start itself may change."""
    program = shutil.which(command[0], path=str(BIN))
    assert program is not None, f"{command[0]} is not in {BIN}"
    done = subprocess.run(
        [program, *command[1:]],
        env=_environment(environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Processes run the code that the tests run, wherever that was imported from."""
    path = {"PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    return {**path, **more}
