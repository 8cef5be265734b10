"""Access Analyzer's custom policy checks: what policies grant, by comparing the sets of requests that they let through
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-custom-policy-checks.html, docs/adr/0060).

AWS's model takes their documents for sensitive: they are not recorded."""

from collections.abc import Iterable, Mapping, Sequence

from domain.account import Account
from domain.calls import Call, NeedsFacts, Outcome
from domain.foundation.errors import InvalidParameterException, Throttling
from domain.policy import PolicyType
from domain.policy.comparison import (
    AccessCheck,
    NewAccessCheck,
    PolicyCheck,
    PolicyCheckFacts,
    PublicAccessCheck,
    WitnessedGrant,
)
from services.wire.operations import answers, any_resource

_TYPES = {"IDENTITY_POLICY": PolicyType.IDENTITY, "RESOURCE_POLICY": PolicyType.RESOURCE}


@answers("CheckNoNewAccess", service="access-analyzer", on=any_resource, records="policy_type")
def check_no_new_access(
    _account: Account, call: Call, *, new_policy_document: str, existing_policy_document: str, policy_type: str
) -> Outcome:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoNewAccess.html"""
    check = NewAccessCheck(_TYPES[policy_type], new_policy_document, existing_policy_document)
    return _answered(
        call,
        check,
        passed="The modified permissions do not grant new access compared to your existing policy.",
        failed="The modified permissions grant new access compared to your existing policy.",
        reason="New access in the statement with index: {}.",
    )


@answers("CheckAccessNotGranted", service="access-analyzer", on=any_resource, records="access policy_type")
def check_access_not_granted(
    _account: Account,
    call: Call,
    *,
    policy_document: str,
    access: Sequence[Mapping[str, Sequence[str]]],
    policy_type: str,
) -> Outcome:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckAccessNotGranted.html"""
    if not access:
        raise InvalidParameterException("Invalid access: expected an action or a resource.")
    asked = access[0]
    actions, resources = tuple(asked.get("actions", ())), tuple(asked.get("resources", ()))
    return _answered(
        call,
        AccessCheck(_TYPES[policy_type], policy_document, actions, resources),
        passed="The policy document does not grant access to perform the listed actions or resources.",
        failed="The policy document grants access to perform one or more of the listed actions or resources.",
        reason="One or more of the listed actions or resources in the statement with index: {}.",
    )


@answers("CheckNoPublicAccess", service="access-analyzer", on=any_resource, records="resource_type")
def check_no_public_access(_account: Account, call: Call, *, policy_document: str, resource_type: str) -> Outcome:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoPublicAccess.html"""
    kind = PolicyType.TRUST if resource_type == "AWS::IAM::AssumeRolePolicyDocument" else PolicyType.RESOURCE
    return _answered(
        call,
        PublicAccessCheck(kind, policy_document),
        passed="The resource policy does not grant public access for the given resource type.",
        failed="The resource policy grants public access for the given resource type.",
        reason="Public access granted in the following statement with index: {}.",
    )


def _answered(call: Call, check: PolicyCheck, *, passed: str, failed: str, reason: str) -> Outcome:
    """Once it was compared beside the round. Raises NeedsFacts."""
    if not isinstance(call.facts, PolicyCheckFacts):
        raise NeedsFacts(check, unsettled=Throttling("The policies could not be compared in time."))
    found = call.facts.comparison
    answer: dict[str, object] = {
        "result": "PASS" if found.passes else "FAIL",
        "message": passed if found.passes else failed,
        "reasons": [_reason(grant, reason) for grant in found.grants],
    }
    return Outcome(lambda _after: answer)


def _reason(grant: WitnessedGrant, sentence: str) -> dict[str, object]:
    statement = grant.statement
    told: dict[str, object] = {
        "description": f"{sentence.format(statement.index)} (Such as {_phrase(grant)}.)",
        "statementIndex": statement.index,
    }
    return told | ({"statementId": statement.sid} if statement.sid else {})


def _phrase(grant: WitnessedGrant) -> str:
    """The request, for people. Whom a policy is attached to, it does not tell."""
    request = grant.request
    told = f"{request.action} on {request.resource}"
    if grant.statement.principals is not None:
        told += f" by {'anybody, without a signature' if request.principal is None else request.principal.arn}"
    values = [f"{key} {_listed(each)}" for key, each in sorted(request.context.items())]
    return f"{told}, with {' and '.join(values)}" if values else told


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)
