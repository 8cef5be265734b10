"""The committer: many threads and processes, one ledger; who waits for whom, and how it ends."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import chain

import pytest

from domain.calls import NeedsAccounts
from domain.families.users import USERS
from domain.foundation.errors import EntityAlreadyExists
from domain.foundation.events import Entry
from services.fair_queue import Overloaded, Turn
from services.ledger import call_queue as lines
from services.ledger.call_queue import CLOSED_MESSAGE
from services.ledger.committer import Committer
from services.ledger.database import Database
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import CallResult, CommittedCall, LedgerStates, LedgerUnavailable
from services.ledger.recorder import LedgerRecorder
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    BEGAN_AT,
    OTHER,
    USE_TOPICS,
    account_in,
    appending,
    cause,
    committer_on,
    creating,
    folded,
    found,
    ledger,
    locked,
    operations,
    running,
    submit,
    use,
    wait_until_somebody_waits,
)

CALLS = 200


@pytest.fixture
def founded(database: Database) -> Database:
    found(database, ACCOUNT, OTHER)
    return database


def test_a_locked_account_is_waited_for_by_itself(founded: Database) -> None:
    """While another process holds a head, calls of other accounts go on. The held account's call waits in a round of
    its own, and then decides on what that process has written."""
    with running(committer_on(founded)) as committer:
        with locked(founded) as cursor:
            skipped = submit(committer, creating("ours"))
            wait_until_somebody_waits(founded)
            assert submit(committer, appending(use(), to=OTHER), OTHER).result(ANSWER_SECONDS_MAX)
            assert not skipped.done()
            theirs = creating("theirs")({ACCOUNT: folded(ledger(founded))}, BEGAN_AT).appends[0].events
            entries = [
                Entry(ACCOUNT, position, f"theirs {position}", BEGAN_AT, cause(), event)
                for position, event in enumerate(theirs, 2)
            ]
            stored = [EntryMapper().to_stored_event(entry) for entry in entries]
            LedgerRecorder(lambda: cursor.connection, USE_TOPICS).insert_events(stored, cursor=cursor, at=BEGAN_AT)
            cursor.execute("update ledger.heads set position = 3, last_change = 2 where account_id = %s", (ACCOUNT,))
        done = skipped.result(ANSWER_SECONDS_MAX)
    assert done.positions == {ACCOUNT: 5}
    assert [user.name for user in sorted(account_in(done.values)[USERS], key=repr)] == ["ours", "theirs"]


def test_patience_ends(founded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that is held for longer than a call may wait: Unavailable, and nothing is written later."""
    monkeypatch.setattr(lines, "CALL_SECONDS_MAX", 0.2)
    with running(committer_on(founded)) as committer:
        with locked(founded), pytest.raises(LedgerUnavailable, match="The call was not recorded"):
            submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
        submit(committer, creating("bob")).result(ANSWER_SECONDS_MAX)
    assert operations(ledger(founded)) == ["bob"]


def test_two_processes_lose_nothing(founded: Database) -> None:
    """Two committers on one database, 200 calls each from several threads, all for one account: every name is taken
    once although both sides try each, positions are dense, and each answer holds the caller's own change."""

    def create(committer: Committer, name: str) -> bool:
        """Whether it was this call that created the user."""
        try:
            done = committer.decide(frozenset({ACCOUNT}), creating(name))
        except EntityAlreadyExists:
            return False
        assert account_in(done.values)[USERS].find(name)
        return True

    names = [f"user{number}" for number in range(CALLS)]
    with running(committer_on(founded)) as one, running(committer_on(founded)) as two, ThreadPoolExecutor(8) as pool:
        tries = [(name, pool.submit(create, committer, name)) for name in names for committer in (one, two)]
        created = [name for name, answer in tries if answer.result(ANSWER_SECONDS_MAX)]
    entries = ledger(founded)
    assert sorted(created) == sorted(names) == sorted(operations(entries))
    assert {user.name for user in folded(entries)[USERS]} == set(names)


def test_each_process_sees_the_other_s_changes_in_its_next_call(founded: Database) -> None:
    """Turn by turn: what one has answered, the next call of the other decides on."""
    with running(committer_on(founded)) as one, running(committer_on(founded)) as two:
        for number, committer in enumerate([one, two, two, one, two, one]):
            done = submit(committer, creating(f"user{number}")).result(ANSWER_SECONDS_MAX)
            assert len(account_in(done.values)[USERS]) == number + 1
            assert done.values[ACCOUNT] == folded(ledger(founded))
            with pytest.raises(EntityAlreadyExists):
                submit(two if committer is one else one, creating(f"USER{number}")).result(ANSWER_SECONDS_MAX)


def test_calls_of_two_accounts_in_both_orders_do_not_lock_each_other_out(founded: Database) -> None:
    """Two committers whose calls concern the same two accounts, and each alone: all are answered, none twice."""

    def in_both(committer: Committer, name: str) -> Future[CommittedCall]:
        decide = creating(name)
        return submit(committer, decide, ACCOUNT, OTHER)

    with running(committer_on(founded)) as one, running(committer_on(founded)) as two:
        answers = list(
            chain.from_iterable(
                (
                    in_both(committer, f"{side}{number}"),
                    submit(committer, appending(use(f"{side}{number}"), to=OTHER), OTHER),
                )
                for number in range(20)
                for side, committer in (("one", one), ("two", two))
            )
        )
        assert all(answer.result(ANSWER_SECONDS_MAX) for answer in answers)
    expected = sorted(f"{side}{number}" for number in range(20) for side in ("one", "two"))
    assert sorted(operations(ledger(founded))) == sorted(operations(ledger(founded, OTHER))) == expected


