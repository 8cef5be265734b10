"""What AWS Config's rules say of resources, as its answers have it.

https://docs.aws.amazon.com/config/latest/APIReference/API_EvaluationResult.html
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

from domain.account import Account
from domain.calls import Call
from domain.compliance.check import ROOT
from domain.compliance.frameworks import Control
from domain.compliance.resources import require_compliance
from domain.entity_kinds import entity_kinds
from domain.families.resource_compliance import ACCOUNT, ControlCompliance, ResourceCompliance
from domain.foundation.moments import format_rfc3339
from services.aws_config.managed_rules import InvalidParameterValueException, control_names

COMPLIANT, NON_COMPLIANT, INSUFFICIENT_DATA = "COMPLIANT", "NON_COMPLIANT", "INSUFFICIENT_DATA"
NOT_APPLICABLE = "NOT_APPLICABLE"
RESULTS_A_PAGE = 10
"""Unless a request has another limit (API Reference, GetComplianceDetailsByConfigRule)."""
CONTRIBUTORS_MAX = 25
"""That are counted (API Reference, DescribeComplianceByConfigRule and GetComplianceSummaryByConfigRule)."""
ANNOTATION_CHARACTERS_MAX = 256
_TYPES = {
    ACCOUNT: "AWS::::Account",
    ROOT: "AWS::::Account",
    "group": "AWS::IAM::Group",
    "OIDC provider": "AWS::IAM::OIDCProvider",
    "policy": "AWS::IAM::Policy",
    "role": "AWS::IAM::Role",
    "SAML provider": "AWS::IAM::SAMLProvider",
    "server certificate": "AWS::IAM::ServerCertificate",
    "user": "AWS::IAM::User",
}
"""By noun. Users, groups, roles and policies have their unique ids there; what AWS Config has taken over from
CloudFormation, the identifiers that it has there."""
ConfigMembers = dict[str, object]


def config_id(noun: str, entity_id: str, name: str) -> str:
    return name if noun == "server certificate" else entity_id


def is_there(account: Account, resource_type: str, resource_id: str) -> bool:
    """Whether the account has such a resource, by the id that AWS Config knows it by."""
    if resource_type == _TYPES[ACCOUNT]:
        return resource_id == account.id
    return any(
        config_id(noun, entity.id, entity.name) == resource_id
        for noun, kind in entity_kinds().items()
        if _TYPES.get(noun) == resource_type
        for entity in kind.by_id(account).values()
    )


class Evaluation(NamedTuple):
    """Of one resource by one rule."""

    rule: Control
    resource: ResourceCompliance
    compliance: str
    """NOT_APPLICABLE: it is exempt. INSUFFICIENT_DATA: it violates nothing of what the rule looks at, which is not
    all."""

    @property
    def resource_type(self) -> str:
        return _TYPES[self.resource.noun]

    @property
    def resource_id(self) -> str:
        return config_id(self.resource.noun, self.resource.id, self.resource.name)


def resource_types(rules: Iterable[Control]) -> list[str]:
    """Of what they evaluate."""
    return sorted({_TYPES[noun] for rule in rules for each in rule.criteria for noun in each.check.of})


def verdicts(account: Account, call: Call, rules: Sequence[Control]) -> list[ControlCompliance]:
    """Of each rule. Raises NeedsFacts."""
    return list(require_compliance(account, call, control_names(rules)).controls)


def evaluations(rule: Control, found: ControlCompliance) -> Iterator[Evaluation]:
    """Of all resources of which it asks anything."""
    otherwise = COMPLIANT if rule.definition.partly is None else INSUFFICIENT_DATA
    for resource in found.resources:
        if resource.is_failing:
            yield Evaluation(rule, resource, NON_COMPLIANT)
        elif resource.is_violating:
            yield Evaluation(rule, resource, NOT_APPLICABLE)
        elif resource.is_looked_at:
            yield Evaluation(rule, resource, otherwise)


def compliance_members(compliance: str, contributors: int) -> ConfigMembers:
    """`contributors`: how many resources or rules are to blame."""
    count = {"ComplianceContributorCount": counted(contributors)} if compliance == NON_COMPLIANT else {}
    return {"ComplianceType": compliance, **count}


def counted(number: int) -> ConfigMembers:
    return {"CappedCount": min(number, CONTRIBUTORS_MAX), "CapExceeded": number > CONTRIBUTORS_MAX}


def result_members(evaluation: Evaluation) -> ConfigMembers:
    """It was recorded when it came to be so, for each change is looked at."""
    since = evaluation.resource.since
    qualifier = {
        "ConfigRuleName": evaluation.rule.id,
        "ResourceType": evaluation.resource_type,
        "ResourceId": evaluation.resource_id,
        "EvaluationMode": "DETECTIVE",
    }
    members: ConfigMembers = {
        "EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier, "OrderingTimestamp": since},
        "ComplianceType": evaluation.compliance,
        "ResultRecordedTime": since,
        "ConfigRuleInvokedTime": since,
    }
    if evaluation.resource.is_violating:
        span = evaluation.resource.spans[-1]
        said = f"Position {span.position}, by {span.by}: {', '.join(span.subjects)}"
        if (accepted := span.accepted) is not None:
            said = f"Exempt until {format_rfc3339(accepted.until)}, by {accepted.by}: {accepted.reason}"
        members["Annotation"] = said[:ANNOTATION_CHARACTERS_MAX]
    return members


def result_types(wanted: Collection[str] | None) -> Collection[str]:
    """AWS Config has no evaluation result that says INSUFFICIENT_DATA. Raises InvalidParameterValueException where
    these are asked for."""
    return wanted_types(wanted, (COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE))


def wanted_types(wanted: Collection[str] | None, known: Sequence[str]) -> Collection[str]:
    """Raises InvalidParameterValueException for a filter by what nothing has."""
    if other := sorted(set(wanted or ()) - set(known)):
        raise InvalidParameterValueException(
            f"complianceTypes: {', '.join(other)} is no filter here; expected one of {', '.join(known)}."
        )
    return wanted or known


def page_key(evaluation: Evaluation) -> str:
    """Ids may be longer than what fits into a token."""
    digest = sha256(evaluation.resource_id.encode()).hexdigest()[:32]
    return f"{evaluation.resource_type} {digest} {evaluation.rule.id}"
