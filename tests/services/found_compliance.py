"""What a server finds in tables about compliance, out of the entries of a ledger."""

from collections.abc import Iterator, Sequence

from domain.account import Account, FoldStep, evolve
from domain.compliance.finding_changes import Criteria
from domain.compliance.intervals import shown, violations
from domain.compliance.reports import Period
from domain.compliance.resources import chosen, compliance_of_resources
from domain.entity_kinds import entity_kinds
from domain.families.resource_compliance import ComplianceFacts, ComplianceQuery
from domain.foundation.events import Change, Entry
from domain.foundation.moments import BEGINNING, Moment


def found_compliance(entries: Sequence[Entry], wanted: ComplianceQuery) -> ComplianceFacts:
    """Nobody is exempt from anything there."""
    framework, last = chosen(wanted.controls), Moment(wanted.position, wanted.at)
    steps = list(_steps(entries[: wanted.position], Account(wanted.account_id)))
    period = Period(BEGINNING, last)
    begun = [each for each in violations(Criteria(framework.criteria), steps) if period.contains(each)]
    found = sorted((shown(each, last) for each in begun), key=lambda each: each.opened.position or 0)
    arns = {
        holder_id: account.arn(entity.resource)
        for _, _, account in steps
        for noun in ("user", "group", "role")
        for holder_id, entity in entity_kinds()[noun].by_id(account).items()
    }
    return ComplianceFacts(wanted, compliance_of_resources(wanted.controls, steps[-1][2], last, found, (), arns))


def _steps(entries: Sequence[Entry], account: Account) -> Iterator[FoldStep]:
    for entry in entries:
        if isinstance(entry.event, Change):
            after = evolve(account, entry)
            yield account, entry, after
            account = after
