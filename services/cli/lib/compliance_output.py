"""How compliance is shown: the columns of controls, violations, frameworks and checks."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from domain.read_models.compliance import (
    ControlResult,
    ReportedCheck,
    ReportedExemption,
    ViolationBound,
    ViolationInterval,
)
from services.api.contract.compliance import ComplianceExplanation, ComplianceReport, ShownViolation
from services.cli.lib.credential_output import owner_title
from services.cli.lib.output import Column, exact_time, short_arn, short_time
from services.cli.lib.terminal import Colour

_TENTHS_FROM = 0.05
"""What is less is rounded to nothing."""


def title_of(asked: ComplianceReport | ComplianceExplanation) -> str:
    framework = asked.framework
    return f"{framework.title} {framework.version}, account {asked.account_id}"


def period_of(asked: ComplianceReport | ComplianceExplanation) -> str:
    since, until = asked.since, asked.until
    if since == until:
        return f"as of {short_time(until.at)} (p{until.position})"
    return f"throughout {short_time(since.at)} (p{since.position}) to {short_time(until.at)} (p{until.position})"


def verdict_colour(text: str) -> Colour | None:
    return {"pass": Colour.GREEN, "fail": Colour.RED, "exempt": Colour.YELLOW, "not answered": Colour.YELLOW}.get(text)


def exposure(result: ControlResult) -> str:
    """A violation that was short was one: it is not told as 0.0 days."""
    amounts = (
        (f"{each.amount:,.1f}" if each.amount >= _TENTHS_FROM else "<0.1", each.unit) for each in result.exposure
    )
    return ", ".join(f"{amount} {unit}" for amount, unit in amounts)


def _exposure_in(result: ControlResult, unit: str) -> str | None:
    return next((f"{each.amount:g}" for each in result.exposure if each.unit == unit), None)


def _count(of: Callable[[ControlResult], int]) -> Callable[[ControlResult], str | None]:
    """Nothing of a control that is not answered: 0 would say that it was looked at."""
    return lambda result: None if result.verdict == "not answered" else str(of(result))


def _in_violation(result: ControlResult) -> str | None:
    """At the end."""
    return None if result.verdict == "not answered" else f"{result.violating:,} of {result.subjects:,}"


def _exact(at: datetime | None) -> str | None:
    return None if at is None else exact_time(at)


def _ended_at(violation: ViolationInterval) -> str | None:
    return None if violation.closed is None else short_time(violation.closed.at)


def _positions(violation: ViolationInterval) -> str:
    """Of the change that it began with or rests on, and of the one that ended it."""
    ended = _closed_at_position(violation)
    return f"p{violation.opened.position}" + ("" if ended is None else f", p{ended}")


def _closed_at_position(violation: ViolationInterval) -> str | None:
    closed = violation.closed
    return None if closed is None or closed.position is None else str(closed.position)


def _began_by(violation: ViolationInterval, account_id: str) -> str:
    return "time" if violation.by_time else _by(violation.opened, account_id)


def _ended_by(violation: ViolationInterval, account_id: str) -> str | None:
    return None if violation.closed is None else _by(violation.closed, account_id)


def _by(bound: ViolationBound, account_id: str) -> str:
    """The operation without its service, and who called it."""
    operation = (bound.operation or "").rpartition(":")[2]
    return "time" if bound.by is None else f"{operation} {short_arn(bound.by, account_id)}".lstrip()


CONTROLS: Sequence[Column[ControlResult]] = (
    Column("CONTROL", lambda result: result.control_id),
    Column("VERDICT", lambda result: result.verdict, colour=verdict_colour),
    Column("SEVERITY", lambda result: result.severity),
    Column("IN VIOLATION", _in_violation),
    Column("VIOLATIONS", _count(lambda result: result.violations)),
    Column("EXPOSURE", exposure),
    Column("EXEMPT", lambda result: f"{result.exempt:,}" if result.exempt else None),
    Column("TITLE", lambda result: result.title, wraps=True),
    Column("NOTE", lambda result: result.reason or result.partly, wraps=True, wide=True),
)


def control_columns(results: Sequence[ControlResult]) -> Sequence[Column[ControlResult]]:
    """With EXEMPT where something is: it is counted in IN VIOLATION, and neither in VIOLATIONS nor in EXPOSURE."""
    return CONTROLS if any(each.exempt for each in results) else [each for each in CONTROLS if each.title != "EXEMPT"]


CONTROLS_EXPORTED: Sequence[Column[ControlResult]] = (
    Column("control", lambda result: result.control_id),
    Column("title", lambda result: result.title),
    Column("verdict", lambda result: result.verdict),
    Column("severity", lambda result: result.severity),
    Column("subjects", _count(lambda result: result.subjects)),
    Column("in_violation", _count(lambda result: result.violating)),
    Column("violations", _count(lambda result: result.violations)),
    Column("exempt", _count(lambda result: result.exempt)),
    Column("first_violated", lambda result: _exact(result.first_violated_at)),
    Column("key_days", lambda result: _exposure_in(result, "key-days")),
    Column("privilege_days", lambda result: _exposure_in(result, "privilege-days")),
    Column("days", lambda result: _exposure_in(result, "days")),
    Column("criteria", lambda result: "; ".join(result.criteria)),
    Column("not_answered", lambda result: result.reason),
    Column("not_looked_at", lambda result: result.partly),
)


def violation_columns(account_id: str) -> Sequence[Column[ShownViolation]]:
    """Of the account, whose ARNs are shortened."""
    controls: Column[ShownViolation] = Column("CONTROLS", _controls, wraps=True, least=12)
    return controls, *map(_of_shown, interval_columns(account_id))


def _controls(shown: ShownViolation) -> str:
    return ", ".join(f"{each} (exempt)" if each in shown.exempt else each for each in shown.controls)


def _of_shown(column: Column[ViolationInterval]) -> Column[ShownViolation]:
    return Column(column.title, lambda shown: column.of(shown.violation), wide=column.wide, least=column.least)


def interval_columns(account_id: str) -> Sequence[Column[ViolationInterval]]:
    return (
        Column("SUBJECT", lambda violation: violation.subject_id),
        Column("OF", lambda violation: violation.holder_name),
        Column("FROM", lambda violation: short_time(violation.opened.at)),
        Column("BY", lambda violation: _began_by(violation, account_id), least=16),
        Column("TO", _ended_at),
        Column("ENDED BY", lambda violation: _ended_by(violation, account_id), least=16),
        Column("POSITIONS", _positions),
        Column("CRITERION", lambda violation: violation.criterion, wide=True),
    )


VIOLATIONS_EXPORTED: Sequence[Column[ShownViolation]] = (
    Column("controls", lambda shown: "; ".join(shown.controls)),
    Column("exempt", lambda shown: "; ".join(shown.exempt)),
    Column("criterion", lambda shown: shown.violation.criterion),
    Column("subject_id", lambda shown: shown.violation.subject_id),
    Column("holder_id", lambda shown: shown.violation.holder_id),
    Column("holder_name", lambda shown: shown.violation.holder_name),
    Column("from", lambda shown: exact_time(shown.violation.opened.at)),
    Column("from_position", lambda shown: str(shown.violation.opened.position)),
    Column("by_time", lambda shown: "yes" if shown.violation.by_time else "no"),
    Column("opened_by", lambda shown: shown.violation.opened.by),
    Column("to", lambda shown: _exact(shown.violation.closed.at if shown.violation.closed else None)),
    Column("to_position", lambda shown: _closed_at_position(shown.violation)),
    Column("closed_by", lambda shown: shown.violation.closed.by if shown.violation.closed else None),
    Column("opened_operation", lambda shown: shown.violation.opened.operation),
    Column("closed_operation", lambda shown: shown.violation.closed.operation if shown.violation.closed else None),
)


def said_parameters(parameters: Mapping[str, int | str | bool | tuple[str, ...]]) -> str:
    """As in a criterion's id."""
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in parameters.items())


