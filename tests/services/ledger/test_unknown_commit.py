"""A connection that is lost around a commit: whatever has happened, each call happens once, or its caller is told that
nobody knows. Each failure comes with its twin: before the commit reached the server, and after it was durable."""

import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from domain.families.users import UserCreated
from domain.foundation.events import Entry
from services.ledger.call_queue import CLOSED_MESSAGE
from services.ledger.committer import RUNS_MAX
from services.ledger.database import Database, connect
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import CallResult, LedgerStates, LedgerUnavailable
from services.ledger.recorder import LedgerRecorder
from tests.services.ledger.proxy import Proxy, When, proxied
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    BEGAN_AT,
    OTHER,
    USE_TOPICS,
    SteppingClock,
    appending,
    cause,
    commits,
    committer_on,
    creating,
    found,
    ledger,
    operations,
    rounds,
    running,
    submit,
    use,
    wait_until_somebody_waits,
)

BOTH: list[When] = ["before", "after"]


@pytest.fixture
def founded(database: Database) -> Database:
    found(database, ACCOUNT, OTHER)
    return database


@pytest.fixture
def wire(founded: Database) -> Iterator[tuple[Proxy, Database]]:
    with proxied(founded) as wire:
        yield wire


@pytest.mark.parametrize("when", BOTH)
def test_each_call_happens_once(founded: Database, wire: tuple[Proxy, Database], when: When) -> None:
    """Lost before: nothing persisted, and the round is run again. Lost after: what stands is the answer, and nothing is
    run again. Both ways the callers get the positions at which their events stand, and the next call goes on there."""
    proxy, distant = wire
    before = commits(founded)
    runs = []

    def counted(values: LedgerStates, at: datetime) -> CallResult:
        runs.append(at)
        return creating("bob")(values, at)

    committer = committer_on(distant)
    proxy.cut_at_commit(when)
    answers = [submit(committer, decide) for decide in (creating("ann"), counted)]
    elsewhere = submit(committer, appending(use("elsewhere"), to=OTHER), OTHER)
    with running(committer):
        assert [answer.result(ANSWER_SECONDS_MAX).positions for answer in answers] == [{ACCOUNT: 3}, {ACCOUNT: 5}]
        assert elsewhere.result(ANSWER_SECONDS_MAX).positions == {OTHER: 2}
        assert submit(committer, creating("eve")).result(ANSWER_SECONDS_MAX).positions == {ACCOUNT: 7}
    assert len(runs) == (2 if when == "before" else 1)
    assert operations(ledger(founded)) == ["ann", "bob", "eve"]
    assert operations(ledger(founded, OTHER)) == ["elsewhere"]
    assert commits(founded) == before + 2


@pytest.mark.parametrize("when", BOTH)
def test_another_process_goes_on_meanwhile(founded: Database, wire: tuple[Proxy, Database], when: When) -> None:
    """Before we have looked what became of our commit, somebody else appends to the ledger. Lost before: their events
    stand where ours were to stand, and ours come after them. Lost after: theirs come after ours."""
    proxy, distant = wire

    def meanwhile() -> None:
        with running(committer_on(founded)) as other:
            submit(other, creating("theirs")).result(ANSWER_SECONDS_MAX)

    proxy.cut_at_commit(when, meanwhile)
    with running(committer_on(distant)) as committer:
        ours = submit(committer, creating("ours")).result(ANSWER_SECONDS_MAX)
    assert operations(ledger(founded)) == (["theirs", "ours"] if when == "before" else ["ours", "theirs"])
    assert ours.positions == {ACCOUNT: 5 if when == "before" else 3}


@pytest.mark.parametrize("when", BOTH)
def test_a_refusing_database_leaves_it_unknown(founded: Database, wire: tuple[Proxy, Database], when: When) -> None:
    """When nobody can look, the caller is told that it is unknown whether the call was recorded, and is not answered
    again. When the database is back, what stands is what was durable, and calls go on."""
    proxy, distant = wire
    proxy.cut_at_commit(when, proxy.refuse)
    with running(committer_on(distant)) as committer:
        with pytest.raises(LedgerUnavailable, match="Whether the call was recorded is unknown"):
            submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
        proxy.accept()
        submit(committer, creating("bob")).result(ANSWER_SECONDS_MAX)
    assert operations(ledger(founded)) == (["bob"] if when == "before" else ["ann", "bob"])


def test_a_commit_that_comes_late_is_waited_for(founded: Database, wire: tuple[Proxy, Database]) -> None:
    """The connection is gone, and the server has not yet seen the commit that was sent on it. Looking waits for the
    locks of the lost transaction, and so finds what it has committed at last."""
    proxy, distant = wire
    proxy.cut_at_commit("late", lambda: wait_until_somebody_waits(founded))
    with running(committer_on(distant)) as committer:
        assert submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).positions == {ACCOUNT: 3}
    assert operations(ledger(founded)) == ["ann"]


def test_what_is_lost_again_and_again_is_given_up(founded: Database, wire: tuple[Proxy, Database]) -> None:
    """A call whose rounds lose their connection every time is Unavailable in the end; it was never recorded."""
    proxy, distant = wire
    for _ in range(RUNS_MAX):
        proxy.cut_at_commit("before")
    with running(committer_on(distant)) as committer:
        with pytest.raises(LedgerUnavailable):
            submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX)
        submit(committer, creating("bob")).result(ANSWER_SECONDS_MAX)
    assert operations(ledger(founded)) == ["bob"]


def test_a_half_written_round_stops_everything(
    founded: Database, wire: tuple[Proxy, Database], caplog: pytest.LogCaptureFixture
) -> None:
    """Some of a round's events and not all of them: no transaction does that. The committer says so, answers what
    waits, and takes nothing more, for another decision could only make it worse."""
    proxy, distant = wire
    clock, same_ids = SteppingClock(), bytes
    first = UserCreated(user_id="AIDA", user_name="ann", path="/")

    def write_half() -> None:
        entry = Entry(ACCOUNT, 2, "00000000-0000-4000-8000-000000000000", BEGAN_AT, cause(), first)
        with connect(founded, "writer") as connection:
            recorder = LedgerRecorder(lambda: connection, USE_TOPICS)
            recorder.insert_events([EntryMapper().to_stored_event(entry)])

    with running(committer_on(distant, made_with=rounds(clock=clock, random=same_ids))) as committer:
        proxy.cut_at_commit("before", write_half)
        with pytest.raises(LedgerUnavailable, match=CLOSED_MESSAGE):
            submit(committer, appending(first, use())).result(ANSWER_SECONDS_MAX)
        with pytest.raises(LedgerUnavailable, match=CLOSED_MESSAGE):
            submit(committer, appending(use(), to=OTHER), OTHER)
    (critical,) = (record for record in caplog.records if record.levelno == logging.CRITICAL)
    assert critical.getMessage() == "The committer stops: Of 2 events of a round, 1 were written."
