"""A tick: what the tables nominate as due is submitted, account by account, as ordinary calls; the domain decides."""

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

import psycopg

from domain.account import Account
from domain.foundation.events import Cause
from domain.foundation.identifiers import Random, new_uuid
from domain.rules.lifecycle import DEFAULT_PROFILE, LifecycleCandidates, LifecycleProfile, due_events
from projections.queries.due import find_due
from services.fair_queue import Overloaded
from services.ledger.committer import Committer
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
        profile: LifecycleProfile = DEFAULT_PROFILE,
        rows_a_page: int = ROWS_A_PAGE_MAX,
    ) -> None:
        self._committer = committer
        self._clock = clock
        self._random = random
        self._profile = profile
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
        answers = _PendingCalls()
        served: set[str] = set()
        complete = False
        while not complete and not self._stopping.is_set() and time.monotonic() < until:
            page = find_due(connection, self._clock(), limit=self._rows_a_page, without=served, profile=self._profile)
            complete = page.complete
            served |= page.accounts.keys()
            try:
                for account_id, calls in page.accounts.items():
                    if self._stopping.is_set():
                        break
                    for candidates in calls:
                        self._submit(account_id, candidates, shared_id, answers)
            except (LedgerUnavailable, Overloaded) as error:
                # Not of one account's doing, so no other will fare better now.
                answers.fail(account_id, error)
                break
        answers.settle(down_to=0)
        if answers.failed:
            log.warning("Of %d accounts, %d failed: %s", len(served), len(answers.failed), answers.error)
        return TickResult(len(served), answers.events, len(answers.failed), answers.error)

    def _submit(self, account_id: str, due: LifecycleCandidates, shared_id: str, answers: "_PendingCalls") -> None:
        answers.settle(down_to=CALLS_IN_FLIGHT_MAX - 1)
        cause = Cause(
            origin="scheduler",
            request_id=new_uuid(self._random),
            shared_id=shared_id,
            service="muniment",
            operation=OPERATION,
        )
        answers.submit(self._committer, account_id, _decision(account_id, due, cause, self._profile))


def _decision(account_id: str, candidates: LifecycleCandidates, cause: Cause, profile: LifecycleProfile) -> DecideCall:
    """Its result is how many events there were to record."""

    def decide(values: LedgerStates, at: datetime) -> CallResult:
        account = values[account_id]
        assert isinstance(account, Account)
        events = due_events(account, candidates, at, profile)
        return CallResult(len(events), [LedgerAppend(account_id, cause, events)] if events else [])

    return decide


class _PendingCalls:
    """The calls of a tick that are under way, and what became of the others."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Future[CommittedCall]]] = deque()
        self.events = 0
        self.failed: set[str] = set()
        self.error: str | None = None

    def submit(self, committer: Committer, account_id: str, decide: DecideCall) -> None:
        """One more call; some other thread answers it. Raises Overloaded and LedgerUnavailable."""
        self._waiting.append((account_id, committer.begin(frozenset({account_id}), decide)))

    def settle(self, *, down_to: int) -> None:
        """Waits until no more than so many calls are under way. One account's failure is its own."""
        while len(self._waiting) > down_to:
            account_id, answer = self._waiting.popleft()
            try:
                self.events += answer.result(ANSWER_SECONDS_MAX).result
            except Exception as error:  # noqa: BLE001  logged, and the others go on
                self.fail(account_id, error)

    def fail(self, account_id: str, error: Exception) -> None:
        if not isinstance(error, (LedgerUnavailable, Overloaded, TimeoutError)):
            log.error("What is due in account %s could not be recorded.", account_id, exc_info=error)
        self.failed.add(account_id)
        self.error = self.error or type(error).__name__
