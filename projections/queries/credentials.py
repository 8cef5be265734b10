"""Which access keys, passwords, MFA devices and other credentials of users there were at any moment: whose, how old,
active or not, last used when, expiring when."""

from datetime import timedelta

import psycopg

from domain.foundation.moments import AsOf, EventRef, Moment
from domain.read_models.credentials import (
    AccessKeyCredential,
    AccessKeyLastUsed,
    HeldUserCredential,
    MFADeviceCredential,
    PasswordCredential,
    RecordedCredential,
)
from projections.engine.sql_files import load_statements
from projections.queries.ledger_positions import resolve_in_projection

SQL = load_statements("projections.queries", "queries.sql")


def credentials_at(cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> list[RecordedCredential]:
    """The oldest first. Raises what `resolve_in_projection` raises."""
    moment = resolve_in_projection(cursor, "credentials", account_id, as_of)
    found: list[RecordedCredential] = [
        *_access_keys(cursor, account_id, moment),
        *_passwords(cursor, account_id, moment),
        *_user_credentials(cursor, account_id, moment),
        *_mfa_devices(cursor, account_id, moment),
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


def _user_credentials(cursor: psycopg.Cursor, account_id: str, moment: Moment) -> list[HeldUserCredential]:
    rows = cursor.execute(SQL["user_credentials"], {"account_id": account_id, "position": moment.position}).fetchall()
    return [
        HeldUserCredential(
            credential_id=row[0],
            kind=row[1],
            user_id=row[2],
            user_name=row[3],
            created=(created := EventRef(*row[4:7])),
            age_days=(moment.at - created.at).days,
            status=row[7],
            status_since=EventRef(*row[8:11]),
            service_name=row[11],
            expires_at=row[12],
            expired=row[12] is not None and row[12] <= moment.at,
        )
        for row in rows
    ]


def _mfa_devices(cursor: psycopg.Cursor, account_id: str, moment: Moment) -> list[MFADeviceCredential]:
    rows = cursor.execute(SQL["mfa_devices"], {"account_id": account_id, "position": moment.position}).fetchall()
    return [
        MFADeviceCredential(
            serial_number=row[0],
            user_id=row[1],
            user_name=row[2],
            created=(enabled := EventRef(*row[3:6])),
            age_days=(moment.at - enabled.at).days,
        )
        for row in rows
    ]


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
