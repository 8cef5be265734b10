"""Decisions of calls in the ledger, made once more from nothing but the ledger."""

import psycopg

from domain.account import Account
from domain.calls import ApiCalled, DecisionRecord
from domain.families.sessions import Session, SessionIssued
from domain.foundation.events import Cause, Entry
from domain.queries.reevaluation import CannotReevaluate, Reevaluation, reevaluate_decision
from projections.queries.ledger_positions import position_at
from services.ledger.historical_states import HistoricalStates
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select

EVENTS_A_SELECT = 256
"""Of those that stand at the moment when a session was issued: a round seldom writes more."""


def call_at(
    cursor: psycopg.Cursor, mapper: EntryMapper, account_id: str, position: int
) -> tuple[Entry, ApiCalled] | None:
    """The authenticated call whose record stands at the position; None where something else does, or nothing."""
    for row in select(cursor, "select_events", account_id, after=position - 1, to=position, limit=1):
        entry = mapper.to_domain_event(row)
        if isinstance(entry.event, ApiCalled):
            return entry, entry.event
    return None


def reevaluate(
    cursor: psycopg.Cursor, past: HistoricalStates, entry: Entry, records: tuple[DecisionRecord, ...]
) -> tuple[Reevaluation, ...]:
    """Decisions of the call in `entry`, made once more. Blocks as long as folding the accounts takes.

    Raises CannotReevaluate, and what `HistoricalStates.at` raises.
    """
    session = session_of(cursor, past.mapper, entry.cause)

    def account(account_id: str, position: int) -> Account:
        value = past.at(cursor, account_id, position)
        assert isinstance(value, Account)
        return value

    def made_again(record: DecisionRecord) -> Reevaluation:
        accounts = {account_id: account(account_id, position) for account_id, position in record.positions.items()}
        looked_at = None if record.as_of is None else account(entry.account_id, record.as_of)
        return reevaluate_decision(entry, record, accounts, session, looked_at)

    return tuple(map(made_again, records))


def session_of(cursor: psycopg.Cursor, mapper: EntryMapper, cause: Cause) -> Session | None:
    """What was recorded when the caller's session was issued; None where there was no session.

    The caller carries when that was, and the ledger of its account is in the order of time: the event is found by
    halving, not by looking through. Raises CannotReevaluate when it is not there.
    """
    principal, session_id = cause.principal, cause.session_id
    if principal is None or session_id is None:
        return None
    issued_at = principal.session_issued_at
    to = 0 if issued_at is None else position_at(cursor, principal.account_id, issued_at)
    while True:
        limit = EVENTS_A_SELECT
        rows = select(cursor, "select_events_descending", principal.account_id, to=to, limit=limit)
        for row in rows:
            entry = mapper.to_domain_event(row)
            if entry.at != issued_at:
                break
            if isinstance(entry.event, SessionIssued) and entry.event.session.session_id == session_id:
                return entry.event.session
        else:
            if len(rows) == limit:
                to = rows[-1].originator_version - 1
                continue
        raise CannotReevaluate(f"When the session {session_id} was issued is not in the ledger any more.")
