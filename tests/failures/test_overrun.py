"""A call whose deciding loses its round is not decided again, and the others of its round are."""

import time
from datetime import datetime

import pytest

from domain.calls import NeedsPolicies
from domain.policy import PolicyType, compiled
from services.ledger import round as rounds_module
from services.ledger.committer import OVERRAN
from services.ledger.database import Database
from services.ledger.pending_call import CallResult, LedgerStates, LedgerUnavailable, PendingCall
from services.ledger.policy_reader import READING_CALLS_MAX, PolicyReader
from tests.domain.policy.expensive import ATTACKS
from tests.failures.test_database_gone import end_connections
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    OTHER,
    committer_on,
    creating,
    found,
    ledger,
    operations,
    running,
    submit,
)


def test_a_round_that_overran_is_never_run_again_as_it_was(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call holds its round until PostgreSQL ends the transaction: it is refused, nothing of it is recorded, and it
    is run once. The call before it in the round, whose events were lost with it, is decided in the next one."""
    found(database)
    monkeypatch.setattr(rounds_module, "OVERRUN_SECONDS", 0.05)
    runs = []

    def overrunning(values: LedgerStates, at: datetime) -> CallResult:
        runs.append(at)
        until = time.thread_time() + rounds_module.OVERRUN_SECONDS * 2
        while time.thread_time() < until:
            pass
        end_connections(database)
        return creating("eve")(values, at)

    committer = committer_on(database)
    answers = [submit(committer, decide) for decide in (creating("ann"), overrunning, creating("bob"))]
    with running(committer):
        with pytest.raises(LedgerUnavailable, match=OVERRAN):
            answers[1].result(ANSWER_SECONDS_MAX)
        assert answers[0].result(ANSWER_SECONDS_MAX)
        assert answers[2].result(ANSWER_SECONDS_MAX)
    assert len(runs) == 1
    assert operations(ledger(database)) == ["ann", "bob"]


def test_policies_are_read_outside_of_rounds(database: Database) -> None:
    """A call that needs policies which nobody has read is decided when they have been, and holds them until then;
    others are decided meanwhile."""
    found(database)
    found(database, OTHER)
    text = ATTACKS["ARNs"].document + "\n"  # Nobody else has this one.
    seen = []

    def reading(values: LedgerStates, at: datetime) -> CallResult:
        policy = compiled(text, PolicyType.IDENTITY)
        seen.append(policy.is_read)
        if not policy.is_read:
            raise NeedsPolicies((policy,))
        return creating("ann")(values, at)

    with running(committer_on(database)) as committer:
        assert submit(committer, reading).result(ANSWER_SECONDS_MAX)
        assert submit(committer, creating("bob", OTHER), OTHER).result(ANSWER_SECONDS_MAX)
    assert seen == [False, True]


def test_reading_takes_accounts_in_turns() -> None:
    """Whoever has many calls that wait for policies keeps nobody else waiting, and of one set of accounts no more than
    the bound wait."""
    order: list[frozenset[str]] = []
    reader = PolicyReader(lambda call: order.append(call.accounts))
    many, other = (frozenset({each}) for each in (ACCOUNT, OTHER))
    calls = [PendingCall(many, creating("ann"), lambda _answer: None) for _ in range(READING_CALLS_MAX + 1)]
    assert reader.put(calls) == calls[-1:]
    assert reader.put([PendingCall(other, creating("bob"), lambda _answer: None)]) == []
    for _ in range(3):
        reader.read_next()
    assert order == [many, other, many]
    assert len(reader.close()) == READING_CALLS_MAX - 2
    assert reader.put(calls[:1]) == calls[:1]
    assert not reader.read_next()