CHECKS: Sequence[Column[ReportedCheck]] = (
    Column("CHECK", lambda check: check.name),
    Column("SEVERITY", lambda check: check.severity),
    Column("TITLE", lambda check: check.title, wraps=True),
    Column("PARAMETERS", lambda check: said_parameters(check.parameters)),
)


def exempt_from(controls: Sequence[str], kinds: Sequence[str]) -> str:
    return ", ".join(controls or kinds) or "all credentials"


def exemption_columns(account_id: str) -> Sequence[Column[ReportedExemption]]:
    return (
        Column("EXEMPTION", lambda exemption: exemption.exemption_id),
        Column("OWNER", lambda exemption: owner_title(exemption.owner_id, exemption.owner_name)),
        Column("EXEMPT FROM", lambda exemption: exempt_from(exemption.controls, exemption.kinds), wraps=True, least=16),
        Column("UNTIL", lambda exemption: short_time(exemption.until)),
        Column("REASON", lambda exemption: exemption.reason, wraps=True, least=20),
        Column("GRANTED", lambda exemption: short_time(exemption.granted.at)),
        Column("BY", lambda exemption: short_arn(exemption.granted.by or "", account_id)),
        Column("ENDED", _exemption_ended),
    )


def _exemption_ended(exemption: ReportedExemption) -> str | None:
    if exemption.ended is None:
        return None
    return f"{exemption.ended_as} {short_time(exemption.ended.at)}"
