"""AWS Config's operations that tell compliance by rule.

https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeComplianceByConfigRule.html
"""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.compliance.frameworks import Control
from domain.compliance.resources import require_compliance
from domain.families.resource_compliance import ControlCompliance
from services.aws_config.evaluations import (
    COMPLIANT,
    INSUFFICIENT_DATA,
    NON_COMPLIANT,
    RESULTS_A_PAGE,
    ConfigMembers,
    compliance_members,
    counted,
    evaluations,
    page_key,
    result_members,
    result_types,
    verdicts,
    wanted_types,
)
from services.aws_config.managed_rules import SERVICE, control_names, on_rule, page, rules
from services.wire.operations import answers, any_resource

_COMPLIANCE = {"pass": COMPLIANT, "fail": NON_COMPLIANT, "exempt": INSUFFICIENT_DATA, "not answered": INSUFFICIENT_DATA}
"""By verdict. AWS Config knows of no rule that somebody is exempt from."""


def _compliance(found: ControlCompliance) -> str:
    """A rule that has found nothing to evaluate has no results, and is not compliant by that."""
    if found.verdict == "pass" and not any(resource.is_looked_at for resource in found.resources):
        return INSUFFICIENT_DATA
    return _COMPLIANCE[found.verdict]


@answers(
    "DescribeComplianceByConfigRule",
    service=SERVICE,
    on=any_resource,
    records="config_rule_names compliance_types next_token",
)
def describe_compliance_by_config_rule(
    account: Account,
    call: Call,
    *,
    config_rule_names: list[str] | None = None,
    compliance_types: list[str] | None = None,
    next_token: str | None = None,
) -> Outcome:
    chosen = rules(config_rule_names)
    types = wanted_types(compliance_types, (COMPLIANT, NON_COMPLIANT, INSUFFICIENT_DATA))
    asked = page("DescribeComplianceByConfigRule", config_rule_names, compliance_types, token=next_token)
    found = list(zip(chosen, verdicts(account, call, chosen), strict=True))

    def rendered(each: tuple[Control, ControlCompliance]) -> ConfigMembers:
        rule, of_rule = each
        to_blame = sum(resource.is_failing for resource in of_rule.resources)
        return {"ConfigRuleName": rule.id, "Compliance": compliance_members(_compliance(of_rule), to_blame)}

    shown = [each for each in found if _compliance(each[1]) in types]
    return Outcome(
        lambda _after: asked.of("ComplianceByConfigRules", shown, key=lambda each: each[0].id, render=rendered)
    )


@answers(
    "GetComplianceDetailsByConfigRule",
    service=SERVICE,
    on=on_rule,
    records="config_rule_name compliance_types limit next_token",
)
def get_compliance_details_by_config_rule(
    account: Account,
    call: Call,
    *,
    config_rule_name: str,
    compliance_types: list[str] | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Outcome:
    """Of a rule that looks at a part only, those that do not comply."""
    chosen = rules([config_rule_name])
    size = limit or RESULTS_A_PAGE
    asked = page("GetComplianceDetailsByConfigRule", config_rule_name, compliance_types, size=size, token=next_token)
    types = result_types(compliance_types)
    (found,) = verdicts(account, call, chosen)

    def answer(_after: Account) -> ConfigMembers:
        results = [each for each in evaluations(chosen[0], found) if each.compliance in types]
        return asked.of("EvaluationResults", results, key=page_key, render=result_members)

    return Outcome(answer)


@answers("GetComplianceSummaryByConfigRule", service=SERVICE, on=any_resource)
def get_compliance_summary_by_config_rule(account: Account, call: Call) -> Outcome:
    facts = require_compliance(account, call, control_names(rules()))
    found = [_compliance(each) for each in facts.controls]
    members = {
        "CompliantResourceCount": counted(found.count(COMPLIANT)),
        "NonCompliantResourceCount": counted(found.count(NON_COMPLIANT)),
        "ComplianceSummaryTimestamp": facts.wanted.at,
    }
    return Outcome(lambda _after: {"ComplianceSummary": members})
