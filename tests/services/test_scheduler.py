"""Ticks on a real database: each thing once, whatever breaks, whoever leads, however many at once."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import psycopg
import pytest
from botocore.credentials import Credentials as Keys

from domain.families.notices import CredentialIdle, Notice, RotationWarned
from domain.families.sessions import SessionExpired
from domain.foundation.events import Entry
from projections.engine.progress import ProgressWatcher
from projections.engine.runner import ProjectionRunner
from services.accounts import NewAccount, close_account, open_account
from services.bootstrap import bootstrap
from services.due_recorder import DueRecorder, TickResult
from services.ledger.database import Database, connect
from services.ledger.round import system_clock
from services.ledger_runtime import LedgerRuntime
from services.scheduler import LEADER_LOCK_KEY
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys
from tests.failures.test_poison import poison
from tests.projections.ledger import Ledger
from tests.projections.use_events import issued
from tests.services.api.in_process_server import InProcessServer, _member, opened
from tests.services.ledger.proxy import When, proxied
from tests.services.ledger.rounds import appending
from tests.services.ledger.rounds import ledger as entries_of

DAY = timedelta(days=1)
BEGAN_AT = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
LONG = 60.0
"""Seconds; only a defect waits so long."""
OPERATION = "RecordDue"


class Installation:
    """A ledger with one account, founded at a time in our hands: its administrator's key is as old as the account."""

    def __init__(self, database: Database, place: Path, began_at: datetime = BEGAN_AT) -> None:
        self.at = self.began_at = began_at
        self.database = database
        self._stack = ExitStack()
        self.ledger = self.another(database)
        account_id = bootstrap(self.ledger.committer, place / "profile", "http://127.0.0.1:8420")
        assert account_id is not None
        self.account_id = account_id

    def another(self, database: Database) -> LedgerRuntime:
        """One more process."""
        keys = MasterKeys(MasterKey(secrets.token_bytes(KEY_BYTES)))
        ledger = LedgerRuntime(database, keys, clock=lambda: self.at)
        self._stack.enter_context(ledger.running())
        self._stack.callback(ledger.scheduler.resign)
        return ledger

    def projected(self, *others: str) -> None:
        with connect(self.database, "reader") as connection:
            heads: dict[str, int] = dict(connection.execute("select account_id, position from ledger.heads").fetchall())
        for account_id in (self.account_id, *others):
            assert self.ledger.runner.wait(account_id, heads[account_id], LONG)

    def recorded(self, account_id: str = "") -> list[Entry]:
        entries = entries_of(self.database, account_id or self.account_id)
        return [entry for entry in entries if entry.cause.origin == "scheduler"]

    def notices(self) -> Counter[tuple[str, float]]:
        """With the days from the beginning to the time at which they tell that they were due."""
        return Counter(
            (type(entry.event).__name__, (entry.event.due_at - self.began_at) / DAY)
            for entry in self.recorded()
            if isinstance(entry.event, Notice)
        )

    def close(self) -> None:
        self._stack.close()


def recorder(ledger: LedgerRuntime) -> DueRecorder:
    return DueRecorder(ledger.committer, clock=ledger.clock, random=ledger.random, connect=ledger.writers.connection)


