"""The ways to more permissions that the linter finds."""

import json
from typing import Any

import pytest

from domain.policy import FindingType, PolicyType, lint
from domain.policy.lint.escalation import DENIED_MAX
from domain.policy.positions import Path
from tests.domain.policy.catalogue import CATALOGUE

OWN = "arn:aws:iam::123456789012:user/${aws:username}"
ACTION: Path = ("Statement", 0, "Action")


def allow(action: object, resource: object = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: object, resource: object = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def when(operator: str, key: str, value: str) -> dict[str, Any]:
    return {"Condition": {operator: {key: value}}}


def said(*statements: dict[str, Any], policy_type: PolicyType = PolicyType.IDENTITY) -> list[tuple[str, Path, str]]:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    found = [
        finding
        for finding in lint(text, policy_type, CATALOGUE)
        if finding.code in {"FULL_ADMINISTRATOR", "PRIVILEGE_ESCALATION"}
    ]
    assert all(finding.type is FindingType.SECURITY_WARNING and not finding.refused for finding in found)
    return [(finding.code, finding.path, finding.message) for finding in found]


@pytest.mark.parametrize(
    ("statement", "actions"),
    [
        (allow("iam:CreatePolicyVersion"), ["CreatePolicyVersion"]),
        (allow("iam:setdefaultpolicyversion", "arn:aws:iam::123456789012:policy/*"), ["SetDefaultPolicyVersion"]),
        (allow("iam:CreateAccessKey", "arn:aws:iam::*:user/*"), ["CreateAccessKey"]),
        (allow("iam:*LoginProfile"), ["CreateLoginProfile", "UpdateLoginProfile"]),
        (allow("iam:Attach*", "arn:aws:iam::*:*"), ["AttachUserPolicy", "AttachGroupPolicy", "AttachRolePolicy"]),
        (allow("iam:Put?serPolicy", "arn:aws:iam"), ["PutUserPolicy"]),
        (allow("iam:*", "arn:aws:iam::123456789012:group/*"), ["AttachGroupPolicy", "PutGroupPolicy", "and 3 more"]),
        (allow("iam:AddUserToGroup", "arn:aws:iam::123456789012:group/Administrators"), ["AddUserToGroup"]),
        (allow("iam:UpdateAssumeRolePolicy", ["arn:aws:iam::*:role/ci", "*"]), ["UpdateAssumeRolePolicy"]),
        (allow("iam:DeleteRolePermissionsBoundary"), ["DeleteRolePermissionsBoundary"]),
        (allow("sts:AssumeRole", **when("Bool", "aws:MultiFactorAuthPresent", "true")), ["AssumeRole"]),
        (allow(["iam:PassRole", "lambda:CreateFunction"]), ["iam:PassRole on *", "by lambda:CreateFunction"]),
        ({"Effect": "Allow", "Action": "iam:PutUserPolicy", "NotResource": "arn:aws:s3:::*"}, ["PutUserPolicy"]),
        (allow("iam:PutUserPolicy", OWN), ["PutUserPolicy"]),
        (allow("iam:AttachRolePolicy", **when("ArnNotEquals", "iam:PolicyARN", "a")), ["AttachRolePolicy"]),
        (allow("iam:AttachRolePolicy", **when("ArnLike", "iam:PolicyARN", "*")), ["AttachRolePolicy"]),
        (allow("iam:AttachRolePolicy", **when("ArnLike", "iam:PolicyARN", "arn:aws:iam::aws:*")), ["AttachRolePolicy"]),
        (allow("iam:PutRolePolicy", **when("StringEqualsIfExists", "iam:ResourceTag/a", "b")), ["PutRolePolicy"]),
    ],
    ids=str,
)
def test_ways(statement: dict[str, Any], actions: list[str]) -> None:
    """By name, whatever the case, and by wildcards; on all there are, on what has an administrator's name, on all but
    something else, and on oneself where that is not about credentials. Conditions that list nothing do not help. One
    text of Action is one finding."""
    ((code, path, message),) = said(statement)
    assert (code, path[:3]) == ("PRIVILEGE_ESCALATION", ACTION)
    assert all(action in message for action in actions)


@pytest.mark.parametrize(
    "statements",
    [
        [allow("iam:CreateAccessKey", OWN)],
        [allow(["iam:*AccessKey*", "iam:ChangePassword", "iam:*LoginProfile", "iam:*MFA*"], OWN)],
        [allow(["iam:Get*", "iam:List*", "iam:CreateUser", "iam:DeleteUser", "s3:*"])],
        [allow("iam:AttachRolePolicy", "arn:aws:iam::123456789012:role/app/*")],
        [allow("iam:Put*", "arn:aws:s3:::*")],
        [allow("iam:PassRole")],
        [allow("lambda:CreateFunction")],
        [allow("iam:AttachRolePolicy", **when("ArnEquals", "iam:PolicyARN", "arn:aws:iam::aws:policy/ReadOnlyAccess"))],
        [allow("iam:PutRolePolicy", **when("StringEquals", "iam:PermissionsBoundary", "arn:aws:iam::1:policy/b"))],
        [allow("iam:PutUserPolicy", **when("StringEquals", "aws:ResourceTag/owner", "${aws:username}"))],
        [{"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}],
        [{"Effect": "Allow", "Action": "iam:*", "NotResource": "*"}],
        [allow("*"), deny(["iam:*", "sts:*"])],
        [allow("iam:PutUserPolicy", OWN), deny("iam:Put*", "arn:aws:iam::123456789012:*"), deny("iam:*User*", OWN)],
        [deny("*")],
    ],
    ids=str,
)
def test_no_ways(statements: list[dict[str, Any]]) -> None:
    """One's own credentials, what is limited, and what the same policy denies without conditions."""
    assert said(*statements) == []


@pytest.mark.parametrize("action", ["*", "iam:*", ["iam:PutUserPolicy", "iam:*", "s3:*"]])
def test_an_administrator_is_one_finding(action: object) -> None:
    """Not one for each way. So is everything but something that matters nothing; a denial leaves the ways that it does
    not close."""
    ((code, path, _),) = said(allow(action))
    assert (code, path[:3]) == ("FULL_ADMINISTRATOR", ACTION)
    ((code, path, _),) = said({"Effect": "Allow", "NotAction": "s3:PutObject", "Resource": "*"})
    assert (code, path) == ("FULL_ADMINISTRATOR", ("Statement", 0, "NotAction"))
    denied = deny("iam:PutUserPolicy")
    assert {code for code, _, _ in said(allow(action), denied)} == {"PRIVILEGE_ESCALATION"}
    assert {code for code, _, _ in said(allow(action), {**denied, **when("Bool", "aws:SecureTransport", "false")})} == {
        "FULL_ADMINISTRATOR"
    }


def test_what_only_bounds_opens_nothing() -> None:
    """A boundary and a service control policy give nothing, and the policy of a resource is about that resource."""
    for policy_type in (PolicyType.BOUNDARY, PolicyType.SCP, PolicyType.RESOURCE, PolicyType.TRUST):
        assert said(allow("*"), policy_type=policy_type) == []
    assert said(allow("*"), policy_type=PolicyType.SESSION) != []


def test_too_many_denials_close_nothing() -> None:
    """To hold all against all would take seconds."""
    closing = deny("iam:*", [*(f"arn:aws:iam::1:role/{number}" for number in range(DENIED_MAX - 2)), "*"])
    assert said(allow("iam:PutUserPolicy"), closing) == []
    assert said(allow("iam:PutUserPolicy"), closing, deny("s3:*")) != []


def test_a_denial_closes_what_it_covers() -> None:
    """Not the other resources of the statement that it does not cover."""
    ((_, _, message),) = said(allow("iam:PutUserPolicy", [OWN, "*"]), deny("iam:PutUserPolicy", OWN))
    assert "iam:PutUserPolicy on * " in message
