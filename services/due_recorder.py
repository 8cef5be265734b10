"""A tick: what the tables nominate as due is submitted, account by account, as ordinary calls; the domain decides."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

import psycopg

from domain.account import Account
from domain.compliance.recording import SeenTurns, turn_events
from domain.foundation.events import Cause
from domain.foundation.identifiers import Random, new_uuid
from domain.queries.protected_credentials import protection
from domain.rules.lifecycle import LifecycleCandidates, due_events, next_wake, subject_exists
from projections.queries.due import find_due
from services.fair_queue import Overloaded
from services.ledger.committer import Committer
from services.ledger.lifecycle_schedule import ScheduledLook, put_looks
from services.ledger.pending_call import (
    CallResult,
    CommittedCall,
    DecideCall,
    LedgerAppend,
    LedgerStates,
    LedgerUnavailable,
)
from services.ledger.round import Clock

OPERATION = "RecordDue"
Due = LifecycleCandidates | SeenTurns
"""Of an account, for one call."""
ROWS_A_PAGE_MAX = 5_000
"""Of each kind of what may be due."""
CALLS_IN_FLIGHT_MAX = 64
"""So few that a round in which all their values are cold does not hold up the calls of others for long."""
ANSWER_SECONDS_MAX = 10.0
TICK_SECONDS_MAX = 60.0

log = logging.getLogger("muniment.scheduler")


@dataclass(frozen=True, slots=True)
class TickResult:
    accounts: int
    """Looked at."""
    events: int
    """Recorded; none where all that was nominated had been recorded before."""
    failed: int
    """Accounts in which something could not be recorded. It is nominated again."""
    error: str | None = None
    """The kind of the first failure."""


class DueRecorder:
    """Any number of them, at any time and in any number of processes, record each thing once: it is decided on the
    newest value, in a round that holds the account, whether it has been recorded."""

    def __init__(
        self,
        committer: Committer,
        *,
        clock: Clock,
        random: Random,
        connect: Callable[[], AbstractContextManager[psycopg.Connection]],
        rows_a_page: int = ROWS_A_PAGE_MAX,
    ) -> None:
        """`connect` gives a connection that may write the schedule."""
        self._committer = committer
        self._clock = clock
        self._random = random
        self._connect = connect
        self._rows_a_page = rows_a_page
        self._stopping = threading.Event()

    def stop(self) -> None:
        """A tick that is under way ends with the calls that it has submitted."""
        self._stopping.set()

    def tick(self, connection: psycopg.Connection) -> TickResult:
        """Page after page, until nothing is due any more, each account once: whatever is left in one, because there
        was too much or because it failed, the next tick finds. `connection` reads, in autocommit.

        Raises psycopg.OperationalError when the tables cannot be read.
        """
        shared_id = new_uuid(self._random)
        until = time.monotonic() + TICK_SECONDS_MAX
        answers = _PendingCalls(partial(self._begin, shared_id))
        served: set[str] = set()
        complete = False
        while not complete and not self._stopping.is_set() and time.monotonic() < until:
            page = find_due(connection, self._clock(), limit=self._rows_a_page, without=served)
            complete = page.complete
            served |= page.accounts.keys()
            submitted = set[str]()
            try:
                for account_id, calls in page.accounts.items():
                    if self._stopping.is_set():
                        break
                    for candidates in calls:
                        answers.settle(down_to=CALLS_IN_FLIGHT_MAX - 1)
                        answers.submit(account_id, candidates)
                    submitted.add(account_id)
            except (LedgerUnavailable, Overloaded) as error:
                # Not of one account's doing, so no other will fare better now.
                answers.fail(account_id, error)
                break
            finally:
                answers.settle(down_to=0)
                done = submitted - answers.failed
                self._schedule(answers, {each: page.progress[each] for each in done & page.progress.keys()})
        if answers.failed:
            log.warning("Of %d accounts, %d failed: %s", len(served), len(answers.failed), answers.error)
        return TickResult(len(served), answers.events, len(answers.failed), answers.error)

    def _begin(self, shared_id: str, account_id: str, due: Due) -> Future[CommittedCall]:
        cause = Cause(
            origin="scheduler",
            request_id=new_uuid(self._random),
            shared_id=shared_id,
            service="muniment",
            operation=OPERATION,
        )
        return self._committer.begin(frozenset({account_id}), _decision(account_id, due, cause))

    def _schedule(self, answers: "_PendingCalls", progress: Mapping[str, int]) -> None:
        """When to look again at those of whom all that was due is recorded. `progress` is of accounts of which nothing
        failed or was left out: of others everything that has changed is nominated again."""
        looks, answers.looks = answers.looks, []
        try:
            with self._connect() as connection:
                put_looks(connection, looks, progress)
        except psycopg.OperationalError as lost:
            # Everything is recorded; the next tick looks again in vain.
            log.warning("When to look again could not be kept: %s", lost)
            answers.error = answers.error or type(lost).__name__


class _Recorded(NamedTuple):
    """What a call came to."""

    events: int
    looked_at: Sequence[str]
    """The first of the call's subjects."""
    at: datetime
    """The round's time: until then everything of these is recorded."""


