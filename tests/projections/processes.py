"""Processes that write ledgers and follow them, for tests in which one of several lives on, or dies.

python -m tests.projections.processes write CONNINFO NAME COUNT ACCOUNT...
python -m tests.projections.processes follow CONNINFO before|after STATEMENT TIMES
python -m tests.projections.processes upgrade CONNINFO before|after STATEMENT
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, Self

import psycopg
from psycopg.abc import Params, QueryNoTemplate

from projections.engine.definition import load_projections
from projections.engine.runner import ProjectionRunner
from projections.engine.upgrade import Upgrade
from services.ledger.database import Database, ExternalDatabase, connect
from tests.conftest import url_of
from tests.services.ledger.rounds import ANSWER_SECONDS_MAX, committer_on, creating, running, submit

TREE = Path(__file__).parents[2]
COMPUTED = "muniment-computed"
"""The thread whose statements are not counted: how far it is when the other has sent so many, nobody knows."""


def writing(database: Database, name: str, count: int, accounts: Sequence[str]) -> subprocess.Popen[bytes]:
    """Creates so many users in each account, one round after the other, each call recorded behind its change."""
    return _started("write", url_of(database), name, str(count), *accounts)


def following(database: Database, when: str, statement: bytes, times: int) -> subprocess.Popen[bytes]:
    """A runner that ends by SIGKILL before, or after, the thread of those projections that are not computed has sent a
    statement for so many times."""
    return _started("follow", url_of(database), when, statement.decode(), str(times))


def upgrading(database: Database, when: str, statement: bytes) -> subprocess.Popen[bytes]:
    """A runner that builds what there is to build, and ends by SIGKILL before, or after, it has sent a statement."""
    return _started("upgrade", url_of(database), when, statement.decode())


def _started(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", __name__, *arguments], cwd=TREE)


def _write(database: Database, name: str, count: int, accounts: Sequence[str]) -> None:
    with running(committer_on(database)) as committer:
        for number in range(count):
            calls = [submit(committer, creating(f"{name}-{number}", each), each) for each in accounts]
            for call in calls:
                call.result(ANSWER_SECONDS_MAX)


def _follow(database: Database, when: str, statement: bytes, times: int) -> NoReturn:
    runner = ProjectionRunner(_dying(database, when, statement, times), positions_a_batch=4)
    runner.start()
    for thread in runner._threads:
        thread.join()
    raise AssertionError("The runner has ended otherwise.")


def _upgrade(database: Database, when: str, statement: bytes) -> NoReturn:
    runner = ProjectionRunner(lambda: connect(database, "projector"))
    runner._upgrade = Upgrade(_dying(database, when, statement, 1), load_projections(), lambda: None)
    runner.start()
    runner.upgrade()
    runner._upgrade._thread.join()
    raise AssertionError("The upgrade has ended otherwise.")


def _dying(database: Database, when: str, statement: bytes, times: int) -> Callable[[], psycopg.Connection]:
    """Connects, and kills the process at the statement."""
    left = [times]

    def die_at_last() -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    class Cursor(psycopg.Cursor):
        def execute(  # type: ignore[override]  # the overload for templates is not used here
            self, query: QueryNoTemplate, params: Params | None = None, **options: bool | None
        ) -> Self:
            text = query.encode() if isinstance(query, str) else query
            counted = isinstance(text, bytes) and statement in text and threading.current_thread().name != COMPUTED
            if counted and when == "before":
                die_at_last()
            done = super().execute(query, params, **options)
            if counted and when == "after":
                die_at_last()
            return done

    def connected() -> psycopg.Connection:
        connection = connect(database, "projector")
        connection.cursor_factory = Cursor
        return connection

    return connected


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", conninfo, name, count, *accounts]:
            _write(ExternalDatabase(conninfo), name, int(count), accounts)
        case ["follow", conninfo, when, statement, times]:
            _follow(ExternalDatabase(conninfo), when, statement.encode(), int(times))
        case ["upgrade", conninfo, when, statement]:
            _upgrade(ExternalDatabase(conninfo), when, statement.encode())
        case arguments:
            sys.exit(f"{__doc__}\nGot {arguments}.")
