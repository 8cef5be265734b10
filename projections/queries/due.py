"""What may be due in any account: nominations for the domain, which decides."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import psycopg

from domain.compliance.intervals import Violation, ViolationKey
from domain.compliance.recording import SeenTurns, ViolationTurn
from domain.rules.lifecycle import LifecycleCandidates
from domain.rules.session_expiries import ExpiredSession, Expiries
from projections.engine.sql_files import load_statements
from projections.queries.readable import is_readable, require_readable

SQL = load_statements("projections.queries", "queries.sql")
EXPIRIES_PER_CALL_MAX = 500
"""Beyond, an account's sessions go into several calls; those that end at the same time stay together."""
TURNS_PER_CALL_MAX = 200
"""Violations that open or close."""
SUBJECTS_PER_CALL_MAX = 100
"""Some ten milliseconds of a round."""


@dataclass(frozen=True, slots=True)
class DueAccounts:
    accounts: Mapping[str, tuple[LifecycleCandidates | SeenTurns, ...]]
    """By account; to be decided in this order."""
    complete: bool
    """Whether there was no more than this."""
    progress: Mapping[str, int]
    """Up to which position of an account nobody else's credentials have changed; none where there was more."""


def find_due(connection: psycopg.Connection, at: datetime, *, limit: int, without: Collection[str] = ()) -> DueAccounts:
    """Of each kind of what may be due, the `limit` rows that have been so for longest; nothing of the accounts
    `without`. `at` is a reading of the clock before this was called.

    All is read in one snapshot: what it says of how far the sessions and changes are seen must be true of these very
    rows.

    Raises ProjectionUnreadable when the tables are those of another version: what is due then is due later, too.
    """
    subjects: dict[str, list[str]] = defaultdict(list)
    sessions: dict[str, list[ExpiredSession]] = defaultdict(list)
    parameters = {"at": at, "limit": limit, "without": list(without)}
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        require_readable(cursor, "due")
        rows = cursor.execute(SQL["due_subjects"], parameters).fetchall()
        complete = len(rows) < limit
        for account_id, subject_id in rows:
            subjects[account_id].append(subject_id)
        progress: dict[str, int] = dict(cursor.execute(SQL["due_progress"], parameters).fetchall()) if complete else {}
        rows = cursor.execute(SQL["due_sessions"], {**parameters, "since": at}).fetchall()
        complete &= len(rows) < limit
        for account_id, *session in rows:
            sessions[account_id].append(ExpiredSession(*session))
        turns = _find_turns(cursor, at, parameters)
        complete &= sum(len(each.turns) for portions in turns.values() for each in portions) < limit
        unseen: dict[str, datetime] = dict(
            cursor.execute(SQL["due_unseen"], {"accounts": list(sessions)}).fetchall() if sessions else ()
        )
    accounts: dict[str, tuple[LifecycleCandidates | SeenTurns, ...]] = {}
    for account_id in {**subjects, **sessions, **progress, **turns}:
        found = subjects.get(account_id, [])
        portions = (
            found[first : first + SUBJECTS_PER_CALL_MAX] for first in range(0, len(found), SUBJECTS_PER_CALL_MAX)
        )
        expiries = _batch_expiries(sessions.get(account_id, []), min(at, unseen.get(account_id, at)))
        accounts[account_id] = (
            *(LifecycleCandidates(portion) for portion in portions),
            *(LifecycleCandidates(expiries=portion) for portion in expiries),
            *turns.get(account_id, ()),
        )
    return DueAccounts(accounts, complete, progress)


def _find_turns(
    cursor: psycopg.Cursor, at: datetime, parameters: Mapping[str, object]
) -> Mapping[str, tuple[SeenTurns, ...]]:
    """Those of the `limit` earliest, account by account. None while the tables of violations are built anew: they are
    found when those are there."""
    if not is_readable(cursor, "compliance"):
        return {}
    found = defaultdict[str, list[ViolationTurn]](list)
    for account_id, at_time, key, closes, criterion, subject_id, *said in cursor.execute(SQL["due_turns"], parameters):
        violation = Violation(ViolationKey(criterion, subject_id), *said)
        found[account_id].append(ViolationTurn(at_time, key, closes, violation))
    seen = cursor.execute(SQL["turns_seen"], {"accounts": list(found)}).fetchall() if found else []
    return {
        account_id: tuple(_batch_turns(found[account_id], position, seen_at, at))
        for account_id, position, seen_at in seen
    }


def _batch_turns(turns: list[ViolationTurn], position: int, seen_at: datetime, at: datetime) -> Iterator[SeenTurns]:
    """In portions that each begin where the one before ended."""
    after = None
    for first in range(0, len(turns), TURNS_PER_CALL_MAX):
        portion = turns[first : first + TURNS_PER_CALL_MAX]
        yield SeenTurns(portion, after, position, seen_at, at)
        after = portion[-1].place


def _batch_expiries(sessions: list[ExpiredSession], seen_until: datetime) -> list[Expiries]:
    """The sessions, which come in the order of their ends, in portions that each begin where the one before ended."""
    portions: list[list[ExpiredSession]] = []
    for _, together in groupby(sessions, key=lambda session: session.expires_at):
        if not portions or len(portions[-1]) >= EXPIRIES_PER_CALL_MAX:
            portions.append([])
        portions[-1] += together
    ends = [None, *(portion[-1].expires_at for portion in portions)]
    return [Expiries(portion, after, seen_until) for portion, after in zip(portions, ends, strict=False)]