@pytest.fixture
def installation(database: Database, tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(database, tmp_path)
    yield installation
    installation.close()


def test_down_for_a_week(installation: Installation) -> None:
    """What became due while nobody ticked is recorded late and with its true time, by the scheduler's own name, all
    events of a tick under one shared id; and once it is projected nothing is nominated any more."""
    scheduler = installation.ledger.scheduler
    installation.projected()
    installation.at += 44 * DAY
    assert scheduler.tick() == TickResult(1, 0, 0)
    assert scheduler.tick() == TickResult(0, 0, 0)
    installation.at += 40 * DAY
    assert scheduler.tick() == TickResult(1, 2, 0)
    idle, warned = installation.recorded()
    assert isinstance(warned.event, RotationWarned)
    assert isinstance(idle.event, CredentialIdle)
    assert (warned.event.due_at, idle.event.due_at) == (
        installation.began_at + 76 * DAY,
        installation.began_at + 45 * DAY,
    )
    assert (warned.at, warned.cause.operation) == (installation.at, OPERATION)
    assert warned.cause.shared_id == idle.cause.shared_id
    installation.projected()
    assert scheduler.tick() == TickResult(0, 0, 0)
    assert scheduler.status.last_tick == installation.at


def test_a_projection_that_lags_doubles_nothing(installation: Installation) -> None:
    """Nor does a schedule that is lost: everybody is looked at again, and the domain knows what is recorded."""
    installation.projected()
    installation.ledger.runner.stop()
    installation.at += 84 * DAY
    first = installation.ledger.scheduler.tick()
    again = installation.ledger.scheduler.tick()
    with connect(installation.database, "writer") as connection:
        connection.execute("delete from lifecycle.schedule")
        connection.execute("delete from lifecycle.progress")
    anew = installation.ledger.scheduler.tick()
    assert (first, again, anew) == (TickResult(1, 2, 0), TickResult(0, 0, 0), TickResult(1, 0, 0))
    assert len(installation.recorded()) == 2


def test_two_that_tick_at_the_same_time(installation: Installation) -> None:
    """Two processes that both believe to lead record everything once."""
    other = installation.another(installation.database)
    installation.projected()
    installation.at += 95 * DAY
    together = threading.Barrier(2)

    def tick(ledger: LedgerRuntime) -> None:
        ticks = recorder(ledger)
        with connect(installation.database, "reader") as connection:
            for _ in range(5):
                together.wait(LONG)
                ticks.tick(connection)

    threads = [threading.Thread(target=tick, args=(ledger,)) for ledger in (installation.ledger, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert installation.notices() == {
        ("CredentialIdle", 45): 1, ("RotationWarned", 76): 1, ("RotationDue", 90): 1, ("CredentialIdle", 90): 1,
    }  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_around_the_commit(installation: Installation, when: When) -> None:
    """The connection is lost before the tick's commit, or after it: what is recorded is recorded once, and the next
    tick, in another process, finds nothing to add."""
    installation.projected()
    installation.at += 84 * DAY
    with proxied(installation.database) as (proxy, distant):
        far = installation.another(distant)
        # Nobody can look what became of it, as if the process had died; its projections commit too.
        proxy.cut_at_commit(when, proxy.refuse, of=b"writer")
        ticks = recorder(far)
        with connect(installation.database, "reader") as connection:
            assert ticks.tick(connection).failed == 1
        proxy.accept()
        assert len(installation.recorded()) == (0 if when == "before" else 2)
        done = installation.ledger.scheduler.tick()
        assert done is not None
        assert done.failed == 0
        assert installation.notices() == {("CredentialIdle", 45): 1, ("RotationWarned", 76): 1}
        installation.close()


def test_killed_before_the_schedule_is_kept(installation: Installation) -> None:
    """Everything is recorded, and when to look again is not: the next tick looks again in vain, and keeps it. So does
    one whose clock has stepped back."""
    installation.projected()
    installation.at += 84 * DAY
    ledger = installation.ledger

    def gone() -> psycopg.Connection:
        raise psycopg.OperationalError("gone")

    dying = DueRecorder(ledger.committer, clock=ledger.clock, random=ledger.random, connect=gone)
    with connect(installation.database, "reader") as connection:
        assert dying.tick(connection) == TickResult(1, 2, 0, "OperationalError")
    assert ledger.scheduler.tick() == TickResult(1, 0, 0)
    assert ledger.scheduler.tick() == TickResult(0, 0, 0)
    installation.at -= timedelta(seconds=2)
    assert ledger.scheduler.tick() == TickResult(0, 0, 0)
    assert len(installation.recorded()) == 2


def test_others_go_on(installation: Installation) -> None:
    """Beside an account whose events nobody can fold, and one that is closed, of which nothing is due any more and
    nothing is kept in the schedule."""
    for account_id in ("111111111111", "222222222222"):
        open_account(installation.ledger.committer, NewAccount(account_id))
    installation.projected("111111111111", "222222222222")
    installation.at += DAY
    assert installation.ledger.scheduler.tick() == TickResult(3, 0, 0)
    close_account(installation.ledger.committer, "111111111111")
    with connect(installation.database, "owner") as connection:
        poison(connection, "222222222222", change=True)
    installation.ledger.scheduler.resign()
    installation.at += 83 * DAY
    cold = installation.another(installation.database).scheduler
    assert cold.tick() == TickResult(3, 2, 1, "CorruptEntry")
    assert installation.notices() == {("CredentialIdle", 45): 1, ("RotationWarned", 76): 1}
    installation.projected("111111111111")
    assert cold.tick() == TickResult(1, 0, 1, "CorruptEntry")
    with connect(installation.database, "reader") as connection:
        assert connection.execute("select from lifecycle.schedule where account_id = '111111111111'").fetchall() == []


def test_time_zones_and_leap_seconds(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the server and the database believe to be, days have 24 hours: what is due in the second before a leap
    second, in the hour that a summer leaves out, and where a session ends in it, is so at the same time everywhere."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    with connect(database, "owner") as owner:
        owner.execute(f"alter database {owner.info.dbname} set timezone to 'America/New_York'")
    leap, gap = (datetime.fromisoformat(at) for at in ("2016-12-31T23:59:59.500000Z", "2026-03-08T07:30:00.000000Z"))
    installation = Installation(database, tmp_path, began_at=leap - 76 * DAY)
    try:
        installation.at = gap - 76 * DAY
        open_account(installation.ledger.committer, NewAccount("111111111111"))
        installation.projected("111111111111")
        for at in (gap - timedelta(seconds=1), gap):
            installation.at = at
            assert installation.ledger.scheduler.tick() is not None
        session = issued(cast(Ledger, installation), "S", at=gap - timedelta(hours=1))
        of_first = frozenset({installation.account_id})
        installation.ledger.committer.decide(of_first, appending(session, to=installation.account_id))
        installation.projected()
        assert installation.ledger.scheduler.tick() is not None
        first, second = installation.recorded(), installation.recorded("111111111111")
        assert [e.event.due_at for e in first if isinstance(e.event, RotationWarned)] == [leap]
        assert [(type(e.event), e.at) for e in second] == [
            (CredentialIdle, gap - timedelta(seconds=1)), (RotationWarned, gap),
        ]  # fmt: skip
        assert [e.event.expired_at for e in first if isinstance(e.event, SessionExpired)] == [gap]
        with connect(database, "owner") as owner:
            stored = owner.execute(
                "select convert_from(state, 'UTF8')::jsonb -> 'event' from ledger.changes union all"
                " select convert_from(state, 'UTF8')::jsonb -> 'event' from ledger.uses"
            ).fetchall()
        texts = {str(event[name]) for (event,) in stored for name in ("due_at", "expired_at", "up_to") if name in event}
        assert {text[-1] for text in texts} == {"Z"}, texts
    finally:
        installation.close()
        monkeypatch.undo()
        time.tzset()


def test_leadership_passes_on(installation: Installation) -> None:
    """Of two processes one leads; when its connection dies it notices before it does anything, and the other leads
    at its next tick."""
    one, other = installation.ledger.scheduler, installation.another(installation.database).scheduler
    assert one.tick() is not None
    assert other.tick() is None
    assert (one.status.leader, other.status.leader) == (True, False)
    with connect(installation.database, "owner") as owner:
        (held,) = owner.execute(
            "select pg_terminate_backend(pid, 60000) from pg_locks"
            " where locktype = 'advisory' and objid = %s and granted"
            " and database = (select oid from pg_database where datname = current_database())",
            (LEADER_LOCK_KEY,),
        ).fetchall()
        assert held == (True,)
    assert other.tick() is not None
    assert one.tick() is None
    assert (one.status.leader, other.status.leader) == (False, True)
    assert one.status.last_error is not None
    assert one.tick() is None
    assert one.status.last_error is None


def test_one_account_that_fails(installation: Installation, caplog: pytest.LogCaptureFixture) -> None:
    """A defect in one account is logged and counted, and the others are served in the same tick."""
    installation.projected()
    installation.at += 84 * DAY
    with connect(installation.database, "projector") as connection:
        connection.execute("insert into views.due_subjects values ('000000000000', 'NONE', 1)")
        connection.execute("insert into views.due_accounts values ('000000000000', 1)")
    assert installation.ledger.scheduler.tick() == TickResult(2, 2, 1, "AssertionError")
    assert "account 000000000000 could not be recorded" in caplog.text


def test_the_job_runs(installation: Installation) -> None:
    """Started, it ticks at once; stopped, it leads no more."""
    installation.projected()
    installation.at += 84 * DAY
    until = time.monotonic() + LONG
    with installation.ledger.scheduler.running():
        while installation.ledger.scheduler.status.last_tick is None:
            assert time.monotonic() < until
    assert len(installation.recorded()) == 2
    assert installation.another(installation.database).scheduler.tick() is not None


def test_an_expired_session_is_refused_without_a_scheduler(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody ticks, and the token is refused from its end on. A tick that comes afterwards records the true end, once.
    (Signatures bear a quarter of an hour's skew, which is the shortest session: so the clock goes from behind the
    client's to before it.)"""
    offset = [-timedelta(minutes=14)]
    monkeypatch.setattr(
        "tests.services.api.in_process_server.LedgerRuntime",
        lambda *given, **_of_its_own: LedgerRuntime(*given, clock=clock),
    )

    def clock() -> datetime:
        return system_clock() + offset[0]

    with opened(database, tmp_path) as house:
        body = {"DurationSeconds": "900"}
        assert house.aws_does("sts", "GetSessionToken", **body)[0] == 200
        session_id, keys = session_of(house, body)
        assert house.aws_does("sts", "GetCallerIdentity", keys=keys)[0] == 200
        offset[0] = timedelta(minutes=2)
        status, answer = house.aws_does("sts", "GetCallerIdentity", keys=keys)
        assert (status, "ExpiredToken" in answer) == (403, True)
        (row,) = [row for row in house.asks("/v1/sessions").body["sessions"] if row["session_id"] == session_id]
        house.ledger.committer.deliver_through(lambda answer: answer())
        assert house.ledger.scheduler.tick() == TickResult(1, 3, 0)
        house.ledger.scheduler.resign()
        expired = [e.event for e in entries_of(database, house.account_id) if isinstance(e.event, SessionExpired)]
        (event,) = [event for event in expired if event.session_id == session_id]
        assert event.expired_at == datetime.fromisoformat(row["expires_at"])


def session_of(house: InProcessServer, body: dict[str, str]) -> tuple[str, Keys]:
    status, answer = house.aws_does("sts", "GetSessionToken", **body)
    assert status == 200
    keys = Keys(*(_member(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    rows = house.asks("/v1/sessions?limit=1000").body["sessions"]
    (session_id,) = [row["session_id"] for row in rows if row["access_key_id"] == keys.access_key]
    return session_id, keys


def test_reading_where_nobody_projects(installation: Installation) -> None:
    """A process that leaves the projections to others sees how far those have come, and does not hang without them."""
    watcher = ProgressWatcher(lambda: connect(installation.database, "projector"))
    watcher.start()
    installation.projected()
    head = len(entries_of(installation.database, installation.account_id))
    assert watcher.wait(installation.account_id, head, LONG)
    assert not watcher.wait(installation.account_id, head + 1, 0.01)
    assert watcher.status().running is None
    installation.ledger.runner.stop()
    installation.at += 84 * DAY
    installation.ledger.scheduler.tick()
    assert not watcher.wait(installation.account_id, head + 2, 0.01)
    elsewhere = ProjectionRunner(lambda: connect(installation.database, "projector"))
    elsewhere.start()
    assert watcher.wait(installation.account_id, head + 2, LONG)
    elsewhere.stop()
    watcher.stop()
