"""How the controls of a framework came out, at a moment or throughout a period."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from domain.account import Account
from domain.compliance.check import CheckCriterion, holders
from domain.compliance.frameworks import Control, Framework
from domain.compliance.intervals import Violation
from domain.foundation.moments import Moment
from domain.read_models.compliance import ControlResult, ControlVerdict, Exposure, ReportedExemption, ViolationInterval

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

    def turned(self, violation: ViolationInterval) -> bool:
        """Whether it has opened or closed behind the beginning."""
        opened, closed = violation.opened, violation.closed
        is_new = opened.at > self.first.at if violation.by_time else (opened.position or 0) > self.first.position
        if is_new or closed is None:
            return is_new
        return closed.at > self.first.at if closed.position is None else closed.position > self.first.position

    def span(self, violation: ViolationInterval) -> tuple[datetime, datetime]:
        """When it began and ended in the period; of a single moment, the time until then."""
        begins = violation.opened.at if self.first == self.last else max(violation.opened.at, self.first.at)
        ends = self.last.at if violation.closed is None else min(violation.closed.at, self.last.at)
        return begins, max(begins, ends)

    def is_exempt(self, violation: ViolationInterval, exemptions: Sequence[ReportedExemption]) -> bool:
        """Whether it was so for as long as it lay in the period; at a single moment, there."""
        begins, ends = self.span(violation)
        reached = ends if self.first == self.last else begins
        for exemption in sorted(exemptions, key=lambda each: each.granted.at):
            if exemption.granted.at <= reached < exemption.ends_at:
                reached = exemption.ends_at
        has_ended = violation.closed is not None and violation.closed.at <= self.last.at
        return reached > ends or (reached == ends and has_ended and begins < ends)

    def exposure(self, violation: ViolationInterval, exemptions: Sequence[ReportedExemption] = ()) -> timedelta:
        """How long it went on in the period without being exempt; of a single moment, until then."""
        begins, ends = self.span(violation)
        spent = timedelta()
        for exemption in sorted(exemptions, key=lambda each: each.granted.at):
            granted_at = min(max(exemption.granted.at, begins), ends)
            spent += granted_at - begins
            begins = max(granted_at, min(exemption.ends_at, ends))
        return spent + (ends - begins)


@dataclass(frozen=True, slots=True)
class Looked:
    """At one criterion, at one moment."""

    subjects: int
    violating: frozenset[str]
    holders: frozenset[str]
    """The ids of those that have any of the subjects."""


def look(criterion: CheckCriterion, account: Account, at: datetime) -> Looked:
    found = [
        (holder_id, finding)
        for noun in criterion.check.of
        for holder_id in holders(account, noun)
        for finding in criterion.findings(account, holder_id)
    ]
    violating = frozenset(finding.subject_id for _, finding in found if finding.is_violated(at))
    return Looked(len(found), violating, frozenset(holder_id for holder_id, _ in found))


def look_at_all(
    framework: Framework, account: Account, last: Moment, violations: Iterable[ViolationInterval]
) -> dict[str, Looked]:
    """By criterion. Raises ViolationsDisagree where the violations that go on then are not what the account's value
    says."""
    told = defaultdict[str, set[str]](set)
    for each in violations:
        if goes_on(each, last):
            told[each.criterion].add(each.subject_id)
    looked = {each.id: look(each, account, last.at) for each in framework.criteria}
    for criterion_id, of_criterion in looked.items():
        if told[criterion_id] != of_criterion.violating:
            differ = sorted(told[criterion_id] ^ of_criterion.violating)
            raise ViolationsDisagree(
                f"The tables of violations and the ledger of {account.id} do not agree on {criterion_id} at position "
                f"{last.position}, about {', '.join(differ[:3])}: no verdict can be told. Rebuild them with "
                "`muniment rebuild compliance`."
            )
    return looked


def control_results(
    framework: Framework,
    period: Period,
    account: Account,
    violations: Sequence[ViolationInterval],
    exemptions: Sequence[ReportedExemption] = (),
) -> list[ControlResult]:
    """`account` is as it was at the period's end, `violations` are all in it of the framework's criteria, and
    `exemptions` all of the account until then. Raises ViolationsDisagree."""
    looked, found = look_at_all(framework, account, period.last, violations), by_criterion(violations)
    return [
        control_result(control, period, looked, found, exemptions_from(framework.name, control, exemptions))
        for control in framework.controls
    ]


def by_criterion(violations: Iterable[ViolationInterval]) -> Mapping[str, Sequence[ViolationInterval]]:
    found = defaultdict[str, list[ViolationInterval]](list)
    for violation in violations:
        found[violation.criterion].append(violation)
    return found


def exemptions_from(
    framework_name: str, control: Control, exemptions: Sequence[ReportedExemption]
) -> list[ReportedExemption]:
    """Those from the control as it is here, in the order in which they were granted."""
    return [each for each in exemptions if each.is_from(f"{framework_name}/{control.id}", control.asked)]


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


def control_result(
    control: Control,
    period: Period,
    looked: Mapping[str, Looked],
    found: Mapping[str, Sequence[ViolationInterval]],
    exemptions: Sequence[ReportedExemption],
) -> ControlResult:
    criteria = {each.id: each for each in control.criteria}
    of_holder = defaultdict[str, list[ReportedExemption]](list)
    for exemption in exemptions:
        of_holder[exemption.owner_id].append(exemption)
    violations, exempt = [], 0
    spent = defaultdict[str, timedelta](timedelta)
    for each in chain.from_iterable(found.get(criterion_id, ()) for criterion_id in criteria):
        if period.is_exempt(each, of_holder.get(each.holder_id, ())):
            exempt += 1
            continue
        violations.append(each)
        spent[criteria[each.criterion].check.exposure] += period.exposure(each, of_holder.get(each.holder_id, ()))
    definition = control.definition
    unanswered = definition.not_answered
    if unanswered is None and definition.partly is not None:
        unanswered = f"Nothing violates the part that is looked at. {definition.partly}"
    return ControlResult(
        control_id=control.id,
        title=definition.title,
        severity=control.severity,
        verdict=_verdict(bool(violations), bool(exempt), unanswered is None),
        reason=None if violations else unanswered,
        partly=definition.partly,
        criteria=tuple(criteria),
        subjects=sum(looked[each].subjects for each in criteria),
        violating=sum(len(looked[each].violating) for each in criteria),
        violations=len(violations),
        exempt=exempt,
        first_violated_at=min((each.opened.at for each in violations), default=None),
        exposure=tuple(
            Exposure.model_validate({"unit": unit, "amount": round(time / DAY, 3)})
            for unit, time in sorted(spent.items())
        ),
    )


def _verdict(is_violated: bool, is_exempt: bool, is_answered: bool) -> ControlVerdict:  # noqa: FBT001
    if is_violated:
        return "fail"
    if not is_answered:
        return "not answered"
    return "exempt" if is_exempt else "pass"