def _decision(account_id: str, candidates: Due, cause: Cause) -> DecideCall:
    def decide(values: LedgerStates, at: datetime) -> CallResult:
        account = values[account_id]
        assert isinstance(account, Account)
        if isinstance(candidates, SeenTurns):
            turns = turn_events(account, candidates, at)
            return CallResult(_Recorded(len(turns), (), at), [LedgerAppend(account_id, cause, turns)] if turns else [])
        due = due_events(account, candidates, at, partial(protection, administrators=set()))
        append = LedgerAppend(account_id, cause, due.events, destroyed_secrets=due.destroyed_secrets)
        return CallResult(_Recorded(len(due.events), due.looked_at, at), [append] if due.events else [])

    return decide


def _looks(account: Account, subjects: Sequence[str], at: datetime) -> Iterator[ScheduledLook]:
    for subject_id in subjects:
        exists = account.closed_at is None and subject_exists(account, subject_id)
        wake_at = next_wake(account, subject_id, at) if exists else None
        yield ScheduledLook(account.id, subject_id, account.position, wake_at, exists)


class _PendingCalls:
    """The calls of a tick that are under way, and what became of the others."""

    def __init__(self, begin: Callable[[str, Due], Future[CommittedCall]]) -> None:
        self._begin = begin
        self._waiting: deque[tuple[str, Due, Future[CommittedCall]]] = deque()
        self.looks: list[ScheduledLook] = []
        self.events = 0
        self.failed: set[str] = set()
        self.error: str | None = None

    def submit(self, account_id: str, due: Due) -> None:
        """One more call; some other thread answers it. Raises Overloaded and LedgerUnavailable."""
        self._waiting.append((account_id, due, self._begin(account_id, due)))

    def settle(self, *, down_to: int) -> None:
        """Waits until no more than so many calls are under way. One account's failure is its own."""
        while len(self._waiting) > down_to:
            account_id, due, answer = self._waiting.popleft()
            try:
                committed = answer.result(ANSWER_SECONDS_MAX)
                account, recorded = committed.values[account_id], committed.result
                assert isinstance(account, Account)
                self.events += recorded.events
                self.looks += _looks(account, recorded.looked_at, recorded.at)
                if isinstance(due, LifecycleCandidates) and (left := due.subjects[len(recorded.looked_at) :]):
                    self.submit(account_id, LifecycleCandidates(left))
            except Exception as error:  # noqa: BLE001  logged, and the others go on
                self.fail(account_id, error)

    def fail(self, account_id: str, error: Exception) -> None:
        if isinstance(error, psycopg.Error):
            log.warning("What is due in account %s could not be recorded: %s", account_id, error)
        elif not isinstance(error, (LedgerUnavailable, Overloaded, TimeoutError)):
            log.error("What is due in account %s could not be recorded.", account_id, exc_info=error)
        self.failed.add(account_id)
        self.error = self.error or type(error).__name__
