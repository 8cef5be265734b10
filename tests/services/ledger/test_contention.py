"""Who holds an account, and who waits for it: other accounts do not. What is not about one call fails as a whole."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from eventsourcing.persistence import StoredEvent

from domain.foundation.events import Entry
from services.fair_queue import Turn
from services.ledger import call_queue as lines
from services.ledger import round as deciding
from services.ledger.call_queue import LOOK_SECONDS_MAX, LOOK_SECONDS_MIN, CallQueue
from services.ledger.committer import CALLS_A_ROUND_MAX, RUNS_MAX
from services.ledger.database import Database, connect
from services.ledger.mapper import CorruptEntry, EntryMapper
from services.ledger.pending_call import CallResult, DecideCall, LedgerStates, LedgerUnavailable, PendingCall
from services.ledger.round import CLOCK_FROM_DATABASE_MAX
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    OTHER,
    SteppingClock,
    appending,
    committer_on,
    creating,
    found,
    ledger,
    locked,
    operations,
    rounds,
    running,
    submit,
    use,
    wait_until_somebody_waits,
)

JUMP = timedelta(minutes=20)


@pytest.fixture
def founded(database: Database) -> Database:
    found(database, ACCOUNT, OTHER)
    return database


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is, no call becomes too old."""
    monkeypatch.setattr(lines, "CALL_SECONDS_MAX", 3_600.0)


def work(account_id: str) -> PendingCall:
    return PendingCall(frozenset({account_id}), appending(), lambda _answer: None, Turn(account_id, "somebody"))


@pytest.mark.usefixtures("patient")
def test_a_stalled_account_delays_no_other(founded: Database) -> None:
    """One account is held and stays so. Calls of another, which was held as well and therefore has to be waited for,
    are all answered meanwhile; those of the held one when it is let go, once each."""
    with running(committer_on(founded)) as committer:
        with ExitStack() as stalled:
            stalled.enter_context(locked(founded))
            waiting = [submit(committer, creating(f"user{number}")) for number in range(3)]
            wait_until_somebody_waits(founded)
            with locked(founded, OTHER):
                others = [submit(committer, appending(use(f"{number}"), to=OTHER), OTHER) for number in range(20)]
                wait_until_somebody_waits(founded)
                assert not any(other.done() for other in others)
            assert all(other.result(ANSWER_SECONDS_MAX) for other in others)
            assert not any(call.done() for call in waiting)
        assert [call.result(ANSWER_SECONDS_MAX).positions for call in waiting] == [{ACCOUNT: at} for at in (3, 5, 7)]
    assert operations(ledger(founded)) == ["user0", "user1", "user2"]
    assert sorted(operations(ledger(founded, OTHER)), key=int) == [str(number) for number in range(20)]


@pytest.mark.usefixtures("patient")
def test_many_stalled_accounts_delay_no_other(database: Database) -> None:
    """As many as a stopped process can hold in one round: each is waited for in vain, and nobody waits behind them."""
    accounts = [f"{number:012d}" for number in range(1, 31)]
    found(database, OTHER, *accounts)
    with running(committer_on(database)) as committer:
        with ExitStack() as stalled:
            for account_id in accounts:
                stalled.enter_context(locked(database, account_id))
            waiting = [submit(committer, appending(use(), to=account_id), account_id) for account_id in accounts]
            wait_until_somebody_waits(database)
            for number in range(20):
                assert submit(committer, appending(use(f"{number}"), to=OTHER), OTHER).result(ANSWER_SECONDS_MAX)
            assert not any(call.done() for call in waiting)
        assert all(call.result(ANSWER_SECONDS_MAX) for call in waiting)
    assert all(len(ledger(database, account_id)) == 2 for account_id in accounts)


def test_a_held_account_is_looked_at_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds that do not wait leave a held account alone for a pause that doubles up to its limit, and go on with the
    others at once: nobody turns in circles."""
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    queue, held, pauses = CallQueue(), work(ACCOUNT), []
    queue.put(held)
    assert queue.take(10) == [held]
    for _ in range(6):
        queue.hold([held])
        began = now
        taken: list[PendingCall] = []
        while held not in taken:
            now += LOOK_SECONDS_MIN / 4
            queue.put(work(OTHER))
            taken = queue.take(10)
        pauses.append(now - began)
    expected = [min(LOOK_SECONDS_MIN * 2**misses, LOOK_SECONDS_MAX) for misses in range(6)]
    assert pauses == pytest.approx(expected, abs=LOOK_SECONDS_MIN / 2)


def test_who_waited_in_vain_lets_others_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two held accounts, the one that was waited for already rests while the other is waited for."""
    now = 1_000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    queue, first, second = CallQueue(), work(ACCOUNT), work(OTHER)
    for call in (first, second):
        queue.put(call)
    queue.hold(queue.take(10))
    for _ in range(2):
        taken = queue.take_held(10)
        queue.hold(taken, rested=True)
        now += 0.01
    now += lines.REST_SECONDS
    assert queue.take_held(10) == [first]
    queue.release(first.accounts, contended=False)
    assert queue.take_held(10) == [second]


