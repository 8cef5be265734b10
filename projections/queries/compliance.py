"""Who violated which criterion, and who was exempt from what, from when to when."""

from collections.abc import Sequence
from typing import Any

import psycopg

from domain.compliance.intervals import Violation, ViolationKey, shown
from domain.foundation.moments import Moment
from domain.read_models.compliance import ReportedExemption, ViolationBound, ViolationInterval
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


def exemptions_between(
    cursor: psycopg.Cursor, account_id: str, first_position: int, last: Moment
) -> list[ReportedExemption]:
    """In the order in which they were granted, as they were known at the last moment; with those whose time was over
    before, where nothing had ended them."""
    asked = {"account_id": account_id, "first_position": first_position, "last_position": last.position}
    return [_exemption(row, last) for row in cursor.execute(SQL["exemptions"], asked).fetchall()]


def _exemption(row: Sequence[Any], last: Moment) -> ReportedExemption:
    exemption_id, owner_id, owner_name, kinds, controls, reason, position, at, by, until, *ending, ended_as = row
    has_ended = ending[0] is not None and ending[0] <= last.position
    return ReportedExemption(
        exemption_id=exemption_id,
        owner_id=owner_id,
        owner_name=owner_name,
        kinds=tuple(kinds),
        controls=tuple(controls),
        reason=reason,
        granted=ViolationBound(position=position, at=at, by=by),
        until=until,
        ended=ViolationBound(position=ending[0], at=ending[1], by=ending[2]) if has_ended else None,
        ended_as=ended_as if has_ended else None,
    )
