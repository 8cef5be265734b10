"""Compliance: whether the controls of a framework held, at a moment or throughout a period, and who violated them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from domain.account import Account, FoldStep, evolve
from domain.compliance.adoption import framework_of, is_framework
from domain.compliance.check import CheckCriterion, ComplianceCheck
from domain.compliance.finding_changes import Criteria
from domain.compliance.frameworks import Control, Framework, read_framework
from domain.compliance.intervals import shown, violations
from domain.compliance.profile_controls import profile_framework
from domain.compliance.reports import Period, control_results, exemptions_from, look
from domain.compliance.subjects import violations_of
from domain.foundation.errors import ValidationError
from domain.foundation.moments import Moment
from domain.read_models.compliance import (
    ControlResult,
    ReportedCheck,
    ReportedExemption,
    ReportedFramework,
    ViolationInterval,
)
from domain.rules.lifecycle_profiles import read_profile
from projections.queries.bearers import HOLDERS, When, bearers
from projections.queries.compliance import exemptions_between, results_of_controls, violations_between
from projections.queries.ledger_positions import clipped_to, resolve_in_ledger, resolve_in_projection
from services.api.contract.compliance import (
    VIOLATIONS_MAX,
    ComplianceExplanation,
    ComplianceQuestion,
    ComplianceReport,
    ComplianceTrial,
    ExplainCompliance,
    ExplainedCriterion,
    GetComplianceReport,
    ListViolations,
    PeriodQuestion,
    ShownViolation,
    TryFramework,
    ViolationsPage,
)
from services.api.contract.page_markers import make_marker, parse_marker
from services.api.contract.question import Answer
from services.api.handlers.handler import AnswerContext, handles
from services.api.handlers.time_span import fill_page, moment_at_place, place_of_moment
from services.api.handlers.violation_changes import explained_violations, with_changes

EXPLAINED_MAX = 100


TRIAL_CRITERIA_MAX = 200
TRIAL_WORK_MAX = 4_000_000
"""Criteria times changes: some ten seconds, at worst."""


class _Asked(NamedTuple):
    framework: Framework
    period: Period
    clipped_to: Moment | None


@handles(GetComplianceReport, reads_computed=True)
def answer_compliance_report(question: GetComplianceReport, context: AnswerContext) -> ComplianceReport:
    asked = _asked(question, context)
    return ComplianceReport(
        account_id=context.account_id,
        framework=told_framework(asked.framework),
        since=asked.period.first,
        clipped_to=asked.clipped_to,
        until=asked.period.last,
        controls=tuple(_results(asked, context)),
        exemptions=tuple(_exemptions(asked, context, asked.framework.controls)),
    )


@handles(ListViolations, reads_computed=True)
def answer_list_violations(question: ListViolations, context: AnswerContext) -> ViolationsPage:
    if question.marker is None:
        asked, begins_at = _asked(question, context), 0
    else:
        # Every page is about the time of the first: the calls that turn the pages are calls too.
        begins_at, *end = parse_marker(question.marker, "ListViolations", 3)
        asked = _asked(question, context, moment_at_place(*end, listed="ListViolations"))
    criteria = _criteria(asked.framework, question.control)
    found = _filtered(_violations(asked, context, criteria), question.subject, asked, context)
    if question.turned:
        found = [each for each in found if asked.period.turned(each)]
    told = with_changes(found[begins_at : begins_at + question.limit], context)
    shown = fill_page(_shown(told, asked, context), question.limit)
    ends_at = begins_at + len(shown)
    following = make_marker("ListViolations", ends_at, *place_of_moment(asked.period.last))
    return ViolationsPage(
        account_id=context.account_id,
        limit=question.limit,
        marker=following if ends_at < len(found) else None,
        since=asked.period.first,
        clipped_to=asked.clipped_to,
        until=asked.period.last,
        violations=shown,
    )


@handles(ExplainCompliance, reads_computed=True)
def answer_explain_compliance(question: ExplainCompliance, context: AnswerContext) -> ComplianceExplanation:
    asked = _asked(question, context)
    control = asked.framework.control(question.control)
    (result,) = (each for each in _results(asked, context) if each.control_id == control.id)
    account = context.own(asked.period.last.position)
    explained = []
    for criterion in control.criteria:
        looked = look(criterion, account, asked.period.last.at)
        found = _filtered(_violations(asked, context, [criterion]), question.subject, asked, context)
        explained.append(
            ExplainedCriterion(
                criterion=criterion.id,
                check=told_check(criterion.check),
                subjects=looked.subjects,
                violating=tuple(sorted(looked.violating)[:EXPLAINED_MAX]),
                violations=tuple(explained_violations(found[-EXPLAINED_MAX:], context)),
                violations_in_all=len(found),
            )
        )
    return ComplianceExplanation(
        account_id=context.account_id,
        framework=told_framework(asked.framework),
        since=asked.period.first,
        until=asked.period.last,
        control=result,
        exemptions=tuple(_exemptions(asked, context, [control])),
        criteria=tuple(explained),
    )


@handles(TryFramework, reads_computed=True)
def answer_try_framework(question: TryFramework, context: AnswerContext) -> ComplianceTrial:
    framework = _read_rules(question.rules)
    last = _last(context)
    asked, account = _Asked(framework, *_period(question, context, last)), context.own(last.position)
    against = None if question.against is None else framework_of(account, question.against)
    if against is None and is_framework(account, framework.name):
        against = framework_of(account, framework.name)
    exemptions = exemptions_between(context.cursor, context.account_id, 0, last)
    found = violations(Criteria(framework.criteria), _steps(framework, last.position, context))
    told = [shown(each, last) for each in found if asked.period.contains(each)]
    ordered = sorted(told, key=lambda each: (each.criterion, each.opened.position or 0, each.subject_id))
    return ComplianceTrial(
        account_id=context.account_id,
        framework=told_framework(framework),
        since=asked.period.first,
        clipped_to=asked.clipped_to,
        until=last,
        controls=tuple(control_results(framework, asked.period, account, ordered, exemptions)),
        against=None if against is None else tuple(_results(asked._replace(framework=against), context)),
        violations=tuple(_shown(with_changes(ordered[:VIOLATIONS_MAX], context), asked, context)),
        violations_in_all=len(ordered),
    )


def _read_rules(rules: str) -> Framework:
    """Raises ValidationError."""
    if rules.lstrip().startswith("{") and not _has_controls(rules):
        return profile_framework(read_profile(rules))
    return read_framework(rules, "The framework")


def _has_controls(document: str) -> bool:
    try:
        given = json.loads(document)
    except (ValueError, RecursionError):
        return False
    return isinstance(given, dict) and "controls" in given


def _steps(framework: Framework, last: int, context: AnswerContext) -> Iterator[FoldStep]:
    """Raises ValidationError where it would be too much work."""
    criteria = len(framework.criteria)
    if criteria > TRIAL_CRITERIA_MAX:
        raise ValidationError(f"The rules have {criteria:,} criteria; expected at most {TRIAL_CRITERIA_MAX}.")
    changes_max = TRIAL_WORK_MAX // max(criteria, 1)
    before = Account(context.account_id)
    for number, entry in enumerate(context.changes(context.account_id, after=0, to=last)):
        if number == changes_max:
            raise ValidationError(
                f"The account has more than {changes_max:,} changes by then, which is what a trial of {criteria} "
                "criteria reads at most: try fewer."
            )
        after = evolve(before, entry)
        yield before, entry, after
        before = after


def _asked(question: ComplianceQuestion[Answer], context: AnswerContext, last: Moment | None = None) -> _Asked:
    """Raises NoSuchEntity, and ValidationError where the period ends before it begins."""
    last = last or _last(context)
    framework = framework_of(context.own(last.position), question.framework)
    return _Asked(framework, *_period(question, context, last))


def _last(context: AnswerContext) -> Moment:
    return resolve_in_projection(context.cursor, "compliance", context.account_id, context.as_of)


def period_of(question: PeriodQuestion[Answer], context: AnswerContext) -> tuple[Period, Moment | None]:
    """And where it had to begin later than was asked. Raises ValidationError where it ends before it begins."""
    return _period(question, context, _last(context))


def _period(question: PeriodQuestion[Answer], context: AnswerContext, last: Moment) -> tuple[Period, Moment | None]:
    if question.since is None:
        return Period(last, last), None
    since = question.since.as_of(context.as_of.now)
    clipped = clipped_to(context.cursor, context.account_id, since)
    first = clipped or resolve_in_ledger(context.cursor, context.account_id, since)
    if last.position < first.position or last.at < first.at:
        raise ValidationError(
            f"The period ends before it begins: from {question.since} (position {first.position}) to "
            f"{question.as_of or 'now'} (position {last.position})."
        )
    return Period(first, last), clipped


def _results(asked: _Asked, context: AnswerContext) -> list[ControlResult]:
    account = context.own(asked.period.last.position)
    return results_of_controls(context.cursor, asked.framework, asked.period, account)


def _violations(asked: _Asked, context: AnswerContext, criteria: Sequence[CheckCriterion]) -> list[ViolationInterval]:
    """In the order of the criteria, the earliest of each first."""
    order = {each.id: number for number, each in enumerate(criteria)}
    found = violations_between(context.cursor, context.account_id, [*order], asked.period.first, asked.period.last)
    return sorted(found, key=lambda each: order[each.criterion])


def _exemptions(asked: _Asked, context: AnswerContext, controls: Sequence[Control]) -> Iterator[ReportedExemption]:
    """Those from any of these that stood in the period."""
    first, last = asked.period.first, asked.period.last
    named = {f"{asked.framework.name}/{control.id}": control.asked for control in controls}
    for each in exemptions_between(context.cursor, context.account_id, first.position, last):
        if each.ends_at > first.at and any(each.is_from(*control) for control in named.items()):
            yield each


def _shown(violations: Iterable[ViolationInterval], asked: _Asked, context: AnswerContext) -> Iterator[ShownViolation]:
    """Each with the controls that its criterion is of."""
    framework = asked.framework
    controls = defaultdict[str, list[str]](list)
    for control in framework.controls:
        for criterion in control.criteria:
            controls[criterion.id].append(control.id)
    granted = exemptions_between(context.cursor, context.account_id, 0, asked.period.last)
    exemptions = {each.id: exemptions_from(framework.name, each, granted) for each in framework.controls}
    for violation in violations:
        violated = tuple(controls[violation.criterion])
        of_holder = {
            each: [of for of in exemptions[each] if of.owner_id == violation.holder_id]
            for each in violated
            if exemptions[each]
        }
        exempt = tuple(each for each, granted in of_holder.items() if asked.period.is_exempt(violation, granted))
        yield ShownViolation(violation=violation, controls=violated, exempt=exempt)


def _criteria(framework: Framework, control_id: str | None) -> tuple[CheckCriterion, ...]:
    return framework.criteria if control_id is None else framework.control(control_id).criteria


def _filtered(
    violations: list[ViolationInterval], subject: str | None, asked: _Asked, context: AnswerContext
) -> list[ViolationInterval]:
    """Raises NoSuchEntity for a subject that there is not."""
    if subject is None:
        return violations
    first, last = asked.period.first.position, asked.period.last.position
    accounts = [context.own(position) for position in (last, first)]
    called = bearers(context.cursor, context.account_id, subject, When(first, last), (*HOLDERS, "policy"))
    return violations_of(subject, accounts, frozenset(each.entity_id for each in called), violations)


def told_framework(framework: Framework) -> ReportedFramework:
    return ReportedFramework.model_validate(framework.definition)


def told_check(check: ComplianceCheck) -> ReportedCheck:
    return ReportedCheck(
        name=check.name,
        version=check.version,
        title=check.title,
        severity=check.severity,
        rationale=check.rationale,
        remediation=check.remediation,
        parameters=check.parameters({}),
    )
