"""Where faults happen: a server as a process of its own, always at one address, and the database beneath it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from domain.foundation.events import Entry
from services.ledger.database import migrate
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select
from tests.clients.raw_http import account_of, administrator, called, form
from tests.clients.server import PROGRAM, Server, serving
from tests.conftest import SERVER_LOGIN, external_database
from tests.failures.load import Caller
from tests.places import place_for_data
from tests.services.ledger.proxy import Proxy, proxied
from tests.services.ledger.throwaway import throwaway_postgres

SECONDS_MAX = 90
TMPFS_BYTES = 400 << 20
PORTS = range(10_000, 30_000)
ROLE = "assumed"
TRUST = (
    '{"Version": "2012-10-17", "Statement": '
    '[{"Effect": "Allow", "Principal": {"AWS": "%s"}, "Action": "sts:AssumeRole"}]}'
)


class NoMount(Exception):  # noqa: N818  a reason to skip
    """A file system of our own cannot be mounted here."""


class Site:
    """`conninfo` gives what a reader of the database needs, past every proxy."""

    def __init__(
        self,
        place: Path,
        conninfo: Callable[[], str],
        postmaster_file: Path,
        *,
        settings: Mapping[str, str] | None = None,
        program: Sequence[str] = PROGRAM,
        proxy: Proxy | None = None,
    ) -> None:
        self.place = place
        self._conninfo = conninfo
        self._postmaster_file = postmaster_file
        self._settings = settings
        self._program = program
        self._proxy = proxy
        self._listen = _free_address()
        self._running = ExitStack()
        self.server = self.start()
        self.account_id = account_of(self.server)
        self.caller = self._caller()

    @property
    def proxy(self) -> Proxy:
        """Between the server and its database."""
        assert self._proxy is not None
        return self._proxy

    def start(self) -> Server:
        self.server = self._running.enter_context(
            serving(self.place, listen=self._listen, settings=self._settings, program=self._program)
        )
        return self.server

    def kill_server(self) -> None:
        os.kill(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait(SECONDS_MAX)

    def close(self) -> None:
        self._running.close()

    def postmaster(self) -> int:
        return int(self._postmaster_file.read_text().split("\n", 1)[0])

    def kill_backends(self) -> None:
        """One process of the database is enough: PostgreSQL ends all others, for nobody knows what it left behind."""
        pid = self.postmaster()
        os.kill(int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]), signal.SIGKILL)

    def reading(self) -> psycopg.Connection:
        return psycopg.connect(self._conninfo(), autocommit=True)

    def entries(self) -> list[Entry]:
        """All of the account's ledger."""
        with self.reading() as connection, connection.cursor() as cursor:
            rows = select(cursor, "select_events", self.account_id)
        return [EntryMapper().to_domain_event(row) for row in rows]

    def _caller(self) -> Caller:
        key = administrator(self.server)
        principal = f"arn:aws:iam::{self.account_id}:root"
        called(self.server, form("CreateRole", RoleName=ROLE, AssumeRolePolicyDocument=TRUST % principal), by=key)
        return Caller(key, f"arn:aws:iam::{self.account_id}:role/{ROLE}")


@contextmanager
def embedded(program: Sequence[str] = PROGRAM) -> Iterator[Site]:
    """On the embedded database."""
    with place_for_data() as place:
        yield from _embedded(place, program)


@contextmanager
def small_disk() -> Iterator[Site]:
    """On the embedded database, on a file system of its own. Raises NoMount where that is not permitted."""
    with tempfile.TemporaryDirectory(prefix="muniment-") as directory:
        options = f"size={TMPFS_BYTES},mode=0711"
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", directory], capture_output=True, text=True, check=False
        )
        if mounted.returncode:
            raise NoMount(f"A tmpfs cannot be mounted: {mounted.stderr.strip()}")
        try:
            yield from _embedded(Path(directory), PROGRAM)
        finally:
            subprocess.run(["umount", directory], check=True)


def _embedded(place: Path, program: Sequence[str]) -> Iterator[Site]:
    data = place / "data" / "postgres"

    def conninfo() -> str:
        return EmbeddedPostgres(resolve_directory(data)).conninfo("reader")

    site = Site(place, conninfo, data / "data" / "postmaster.pid", program=program)
    try:
        yield site
    finally:
        site.close()


@contextmanager
def wired() -> Iterator[Site]:
    """On a PostgreSQL that is not ours, behind a wire that can be cut."""
    with throwaway_postgres() as conninfo, place_for_data() as place:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(SQL("create role {} login").format(Identifier(SERVER_LOGIN)))
        direct = external_database(conninfo, "postgres")
        migrate(direct, SERVER_LOGIN)
        data = Path(str(conninfo_to_dict(conninfo)["host"]))
        with proxied(direct) as (proxy, distant):
            url = {"MUNIMENT_DATABASE_URL": distant.url}
            site = Site(place, lambda: make_conninfo(conninfo), data / "postmaster.pid", settings=url, proxy=proxy)
            try:
                yield site
            finally:
                site.close()


@contextmanager
def forgetful() -> Iterator[Site]:
    """The control: a server whose database acknowledges commits that it has not written."""
    with embedded((sys.executable, "-m", "tests.failures.forgetful")) as site:
        yield site


def at(site: Site, endpoint: str) -> Server:
    """The server as it is reached elsewhere."""
    return replace(site.server, endpoint=endpoint)


def wait_until(reached: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + SECONDS_MAX
    while not reached():
        assert time.monotonic() < end, f"Not after {SECONDS_MAX} seconds: {what}"
        time.sleep(0.02)


def _free_address() -> str:
    """Below the ports that the system gives to clients: nobody takes it while the server is down."""
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return f"127.0.0.1:{port}"
