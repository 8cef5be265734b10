"""What credentials did: when first and last, from where, with which programs, which operations and which actions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg.rows import TupleRow

from domain.foundation.moments import Moment
from domain.read_models.credential_activity import CallTallies, CallTally, TracedCall
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.queries", "credential_activity.sql")
CALLS_MAX = 20_000
"""So many calls are looked at, the first ones."""
CREDENTIALS_PER_SELECT = 50
"""So that no statement takes long, however many credentials there are and however busy they were."""
TALLIES_MAX = 200
"""So many addresses, user agents and operations are told of each, those that came first."""

TallyKind = Literal["address", "user agent", "operation"]


@dataclass(frozen=True, slots=True)
class CredentialIds:
    """Whose calls are meant: a call that fits one of them."""

    access_key_ids: Sequence[str] = ()
    """Long-term ones, which have no session."""
    session_ids: Sequence[str] = ()

    def batches_of(self, size: int) -> Iterator["CredentialIds"]:
        for start in range(0, len(self.access_key_ids), size):
            yield CredentialIds(access_key_ids=self.access_key_ids[start : start + size])
        for start in range(0, len(self.session_ids), size):
            yield CredentialIds(session_ids=self.session_ids[start : start + size])


@dataclass(frozen=True, slots=True)
class CredentialActivity:
    """Of some credentials up to a moment."""

    positions: tuple[int, ...]
    """Of the calls that were looked at, in order: CALLS_MAX at most."""
    last: Moment | None
    """The last call of all; None where there is none."""
    addresses: CallTallies
    user_agents: CallTallies
    operations: CallTallies
    used: frozenset[str]
    """The actions that were allowed, and the operations that were answered, in lower case."""

    @property
    def stopped_position(self) -> int | None:
        """The last position that was looked at, where there are calls behind it."""
        if self.last is None or self.positions[-1] == self.last.position:
            return None
        return self.positions[-1]


def activity_of(
    cursor: psycopg.Cursor, account_id: str, credentials: CredentialIds, position: int
) -> CredentialActivity:
    """What they did up to the position, which the trail has to have reached."""
    found = _call_positions(cursor, account_id, credentials, position)
    last = cursor.execute(
        SQL["last"], _credential_parameters(account_id, credentials, position), prepare=False
    ).fetchone()
    these = {"account_id": account_id, "positions": found}
    rows = cursor.execute(SQL["tallies"], {**these, "rows": TALLIES_MAX}, prepare=False).fetchall()
    return CredentialActivity(
        positions=tuple(found),
        last=Moment(*last) if last else None,
        addresses=_tallies(rows, "address"),
        user_agents=_tallies(rows, "user agent"),
        operations=_tallies(rows, "operation"),
        used=frozenset(row[0] for row in cursor.execute(SQL["used"], these, prepare=False).fetchall()),
    )


def first_and_last_call(
    cursor: psycopg.Cursor, account_id: str, credentials: CredentialIds, position: int
) -> tuple[TracedCall, TracedCall] | None:
    """Their first and last call up to the position, which the trail has to have reached."""
    whose = _credential_parameters(account_id, credentials, position)
    first = cursor.execute(SQL["found"], {**whose, "limit": 1}, prepare=False).fetchone()
    last = cursor.execute(SQL["last"], whose, prepare=False).fetchone()
    if first is None or last is None:
        return None
    calls = traced_calls(cursor, account_id, (first[0], last[0]))
    return calls[0], calls[-1]


def _call_positions(cursor: psycopg.Cursor, account_id: str, credentials: CredentialIds, position: int) -> list[int]:
    """The positions of the first calls of all together. When there are enough, those that come later are not asked for
    any more."""
    found: list[int] = []
    for some in credentials.batches_of(CREDENTIALS_PER_SELECT):
        whose = _credential_parameters(account_id, some, position)
        rows = cursor.execute(SQL["found"], {**whose, "limit": CALLS_MAX}, prepare=False).fetchall()
        found = sorted([*found, *(row[0] for row in rows)])[:CALLS_MAX]
        position = found[-1] if len(found) == CALLS_MAX else position
    return found


def _credential_parameters(account_id: str, credentials: CredentialIds, position: int) -> dict[str, object]:
    return {
        "account_id": account_id,
        "position": position,
        "access_key_ids": list(credentials.access_key_ids),
        "session_ids": list(credentials.session_ids),
    }


def _tallies(rows: Sequence[TupleRow], by: TallyKind) -> CallTallies:
    """Those of one kind among what the statement gives."""
    of_kind = [row for row in rows if row[0] == by]
    tallied = tuple(CallTally(row[2], Moment(*row[3:5]), Moment(*row[5:7]), *row[7:]) for row in of_kind)
    return CallTallies(tallied, of_kind[0][1] if of_kind else 0)


def traced_calls(cursor: psycopg.Cursor, account_id: str, positions: Sequence[int]) -> tuple[TracedCall, ...]:
    """The calls at these positions, in order."""
    rows = cursor.execute(SQL["calls"], {"account_id": account_id, "positions": list(positions)}).fetchall()
    return tuple(TracedCall(*row) for row in rows)
