"""Access Analyzer's validation of policies: what the linter finds in a document, a page at a time."""

import re
from hashlib import sha256

from domain.account import Account
from domain.calls import Call, Outcome
from domain.foundation.errors import constraint_violation
from domain.policy import Finding, Path, PolicyType, Position, Positions, lint, positions
from services.api.action_catalogue import CATALOGUE
from services.wire.operations import answers, any_resource
from services.wire.pagination import decode_token, encode_token

FINDINGS_A_PAGE_MAX = 100
"""AWS names no limit. A caller who wants more at once gets so many, and a token for the rest, as the API has it."""

_TYPES = {
    "IDENTITY_POLICY": PolicyType.IDENTITY,
    "RESOURCE_POLICY": PolicyType.RESOURCE,
    "SERVICE_CONTROL_POLICY": PolicyType.SCP,
    "RESOURCE_CONTROL_POLICY": PolicyType.RCP,
}
_TRUST_POLICY = "AWS::IAM::AssumeRolePolicyDocument"
_INDEX = re.compile("[0-9]{1,6}")


@answers(
    "ValidatePolicy",
    service="access-analyzer",
    on=any_resource,
    records="locale max_results next_token policy_document policy_type validate_policy_resource_type",
)
def validate_policy(
    account: Account,
    _call: Call,
    *,
    policy_document: str,
    policy_type: str,
    locale: str | None = None,  # noqa: ARG001  findings are worded in English, whatever language is asked for
    max_results: int | None = None,
    next_token: str | None = None,
    validate_policy_resource_type: str | None = None,
) -> Outcome:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html

    A malformed document is no refusal: that it is malformed is what was found.
    """
    if max_results is not None and max_results < 1:
        raise constraint_violation("maxResults", "Member must have value greater than or equal to 1")
    kind = _type(policy_type, validate_policy_resource_type)
    listed = sha256(f"{kind} {policy_document}".encode()).hexdigest()
    begin = 0 if next_token is None else _index_of_token(next_token, listed)
    end = begin + min(max_results or FINDINGS_A_PAGE_MAX, FINDINGS_A_PAGE_MAX)

    def answer(_after: Account) -> dict[str, object]:
        found = lint(policy_document, kind, CATALOGUE, account.partition)
        where = positions(policy_document)
        page: dict[str, object] = {"findings": [_finding(finding, where) for finding in found[begin:end]]}
        return page | ({"nextToken": encode_token(listed, str(end))} if end < len(found) else {})

    return Outcome(answer)


def _type(policy_type: str, resource_type: str | None) -> PolicyType:
    """Of the resource types only a role's trust policy has a grammar of its own."""
    if resource_type is not None and policy_type != "RESOURCE_POLICY":
        raise constraint_violation(
            "validatePolicyResourceType", "Member must be null unless policyType is RESOURCE_POLICY"
        )
    return PolicyType.TRUST if resource_type == _TRUST_POLICY else _TYPES[policy_type]


def _index_of_token(token: str, listed: str) -> int:
    """Of the first finding behind those that were shown. Raises ValidationError for a token of another document."""
    try:
        index = decode_token(token, listed)
    except ValueError:
        index = ""
    if not _INDEX.fullmatch(index):
        raise constraint_violation("nextToken", "Member must be a token of this policy document and type")
    return int(index)


def _finding(finding: Finding, where: Positions) -> dict[str, object]:
    return {
        "findingType": finding.type.value,
        "issueCode": finding.code,
        "findingDetails": finding.message,
        "learnMoreLink": finding.learn_more,
        "locations": [_location(finding.path, where)],
    }


def _location(path: Path, where: Positions) -> dict[str, object]:
    span = where.span_of(path)
    return {
        "path": [{"index": part} if isinstance(part, int) else {"value": part} for part in path],
        "span": {"start": _position(span.start), "end": _position(span.end)},
    }


def _position(place: Position) -> dict[str, object]:
    return {"line": place.line, "column": place.column, "offset": place.offset}
