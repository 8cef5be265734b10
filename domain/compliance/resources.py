"""How the controls of a framework came out for each resource, as AWS tells compliance: users, policies, the account."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain

from domain.account import Account
from domain.calls import Call, NeedsFacts
from domain.compliance.check import ROOT
from domain.compliance.frameworks import Framework, find_framework
from domain.compliance.reports import Period, by_criterion, control_result, exemptions_from, goes_on, look_at_all
from domain.entity_kinds import entity_kinds
from domain.families.resource_compliance import (
    ACCOUNT,
    AcceptedRisk,
    ComplianceFacts,
    ComplianceQuery,
    ControlCompliance,
    ControlName,
    ResourceCompliance,
    ViolatedSpan,
)
from domain.foundation.errors import Throttling
from domain.foundation.moments import BEGINNING, Moment
from domain.read_models.compliance import ReportedExemption, ViolationInterval


def require_compliance(account: Account, call: Call, controls: Iterable[ControlName]) -> ComplianceFacts:
    """As of the call. Raises NeedsFacts as long as it is not known."""
    wanted = ComplianceQuery(account.id, account.position, call.at, tuple(controls))
    if not isinstance(call.facts, ComplianceFacts) or not call.facts.cover(wanted):
        raise NeedsFacts(wanted, unsettled=Throttling("Rate exceeded"))
    return call.facts


def chosen(controls: Sequence[ControlName]) -> Framework:
    """These controls of built-in frameworks, together. Raises NoSuchEntity."""
    found = tuple(find_framework(framework).control(control_id) for framework, control_id in controls)
    return Framework(find_framework(controls[0][0]).definition, found)


def gone_holders(account: Account, violations: Iterable[ViolationInterval]) -> set[str]:
    """Whose violations they are and who is not there."""
    there = {account.id, *chain.from_iterable(kind.by_id(account) for kind in entity_kinds().values())}
    return {each.holder_id for each in violations} - there


def compliance_of_resources(
    controls: Sequence[ControlName],
    account: Account,
    last: Moment,
    violations: Sequence[ViolationInterval],
    exemptions: Sequence[ReportedExemption],
    gone_arns: Mapping[str, str],
) -> tuple[ControlCompliance, ...]:
    """Of each control. `account` is as it was at the moment, `violations` and `exemptions` are all until then. Raises
    ViolationsDisagree."""
    framework = chosen(controls)
    looked, found = look_at_all(framework, account, last, violations), by_criterion(violations)
    going_on = by_criterion(each for each in violations if goes_on(each, last))
    told = []
    for (framework_name, _), control in zip(controls, framework.controls, strict=True):
        of_control = [each for criterion in control.criteria for each in found.get(criterion.id, ())]
        looked_at = {holder_id for criterion in control.criteria for holder_id in looked[criterion.id].holders}
        if any(criterion.check.of == (ROOT,) for criterion in control.criteria):
            looked_at.add(account.id)  # There is a root user, whatever it has.
        exempt = exemptions_from(framework_name, control, exemptions)
        result = control_result(control, Period(last, last), looked, going_on, exempt)
        resources = _resources(account, last, looked_at, of_control, exempt, gone_arns)
        told.append(ControlCompliance(result.verdict, result.reason, tuple(resources)))
    return tuple(told)


def _resources(
    account: Account,
    last: Moment,
    looked_at: set[str],
    violations: Iterable[ViolationInterval],
    exemptions: Iterable[ReportedExemption],
    gone_arns: Mapping[str, str],
) -> Iterator[ResourceCompliance]:
    by_holder = defaultdict[str, list[ViolationInterval]](list)
    for each in violations:
        by_holder[each.holder_id].append(each)
    of_owner = defaultdict[str, list[ReportedExemption]](list)
    for exemption in exemptions:
        of_owner[exemption.owner_id].append(exemption)
    for holder_id in sorted(looked_at | by_holder.keys()):
        of_holder = by_holder.get(holder_id, [])
        noun = _noun(account, holder_id)
        kind = entity_kinds().get(noun)
        if kind is None:
            id_, arn, name, made_at = account.id, account.arn("root"), ROOT, account.created_at
        elif (entity := kind.by_id(account).get(holder_id)) is not None:
            arn = holder_id if holder_id.startswith("arn:") else account.arn(entity.resource)
            id_, name, made_at = entity.id, entity.name, entity.created_at
        else:
            id_, arn, name = holder_id, gone_arns.get(holder_id, holder_id), of_holder[-1].holder_name
            made_at = None
        spans = tuple(_span(each, last, of_owner.get(holder_id, ())) for each in _together(of_holder))
        yield ResourceCompliance(noun, holder_id, id_, arn, name, made_at, holder_id in looked_at, spans)


def _noun(account: Account, holder_id: str) -> str:
    """Of who is perhaps not there any more: its id tells."""
    if holder_id == account.id:
        return ACCOUNT
    resource_type = holder_id.split(":", 5)[-1].partition("/")[0] if holder_id.startswith("arn:") else None
    for kind in entity_kinds().values():
        if kind.resource_type == resource_type or (kind.id_prefix and holder_id.startswith(kind.id_prefix)):
            return kind.noun
    raise LookupError(f"Nothing has ids such as {holder_id}.")


def _together(violations: Iterable[ViolationInterval]) -> Iterator[list[ViolationInterval]]:
    """Those that overlap or follow at once."""
    together: list[ViolationInterval] = []
    until = None
    for each in sorted(violations, key=lambda each: (each.opened.at, each.opened.position or 0)):
        if together and until is not None and until < each.opened.at:
            yield together
            together = []
        ends = None if each.closed is None else each.closed.at
        until = ends if not together or (until is not None and (ends is None or until < ends)) else until
        together.append(each)
    if together:
        yield together


def _span(together: Sequence[ViolationInterval], last: Moment, exemptions: Sequence[ReportedExemption]) -> ViolatedSpan:
    first = together[0].opened
    assert first.position is not None
    assert first.by is not None
    ends = [each.closed.at for each in together if each.closed is not None]
    until = max(ends) if len(ends) == len(together) else None
    period = Period(last if until is None else BEGINNING, last)
    is_exempt = all(period.is_exempt(each, exemptions) for each in together if until is not None or goes_on(each, last))
    return ViolatedSpan(
        subjects=tuple(sorted({each.subject_id for each in together})),
        since=first.at,
        position=first.position,
        by=first.by,
        until=until,
        accepted=_newest(exemptions, until or last.at) if is_exempt else None,
    )


def _newest(exemptions: Sequence[ReportedExemption], until: datetime) -> AcceptedRisk:
    """Of those that stood then."""
    standing = [each for each in exemptions if each.granted.at <= until <= each.ends_at]
    newest = max(standing, key=lambda each: each.granted.at)
    return AcceptedRisk(newest.reason, newest.granted.at, newest.granted.by or "", newest.until)
