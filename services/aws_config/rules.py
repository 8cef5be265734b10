"""AWS Config's operation on the rules themselves. They are there without being put, and stay."""

from typing import TypedDict

from domain.account import Account
from domain.calls import Call, Outcome
from domain.compliance.frameworks import Control
from services.aws_config.evaluations import resource_types
from services.aws_config.managed_rules import SERVICE, input_parameters, page, rule_arn, rule_id, rules
from services.wire.operations import answers, any_resource

MODE, VISIBILITY = "DETECTIVE", "EXTERNAL"
DESCRIPTION_CHARACTERS_MAX = 256


class RuleFilters(TypedDict, total=False):
    evaluation_mode: str
    rule_evaluation_visibility: str


@answers("DescribeConfigRules", service=SERVICE, on=any_resource, records="config_rule_names filters next_token")
def describe_config_rules(
    account: Account,
    call: Call,
    *,
    config_rule_names: list[str] | None = None,
    filters: RuleFilters | None = None,
    next_token: str | None = None,
) -> Outcome:
    """All are detective, and their results can be read."""
    wanted = {"evaluation_mode": MODE, "rule_evaluation_visibility": VISIBILITY} | (filters or {})
    fits = (wanted["evaluation_mode"], wanted["rule_evaluation_visibility"]) == (MODE, VISIBILITY)
    chosen = rules(config_rule_names)
    asked = page("DescribeConfigRules", config_rule_names, filters, token=next_token)

    def rendered(control: Control) -> dict[str, object]:
        return {
            "ConfigRuleName": control.id,
            "ConfigRuleArn": rule_arn(account, call, control.id),
            "ConfigRuleId": rule_id(account, control.id),
            "Description": control.definition.title[:DESCRIPTION_CHARACTERS_MAX],
            "Scope": {"ComplianceResourceTypes": resource_types([control])},
            "Source": {"Owner": "AWS", "SourceIdentifier": control.definition.config_rule},
            "InputParameters": input_parameters(control),
            "ConfigRuleState": "ACTIVE",
            "EvaluationModes": [{"Mode": MODE}],
            "RuleEvaluationVisibility": VISIBILITY,
        }

    shown = chosen if fits else []
    return Outcome(lambda _after: asked.of("ConfigRules", shown, key=lambda each: each.id, render=rendered))
