"""The stock `aws` and our `muniment` as processes that need not import first what they are made of.

One process imports both programs and runs neither. For each command it forks, and the child becomes the program with
its words, its environment and its output, and ends as the program ends. Importing is most of what a command costs.

python -m tests.clients.prepared: reads a line of program, words and environment, writes one of status, output and
error, in JSON, until nothing more comes.
"""

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
PROGRAMS = {"aws": "awscli.clidriver", "muniment": "services.cli"}
"""What their scripts in BIN import, and call `main` of."""
IMPORTED_WHEN_THEY_RUN = ("awscli.handlers", "services.app", "services.cli.lib.remote", "services.cli.lib.local")
SECONDS_MAX = 60


class Prepared:
    """The process that waits for commands; started with the first, and at its end when we are."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(self, program: str, words: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Status, what is on standard output, and on standard error."""
        with self._one_at_a_time:
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=ROOT,
                    env={name: environment[name] for name in ("PATH", "PYTHONPATH", "HOME", "LANG")},
                )
                atexit.register(self._process.communicate)
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps([program, words, dict(environment)]) + "\n")
            self._process.stdin.flush()
            status, out, error = json.loads(self._process.stdout.readline())
        return status, out, error


PREPARED = Prepared()


def _serve() -> None:
    for module in (*PROGRAMS.values(), *IMPORTED_WHEN_THEY_RUN):
        import_module(module)
    gc.freeze()
    for line in sys.stdin:
        program, words, environment = json.loads(line)
        with TemporaryFile("w+") as out, TemporaryFile("w+") as error:
            child = os.fork()
            if child == 0:
                _become(program, words, environment, out, error)
            _, status = os.waitpid(child, 0)
            said = []
            for file in (out, error):
                file.seek(0)
                said.append(file.read())
        sys.stdout.write(json.dumps([os.waitstatus_to_exitcode(status), *said]) + "\n")
        sys.stdout.flush()


def _become(program: str, words: Sequence[str], environment: Mapping[str, str], out: IO[str], error: IO[str]) -> None:
    signal.alarm(SECONDS_MAX)
    os.environ.update(environment)  # what awscli has written there when it was imported, it needs
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(out.fileno(), 1)
    os.dup2(error.fileno(), 2)
    sys.argv = [str(BIN / program), *words]
    sys.exit(import_module(PROGRAMS[program]).main())


if __name__ == "__main__":
    _serve()
