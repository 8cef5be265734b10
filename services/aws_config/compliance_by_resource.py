"""AWS Config's operations that tell compliance by resource.

https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeComplianceByResource.html
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from domain.account import Account
from domain.calls import Call, Outcome
from domain.compliance.frameworks import Control
from domain.families.resource_compliance import ControlCompliance
from services.aws_config.evaluations import (
    COMPLIANT,
    INSUFFICIENT_DATA,
    NON_COMPLIANT,
    RESULTS_A_PAGE,
    ConfigMembers,
    Evaluation,
    compliance_members,
    evaluations,
    is_there,
    page_key,
    resource_types,
    result_members,
    result_types,
    verdicts,
    wanted_types,
)
from services.aws_config.managed_rules import (
    SERVICE,
    InvalidNextTokenException,
    InvalidParameterValueException,
    page,
    rules,
)
from services.wire.input_shapes import excerpt
from services.wire.operations import answers, any_resource

Verdict = tuple[Control, ControlCompliance]
Rated = tuple[str, Sequence[Evaluation]]
"""The compliance of a resource, and what each rule says of it."""


@answers(
    "DescribeComplianceByResource",
    service=SERVICE,
    on=any_resource,
    records="resource_type resource_id compliance_types limit next_token",
)
def describe_compliance_by_resource(
    account: Account,
    call: Call,
    *,
    resource_type: str | None = None,
    resource_id: str | None = None,
    compliance_types: list[str] | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Outcome:
    """A resource complies where it complies with each rule that asks anything of it: with none that looks at a part, or
    from which it is exempt."""
    if resource_id is not None and resource_type is None:
        raise InvalidParameterValueException("resourceType: expected with a resourceId.")
    asked_of = [resource_type, resource_id, compliance_types]
    asked = page("DescribeComplianceByResource", *asked_of, size=limit or RESULTS_A_PAGE, token=next_token)
    types = wanted_types(compliance_types, (COMPLIANT, NON_COMPLIANT, INSUFFICIENT_DATA))
    found = _verdicts(account, call, resource_type, resource_id)

    def rendered(each: Rated) -> ConfigMembers:
        compliance, of_resource = each
        to_blame = sum(evaluation.compliance == NON_COMPLIANT for evaluation in of_resource)
        return {
            "ResourceType": of_resource[0].resource_type,
            "ResourceId": of_resource[0].resource_id,
            "Compliance": compliance_members(compliance, to_blame),
        }

    def answer(_after: Account) -> ConfigMembers:
        evaluated = _evaluations(found, resource_type, resource_id)
        shown = [each for each in map(_rated, _by_resource(evaluated)) if each[0] in types]
        return asked.of("ComplianceByResources", shown, key=lambda each: page_key(each[1][0]), render=rendered)

    return Outcome(answer)


@answers(
    "GetComplianceDetailsByResource",
    service=SERVICE,
    on=any_resource,
    records="resource_type resource_id compliance_types next_token resource_evaluation_id",
)
def get_compliance_details_by_resource(
    account: Account,
    call: Call,
    *,
    resource_type: str | None = None,
    resource_id: str | None = None,
    compliance_types: list[str] | None = None,
    next_token: str | None = None,
    resource_evaluation_id: str | None = None,
) -> Outcome:
    if resource_evaluation_id is not None:
        raise InvalidParameterValueException("resourceEvaluationId: nothing is evaluated before it is there.")
    if resource_type is None or resource_id is None:
        raise InvalidParameterValueException("Expected resourceType and resourceId.")
    try:
        asked = page("GetComplianceDetailsByResource", resource_type, resource_id, compliance_types, token=next_token)
    except InvalidNextTokenException as error:
        # The model has no other error for it.
        raise InvalidParameterValueException(error.sentence, error.detail) from None
    types = result_types(compliance_types)
    found = _verdicts(account, call, resource_type, resource_id)

    def answer(_after: Account) -> ConfigMembers:
        evaluated = _evaluations(found, resource_type, resource_id)
        results = [each for each in evaluated if each.compliance in types]
        return asked.of("EvaluationResults", results, key=page_key, render=result_members)

    return Outcome(answer)


def _verdicts(account: Account, call: Call, resource_type: str | None, resource_id: str | None) -> list[Verdict]:
    """Of the rules that may say something of it. Raises NeedsFacts, and InvalidParameterValueException for a type of
    which no rule asks anything, or a resource that is not there: that nothing was found would not say so."""
    every = rules()
    known = resource_types(every)
    if resource_type is not None and resource_type not in known:
        raise InvalidParameterValueException(
            f"resourceType: no rule here is about {excerpt(resource_type)}; expected one of {', '.join(known)}."
        )
    if resource_type is not None and resource_id is not None and not is_there(account, resource_type, resource_id):
        raise InvalidParameterValueException(
            f"resourceId: there is no {resource_type} {excerpt(resource_id)} in account {account.id}.",
            "users, groups, roles and policies are known by their unique ids",
        )
    chosen = [rule for rule in every if resource_type is None or resource_type in resource_types([rule])]
    return list(zip(chosen, verdicts(account, call, chosen), strict=True))


def _evaluations(found: Iterable[Verdict], resource_type: str | None, resource_id: str | None) -> Iterator[Evaluation]:
    """Of the one resource, or of all of a type, or of all."""
    for rule, of_rule in found:
        for each in evaluations(rule, of_rule):
            if resource_type in {None, each.resource_type} and resource_id in {None, each.resource_id}:
                yield each


def _by_resource(found: Iterable[Evaluation]) -> Iterator[list[Evaluation]]:
    def resource(each: Evaluation) -> tuple[str, str]:
        return each.resource_type, each.resource_id

    for _, together in groupby(sorted(found, key=lambda each: (*resource(each), each.rule.id)), key=resource):
        yield list(together)


def _rated(together: list[Evaluation]) -> Rated:
    found = {each.compliance for each in together}
    if NON_COMPLIANT in found:
        return NON_COMPLIANT, together
    return COMPLIANT if found == {COMPLIANT} else INSUFFICIENT_DATA, together
