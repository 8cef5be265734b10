"""Which access keys and passwords there were at any moment: whose, how old, active or not, last used when, expiring
when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import psycopg

from domain.families.access_keys import AccessKeyStatus
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import AsOf, Moment, resolve_in_projection
from projections.queries.permissions import EventRef

SQL = load_statements("projections.queries", "queries.sql")


@dataclass(frozen=True, slots=True)
class AccessKeyLastUsed:
    at: datetime
    """The beginning of the window of the last use (domain.usage.USE_WINDOW)."""
    service: str
    region: str


@dataclass(frozen=True, slots=True)
class AccessKeyCredential:
    """An access key that existed at the moment."""

    access_key_id: str
    user_id: str
    """The account's id for a key of root."""
    user_name: str | None
    """As the user was called at the moment; None for root."""
    created: EventRef
    age_days: int
    """Whole days from its creation to the moment."""
    status: AccessKeyStatus
    status_since: EventRef
    last_used: AccessKeyLastUsed | None
    rotation: Literal["warned", "due", "overdue"] | None = None
    """What the scheduler has told of the key's age last."""
    idle: bool = False
    """Whether the scheduler has told that nobody uses the key, and nobody has used it since."""
    kind: Literal["access_key"] = "access_key"


@dataclass(frozen=True, slots=True)
class PasswordCredential:
    """A user's password that existed at the moment."""

    user_id: str
    user_name: str
    """As the user was called at the moment."""
    created: EventRef
    """Since when the user has had one without a break."""
    changed: EventRef
    """Since when it was this one."""
    age_days: int
    """Whole days from its last change to the moment."""
    reset_required: bool
    expires_at: datetime | None
    """By the account's password policy of the moment; None where passwords did not expire."""
    expired: bool
    hard_expiry: bool
    """Whether somebody else has to set another one when it has expired."""
    kind: Literal["password"] = "password"


def credentials_at(
    cursor: psycopg.Cursor, account_id: str, as_of: AsOf
) -> list[AccessKeyCredential | PasswordCredential]:
    """The oldest first. Raises what `resolve_in_projection` raises."""
    moment = resolve_in_projection(cursor, "credentials", account_id, as_of)
    found: list[AccessKeyCredential | PasswordCredential] = [
        *_access_keys(cursor, account_id, moment),
        *_passwords(cursor, account_id, moment),
    ]
    return sorted(found, key=lambda credential: credential.created.position)


def _passwords(cursor: psycopg.Cursor, account_id: str, moment: Moment) -> list[PasswordCredential]:
    rows = cursor.execute(SQL["passwords"], {"account_id": account_id, "position": moment.position}).fetchall()
    found = []
    for row in rows:
        changed, max_days = EventRef(*row[5:8]), row[9]
        expires_at = None if max_days is None else changed.at + timedelta(days=max_days)
        password = PasswordCredential(
            user_id=row[0],
            user_name=row[1],
            created=EventRef(*row[2:5]),
            changed=changed,
            age_days=(moment.at - changed.at).days,
            reset_required=row[8],
            expires_at=expires_at,
            expired=expires_at is not None and expires_at <= moment.at,
            hard_expiry=row[10],
        )
        found.append(password)
    return found


def _access_keys(cursor: psycopg.Cursor, account_id: str, moment: Moment) -> list[AccessKeyCredential]:
    rows = cursor.execute(SQL["credentials"], {"account_id": account_id, "position": moment.position}).fetchall()
    return [
        AccessKeyCredential(
            access_key_id=row[0],
            user_id=row[1],
            user_name=row[2],
            created=(created := EventRef(*row[3:6])),
            age_days=(moment.at - created.at).days,
            status=row[6],
            status_since=EventRef(*row[7:10]),
            last_used=None if row[10] is None else AccessKeyLastUsed(*row[10:13]),
            rotation=row[13],
            idle=row[14],
        )
        for row in rows
    ]
