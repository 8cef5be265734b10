"""Who violated which criterion, and who was exempt from what, from when to when; and how controls came out by that: all
verdicts are from here."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from domain.account import Account
from domain.compliance.frameworks import Framework
from domain.compliance.intervals import Violation, ViolationKey, shown
from domain.compliance.reports import Period, ViolationsDisagree, control_results
from domain.compliance.resources import chosen, compliance_of_resources, gone_holders
from domain.families.resource_compliance import ControlCompliance, ControlName
from domain.foundation.moments import BEGINNING, Moment
from domain.read_models.compliance import ControlResult, ReportedExemption, ViolationBound, ViolationInterval
from projections.engine.sql_files import load_statements
from projections.queries.readable import ProjectionUnreadable, require_readable

SQL = load_statements("projections.queries", "compliance.sql")


def results_of_controls(
    cursor: psycopg.Cursor, framework: Framework, period: Period, account: Account
) -> list[ControlResult]:
    """`account` is as it was at the period's end. Raises ProjectionUnreadable where the tables do not agree with it."""
    found = _of_framework(cursor, framework, period, account)
    exemptions = exemptions_between(cursor, account.id, 0, period.last)
    with _only_agreeing():
        return control_results(framework, period, account, found, exemptions)


def results_of_resources(
    cursor: psycopg.Cursor, controls: Sequence[ControlName], last: Moment, account: Account
) -> tuple[ControlCompliance, ...]:
    """At a moment, with all violations before it. Raises what `results_of_controls` raises."""
    found = _of_framework(cursor, chosen(controls), Period(BEGINNING, last), account)
    exemptions = exemptions_between(cursor, account.id, 0, last)
    arns = dict[str, str]()
    if gone := gone_holders(account, found):
        require_readable(cursor, "permissions")
        asked = {"account_id": account.id, "entity_ids": sorted(gone)}
        arns = dict(cursor.execute(SQL["last_arns"], asked).fetchall())
    with _only_agreeing():
        return compliance_of_resources(controls, account, last, found, exemptions, arns)


@contextmanager
def _only_agreeing() -> Iterator[None]:
    try:
        yield
    except ViolationsDisagree as error:
        raise ProjectionUnreadable(str(error)) from error


def _of_framework(
    cursor: psycopg.Cursor, framework: Framework, period: Period, account: Account
) -> list[ViolationInterval]:
    criteria = [each.id for each in framework.criteria]
    return violations_between(cursor, account.id, criteria, period.first, period.last)


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
    before, where no change had ended them."""
    asked = {"account_id": account_id, "first_position": first_position, "last_position": last.position}
    return [_exemption(row, last) for row in cursor.execute(SQL["exemptions"], asked).fetchall()]


def _exemption(row: Sequence[Any], last: Moment) -> ReportedExemption:
    exemption_id, owner_id, owner_name, kinds, controls, asked, reason, *when, ended_as = row
    granted, until, (position, at, by) = when[:3], when[3], when[4:]
    ended = None
    if position is not None and position <= last.position:
        ended = ViolationBound(position=position, at=at, by=by)
    if until <= last.at and (ended is None or ended.at >= until):
        # It was over by itself, whether or not anybody has recorded that, and whatever came later.
        ended, ended_as = ViolationBound(position=None, at=until, by=None), "expired"
    return ReportedExemption(
        exemption_id=exemption_id,
        owner_id=owner_id,
        owner_name=owner_name,
        kinds=tuple(kinds),
        controls=tuple(controls),
        asked=tuple(asked),
        reason=reason,
        granted=ViolationBound(position=granted[0], at=granted[1], by=granted[2]),
        until=until,
        ended=ended,
        ended_as=None if ended is None else ended_as,
    )
