"""Compliance: whether the controls of a framework held, at a moment or throughout a period, and who violated them."""

from abc import ABC
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from domain.foundation.moments import Moment, NamedMoment
from domain.read_models.compliance import (
    ControlResult,
    ReportedCheck,
    ReportedExemption,
    ReportedFramework,
    ViolationInterval,
)
from services.api.contract.question import Answer, HistoricalQuestion, MomentText, NameText, Page, Text
from services.api.contract.time_span import Occurrence

VIOLATIONS_MAX = 1_000
RulesText = Annotated[str, Field(min_length=1, max_length=65_536)]
A_co = TypeVar("A_co", bound=Answer, covariant=True)


class PeriodQuestion(HistoricalQuestion[A_co], ABC, Generic[A_co]):
    """About one moment, or with `since` about all from that one to the other."""

    since: MomentText | None = None
    """Where the period begins that ends `as_of`; not given, only that moment is looked at."""

    @property
    def moment(self) -> NamedMoment | None:
        """Whoever asks about a period asks about the past."""
        named = super().moment
        return NamedMoment.parse("now") if named is None and self.since is not None else named


class ComplianceQuestion(PeriodQuestion[A_co], ABC, Generic[A_co]):
    """About the controls of a framework."""

    framework: Text
    """Its name: ListComplianceFrameworks lists them."""


class ComplianceReport(Answer):
    account_id: str
    framework: ReportedFramework
    since: Moment
    """Equal to `until` where one moment is looked at."""
    clipped_to: Moment | None
    """Where the account began, if the period was to begin before: it begins there."""
    until: Moment
    controls: tuple[ControlResult, ...]
    """A control is passed only where all that it is about was looked at, and nothing violated it in the period."""
    exemptions: tuple[ReportedExemption, ...]
    """From the framework's controls, that stood in the period."""


class GetComplianceReport(ComplianceQuestion[ComplianceReport]):
    """How each control of a framework came out: pass, fail or not answered, with the violations counted and the time
    that they lasted."""

    path = "/v1/compliance/report"
    resource = "compliance"


class ShownViolation(Answer):
    violation: ViolationInterval
    controls: tuple[str, ...]
    """The framework's controls that it violates."""
    exempt: tuple[str, ...]
    """Those of them from which it was exempt for as long as it lay in the period."""


class ViolationsPage(Page):
    since: Moment
    clipped_to: Moment | None
    until: Moment
    violations: tuple[ShownViolation, ...]


class ListViolations(ComplianceQuestion[ViolationsPage]):
    """The violations of a framework's controls, by criterion, the earliest first: who, from which change to which."""

    path = "/v1/compliance/violations"
    resource = "compliance"

    control: Text | None = None
    """Only of this control, by its id."""
    subject: NameText | None = None
    """Only of this subject, or whoever holds it, by id, ARN or name."""
    turned: bool = False
    """Only those that have opened or closed behind `since`."""
    limit: Annotated[int, Field(ge=1, le=VIOLATIONS_MAX)] = VIOLATIONS_MAX
    marker: Text | None = None


class ExplainedViolation(Answer):
    violation: ViolationInterval
    opened: Occurrence
    """The change that began it; where it began by time, the one that it rests on."""
    closed: Occurrence | None


class ExplainedCriterion(Answer):
    criterion: str
    check: ReportedCheck
    subjects: int
    """Looked at, at the end of the period."""
    violating: tuple[str, ...]
    """The ids of those that violate it there: the first hundred."""
    violations: tuple[ExplainedViolation, ...]
    """The newest hundred."""
    violations_in_all: int


class ComplianceExplanation(Answer):
    account_id: str
    framework: ReportedFramework
    since: Moment
    until: Moment
    control: ControlResult
    """Of everybody, whichever subject is asked about."""
    exemptions: tuple[ReportedExemption, ...]
    """From the control, that stood in the period."""
    criteria: tuple[ExplainedCriterion, ...]


class ExplainCompliance(ComplianceQuestion[ComplianceExplanation]):
    """Why a control came out as it did: what is looked at, who violates it, and the events behind that."""

    path = "/v1/compliance/controls/{control}"
    resource = "compliance"

    control: Text
    subject: NameText | None = None
    """Only of this subject, or whoever holds it, by id, ARN or name."""


class ComplianceTrial(Answer):
    account_id: str
    framework: ReportedFramework
    """As it was given."""
    since: Moment
    clipped_to: Moment | None
    until: Moment
    controls: tuple[ControlResult, ...]
    against: tuple[ControlResult, ...] | None
    """How the controls of the framework to compare with came out, over the same time."""
    violations: tuple[ShownViolation, ...]
    """The first thousand, by criterion."""
    violations_in_all: int


class TryFramework(PeriodQuestion[ComplianceTrial]):
    """What rules that nobody has adopted would have found: a framework of one's own, or a lifecycle profile. The
    account's changes are read from the beginning; nothing is kept."""

    method = "POST"
    path = "/v1/compliance/trial"
    resource = "compliance"

    against: Text | None = None
    """The framework to compare with, by name; not given, the one of the same name, if there is one."""
    rules: RulesText
    """A framework as TOML or JSON, or the JSON of a lifecycle profile."""
