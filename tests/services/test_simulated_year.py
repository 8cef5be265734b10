"""A year in the life of accounts, in seconds: what the schedulers have recorded is what time has made of it."""

import os
import secrets
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any

import pytest

from domain.account import Account
from domain.families.sessions import SessionExpired, SessionExpiriesRecorded
from domain.foundation.events import Cause, Entry, Event
from projections.engine.apply import apply_batch
from projections.engine.definition import load_projections, set_search_path
from services.accounts import NewAccount, close_account, open_account
from services.due_recorder import DueRecorder, TickResult
from services.ledger.database import Database, connect
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys
from tests.conftest import PROJECTED_TEMPLATE, copied
from tests.services.ledger.proxy import When, proxied
from tests.services.ledger.rounds import ledger as entries_of
from tests.services.naive_lifecycle import NaiveLifecycle, as_told, subject_of
from tests.services.year import Life

USERS = int(os.environ.get("YEAR_USERS", "120"))
"""In all accounts together, on the first day; as many come later."""
DAYS = int(os.environ.get("YEAR_DAYS", "365"))
SEED = int(os.environ.get("YEAR_SEED", "1"))
ACCOUNTS = ("111111111111", "222222222222", "333333333333", "444444444444")
"""The last is small, and stands in an organizational unit; the third is closed in autumn."""
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
BEGAN_AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
(DUE,) = (each for each in load_projections() if each.name == "due")


