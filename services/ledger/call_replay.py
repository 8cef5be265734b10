"""The calls of a ledger, in order, each with the account as it was when the call was decided (docs/adr/0027)."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import psycopg
import pydantic
from eventsourcing.persistence import StoredEvent
from pydantic import BaseModel, ConfigDict

from domain.account import Account, evolve
from domain.calls import ApiCalled, DecisionRecord, RefusalsCounted
from domain.families.sessions import Session, SessionIssued
from domain.foundation.events import Cause, Change
from domain.queries.reevaluation import CannotReevaluate
from domain.queries.what_if import CallToReplay, HypotheticalChange, apply_hypothetical
from services.ledger.mapper import CorruptEntry, EntryMapper
from services.ledger.recorder import select
from services.ledger.reevaluation import session_of

EVENTS_A_SELECT = 1_000
"""So that no statement of a reader takes long."""
EVENTS_A_TURN, PAUSE_SECONDS = 24, 50e-6
"""Python lets only one thread work, and who waits for its turn gets it after five milliseconds; a call of others needs
several. So whoever goes through a ledger steps aside after each millisecond or so, for just long enough."""
HYPOTHETICAL_STATES_MAX = 256
"""Values of other accounts, each at some position, that calls across accounts were decided on."""


class _CallDecisions(BaseModel):
    """Of an ApiCalled what decides the call again."""

    model_config = ConfigDict(frozen=True)

    decisions: tuple[DecisionRecord, ...] = ()


class _StoredCall(BaseModel):
    """The bytes of an ApiCalled, read in one go: in a third of the time that EntryMapper takes, with the same checks of
    everything that is read."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    position: int
    at: datetime
    topic: str
    cause: Cause
    event: _CallDecisions


def parse_recorded_call(row: StoredEvent) -> CallToReplay:
    """From a row under the topic of ApiCalled. Raises CorruptEntry, as EntryMapper does."""
    try:
        line = _StoredCall.model_validate_json(row.state)
    except pydantic.ValidationError as error:
        raise CorruptEntry(row, str(error)) from error
    if (line.account_id, line.position, line.topic) != (row.originator_id, row.originator_version, row.topic):
        raise CorruptEntry(row, f"the bytes say {line.account_id}, {line.position}, {line.topic}")
    return CallToReplay(line.position, line.at, line.cause, line.event.decisions)


class CallReplay:
    """One way through a ledger from a position on. The account is folded along: no call looks anything up in it."""

    def __init__(self, cursor: psycopg.Cursor, mapper: EntryMapper, account: Account) -> None:
        """`account` as it was where the walk begins."""
        self._cursor = cursor
        self._mapper = mapper
        self._account = account
        self._request_id: str | None = None
        self._sessions: dict[str, Session | CannotReevaluate] = {}
        self.before = account
        """The account as it was before the first event of the call that was met last. A call's own changes stand before
        its record, and its decisions were made before them."""

    def calls(self, *, after: int, to: int) -> Iterator[CallToReplay]:
        """Of the positions behind `after` up to `to`. Raises CorruptEntry and Corrupt."""
        while True:
            limit = EVENTS_A_SELECT
            rows = select(self._cursor, "select_events", self._account.id, after=after, to=to, limit=limit)
            for number, row in enumerate(rows):
                if number % EVENTS_A_TURN == 0:
                    time.sleep(PAUSE_SECONDS)
                call = self._met(row)
                if call is not None:
                    yield call
            if len(rows) < limit:
                return
            after = rows[-1].originator_version

    def _met(self, row: StoredEvent) -> CallToReplay | None:
        if row.topic == ApiCalled.topic:
            call = parse_recorded_call(row)
            self._begin(call.cause)
            return call
        entry = self._mapper.to_domain_event(row)
        self._begin(entry.cause)
        match entry.event:
            case Change():
                self._account = evolve(self._account, entry)
            case SessionIssued(session=session):
                self._sessions[session.session_id] = session
            case ApiCalled() | RefusalsCounted() as called:
                # A call, stored in a shape of the past.
                return CallToReplay.of(entry, called)
        return None

    def _begin(self, cause: Cause) -> None:
        if cause.request_id != self._request_id:
            self._request_id = cause.request_id
            self.before = self._account

    def session_of(self, cause: Cause) -> Session | None:
        """What was recorded when the caller's session was issued. Raises CannotReevaluate."""
        session_id = cause.session_id
        if session_id is None:
            return None
        found = self._sessions.get(session_id)
        if found is None:
            found = self._sessions[session_id] = self._issued_before(cause)
        if isinstance(found, CannotReevaluate):
            raise found.with_traceback(None)
        return found

    def _issued_before(self, cause: Cause) -> Session | CannotReevaluate:
        """What is not in the ledger is looked for once, not for each call of the session."""
        try:
            found = session_of(self._cursor, self._mapper, cause)
        except CannotReevaluate as error:
            return error
        assert found is not None
        return found


class HypotheticalStates:
    """The accounts that decisions read, as a supposition makes them."""

    def __init__(self, walk: CallReplay, supposition: HypotheticalChange, past: Callable[[str, int], Account]) -> None:
        """`past` gives the value of another account, or of this one at another position than the walk has."""
        self._walk = walk
        self._supposition = supposition
        self._past = past
        self._of_walk: tuple[Account, Account] | None = None
        self._others: dict[tuple[str, int], Account] = {}

    def value_of(self, account_id: str, position: int) -> Account:
        before = self._walk.before
        if (account_id, position) == (before.id, before.position):
            if self._of_walk is None or self._of_walk[0] is not before:
                self._of_walk = (before, apply_hypothetical(before, self._supposition))
            return self._of_walk[1]
        key = (account_id, position)
        if key not in self._others:
            if len(self._others) >= HYPOTHETICAL_STATES_MAX:
                self._others.clear()
            self._others[key] = apply_hypothetical(self._past(account_id, position), self._supposition)
        return self._others[key]
