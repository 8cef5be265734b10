"""How the controls of a framework came out, at a moment or throughout a period."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.account import Account
from domain.compliance.check import CheckCriterion, holders
from domain.compliance.frameworks import Control, Framework
from domain.compliance.intervals import Violation
from domain.foundation.moments import Moment
from domain.read_models.compliance import ControlResult, Exposure, ViolationInterval

DAY = timedelta(days=1)


class ViolationsDisagree(Exception):  # noqa: N818  reads as the verdict that it is
    """The tables say other than the ledger: no verdict is told."""


@dataclass(frozen=True, slots=True)
class Period:
    """From one moment to another, both in it; of a single moment both are the same."""

    first: Moment
    last: Moment

    def contains(self, violation: Violation) -> bool:
        """Whether some of it lies in the period."""
        if violation.from_position > self.last.position or violation.from_at > self.last.at:
            return False
        if violation.to_position is not None:
            return violation.to_position > self.first.position
        return violation.ends_at is None or violation.ends_at > self.first.at

    def exposure(self, violation: ViolationInterval) -> timedelta:
        """How long it went on in the period; of a single moment, until then."""
        begins = violation.opened.at if self.first == self.last else max(violation.opened.at, self.first.at)
        ends = self.last.at if violation.closed is None else min(violation.closed.at, self.last.at)
        return max(ends - begins, timedelta())


@dataclass(frozen=True, slots=True)
class Looked:
    """At one criterion, at one moment."""

    subjects: int
    violating: frozenset[str]


def look(criterion: CheckCriterion, account: Account, at: datetime) -> Looked:
    findings = [
        finding
        for noun in criterion.check.of
        for holder_id in holders(account, noun)
        for finding in criterion.findings(account, holder_id)
    ]
    return Looked(len(findings), frozenset(each.subject_id for each in findings if each.is_violated(at)))


def control_results(
    framework: Framework, period: Period, account: Account, violations: Iterable[ViolationInterval]
) -> list[ControlResult]:
    """`account` is as it was at the period's end, and `violations` are all in it of the framework's criteria. Raises
    ViolationsDisagree where those that go on at the end are not what the account's value says."""
    found = defaultdict[str, list[ViolationInterval]](list)
    for violation in violations:
        found[violation.criterion].append(violation)
    looked = {each.id: look(each, account, period.last.at) for each in framework.criteria}
    for criterion_id, of_criterion in looked.items():
        told = {each.subject_id for each in found[criterion_id] if goes_on(each, period.last)}
        if told != of_criterion.violating:
            differ = sorted(told ^ of_criterion.violating)
            raise ViolationsDisagree(
                f"The tables of violations and the ledger of {account.id} do not agree on {criterion_id} at position "
                f"{period.last.position}, about {', '.join(differ[:3])}: no verdict can be told. Rebuild them with "
                "`muniment rebuild compliance`."
            )
    return [_result(control, period, looked, found) for control in framework.controls]


def goes_on(violation: ViolationInterval, moment: Moment) -> bool:
    """Whether it has begun, and not ended, at the moment."""
    closed = violation.closed
    if violation.opened.position is None or violation.opened.position > moment.position:
        return False
    if violation.opened.at > moment.at:
        return False
    if closed is None:
        return True
    return closed.at > moment.at if closed.position is None else closed.position > moment.position


def _result(
    control: Control, period: Period, looked: Mapping[str, Looked], found: Mapping[str, Sequence[ViolationInterval]]
) -> ControlResult:
    criteria = {each.id: each for each in control.criteria}
    violations = [each for criterion_id in criteria for each in found.get(criterion_id, ())]
    spent = defaultdict[str, timedelta](timedelta)
    for each in violations:
        spent[criteria[each.criterion].check.exposure] += period.exposure(each)
    definition = control.definition
    unanswered = definition.not_answered
    if unanswered is None and definition.partly is not None:
        unanswered = f"Nothing violates the part that is looked at. {definition.partly}"
    return ControlResult(
        control_id=control.id,
        title=definition.title,
        severity=control.severity,
        verdict="fail" if violations else "pass" if unanswered is None else "not answered",
        reason=None if violations else unanswered,
        partly=definition.partly,
        criteria=tuple(criteria),
        subjects=sum(looked[each].subjects for each in criteria),
        violating=sum(len(looked[each].violating) for each in criteria),
        violations=len(violations),
        first_violated_at=min((each.opened.at for each in violations), default=None),
        exposure=tuple(
            Exposure.model_validate({"unit": unit, "amount": round(time / DAY, 3)})
            for unit, time in sorted(spent.items())
        ),
    )