class Still:
    """Projections that go on only when they are told to."""

    def __init__(self, *_given: object, **_named: object) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def notify_changed(self, account_ids: frozenset[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Tick:
    """One that has looked at everybody of whom something could be due, as far as it could know."""

    at: datetime
    """By its own clock."""
    seen: dict[str, int]
    """How far the projections were, by account."""
    heads: dict[str, int]
    """Where the ledgers were afterwards."""


class Process:
    """One that is stopped and made anew, with a clock of its own."""

    def __init__(self, world: "World", database: Database) -> None:
        self.world, self.database = world, database
        self.behind = timedelta()
        self._stack = ExitStack()
        self.start()

    def start(self) -> None:
        keys = MasterKeys(MasterKey(bytes(KEY_BYTES)))
        self.ledger = LedgerRuntime(self.database, keys, clock=self.clock, follower=Still)  # type: ignore[arg-type]  # goes on by hand
        self._stack.enter_context(self.ledger.running())

    def clock(self) -> datetime:
        return self.world.at - self.behind

    def stop(self) -> None:
        self.ledger.scheduler.resign()
        self._stack.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def looks(self) -> DueRecorder:
        """By itself, whoever leads."""
        ledger = self.ledger
        return DueRecorder(ledger.committer, clock=self.clock, random=ledger.random, connect=ledger.writers.connection)


class World:
    def __init__(self, database: Database, stack: ExitStack) -> None:
        self.random = Random(SEED)  # noqa: S311  no secret
        self.at = BEGAN_AT
        self.database = database
        self.ticks: list[Tick] = []
        self.lives = {account_id: Life(f"{SEED} {account_id}") for account_id in ACCOUNTS}
        self.lives[ACCOUNTS[-1]].in_unit = True
        self.proxy, distant = stack.enter_context(proxied(database))
        self.processes = [Process(self, database), Process(self, distant)]
        for process in self.processes:
            stack.callback(process.stop)
        self.projector = stack.enter_context(connect(database, "projector"))
        set_search_path(self.projector)
        self.reader = stack.enter_context(connect(database, "reader"))
        self.open = list(ACCOUNTS)

    def found(self) -> None:
        for account_id in ACCOUNTS:
            open_account(self.processes[0].ledger.committer, NewAccount(account_id))
            life = self.lives[account_id]
            users = USERS // 3 if account_id != ACCOUNTS[-1] else 10
            for _ in range(0, users, 100):
                self.append(account_id, life.founded(min(users, 100)))

    def append(self, account_id: str, events: list[Event]) -> None:
        self.call(account_id, lambda _account, _at: events)

    def call(self, account_id: str, steps: Any) -> None:
        """By the process that nothing cuts off."""
        request_id = secrets.token_hex(8)
        cause = Cause(origin="api", request_id=request_id, shared_id=request_id, service="iam", operation="Any")

        def decide(values: LedgerStates, at: datetime) -> CallResult:
            account = values[account_id]
            assert isinstance(account, Account)
            return CallResult(None, [LedgerAppend(account_id, cause, steps(account, at))])

        self.processes[0].ledger.committer.decide(frozenset({account_id}), decide)

    def live(self) -> None:
        for account_id in self.open:
            if self.random.random() < 0.6:
                life = self.lives[account_id]
                people = 4 if account_id == ACCOUNTS[-1] else 4 + USERS // 100
                self.call(account_id, lambda account, at: life.steps(account, at, people))  # noqa: B023  called at once

    def project(self, account_id: str, positions: int = 1_000_000) -> None:
        apply_batch(self.projector, DUE, account_id, positions)

    def project_some(self) -> None:
        for account_id in ACCOUNTS:
            chance = self.random.random()
            if chance < 0.8:
                self.project(account_id)
            elif chance < 0.9:
                self.project(account_id, self.random.randrange(1, 30))

    def positions(self) -> tuple[dict[str, int], dict[str, int]]:
        """Of what is projected, and of the ledgers."""
        seen = "select account_id, position from views.cursors where projection = 'due'"
        return dict(self.reader.execute(seen).fetchall()), dict(
            self.reader.execute("select account_id, position from ledger.heads").fetchall()
        )

    def tick(self) -> None:
        """By whoever leads, or comes to lead; now and then the other one tries, too."""
        if self.random.random() < 0.1:
            self.resign()
        processes = sorted(
            self.processes, key=lambda each: (not each.ledger.scheduler.status.leader, self.random.random())
        )
        for process in processes[: 1 + (self.random.random() < 0.1)]:
            process.behind = self.random.choice((timedelta(), timedelta(), SECOND, 1.9 * SECOND))
            at, (seen, _) = process.clock(), self.positions()
            self._ticked(at, seen, process.ledger.scheduler.tick())

    def resign(self) -> None:
        for each in self.processes:
            each.ledger.scheduler.resign()

    def _ticked(self, at: datetime, seen: dict[str, int], done: TickResult | None) -> None:
        if done is not None and not done.failed:
            self.ticks.append(Tick(at, seen, self.positions()[1]))

    def tick_both(self) -> None:
        """At the same time: each believes that it leads."""
        for each in self.processes:
            each.behind = timedelta()
        at, (seen, _) = self.at, self.positions()
        done: list[TickResult] = []

        def tick(process: Process) -> None:
            with connect(self.database, "reader") as connection:
                done.append(process.looks().tick(connection))

        threads = [threading.Thread(target=tick, args=(process,)) for process in self.processes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) == 2
        self._ticked(at, seen, max(done, key=lambda each: -each.failed))

    def tick_and_die(self) -> None:
        """Around one of its commits: that of what is due, or that of the schedule."""
        process = self.processes[1]
        when: When = self.random.choice(("before", "after"))
        dies = self.random.random() < 0.2
        self.proxy.cut_at_commit(when, self.proxy.refuse if dies else lambda: None, of=b"writer")
        self.resign()
        at, (seen, _) = process.clock(), self.positions()
        if not dies:
            done = process.ledger.scheduler.tick()
            self._ticked(at, seen, done)
            return
        process.looks().tick(self.reader)
        self.proxy.refuse()
        self.proxy.accept()
        process.restart()

    def pass_by(self) -> None:
        """The year."""
        end = BEGAN_AT + DAYS * DAY
        down_until = months_until = BEGAN_AT
        while self.at < end:
            self.at += HOUR * self.random.choice((1, 12, 20, 30)) + SECOND * self.random.random()
            if self.at > months_until:
                self.processes[0].ledger.open_months()
                months_until = self.at + 20 * DAY
            self.live()
            self.project_some()
            if self.random.random() < 0.01:
                down_until = self.at + 7 * DAY
            if self.at >= down_until:
                self._somebody_looks()
            if ACCOUNTS[2] in self.open and self.at > BEGAN_AT + 280 * DAY:
                close_account(self.processes[0].ledger.committer, ACCOUNTS[2])
                self.open.remove(ACCOUNTS[2])

    def _somebody_looks(self) -> None:
        nobody, restart = lambda: None, lambda: self.random.choice(self.processes).restart()
        acts = (self.tick, self.tick_both, self.tick_and_die, restart, self._lose_schedule, nobody)
        self.random.choices(acts, (80, 4, 3, 1, 1, 10))[0]()

    def _lose_schedule(self) -> None:
        with connect(self.database, "writer") as connection:
            connection.execute("delete from lifecycle.schedule")
            connection.execute("delete from lifecycle.progress")

    def end(self) -> None:
        """Somebody looks after everything has been projected, twice: whether an action is still withheld is asked once
        a day."""
        for _ in range(2):
            for account_id in ACCOUNTS:
                self.project(account_id)
            self.tick()
            self.at += DAY + 5 * SECOND
        assert self.ticks[-1].heads == self.positions()[1]


@pytest.fixture
def world(projected_template: str) -> Iterator[World]:
    with copied(projected_template, PROJECTED_TEMPLATE) as database, ExitStack() as stack:
        yield World(database, stack)


def test_a_year(world: World) -> None:
    """Whatever restarts, losses, lags, two schedulers and clock steps there were: the schedulers' events are those of
    a naive model of the whole ledger; each once, none early, each at the first tick that looked after its time and had
    seen what made it due, with its true time; and none is missing at the end."""
    world.found()
    world.pass_by()
    world.end()
    counts: dict[str, int] = defaultdict(int)
    for account_id in ACCOUNTS:
        for kind, count in compared(entries_of(world.database, account_id), account_id, world.ticks).items():
            counts[kind] += count
    assert len(counts) >= 15 or DAYS < 365


def compared(entries: list[Entry], account_id: str, ticks: list[Tick]) -> dict[str, int]:
    """How many events there are of each kind, when all are those of the model."""
    naive = NaiveLifecycle(account_id)
    counts: dict[str, int] = defaultdict(int)
    told: set[object] = set()
    times = {entry.position: entry.at for entry in entries}
    waiting = deque(ticks)
    for (scheduled, _), group in groupby(entries, key=_call_of):
        call = list(group)
        while waiting and waiting[0].heads[account_id] < call[0].position:
            _check(naive, waiting.popleft(), times)
        if scheduled:
            for entry in call:
                counts[type(entry.event).__name__] += 1
            recorded = _compare(naive, call)
            assert len({*recorded}) == len(recorded)
            assert told.isdisjoint(recorded)
            told.update(recorded)
        else:
            for entry in call:
                naive.happen(entry.event, entry.at, entry.position)
    for tick in waiting:
        _check(naive, tick, times)
    return counts


def _compare(naive: NaiveLifecycle, call: list[Entry]) -> list[object]:
    """What a call of a scheduler has told, when the model says the same."""
    for entry in call:
        if isinstance(entry.event, SessionExpired):
            naive.expire(entry.event.session_id, entry.event.expired_at, entry.at)
    told: list[object] = []
    notices = [entry for entry in call if not isinstance(entry.event, SessionExpired | SessionExpiriesRecorded)]
    for subject, of_subject in groupby(notices, key=lambda entry: subject_of(entry.event)):
        recorded = [as_told(entry.event) for entry in of_subject]
        assert recorded == naive.look(subject, call[0].at, call[-1].position), call[0].at
        told += [each for each in recorded if each[0] not in _MAY_HAPPEN_AGAIN]
    return told


_MAY_HAPPEN_AGAIN = {"deactivated", "deleted", "RotationCompleted"}
"""When somebody has activated a credential again, it may be deactivated again."""


def _call_of(entry: Entry) -> tuple[bool, str]:
    return entry.cause.origin == "scheduler", entry.cause.request_id


def _check(naive: NaiveLifecycle, tick: Tick, times: dict[int, datetime]) -> None:
    seen = tick.seen.get(naive.id, 0)
    missing = naive.missing(tick.at, seen)
    assert not missing, (tick.at, seen, missing[:5])
    assert not naive.unexpired(tick.at, times.get(seen + 1, tick.at))
