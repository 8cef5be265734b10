"""What may be due in any account: nominations for the domain, which decides."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import psycopg

from domain.rules.lifecycle import (
    DEFAULT_PROFILE,
    DUE_KINDS,
    ExpiredSession,
    Expiries,
    LifecycleCandidates,
    LifecycleProfile,
)
from projections.engine.sql_files import load_statements
from projections.queries.readable import require_readable

SQL = load_statements("projections.queries", "queries.sql")
EXPIRIES_PER_CALL_MAX = 500
"""Beyond, an account's sessions go into several calls; those that end at the same time stay together."""


@dataclass(frozen=True, slots=True)
class DueAccounts:
    accounts: Mapping[str, tuple[LifecycleCandidates, ...]]
    """By account; to be decided in this order."""
    complete: bool
    """Whether there was no more than this."""


def find_due(
    connection: psycopg.Connection,
    at: datetime,
    *,
    limit: int,
    without: Collection[str] = (),
    profile: LifecycleProfile = DEFAULT_PROFILE,
) -> DueAccounts:
    """For each kind of what may be due, the `limit` rows that have been so for longest; nothing of the accounts
    `without`. `at` is a reading of the clock before this was called.

    All is read in one snapshot: what it says of how far the sessions are seen must be true of these very rows.

    Raises ProjectionUnreadable when the tables are those of another version: what is due then is due later, too.
    """
    # By account, kind and subject: what several queries nominate comes once, in the order of the first.
    subjects: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    sessions: dict[str, list[ExpiredSession]] = defaultdict(list)
    parameters = {"limit": limit, "without": list(without)}
    complete = True
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        require_readable(cursor, "due")
        for kind in DUE_KINDS.values():
            for query in kind.queries(at, profile):
                rows = cursor.execute(SQL[f"due_{kind.name}"], {**parameters, **query}).fetchall()
                complete &= len(rows) < limit
                for account_id, subject in rows:
                    subjects[account_id][kind.name][subject] = None
        rows = cursor.execute(SQL["due_sessions"], {**parameters, "since": at}).fetchall()
        complete &= len(rows) < limit
        for account_id, *session in rows:
            sessions[account_id].append(ExpiredSession(*session))
        unseen: dict[str, datetime] = dict(
            cursor.execute(SQL["due_unseen"], {"accounts": list(sessions)}).fetchall() if sessions else ()
        )
    accounts: dict[str, tuple[LifecycleCandidates, ...]] = {}
    for account_id in subjects.keys() | sessions.keys():
        expiries = _batch_expiries(sessions.get(account_id, []), min(at, unseen.get(account_id, at)))
        calls = [LifecycleCandidates(expiries=portion) for portion in expiries]
        if account_id in subjects:
            found = {name: tuple(of_kind) for name, of_kind in subjects[account_id].items()}
            calls.insert(0, LifecycleCandidates(found))
        accounts[account_id] = tuple(calls)
    return DueAccounts(accounts, complete)


def _batch_expiries(sessions: list[ExpiredSession], seen_until: datetime) -> list[Expiries]:
    """The sessions, which come in the order of their ends, in portions that each begin where the one before ended."""
    portions: list[list[ExpiredSession]] = []
    for _, together in groupby(sessions, key=lambda session: session.expires_at):
        if not portions or len(portions[-1]) >= EXPIRIES_PER_CALL_MAX:
            portions.append([])
        portions[-1] += together
    ends = [None, *(portion[-1].expires_at for portion in portions)]
    return [Expiries(portion, after, seen_until) for portion, after in zip(portions, ends, strict=False)]
