"""Two servers on one database: nothing is lost or doubled, each sees at once what the other has done, and one that
stands still while it holds an account keeps nobody else from it for long."""

import base64
import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from botocore.credentials import Credentials
from psycopg.sql import SQL, Identifier

from domain.calls import ApiCalled
from domain.families.users import UserCreated
from domain.foundation.events import Entry
from domain.rules.quotas import ACCESS_KEYS_OF_A_USER_MAX
from services.ledger.database import Database, connect, migrate
from services.secrets.master_key import KEY_BYTES
from tests.clients.raw_http import Reply, account_of, administrator, called, credentials_in, form
from tests.clients.server import Server, serving
from tests.conftest import SERVER_LOGIN, external_database
from tests.places import place_for_data
from tests.services.ledger.rounds import ledger
from tests.services.ledger.throwaway import throwaway_postgres

_numbers = itertools.count(1)
CALLERS = 4
NAMES = 25
OK = 200
SECONDS_MAX = 60


@dataclass(frozen=True)
class Two:
    servers: Sequence[Server]
    database: Database
    admin: Credentials
    account_id: str

    def does(self, at: int, action: str, *, by: Credentials | None = None, **fields: str) -> Reply:
        return called(self.servers[at], form(action, **fields), by=by or self.admin)

    def entries(self) -> list[Entry]:
        """The oracle reads them: positions dense, times in order, rows and head in agreement with the bytes."""
        return ledger(self.database, self.account_id)


@pytest.fixture(scope="module")
def durable() -> Iterator[str]:
    """A PostgreSQL that a server trusts: that of the other tests syncs nothing."""
    with throwaway_postgres() as conninfo:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(SQL("create role {} login").format(Identifier(SERVER_LOGIN)))
        yield conninfo


@pytest.fixture
def two(durable: str) -> Iterator[Two]:
    """Both with the same master key, as two servers of one installation have."""
    name = f"two_{next(_numbers)}"
    with psycopg.connect(durable, autocommit=True) as connection:
        connection.execute(SQL("create database {}").format(Identifier(name)))
    database = external_database(durable, name)
    migrate(database, SERVER_LOGIN)
    shared = {
        "MUNIMENT_DATABASE_URL": database.url,
        "MUNIMENT_MASTER_KEY": base64.b64encode(os.urandom(KEY_BYTES)).decode(),
    }
    with ExitStack() as stack:
        servers = [
            stack.enter_context(serving(stack.enter_context(place_for_data()), settings=shared)) for _ in range(2)
        ]
        yield Two(servers, database, administrator(servers[0]), account_of(servers[0]))


def recorded(entries: Sequence[Entry]) -> Counter[str]:
    """How often each call stands in the ledger, by its request id."""
    return Counter(entry.cause.request_id for entry in entries if isinstance(entry.event, ApiCalled))


def test_they_hammer_one_account(two: Two) -> None:
    """Both try to create each user and three keys of it, from several threads: every name is taken once, no user has
    more keys than the quota, every answer stands in the ledger once, but for refusals beyond so many, which have no
    position, and both servers list the same."""

    def create(number: int, at: int) -> list[Reply]:
        name = f"user{number}"
        return [
            two.does(at, "CreateUser", UserName=name),
            *(two.does(at, "CreateAccessKey", UserName=name) for _ in range(ACCESS_KEYS_OF_A_USER_MAX + 1)),
        ]

    with ThreadPoolExecutor(2 * CALLERS) as threads:
        tries = [threads.submit(create, number, at) for number in range(NAMES) for at in (0, 1)]
        replies = [done.result(SECONDS_MAX) for done in tries]
    users = Counter(reply[0].code for reply in replies)
    assert users == {None: NAMES, "EntityAlreadyExists": NAMES}
    keys = Counter(reply.code for _, *made in replies for reply in made)
    assert keys == {
        None: NAMES * ACCESS_KEYS_OF_A_USER_MAX,
        "LimitExceeded": NAMES * (2 * (ACCESS_KEYS_OF_A_USER_MAX + 1) - ACCESS_KEYS_OF_A_USER_MAX),
    }
    calls = recorded(two.entries())
    told = [reply for of_one in replies for reply in of_one]
    acknowledged = [reply for reply in told if "x-muniment-position" in reply.headers]
    assert all(calls[reply.request_id] == (reply in acknowledged) for reply in told)
    assert {reply.code for reply in told if reply not in acknowledged} <= {"EntityAlreadyExists", "LimitExceeded"}
    positions = [reply.position for reply in acknowledged]
    assert len(set(positions)) == len(positions)
    listed = [two.does(at, "ListUsers", MaxItems="1000").body for at in (0, 1)]
    assert [body.count(b"<UserName>") for body in listed] == [NAMES + 1] * 2


