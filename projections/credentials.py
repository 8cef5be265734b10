"""Which access keys there were at any moment: whose, how old, active or not, last used when."""

from dataclasses import dataclass
from datetime import datetime

import psycopg

from domain.access_keys import Status
from projections.asof import AsOf, resolve
from projections.permissions import Since
from projections.statements import statements

SQL = statements("projections", "queries.sql")


@dataclass(frozen=True, slots=True)
class LastUsed:
    at: datetime
    """The beginning of the window of the last use (domain.usage.USE_WINDOW)."""
    service: str
    region: str


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key that existed at the moment."""

    access_key_id: str
    user_id: str
    """The account's id for a key of root."""
    user_name: str | None
    """As the user was called at the moment; None for root."""
    created: Since
    age_days: int
    """Whole days from its creation to the moment."""
    status: Status
    status_since: Since
    last_used: LastUsed | None


def credentials(cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> list[Credential]:
    """The oldest first. Raises what `resolve` raises."""
    moment = resolve(cursor, "credentials", account_id, as_of)
    rows = cursor.execute(SQL["credentials"], {"account_id": account_id, "position": moment.position}).fetchall()
    return [
        Credential(
            access_key_id=row[0],
            user_id=row[1],
            user_name=row[2],
            created=(created := Since(*row[3:6])),
            age_days=(moment.at - created.at).days,
            status=row[6],
            status_since=Since(*row[7:10]),
            last_used=None if row[10] is None else LastUsed(*row[10:13]),
        )
        for row in rows
    ]
