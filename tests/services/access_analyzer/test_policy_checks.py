"""The custom policy checks, as boto3 has them; what is compared, tests/domain/policy/test_comparison.py tells."""

import json
from typing import Any

import pytest

from domain.foundation.errors import AccessDenied, InvalidParameterException, Refusal, UnprocessableEntityException
from domain.policy.decode import TEXT_CHARACTERS_MAX
from tests.services.endpoint import Endpoint, allow, document, trusting

READ, WRITE = document(allow("s3:Get*")), document(allow("s3:Get*"), allow("s3:Put*", Sid="Write"))
TRUST = "AWS::IAM::AssumeRolePolicyDocument"


def new_access(new: str, existing: str, policy_type: str = "IDENTITY_POLICY", **asked: Any) -> dict[str, Any]:
    endpoint = asked.get("endpoint") or Endpoint()
    return endpoint.call(
        asked.get("by", endpoint.root),
        "CheckNoNewAccess",
        newPolicyDocument=new,
        existingPolicyDocument=existing,
        policyType=policy_type,
    )


def granted(text: str, *access: dict[str, list[str]]) -> dict[str, Any]:
    endpoint = Endpoint()
    return endpoint.call(
        endpoint.root, "CheckAccessNotGranted", policyDocument=text, access=list(access), policyType="IDENTITY_POLICY"
    )


def public(text: str, resource_type: str) -> dict[str, Any]:
    endpoint = Endpoint()
    return endpoint.call(endpoint.root, "CheckNoPublicAccess", policyDocument=text, resourceType=resource_type)


def test_new_access_is_told_by_statement() -> None:
    """With the statement's index and Sid, and a request that shows it."""
    answer = new_access(WRITE, READ)
    assert answer["result"] == "FAIL"
    assert answer["message"] == "The modified permissions grant new access compared to your existing policy."
    (reason,) = answer["reasons"]
    assert (reason["statementIndex"], reason["statementId"]) == (1, "Write")
    assert reason["description"].startswith("New access in the statement with index: 1. (Such as s3:put")
    passed = new_access(READ, WRITE)
    assert (passed["result"], passed["reasons"]) == ("PASS", [])


def test_a_trust_policy_is_a_resource_policy() -> None:
    """By its having no resources: it comes with no type of its own."""
    one, other = document(trusting("111122223333")), document(trusting("111122223333"), trusting("444455556666"))
    assert new_access(one, other, "RESOURCE_POLICY")["result"] == "PASS"
    (reason,) = new_access(other, one, "RESOURCE_POLICY")["reasons"]
    assert reason["statementIndex"] == 1
    assert "by arn:aws:iam::444455556666:" in reason["description"]


def test_access_is_granted_by_any_of_what_is_listed() -> None:
    """Actions on any resource, any action on resources, or both; wildcards in either."""
    text = document(allow("s3:Get*", "arn:aws:s3:::a/*"))
    for access, result in (
        ({"actions": ["s3:PutObject", "S3:getobject"]}, "FAIL"),
        ({"actions": ["s3:Put*", "iam:*"]}, "PASS"),
        ({"resources": ["arn:aws:s3:::a/b"]}, "FAIL"),
        ({"resources": ["arn:aws:s3:::b/*"]}, "PASS"),
        ({"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/*", "arn:aws:s3:::a/*"]}, "FAIL"),
        ({"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::a/*"]}, "PASS"),
    ):
        assert granted(text, access)["result"] == result, access


def test_the_public() -> None:
    """Of a role and of a bucket, whose grammars differ."""
    everybody: dict[str, object] = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
    (reason,) = public(document(everybody), TRUST)["reasons"]
    assert reason["description"].startswith("Public access granted in the following statement with index: 0.")
    assert public(document(trusting("111122223333")), TRUST)["result"] == "PASS"
    bucket = {**everybody, "Action": "s3:GetObject", "Resource": "*"}
    fixed = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}
    assert public(document(bucket), "AWS::S3::Bucket")["result"] == "FAIL"
    assert public(document({**bucket, **fixed}), "AWS::S3::Bucket")["result"] == "PASS"
    with pytest.raises(InvalidParameterException, match="Invalid policy document"):
        public(document(bucket), TRUST)


def test_what_cannot_be_told_is_an_error() -> None:
    """Neither PASS nor FAIL, with the statement and the reason, and recorded as refused."""
    unclear: dict[str, Any] = {"Condition": {"StringLike": {"a:b": "1*"}, "NumericLessThan": {"a:b": "-5"}}}
    told = r"\(statement 0: conditions compare a:b as values of different types; statement 1: .*; and 1 more\)"
    with pytest.raises(UnprocessableEntityException, match=f"It cannot be told what the policy grants. {told}"):
        new_access(document(*(allow(f"s3:{each}", **unclear) for each in range(9))), READ)


@pytest.mark.parametrize(
    ("text", "access", "told"),
    [
        ("{", {"actions": ["s3:*"]}, "Invalid policy document: This policy contains invalid Json"),
        (json.dumps({"Statement": []}), {"actions": ["s3:*"]}, "Invalid policy document"),
        (READ, {"actions": ["everything"]}, "Invalid access: Actions/Conditions must be prefaced by a vendor"),
        (READ, {"resources": ["bucket"]}, "Invalid access: Resource bucket must be in ARN format"),
        (READ, {}, "expected an action or a resource"),
        (READ, {"actions": ["s3:*"] * 101}, "less than or equal to 100"),
        (" " * (TEXT_CHARACTERS_MAX + 1), {"actions": ["s3:*"]}, "less than or equal to 131072"),
    ],
)
def test_what_is_refused(text: str, access: dict[str, list[str]], told: str) -> None:
    """The document and the access are told apart."""
    with pytest.raises(Refusal, match=told):
        granted(text, access)


def test_who_may() -> None:
    """By the action of the same name; a check changes nothing."""
    endpoint = Endpoint()
    by = endpoint.user("checker", allow("access-analyzer:CheckNoNewAccess"))
    assert new_access(READ, WRITE, endpoint=endpoint, by=by)["result"] == "PASS"
    with pytest.raises(AccessDenied, match="access-analyzer:CheckNoPublicAccess"):
        endpoint.call(by, "CheckNoPublicAccess", policyDocument=READ, resourceType="AWS::S3::Bucket")
