"""What breaks around the server: the database, the server itself, its place. Nothing acknowledged is lost.

What is killed under load stands in tests/failures."""

import itertools
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id
from tests.clients.raw_http import Reply, account_of, administrator, called, entries, form, reading
from tests.clients.server import Server, run, running_server, serving
from tests.places import place_for_data

CALLERS = 4
CALLS = 40
ATTEMPTS_MAX = 100
SECONDS_MAX = 60


@pytest.fixture
def place() -> Iterator[Path]:
    with place_for_data() as directory:
        yield directory


@pytest.fixture(scope="module")
def breakable() -> Iterator[Server]:
    """A server of this module's own: its database is hurt, and mends."""
    with running_server() as running:
        yield running


def postmaster(server: Server) -> int:
    return int((server.data / "postgres" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])


class Load:
    """Callers that create users without a pause, and remember what each was answered."""

    def __init__(self, server: Server, prefix: str) -> None:
        self._server = server
        self._prefix = prefix
        self._key = administrator(server)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        self.answered: list[tuple[str, Reply]] = []
        """The name that was asked for, and the answer; appended to by every caller."""
        self.lost: list[str] = []
        """Names whose calls had no answer."""

    def _call(self, caller: int) -> None:
        for number in itertools.count():
            if self._stopped.is_set():
                return
            name = f"{self._prefix}-{caller}-{number}"
            try:
                self.answered.append((name, called(self._server, form("CreateUser", UserName=name), by=self._key)))
            except OSError:
                self.lost.append(name)
                return

    @contextmanager
    def going_on(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            for thread in self._threads:
                thread.join()

    def successes(self) -> list[tuple[str, Reply]]:
        return [(name, reply) for name, reply in self.answered if reply.status == 200]

    def until_more(self, count: int, of: Callable[[], Sized]) -> None:
        """Returns when there are that many more than now."""
        goal, end = len(of()) + count, time.monotonic() + SECONDS_MAX
        while len(of()) < goal:
            assert time.monotonic() < end, f"{len(of())} of {goal} after {SECONDS_MAX} seconds"
            self._stopped.wait(0.01)


def everything_acknowledged_stands(server: Server, load: Load) -> None:
    """Each call that was answered with success is in the ledger once, with what it changed, and its user is there. A
    call without an answer is there as a whole or not at all."""
    recorded: dict[str, list[str]] = {}
    names: dict[str, set[str]] = {}
    for entry in entries(server, '"operation":"CreateUser"'):
        recorded.setdefault(entry["cause"]["request_id"], []).append(entry["topic"])
        if "user_name" in entry["event"]:
            names.setdefault(entry["event"]["user_name"], set()).add(entry["topic"])
    successes = load.successes()
    assert successes
    for name, reply in successes:
        topics = recorded[reply.request_id]
        assert (topics.count("api.called.v1"), topics.count("iam.user.created.v1")) == (1, 1), (name, topics)
        assert "iam.user.created.v1" in names[name]
    for name in (successes[0][0], successes[-1][0]):
        assert called(server, form("GetUser", UserName=name)).status == 200
    positions_are_dense(server)


def positions_are_dense(server: Server) -> None:
    """No position of any ledger is missing, and none is there twice."""
    with reading(server) as connection:
        holes = connection.execute(
            "select account_id, count(*), count(distinct position), min(position), max(position) from "
            "(select account_id, position from ledger.changes union all select account_id, position from ledger.uses) "
            "as events group by account_id having count(*) <> max(position) or count(distinct position) <> count(*)"
        ).fetchall()
    assert holes == []


def test_a_database_that_stands_still_means_503(breakable: Server) -> None:
    """Stopped, not ended: nothing on its side times out. Calls are answered 503, those of keys never seen too, and
    when the database goes on, so do the calls."""
    stranger = Credentials(new_access_key_id(ACCESS_KEY, account_of(breakable), os.urandom), "x" * 40)
    pid = postmaster(breakable)
    stopped = [pid, *(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    callers = (administrator(breakable), stranger)
    try:
        with ThreadPoolExecutor(len(callers)) as threads:
            replies = list(threads.map(lambda key: called(breakable, form("ListUsers"), by=key), callers))
    finally:
        for process in stopped:
            os.kill(process, signal.SIGCONT)
    assert [(reply.status, reply.code) for reply in replies] == [(503, "ServiceUnavailable")] * 2
    for _ in range(ATTEMPTS_MAX):
        reply = called(breakable, form("ListUsers"))
        if reply.status == 200:
            break
        assert reply.status == 503
    assert reply.status == 200
    positions_are_dense(breakable)


def test_a_server_that_ends_has_lost_nothing(place: Path) -> None:
    """kill -9, then SIGTERM, then SIGINT, each under load; the next server on the same data has every call that was
    acknowledged. Told to end, a server ends with 0 and leaves no database behind."""
    loads: list[Load] = []
    for word in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        with serving(place) as server:
            for load in loads[-1:]:
                everything_acknowledged_stands(server, load)
            loads.append(Load(server, word.name.lower()))
            pid = postmaster(server)
            with loads[-1].going_on():
                loads[-1].until_more(CALLS, loads[-1].successes)
                server.process.send_signal(word)
                status = server.process.wait(SECONDS_MAX)
            if word is not signal.SIGKILL:
                assert status == 0
                assert not Path(f"/proc/{pid}").exists()
        assert {reply.status for _, reply in loads[-1].answered} <= {200, 503}
    with serving(place) as server:
        for load in loads:
            everything_acknowledged_stands(server, load)


def refused_to_serve(data: Path, listen: str) -> str:
    """What a server says that will not serve."""
    done = run(["muniment", "serve", "--data", str(data), "--listen", listen], {})
    assert done.status == 1, done
    assert "Traceback" not in done.error, done.error
    return done.error


def test_two_servers_do_not_share_a_directory(server: Server) -> None:
    """The second is told which process has it, before it is told that the address is taken, and the first goes on."""
    said = refused_to_serve(server.data, server.endpoint.removeprefix("http://"))
    assert f"in use by the server with pid {server.process.pid}" in said
    assert called(server, form("ListUsers")).status == 200


def test_a_port_that_is_taken_is_named(place: Path) -> None:
    """Refused with the address and the reason, and no database is left running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        said = refused_to_serve(place / "data", address)
    assert f"Cannot listen on {address}" in said
    assert not (place / "data" / "postgres" / "data" / "postmaster.pid").exists()


@pytest.mark.parametrize("listen", ["127.0.0.1:99999", "192.0.2.1:8420"])
def test_an_address_that_cannot_be_meant_is_refused(place: Path, listen: str) -> None:
    """Before anything is made in the data directory."""
    said = refused_to_serve(place / "data", listen)
    assert "127.0.0.1:8420" in said or "MUNIMENT_INSECURE_HTTP" in said
    assert not (place / "data").exists()


def test_a_master_key_that_is_not_ours_is_refused(place: Path) -> None:
    """A key file of the wrong size is named, and nothing is sealed with a part of it."""
    (place / "data").mkdir()
    key = place / "data" / "master.key"
    key.write_bytes(b"short")
    key.chmod(0o400)
    assert "master.key" in refused_to_serve(place / "data", "127.0.0.1:0")
