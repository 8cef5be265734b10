"""Ledgers for tests: events go in as a round would write them, and come out folded."""

import itertools
from datetime import UTC, datetime, timedelta

import psycopg
from eventsourcing.persistence import StoredEvent

from domain import ledger_state
from domain.account import Account, AccountCreated
from domain.calls import ApiCalled, RefusalsCounted, UnauthenticatedCalled
from domain.families.sessions import SessionExpired, SessionIssued
from domain.foundation.events import Cause, Change, Entry, Event, Principal
from domain.foundation.identifiers import INSTALLATION
from domain.ledger_state import LedgerState
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import SQL, LedgerRecorder
from tests.services.ledger.heads import move_head

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NOW = BEGINNING + timedelta(days=400)
FOUNDED = AccountCreated(ledger_id="0" * 32, kind="live", partition="aws", schema_version=1)
MAPPER = EntryMapper()
_USES = frozenset(
    event.topic for event in (ApiCalled, RefusalsCounted, UnauthenticatedCalled, SessionIssued, SessionExpired)
)
_accounts = itertools.count(111_111_111_111)


def new_account_id() -> str:
    """One that no other test or example uses."""
    return str(next(_accounts))


def cause_of(account_id: str, user: str = "admin", **more: object) -> Cause:
    """Of a call by a user of the account."""
    principal = Principal(
        type="IAMUser",
        principal_id=f"AIDA{user.upper():A<17}",
        arn=f"arn:aws:iam::{account_id}:user/{user}",
        account_id=account_id,
        user_name=user,
    )
    fields = {
        "origin": "api",
        "request_id": "r",
        "shared_id": "s",
        "service": "iam",
        "operation": "GetUser",
        "principal": principal,
        "peer_address": "192.0.2.1",
    }
    return Cause.model_validate(fields | more)


class Ledger:
    """One account's, written through the writer's connection. Its clock moves a second with every append, unless it
    is told a time."""

    def __init__(self, connection: psycopg.Connection, account_id: str | None = None) -> None:
        self.account_id = new_account_id() if account_id is None else account_id
        self.values: list[LedgerState] = [ledger_state.empty(self.account_id)]
        """By position: the value after that event."""
        self.times = [BEGINNING]
        """By position, like the values."""
        self._connection = connection
        self._recorder = LedgerRecorder(lambda: connection, _USES)
        if self.account_id != INSTALLATION:
            self.append(FOUNDED)

    @property
    def position(self) -> int:
        return len(self.values) - 1

    @property
    def account(self) -> Account:
        value = self.values[-1]
        assert isinstance(value, Account)
        return value

    @property
    def at(self) -> datetime:
        return self.times[-1]

    def append(self, *events: Event, cause: Cause | None = None, at: datetime | None = None) -> int:
        """Writes the events in one transaction, as a round does; gives the position of the last."""
        cause = cause or cause_of(self.account_id)
        at = at or self.at + SECOND
        stored = []
        for event in events:
            position = self.position + 1
            entry = Entry(self.account_id, position, f"{self.account_id}-{position}", at, cause, event)
            self._come_to(
                ledger_state.evolve(self.values[-1], entry) if isinstance(event, Change) else self.values[-1], at
            )
            stored.append(MAPPER.to_stored_event(entry))
        self._write(stored)
        return self.position

    def append_bytes(self, topic: str, state: bytes) -> int:
        """A line that no mapper would write."""
        self._come_to(self.values[-1], self.at)
        self._write([StoredEvent(self.account_id, self.position, topic, state)])
        return self.position

    def _come_to(self, value: LedgerState, at: datetime) -> None:
        self.values.append(value)
        self.times.append(at)

    def _write(self, stored: list[StoredEvent]) -> None:
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(SQL["found"], {"accounts": [self.account_id]})
            self._recorder.insert_events(stored, cursor=cursor, at=self.at)
            move_head(cursor, self.account_id, self.position, self.position, self.at)