@pytest.mark.usefixtures("patient")
def test_a_flood_delays_another_s_call_by_one_round(founded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all calls of one account waiting that may but one, a call of another account that comes in the middle of a
    round is in the next one; so is one of another principal of the account, and one in the reserved lane of the very
    principal. Rounds are told apart by their time."""
    monkeypatch.setattr(deciding, "DECIDING_SECONDS_MAX", 3_600.0)
    under_way, come = threading.Event(), threading.Event()
    times: list[datetime] = []

    def flooding(_values: LedgerStates, at: datetime) -> CallResult:
        if at not in times:
            times.append(at)
            if len(times) == 2:
                under_way.set()
                assert come.wait(ANSWER_SECONDS_MAX)
        return CallResult(at, [])

    committer = committer_on(founded)
    for number in range(lines.CALLS_OF_AN_ACCOUNT_MAX - 1):
        submit(committer, flooding, by=f"{number // lines.CALLS_OF_A_PRINCIPAL_MAX}")
    with running(committer):
        assert under_way.wait(ANSWER_SECONDS_MAX)
        singles = [
            submit(committer, appending(use(), to=OTHER), OTHER),
            submit(committer, appending(use()), by="another"),
            committer.begin(frozenset({ACCOUNT}), appending(use()), Turn(ACCOUNT, "0", reserved=True)),
        ]
        come.set()
        at = {single.result(ANSWER_SECONDS_MAX).result for single in singles}
    assert at == {times[2]}


def fail_inserts(database: Database, sqlstate: str, times: int) -> None:
    """So many inserts into the ledger fail with this error. A sequence counts them: it is not rolled back."""
    with connect(database, "owner") as connection:
        connection.execute("create sequence ledger.tries")
        connection.execute("grant usage, select on ledger.tries to muniment_writer")
        connection.execute(
            "create function ledger.fail() returns trigger language plpgsql as $$ begin"
            f" if nextval('ledger.tries') <= {times} then"
            f" raise exception 'failed' using errcode = '{sqlstate}'; end if; return null; end $$"
        )
        connection.execute(
            "create trigger fail before insert on ledger.changes for each statement execute function ledger.fail()"
        )


def tries(database: Database) -> int:
    with connect(database, "owner") as connection:
        row = connection.execute("select last_value from ledger.tries").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("sqlstate", ["53100", "57014", "58030", "25006"])
def test_a_database_in_trouble_is_asked_once(founded: Database, sqlstate: str) -> None:
    """A full disk, a statement whose time is up, a broken file, a standby: the whole round is Unavailable after one
    try, however many calls it has, and the next one succeeds."""
    fail_inserts(founded, sqlstate, times=1)
    committer = committer_on(founded)
    answers = [submit(committer, creating(f"user{number}")) for number in range(10)]
    with running(committer):
        for answer in answers:
            assert isinstance(answer.exception(ANSWER_SECONDS_MAX), LedgerUnavailable)
        assert tries(founded) == 1
        assert submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
    assert operations(ledger(founded)) == ["ann"]


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
@pytest.mark.parametrize("times", [1, RUNS_MAX])
def test_a_round_that_may_succeed_runs_again_as_a_whole(founded: Database, sqlstate: str, times: int) -> None:
    """A conflict or a lock that could not be had: all calls run again together, and are Unavailable when that has
    happened too often."""
    fail_inserts(founded, sqlstate, times)
    committer = committer_on(founded)
    names = [f"user{number}" for number in range(10)]
    answers = [submit(committer, creating(name)) for name in names]
    with running(committer):
        failed = [isinstance(answer.exception(ANSWER_SECONDS_MAX), LedgerUnavailable) for answer in answers]
    assert failed == [times == RUNS_MAX] * len(names)
    assert operations(ledger(founded)) == ([] if times == RUNS_MAX else names)
    assert tries(founded) == min(times + 1, RUNS_MAX)


@pytest.mark.usefixtures("patient")
def test_what_cannot_be_written_is_found_by_halves(founded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call in a full round cannot be written: the round fails, and then no more rounds than twice the logarithm."""
    monkeypatch.setattr(deciding, "DECIDING_SECONDS_MAX", 3_600.0)
    times = set()

    def unwritable(_values: LedgerStates, at: datetime) -> CallResult:
        return appending(use("\ud800"))(_values, at)

    def counted(decide: DecideCall) -> DecideCall:
        def decide_counted(values: LedgerStates, at: datetime) -> CallResult:
            times.add(at)
            return decide(values, at)

        return decide_counted

    committer = committer_on(founded)
    answers = [submit(committer, counted(appending(use()))) for _ in range(CALLS_A_ROUND_MAX - 1)]
    answers.insert(100, submit(committer, counted(unwritable)))
    with running(committer):
        failed = [answer for answer in answers if answer.exception(ANSWER_SECONDS_MAX)]
    assert len(failed) == 1
    assert len(times) == 1 + 2 * (CALLS_A_ROUND_MAX.bit_length() - 1)
    assert len(ledger(founded)) == CALLS_A_ROUND_MAX


class Slow(EntryMapper):
    """Reads the entries of one account when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.go_on = threading.Event(), threading.Event()
        self.broken = False

    def to_domain_event(self, stored_event: StoredEvent) -> Entry:
        if stored_event.originator_id == ACCOUNT:
            self.reading.set()
            assert self.go_on.wait(ANSWER_SECONDS_MAX)
            if self.broken:
                raise CorruptEntry(stored_event, "broken")
        return super().to_domain_event(stored_event)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """No account is small enough to be folded in a round."""
    monkeypatch.setattr(deciding, "CHANGES_A_ROUND_MAX", 0)
    mapper = Slow()
    yield mapper
    mapper.go_on.set()


@pytest.mark.usefixtures("patient")
def test_a_cold_account_is_loaded_outside_of_locks(founded: Database, slow: Slow) -> None:
    """While a value is being loaded, its account's head is free and calls of others are answered; then its own are."""
    with running(committer_on(founded, made_with=rounds(clock=SteppingClock(), mapper=slow))) as committer:
        assert submit(committer, appending(use(), to=OTHER), OTHER).result(ANSWER_SECONDS_MAX)  # loaded before
        cold = [submit(committer, creating(name)) for name in ("ann", "bob")]
        assert slow.reading.wait(ANSWER_SECONDS_MAX)
        with locked(founded):
            assert submit(committer, appending(use(), to=OTHER), OTHER).result(ANSWER_SECONDS_MAX)
        assert not any(call.done() for call in cold)
        slow.go_on.set()
        assert [call.result(ANSWER_SECONDS_MAX).positions for call in cold] == [{ACCOUNT: 3}, {ACCOUNT: 5}]


def test_what_cannot_be_loaded_is_said(founded: Database, slow: Slow) -> None:
    """Whoever waits for a value whose bytes are broken gets that for an answer, and the next call tries again."""
    slow.broken = True
    slow.go_on.set()
    with running(committer_on(founded, made_with=rounds(clock=SteppingClock(), mapper=slow))) as committer:
        with pytest.raises(CorruptEntry):
            submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
        slow.broken = False
        assert submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).positions == {ACCOUNT: 3}


