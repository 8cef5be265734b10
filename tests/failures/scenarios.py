"""What is done to a server under load. Each comes with its twin where a commit is what matters: before, and after."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from botocore.credentials import Credentials

from services.ledger.disk_guard import FREE_BYTES_MIN
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from tests.clients.raw_http import called, form
from tests.clients.server import PROGRAM, Server
from tests.failures.fault_points import CuttingWire, cutting
from tests.failures.load import Load
from tests.failures.meter import Findings, acknowledged, compare, unacknowledged
from tests.failures.sites import SECONDS_MAX, Site, at, embedded, forgetful, small_disk, wait_until, wired
from tests.services.ledger.proxy import When

CALLS = 20
"""Acknowledged before each fault and after the last."""
WRITER = b"muniment_writer"
OUTAGE_CALLS = 5
OK, UNAVAILABLE = 200, 503


@dataclass
class Scene:
    """A load that runs, and what it runs against."""

    site: Site
    load: Load
    wire: CuttingWire | None = None
    """Between the clients and the server, where the scenario has one."""


Fault = Callable[[Scene], None]
Sites = Callable[[], AbstractContextManager[Site]]


@dataclass(frozen=True)
class Scenario:
    name: str
    site: Sites
    fault: Fault
    cuts_clients: bool = False


UNACKNOWLEDGED = frozenset({"ServiceUnavailable", "EntityAlreadyExists"})
"""Codes of answers that have no position: of refused retries those beyond the first fifty are counted."""


@dataclass
class Measured:
    name: str
    faults: int = 0
    acknowledged: int = 0
    unavailable: int = 0
    unanswered: int = 0
    strange: list[str] = field(default_factory=list)
    """Answers that are neither what the ledger says nor 503, nor refusals that were counted."""
    seconds: list[float] = field(default_factory=list)
    """From each fault until the first acknowledgement of a call that was sent after it."""
    findings: Findings = field(default_factory=Findings)


def server_killed(scene: Scene) -> None:
    scene.site.kill_server()
    scene.site.start()


def server_killed_at_commit(when: When) -> Fault:
    def fault(scene: Scene) -> None:
        _cut(scene, when, scene.site.kill_server)
        scene.site.start()

    return fault


def postmaster_killed(scene: Scene) -> None:
    os.kill(scene.site.postmaster(), signal.SIGKILL)


def backend_killed(scene: Scene) -> None:
    scene.site.kill_backends()


def backend_killed_at_commit(when: When) -> Fault:
    return lambda scene: _cut(scene, when, scene.site.kill_backends)


def wire_cut_at_commit(when: When) -> Fault:
    return lambda scene: _cut(scene, when, lambda: None)


def _cut(scene: Scene, when: When, meanwhile: Callable[[], None]) -> None:
    """Returns when a commit of the committer has met its fate, and `meanwhile` was done."""
    done = threading.Event()

    def then() -> None:
        meanwhile()
        done.set()

    scene.site.proxy.cut_at_commit(when, then, of=WRITER)
    assert done.wait(SECONDS_MAX)


def request_lost(scene: Scene) -> None:
    assert scene.wire is not None
    scene.wire.cut("before")


def answer_lost(scene: Scene) -> None:
    assert scene.wire is not None
    scene.wire.cut("after")


def second_server(scene: Scene) -> None:
    """Refused with the holder's process id; the first goes on."""
    command = [*PROGRAM, "serve", "--data", str(scene.site.server.data), "--listen", "127.0.0.1:0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    assert done.returncode == 1
    assert f"in use by the server with pid {scene.site.server.process.pid}" in done.stderr, done.stderr


def disk_nearly_full(scene: Scene) -> None:
    """Refused before PostgreSQL has to fail, and red; taken again when there is room."""
    with ballast(scene.site.place, leaving=FREE_BYTES_MIN // 2):
        wait_until(lambda: ready(scene.site.server) == 503, "health is red")
        scene.load.until_unavailable(OUTAGE_CALLS)
        assert scene.site.postmaster()
    wait_until(lambda: ready(scene.site.server) == 200, "health is green again")


def disk_full(scene: Scene) -> None:
    """No byte is left for data."""
    with ballast(scene.site.place, leaving=0):
        scene.load.until_unavailable(OUTAGE_CALLS)


def log_full(scene: Scene) -> None:
    """PostgreSQL finds no room for its log, and panics: it ends, or comes up where it can write over old parts."""
    with ballast(scene.site.place, leaving=0):
        postgres = EmbeddedPostgres(resolve_directory(scene.site.server.data / "postgres"))
        try:
            with psycopg.connect(postgres.conninfo("owner"), autocommit=True) as connection:
                for _ in range(100):
                    connection.execute("select pg_logical_emit_message(false, '', repeat('x', 1000000))")
        except psycopg.OperationalError:
            pass
        else:
            raise AssertionError("There was room for the log.")
        scene.load.until_unavailable(OUTAGE_CALLS)


@contextmanager
def ballast(place: Path, *, leaving: int) -> Iterator[None]:
    """A file that leaves so many bytes of the disk."""
    file = place / "ballast"
    try:
        with file.open("wb", buffering=0) as filled:
            try:
                while (room := _free(place) - leaving) > 0:
                    filled.write(bytes(min(room, 1 << 20)))
            except OSError:
                assert leaving == 0
        yield
    finally:
        file.unlink()


def _free(place: Path) -> int:
    disk = os.statvfs(place)
    return disk.f_bavail * disk.f_frsize


def ready(server: Server) -> int:
    connection = HTTPConnection(urlsplit(server.endpoint).netloc, timeout=SECONDS_MAX)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status
    finally:
        connection.close()


def killed_with_commits_unwritten(scene: Scene) -> None:
    """The control's fault: PostgreSQL dies while it owes its disk what it has acknowledged."""
    postgres = EmbeddedPostgres(resolve_directory(scene.site.server.data / "postgres"))
    with psycopg.connect(postgres.conninfo("owner"), autocommit=True) as connection:
        # A commit that is waited for takes along what was written before it: the account itself shall stay.
        connection.execute("set synchronous_commit = on")
        connection.execute("select pg_logical_emit_message(true, '', '')")
        scene.load.until_acknowledged(CALLS)
        while True:
            row = connection.execute("select pg_current_wal_insert_lsn() - pg_current_wal_flush_lsn()").fetchone()
            assert row is not None
            if row[0] > 100_000:
                break
            scene.load.until_acknowledged(1)
    scene.site.kill_backends()


SCENARIOS = [
    Scenario("server killed", embedded, server_killed),
    Scenario("PostgreSQL killed", embedded, postmaster_killed),
    Scenario("a backend killed", embedded, backend_killed),
    Scenario("request lost", embedded, request_lost, cuts_clients=True),
    Scenario("answer lost after the commit", embedded, answer_lost, cuts_clients=True),
    Scenario("a second server", embedded, second_server),
    Scenario("server killed before the commit", wired, server_killed_at_commit("before")),
    Scenario("server killed after the commit", wired, server_killed_at_commit("after")),
    Scenario("backend killed before the commit", wired, backend_killed_at_commit("before")),
    Scenario("backend killed after the commit", wired, backend_killed_at_commit("after")),
    Scenario("wire to PostgreSQL cut before the commit", wired, wire_cut_at_commit("before")),
    Scenario("wire to PostgreSQL cut after the commit", wired, wire_cut_at_commit("after")),
    Scenario("disk nearly full", small_disk, disk_nearly_full),
    Scenario("disk full", small_disk, disk_full),
    Scenario("no room for PostgreSQL's log", small_disk, log_full),
]
CONTROL = Scenario("control: commits not written", forgetful, killed_with_commits_unwritten)


def measured(scenario: Scenario, site: Site, *, faults: int, clients: int) -> Measured:
    """The faults one after the other under one load, and what the meter then says."""
    found = Measured(scenario.name)
    # Names are unique in the account, whatever was measured on this site before.
    prefix = f"{time.monotonic_ns():x}"
    if scenario.cuts_clients:
        with cutting(site.server.endpoint) as wire:
            load = Load(at(site, wire.endpoint), site.caller, prefix, clients)
            _hurt(scenario, Scene(site, load, wire), found, faults)
    else:
        load = Load(site.server, site.caller, prefix, clients)
        _hurt(scenario, Scene(site, load), found, faults)
    answers = unacknowledged(load.journal)
    found.acknowledged = len(acknowledged(load.journal))
    found.unavailable = len([answer for answer in answers if answer.code == "ServiceUnavailable"])
    found.unanswered = sum(intent.sent for intent in load.journal) - found.acknowledged - len(answers)
    found.strange = [f"{answer.status} {answer.code}" for answer in answers if answer.code not in UNACKNOWLEDGED]
    found.findings = compare(load.journal, site.entries())
    found.findings.lost += [
        f"The credential {given.access_key} is not accepted."
        for given in load.given
        if not _accepted(site.server, given)
    ]
    return found


def _accepted(server: Server, given: Credentials) -> bool:
    """Asked again while the answer is 503: the connections on which secrets are read come back by themselves."""
    statuses: list[int] = []

    def answered() -> bool:
        statuses.append(called(server, form("GetCallerIdentity", "sts"), by=given, service="sts").status)
        return statuses[-1] != UNAVAILABLE

    wait_until(answered, "a secret is read again")
    return statuses[-1] == OK


def _hurt(scenario: Scenario, scene: Scene, found: Measured, faults: int) -> None:
    with scene.load.going_on():
        for _ in range(faults):
            scene.load.until_acknowledged(CALLS)
            since = time.monotonic()
            scenario.fault(scene)
            found.seconds.append(scene.load.first_answer_since(since))
            found.faults += 1
        scene.load.until_acknowledged(CALLS)