def test_those_who_follow_are_told_what_was_written(founded: Database) -> None:
    """After a commit the accounts that were written to are named; a round that wrote nothing names none."""
    told: queue.SimpleQueue[frozenset[str]] = queue.SimpleQueue()
    with running(committer_on(founded, on_commit=told.put)) as committer:
        submit(committer, appending(use(), to=OTHER), OTHER).result(ANSWER_SECONDS_MAX)
        submit(committer, appending()).result(ANSWER_SECONDS_MAX)
    assert [told.get_nowait() for _ in range(told.qsize())] == [frozenset({OTHER})]


def test_answers_go_where_they_are_waited_for(founded: Database) -> None:
    """With a way to deliver, all answers of a round go through it at once, and no thread of ours gives them."""
    deliveries: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    committer = committer_on(founded)
    committer.deliver_through(deliveries.put)
    answers = [submit(committer, appending(use())) for _ in range(3)]
    with running(committer):
        delivery = deliveries.get(timeout=ANSWER_SECONDS_MAX)
        assert not any(answer.done() for answer in answers)
        delivery()
        assert all(answer.done() for answer in answers)
    assert deliveries.empty()


def test_too_many_calls_are_turned_away(founded: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is bounded: one more is refused at once, and there is room again when rounds have been made. A
    principal leaves room for others of the account, an account for other accounts, and no number of calls takes the
    places of the reserved lane."""
    monkeypatch.setattr(lines, "CALLS_OF_A_PRINCIPAL_MAX", 3)
    monkeypatch.setattr(lines, "CALLS_OF_AN_ACCOUNT_MAX", 4)
    monkeypatch.setattr(lines, "WAITING_CALLS_MAX", 5)
    committer = committer_on(founded)
    waiting = [submit(committer, appending(use())) for _ in range(3)]
    with pytest.raises(Overloaded, match="3 calls of the caller are waiting, 3 in all"):
        submit(committer, appending(use()))
    waiting.append(submit(committer, appending(use()), by="another"))
    with pytest.raises(Overloaded, match="0 calls of the caller are waiting, 4 in all"):
        submit(committer, appending(use()), by="a third")
    waiting.append(submit(committer, appending(use(), to=OTHER), OTHER))
    with pytest.raises(Overloaded, match="1 calls of the caller are waiting, 5 in all"):
        submit(committer, appending(use(), to=OTHER), OTHER)
    waiting.append(committer.begin(frozenset({ACCOUNT}), appending(use()), Turn(ACCOUNT, "somebody", reserved=True)))
    with running(committer):
        assert all(answer.result(ANSWER_SECONDS_MAX) for answer in waiting)
        assert submit(committer, appending(use())).result(ANSWER_SECONDS_MAX)


def test_a_stopped_committer_answers_everybody(founded: Database) -> None:
    """The round under way ends with its answers; who waits behind it, on a locked account too, hears that the ledger is
    closed; and so does who comes later."""
    deciding, go_on = threading.Event(), threading.Event()

    def waits(values: LedgerStates, at: datetime) -> CallResult:
        deciding.set()
        assert go_on.wait(ANSWER_SECONDS_MAX)
        return appending(use("last"))(values, at)

    committer = committer_on(founded)
    committer.start()
    under_way = submit(committer, waits)
    assert deciding.wait(ANSWER_SECONDS_MAX)
    waiting = submit(committer, appending(use(), to=OTHER), OTHER)
    stopping = threading.Thread(target=committer.stop)
    stopping.start()
    with pytest.raises(LedgerUnavailable, match=CLOSED_MESSAGE):
        waiting.result(ANSWER_SECONDS_MAX)
    with pytest.raises(LedgerUnavailable, match=CLOSED_MESSAGE):
        submit(committer, appending(use()))
    go_on.set()
    stopping.join(ANSWER_SECONDS_MAX)
    assert under_way.result(ANSWER_SECONDS_MAX).positions == {ACCOUNT: 2}
    assert operations(ledger(founded)) == ["last"]
    assert ledger(founded, OTHER)[1:] == []


def test_what_a_round_leaves_is_answered_when_it_stops(founded: Database) -> None:
    """A call that its round puts back when the queues are closed already is answered as well."""
    deciding, go_on = threading.Event(), threading.Event()

    def needs_more(_values: LedgerStates, _at: datetime) -> CallResult:
        deciding.set()
        assert go_on.wait(ANSWER_SECONDS_MAX)
        raise NeedsAccounts(frozenset({OTHER}))

    with running(committer_on(founded)) as committer:
        left = submit(committer, needs_more)
        assert deciding.wait(ANSWER_SECONDS_MAX)
        committer.close()
        go_on.set()
        with pytest.raises(LedgerUnavailable, match=CLOSED_MESSAGE):
            left.result(ANSWER_SECONDS_MAX)