@pytest.mark.usefixtures("patient")
def test_a_clock_that_jumps_back_concerns_what_was_touched(founded: Database) -> None:
    """Twenty minutes forward, a call of one account, and back: that account is Unavailable and another in the same
    round is not, until the clock has come to where it was. Red as long as that, and never a time before the head's."""
    clock = SteppingClock(ledger(founded)[-1].at)
    right_at = clock.at
    committer = committer_on(founded, made_with=rounds(clock=clock))
    with running(committer):
        clock.at = right_at + JUMP
        ahead = submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).result
        clock.at = right_at
        committer.refuse_wrong_clock(clock.at)  # nobody has come across it
        for _ in range(2):
            refused = submit(committer, creating("bob"))
            other = submit(committer, appending(use(), to=OTHER), OTHER)
            assert isinstance(refused.exception(ANSWER_SECONDS_MAX), LedgerUnavailable)
            assert other.result(ANSWER_SECONDS_MAX).result < right_at + JUMP / 2
            with pytest.raises(LedgerUnavailable, match="behind the ledger"):
                committer.refuse_wrong_clock(clock.at)
        clock.at = ahead
        assert submit(committer, creating("eve")).result(ANSWER_SECONDS_MAX).result >= ahead
        committer.refuse_wrong_clock(clock.at)
    assert operations(ledger(founded)) == ["ann", "eve"]


@pytest.mark.parametrize("jump", [JUMP, -JUMP])
def test_a_clock_away_from_the_database_s_concerns_all(founded: Database, jump: timedelta) -> None:
    """Forward or back: nothing is recorded and red is shown while the server's clock is wrong; when it is right again,
    calls are answered without a restart, and no time of the wrong clock stands anywhere."""
    off = timedelta()

    def clock() -> datetime:
        return deciding.system_clock() + off

    committer = committer_on(founded, made_with=rounds(clock=clock, database_clock_checked=True))
    with running(committer):
        for account_id in (ACCOUNT, OTHER):
            off = timedelta()
            committer.refuse_wrong_clock(deciding.system_clock())
            assert submit(committer, appending(use("right"), to=account_id), account_id).result(ANSWER_SECONDS_MAX)
            off = jump
            with pytest.raises(LedgerUnavailable, match="clock"):
                submit(committer, appending(use("wrong"), to=account_id), account_id).result(ANSWER_SECONDS_MAX)
            with pytest.raises(LedgerUnavailable, match="apart"):
                committer.refuse_wrong_clock(deciding.system_clock())
        off = timedelta()
        assert submit(committer, appending(use("right"))).result(ANSWER_SECONDS_MAX)
        committer.refuse_wrong_clock(deciding.system_clock())
    entries = ledger(founded)
    assert operations(entries) == ["right", "right"]
    assert abs(entries[-1].at - deciding.system_clock()) < max(JUMP / 2, CLOCK_FROM_DATABASE_MAX)