def test_each_sees_the_other_s_revocations_in_its_next_call(two: Two) -> None:
    """A key and a policy, given and taken on one server, count on the other from its next call on; and so back and
    forth, though both have answered with the key before and hold all that they need in memory."""
    two.does(0, "CreateUser", UserName="alice")
    key = credentials_in(two.does(1, "CreateAccessKey", UserName="alice"))
    may = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}]}'

    def codes(at: int) -> list[str | None]:
        return [two.does(server, "ListUsers", by=key).code for server in (at, 1 - at)]

    assert codes(0) == ["AccessDenied"] * 2
    for turn in range(6):
        here, there = turn % 2, 1 - turn % 2
        two.does(here, "PutUserPolicy", UserName="alice", PolicyName="may", PolicyDocument=may)
        assert codes(there) == [None] * 2
        two.does(here, "UpdateAccessKey", UserName="alice", AccessKeyId=key.access_key, Status="Inactive")
        assert codes(there) == ["InvalidClientTokenId"] * 2
        two.does(there, "UpdateAccessKey", UserName="alice", AccessKeyId=key.access_key, Status="Active")
        assert codes(here) == [None] * 2
        two.does(there, "DeleteUserPolicy", UserName="alice", PolicyName="may")
        assert codes(here) == ["AccessDenied"] * 2


HOLDING = """
    select pid from ledger.heads join pg_stat_activity on backend_xid = xmax
    where account_id = %s and state = 'idle in transaction'
"""


@contextmanager
def stopped_in_a_round(two: Two, server: Server) -> Iterator[int]:
    """Stops the server, which has calls, when its transaction holds the account's head and waits for its next word.
    Gives the backend's process id."""
    until = time.monotonic() + SECONDS_MAX
    process, holding = server.process, None
    with connect(two.database, "owner") as watching:
        try:
            while holding is None:
                assert time.monotonic() < until
                process.send_signal(signal.SIGCONT)
                if watching.execute(HOLDING, (two.account_id,)).fetchone():
                    process.send_signal(signal.SIGSTOP)
                    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
                    holding = watching.execute(HOLDING, (two.account_id,)).fetchone()
            yield holding[0]
        finally:
            process.send_signal(signal.SIGCONT)


class Load:
    """Callers of one server that create users without a pause, and remember what each was answered."""

    def __init__(self, two: Two, at: int) -> None:
        self._two, self._at = two, at
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        self.replies: list[tuple[str, Reply]] = []
        """The name that was asked for, and the answer; appended to by every caller."""

    def _call(self, caller: int) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            name = f"load-{caller}-{number}"
            self.replies.append((name, self._two.does(self._at, "CreateUser", UserName=name)))

    @contextmanager
    def going_on(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def created(self) -> list[tuple[str, Reply]]:
        return [(name, reply) for name, reply in self.replies if reply.status == OK]

    def until_more(self) -> None:
        """Returns when every caller has had time to create more users."""
        goal, until = len(self.created()) + NAMES, time.monotonic() + SECONDS_MAX
        while len(self.created()) < goal:
            assert time.monotonic() < until, self.replies[-1]
            self._stop.wait(0.01)


def test_one_stands_still_in_a_round(two: Two) -> None:
    """SIGSTOP of a server whose transaction holds the account: PostgreSQL ends that transaction, and the other server
    answers, with the same names too. Continued, the first finds its connection gone, looks, and goes on: whatever it
    answered with success is recorded once, what it could not answer in time is 503 and recorded at most once, and
    nothing of what it decided before it stood still is in the ledger behind what came after."""
    load = Load(two, at=0)
    with load.going_on():
        load.until_more()
        with stopped_in_a_round(two, two.servers[0]) as holder:
            theirs = [two.does(1, "CreateUser", UserName=f"theirs{number}") for number in range(NAMES)]
            with connect(two.database, "owner") as watching:
                assert not watching.execute("select from pg_stat_activity where pid = %s", (holder,)).fetchall()
        load.until_more()
    assert [reply.code for reply in theirs] == [None] * NAMES
    assert {(reply.status, reply.code) for _, reply in load.replies} <= {(OK, None), (503, "ServiceUnavailable")}
    entries = two.entries()
    calls = recorded(entries)
    assert all(calls[reply.request_id] == 1 for _, reply in load.created())
    assert all(calls[reply.request_id] <= 1 for _, reply in load.replies)
    created = Counter(entry.event.user_name for entry in entries if isinstance(entry.event, UserCreated))
    assert set(created.values()) == {1}
    assert {name for name, _ in load.created()} <= set(created)
    for server in two.servers:
        assert [two.does(at, "GetUser", UserName=load.created()[-1][0]).code for at in (0, 1)] == [None] * 2
        assert "a defect" not in server.log.read_text()
