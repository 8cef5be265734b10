"""Whom a policy of a resource lets in that no fixed value tells from everybody else."""

import json
from typing import Any

import pytest

from domain.policy import PolicyType, parse
from domain.policy.comparison import public_access

ORGANIZATION, GITHUB = "o-a1b2c3d4e5", "token.actions.githubusercontent.com"
AT_GITHUB = {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{GITHUB}"}
DENIED: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}


def trust(*conditions: str, principal: object = "*", besides: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    block = {"Condition": {conditions[0]: {conditions[1]: list(conditions[2:])}}} if conditions else {}
    first = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole*", **block}
    return [first, *([] if besides is None else [besides])]


KEPT = {
    "an account": trust(principal={"AWS": "111122223333"}),
    "a service": trust(principal={"Service": "ec2.amazonaws.com"}),
    "an organization": trust("StringEquals", "aws:PrincipalOrgID", ORGANIZATION),
    "below an organization": trust("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", f"{ORGANIZATION}/r-x/*"),
    "others denied": trust(
        besides=DENIED | {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}}}
    ),
    "a network": trust("IpAddress", "aws:SourceIp", "203.0.113.0/24"),
    "a network, and an account from anywhere": trust(
        *("IpAddress", "aws:SourceIp", "10.0.0.0/8"),
        besides=trust("IpAddress", "aws:SourceIp", "0.0.0.0/0", principal={"AWS": "111122223333"})[0],
    ),
    "roles of an account": trust("ArnLike", "aws:PrincipalArn", "arn:aws:iam::111122223333:role/*"),
    "an endpoint": trust("StringEquals", "aws:SourceVpce", "vpce-1"),
    "an own provider": trust(principal={"Federated": "arn:aws:iam::111122223333:oidc-provider/idp.example.com"}),
    "an organization of GitHub": trust("StringLike", f"{GITHUB}:sub", "repo:octo/*", principal=AT_GITHUB),
    "an application of Google": trust(
        "StringEquals", "accounts.google.com:aud", "1", principal={"Federated": "accounts.google.com"}
    ),
}  # fmt: skip
PUBLIC = {
    "everybody": trust(),
    "an organization or none": trust("StringEqualsIfExists", "aws:PrincipalOrgID", ORGANIZATION),
    "other organizations": trust("StringNotEquals", "aws:PrincipalOrgID", ORGANIZATION),
    "any organization": trust("StringLike", "aws:PrincipalOrgID", "o-*"),
    "a secret": trust("StringEquals", "sts:ExternalId", "secret"),
    "some denied": trust(besides=DENIED | {"Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}}}),
    "all addresses": trust("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
    "all addresses, in parts": trust("IpAddress", "aws:SourceIp", *(f"{each}.0.0.0/8" for each in range(256))),
    "a role of any account": trust("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x"),
    "past the account": trust("StringLike", "aws:SourceArn", "arn:aws:s3:*:111122223333:*"),
    "a variable": trust("StringEquals", "aws:PrincipalOrgID", "${aws:ResourceOrgID}"),
    "whoever is at GitHub": trust("StringEquals", f"{GITHUB}:aud", "sts.amazonaws.com", principal=AT_GITHUB),
    "organizations of GitHub": trust("StringLike", f"{GITHUB}:sub", "repo:octo*", principal=AT_GITHUB),
    "whoever is at Google": trust(principal={"Federated": "accounts.google.com"}),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_is_not_public(case: str) -> None:
    """As a trust policy, and as the policy of another resource."""
    assert _is_public(KEPT[case]) == [False, False]


@pytest.mark.parametrize("case", PUBLIC)
def test_what_is_public(case: str) -> None:
    """By a request that the evaluator lets through."""
    assert _is_public(PUBLIC[case]) == [True, True]


def _is_public(statements: list[dict[str, Any]]) -> list[bool]:
    found = []
    for policy_type, more in ((PolicyType.TRUST, {}), (PolicyType.RESOURCE, {"Resource": "*"})):
        document = {"Version": "2012-10-17", "Statement": [each | more for each in statements]}
        policy = parse(json.dumps(document), policy_type)
        told = public_access(policy)
        assert not told.undecided
        assert all(grant.allowed_by(policy) for grant in told.grants)
        found.append(not told.passes)
    return found
