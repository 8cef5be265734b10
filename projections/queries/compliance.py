"""Who violated which criterion, from when to when."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from domain.foundation.moments import Moment
from domain.read_models.compliance import ViolationBound, ViolationInterval
from projections.engine.sql_files import load_statements

SQL = load_statements("projections.queries", "compliance.sql")


def violations_between(
    cursor: psycopg.Cursor, account_id: str, criteria: Sequence[str], first: Moment, last: Moment
) -> list[ViolationInterval]:
    """By criterion, the earliest first. What ends behind the last moment goes on there."""
    asked = {
        "account_id": account_id,
        "criteria": list(criteria),
        "first_position": first.position,
        "first_at": first.at,
        "last_position": last.position,
        "last_at": last.at,
    }
    return [_interval(*row, last=last) for row in cursor.execute(SQL["violations"], asked).fetchall()]


def _interval(
    criterion: str,
    subject_id: str,
    holder_id: str,
    holder_name: str,
    from_position: int,
    from_at: datetime,
    by_time: bool,  # noqa: FBT001
    opened_by: str,
    ends_at: datetime | None,
    to_position: int | None,
    closed_by: str | None,
    *,
    last: Moment,
) -> ViolationInterval:
    has_ended = to_position <= last.position if to_position is not None else ends_at is not None and ends_at <= last.at
    closed = None
    if has_ended and ends_at is not None:
        closed = ViolationBound(position=to_position, at=ends_at, by=closed_by)
    return ViolationInterval(
        criterion=criterion,
        subject_id=subject_id,
        holder_id=holder_id,
        holder_name=holder_name,
        opened=ViolationBound(position=from_position, at=from_at, by=opened_by),
        by_time=by_time,
        closed=closed,
    )
