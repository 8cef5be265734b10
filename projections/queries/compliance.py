"""Who violated which criterion, from when to when."""

from collections.abc import Sequence
from typing import Any

import psycopg

from domain.compliance.intervals import Violation, ViolationKey, shown
from domain.foundation.moments import Moment
from domain.read_models.compliance import ViolationInterval
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
    return [shown(_violation(row), last) for row in cursor.execute(SQL["violations"], asked).fetchall()]


def _violation(row: Sequence[Any]) -> Violation:
    criterion, subject_id, *rest = row
    return Violation(ViolationKey(criterion, subject_id), *rest)
