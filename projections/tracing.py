"""What credentials did: when first and last, from where, with which programs, which operations and which actions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import TupleRow

from projections.asof import Moment
from projections.statements import statements

SQL = statements("projections", "tracing.sql")
CALLS_MAX = 20_000
"""So many calls are looked at, the first ones."""
CREDENTIALS_A_SELECT = 50
"""So that no statement takes long, however many credentials there are and however busy they were."""
TALLIES_MAX = 200
"""So many addresses, user agents and operations are told of each, those that came first."""

TalliedBy = Literal["address", "user agent", "operation"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose calls are meant: a call that fits one of them."""

    access_key_ids: Sequence[str] = ()
    """Long-term ones, which have no session."""
    session_ids: Sequence[str] = ()

    def some_at_a_time(self, size: int) -> Iterator["Credentials"]:
        for start in range(0, len(self.access_key_ids), size):
            yield Credentials(access_key_ids=self.access_key_ids[start : start + size])
        for start in range(0, len(self.session_ids), size):
            yield Credentials(session_ids=self.session_ids[start : start + size])


@dataclass(frozen=True, slots=True)
class Tally:
    text: str | None
    """An address, a user agent, or an operation such as iam:CreateUser; None for the calls that had none."""
    first: Moment
    last: Moment
    answered: int
    refused: int


@dataclass(frozen=True, slots=True)
class Tallies:
    rows: tuple[Tally, ...] = ()
    count: int = 0
    """How many there are, with those that are left out."""


@dataclass(frozen=True, slots=True)
class TracedCall:
    position: int
    at: datetime
    request_id: str
    access_key_id: str
    session_id: str | None
    principal_arn: str | None
    """None where it was nobody's any more: the key was inactive, the session revoked or expired."""
    source_address: str | None
    user_agent: str | None
    service: str
    operation: str
    read_only: bool
    error_code: str | None
    error_message: str | None
    resources: Sequence[str]
    """What permission was asked for on."""


@dataclass(frozen=True, slots=True)
class Doings:
    """Of some credentials up to a moment."""

    positions: tuple[int, ...]
    """Of the calls that were looked at, in order: CALLS_MAX at most."""
    last: Moment | None
    """The last call of all; None where there is none."""
    addresses: Tallies
    user_agents: Tallies
    operations: Tallies
    used: frozenset[str]
    """The actions that were allowed, and the operations that were answered, in lower case."""

    @property
    def stopped_position(self) -> int | None:
        """The last position that was looked at, where there are calls behind it."""
        if self.last is None or self.positions[-1] == self.last.position:
            return None
        return self.positions[-1]


def doings(cursor: psycopg.Cursor, account_id: str, credentials: Credentials, position: int) -> Doings:
    """What they did up to the position, which the trail has to have reached."""
    found = _found(cursor, account_id, credentials, position)
    last = cursor.execute(SQL["last"], _whose(account_id, credentials, position), prepare=False).fetchone()
    these = {"account_id": account_id, "positions": found}
    rows = cursor.execute(SQL["tallies"], {**these, "rows": TALLIES_MAX}, prepare=False).fetchall()
    return Doings(
        positions=tuple(found),
        last=Moment(*last) if last else None,
        addresses=_tallies(rows, "address"),
        user_agents=_tallies(rows, "user agent"),
        operations=_tallies(rows, "operation"),
        used=frozenset(row[0] for row in cursor.execute(SQL["used"], these, prepare=False).fetchall()),
    )


def uses(
    cursor: psycopg.Cursor, account_id: str, credentials: Credentials, position: int
) -> tuple[TracedCall, TracedCall] | None:
    """Their first and last call up to the position, which the trail has to have reached."""
    whose = _whose(account_id, credentials, position)
    first = cursor.execute(SQL["found"], {**whose, "limit": 1}, prepare=False).fetchone()
    last = cursor.execute(SQL["last"], whose, prepare=False).fetchone()
    if first is None or last is None:
        return None
    calls = traced_calls(cursor, account_id, (first[0], last[0]))
    return calls[0], calls[-1]


def _found(cursor: psycopg.Cursor, account_id: str, credentials: Credentials, position: int) -> list[int]:
    """The positions of the first calls of all together. When there are enough, those that come later are not asked for
    any more."""
    found: list[int] = []
    for some in credentials.some_at_a_time(CREDENTIALS_A_SELECT):
        whose = _whose(account_id, some, position)
        rows = cursor.execute(SQL["found"], {**whose, "limit": CALLS_MAX}, prepare=False).fetchall()
        found = sorted([*found, *(row[0] for row in rows)])[:CALLS_MAX]
        position = found[-1] if len(found) == CALLS_MAX else position
    return found


def _whose(account_id: str, credentials: Credentials, position: int) -> dict[str, object]:
    return {
        "account_id": account_id,
        "position": position,
        "access_key_ids": list(credentials.access_key_ids),
        "session_ids": list(credentials.session_ids),
    }


def _tallies(rows: Sequence[TupleRow], by: TalliedBy) -> Tallies:
    """Those of one kind among what the statement gives."""
    of_kind = [row for row in rows if row[0] == by]
    tallied = tuple(Tally(row[2], Moment(*row[3:5]), Moment(*row[5:7]), *row[7:]) for row in of_kind)
    return Tallies(tallied, of_kind[0][1] if of_kind else 0)


def traced_calls(cursor: psycopg.Cursor, account_id: str, positions: Sequence[int]) -> tuple[TracedCall, ...]:
    """The calls at these positions, in order."""
    rows = cursor.execute(SQL["calls"], {"account_id": account_id, "positions": list(positions)}).fetchall()
    return tuple(TracedCall(*row) for row in rows)
