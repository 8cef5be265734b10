"""Documents that AWS does not save, through every operation that takes one."""

from typing import Any
from urllib.parse import unquote

import pytest

from domain.families.policies import InlinePolicyPut
from domain.families.users import USERS
from domain.foundation.errors import MalformedPolicyDocument
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document, trusting
from tests.services.simulations import principal

UNFIT = document(allow("iam:GetUser", f"arn:aws:iam:us-east-1:{ACCOUNT}:user/ann"))
NO_TRUST = document(trusting(f"arn:aws-cn:iam::{ACCOUNT}:root"))


@pytest.fixture(scope="module")
def endpoint() -> Endpoint:
    endpoint = Endpoint()
    endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.call(endpoint.root, "CreateGroup", GroupName="dev")
    endpoint.call(endpoint.root, "CreatePolicy", PolicyName="ours", PolicyDocument=document(allow()))
    endpoint.role("ops", trusting(ACCOUNT))
    return endpoint


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("CreatePolicy", {"PolicyName": "x", "PolicyDocument": UNFIT}),
        ("CreatePolicyVersion", {"PolicyArn": arn("policy/ours"), "PolicyDocument": UNFIT}),
        ("PutUserPolicy", {"UserName": "ann", "PolicyName": "x", "PolicyDocument": UNFIT}),
        ("PutGroupPolicy", {"GroupName": "dev", "PolicyName": "x", "PolicyDocument": UNFIT}),
        ("PutRolePolicy", {"RoleName": "ops", "PolicyName": "x", "PolicyDocument": UNFIT}),
        ("CreateRole", {"RoleName": "x", "AssumeRolePolicyDocument": NO_TRUST}),
        ("UpdateAssumeRolePolicy", {"RoleName": "ops", "PolicyDocument": NO_TRUST}),
    ],
)
def test_no_operation_saves_it(endpoint: Endpoint, operation: str, members: dict[str, Any]) -> None:
    with pytest.raises(MalformedPolicyDocument, match=r"cannot contain region information\.|Invalid principal"):
        endpoint.call(endpoint.root, operation, **members)


def test_no_session_is_bound_by_it() -> None:
    """By the policy that AssumeRole is given."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    ops = endpoint.role("ops", trusting(ACCOUNT))
    with pytest.raises(MalformedPolicyDocument, match="cannot contain region information"):
        endpoint.session(ann, RoleArn=ops, Policy=UNFIT)


def test_what_a_ledger_holds_is_served_and_evaluated() -> None:
    """A document from before is answered as it is, and decides as it did."""
    endpoint = Endpoint()
    endpoint.user("ann")
    stored = document(allow("iam:GetUser", f"arn:aws:iam:*:{ACCOUNT}:user/ann"))
    ann = endpoint.account[USERS].named("ann")
    endpoint.append(
        InlinePolicyPut(entity="user", entity_id=ann.id, entity_name="ann", policy_name="old", document=stored)
    )
    with pytest.raises(MalformedPolicyDocument):
        endpoint.call(endpoint.root, "PutUserPolicy", UserName="ann", PolicyName="old", PolicyDocument=stored)
    served = endpoint.call(endpoint.root, "GetUserPolicy", UserName="ann", PolicyName="old")
    assert unquote(str(served["PolicyDocument"])) == stored
    asked: dict[str, Any] = {"ActionNames": ["iam:GetUser"], "ResourceArns": [arn("user/ann")]}
    assert principal(endpoint, arn("user/ann"), **asked)["EvalDecision"] == "allowed"
