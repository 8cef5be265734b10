"""Whom outside its account a trust policy lets in: wherever somebody can, a grant says so."""

import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy import (
    Layer,
    PolicyType,
    Request,
    RequestPrincipal,
    Result,
    SourcedPolicy,
    evaluate,
    outside_grants,
    parse,
)
from domain.policy.comparison import public_access
from domain.policy.outside_grants import TAKING_ON
from tests.domain.policy.test_public_access import KEPT, PUBLIC

OWN, OTHER = "123456789012", "210987654321"
ROLE_ARN, USER_ARN = f"arn:aws:iam::{OTHER}:role/app", f"arn:aws:iam::{OTHER}:user/x/ann"
ROLE_ID, PROVIDER = "AROAQNZGKIQY56JQ7WML", f"arn:aws:iam::{OWN}:saml-provider/idp"
PRINCIPALS: list[Any] = [
    "*",
    {"AWS": "*"},
    {"AWS": OTHER},
    {"AWS": [ROLE_ARN, OWN]},
    {"AWS": USER_ARN},
    {"AWS": ROLE_ID},
    {"AWS": f"arn:aws:sts::{OTHER}:assumed-role/app/night"},
    {"AWS": f"arn:aws:iam::{OWN}:user/bob"},
    {"Federated": PROVIDER},
    {"Service": "ec2.amazonaws.com"},
]
CONDITIONS: list[Any] = [
    {},
    *(
        {operator: {key: values}}
        for operator, (key, values) in product(
            (
                *("StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists"),
                *("ForAllValues:StringEquals", "ForAnyValue:StringLike", "ArnLike", "ArnNotEquals"),
            ),
            (
                ("aws:PrincipalAccount", OWN),
                ("aws:PrincipalAccount", [OWN, OTHER]),
                ("aws:PrincipalAccount", "*"),
                ("aws:PrincipalArn", f"arn:aws:iam::{OWN}:*"),
                ("aws:PrincipalArn", [f"arn:aws:iam::{OWN}:role/a", "arn:aws:iam::*:role/app"]),
                ("aws:PrincipalArn", "arn:*:*:*:*:*"),
                ("AWS:principalarn", f"arn:aws:*::{OWN}:*"),
            ),
        )
        if "Arn" not in operator or "Arn" in key or "arn" in key
    ),
    {"Null": {"aws:PrincipalAccount": "true"}},
]
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Principal": st.sampled_from(PRINCIPALS),
        "Action": st.sampled_from(["sts:AssumeRole", "sts:*", "sts:AssumeRoleWithSAML", "sts:TagSession"]),
        "Condition": st.sampled_from(CONDITIONS) | st.just({}),
    }
)


def outsiders() -> list[tuple[RequestPrincipal, dict[str, tuple[str, ...]], str]]:
    """With what is known of them, and how they call."""
    session = f"arn:aws:sts::{OTHER}:assumed-role/app/night"
    of_role = frozenset({("AWS", ROLE_ARN), ("AWS", ROLE_ID)})
    keys: dict[str, tuple[str, ...]] = {"aws:principalaccount": (OTHER,)}
    return [
        (RequestPrincipal(f"arn:aws:iam::{OTHER}:root", OTHER, frozenset()), keys, "sts:AssumeRole"),
        (
            RequestPrincipal(USER_ARN, OTHER, frozenset({("AWS", USER_ARN)})),
            {**keys, "aws:principalarn": (USER_ARN,)},
            "sts:AssumeRole",
        ),
        (
            RequestPrincipal(session, OTHER, frozenset({("AWS", session)}), of_role),
            {**keys, "aws:principalarn": (ROLE_ARN,)},
            "sts:AssumeRole",
        ),
        (RequestPrincipal("somebody", None, frozenset({("Federated", PROVIDER)})), {}, "sts:AssumeRoleWithSAML"),
    ]


EVERYTHING = SourcedPolicy(
    parse('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}', PolicyType.IDENTITY),
    *("own", "inline", None),
)


@given(st.lists(STATEMENTS, min_size=1, max_size=3))
def test_whoever_can_take_on_the_role_is_told(statements: list[dict[str, object]]) -> None:
    """By asking the evaluator, as a principal outside who may do everything at home: never is one let in of whom no
    grant tells, with the action. The grants that there are name no principal of the account's own."""
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    grants = outside_grants(text, OWN)
    for principal, context, action in outsiders():
        trust = SourcedPolicy(parse(text, PolicyType.TRUST), "AROA1", "trust", None)
        layers = ((Layer.IDENTITY, (EVERYTHING,)), (Layer.TRUST, (trust,)))
        decision = evaluate(layers, Request(action, f"arn:aws:iam::{OWN}:role/ops", principal, context))
        if decision.result is Result.ALLOWED:
            names = {name for _, name in principal.names | principal.issuer_names} | {principal.account_id, "*"}
            assert any(grant.name in names and action in grant.actions for grant in grants), (principal, grants)
    assert not [grant for grant in grants if OWN in grant.name and grant.kind == "AWS"]
    assert all(not set(TAKING_ON).isdisjoint(grant.actions) for grant in grants)


@pytest.mark.parametrize("case", [*KEPT, *PUBLIC])
def test_what_is_public(case: str) -> None:
    """Findings and CheckNoPublicAccess say the same, but of whom only a Deny keeps out: a finding is of a statement
    by itself."""
    text = json.dumps({"Version": "2012-10-17", "Statement": (KEPT | PUBLIC)[case]})
    is_public = any(grant.is_public for grant in outside_grants(text, OWN))
    assert is_public == (case in PUBLIC or case == "others denied")


FIXABLE = (
    ("aws:PrincipalOrgID", ["o-a1b2c3d4e5", "o-*"]),
    ("aws:PrincipalArn", [f"arn:aws:iam::{OTHER}:role/*", "arn:aws:iam::*:role/app", f"arn:aws:iam::{OTHER}:role/app"]),
    ("aws:SourceVpc", ["vpc-1", "vpc-?"]),
    ("sts:ExternalId", ["7"]),
    ("aws:userid", ["AROAQNZGKIQY56JQ7WML:*", "AIDAQNZGKIQY56JQ7WML"]),
)
CONDITION = st.sampled_from(FIXABLE).flatmap(
    lambda of: st.builds(
        lambda operator, values: {operator: {of[0]: values}},
        st.sampled_from(
            ["StringEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "ForAnyValue:StringLike"]
        ),
        st.lists(st.sampled_from(of[1]), min_size=1, max_size=2, unique=True),
    )
) | st.lists(st.sampled_from(["203.0.113.0/24", "10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"]), min_size=1).map(
    lambda networks: {"IpAddress": {"aws:SourceIp": networks}}
)


@given(st.lists(st.sampled_from(["*", {"AWS": OTHER}]), min_size=1, max_size=2), st.data())
def test_findings_are_public_where_the_check_says_so(principals: list[object], data: st.DataObject) -> None:
    """Of statements that allow, with whatever conditions."""
    conditions = [data.draw(CONDITION | st.just({})) for _ in principals]
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    pairs = zip(principals, conditions, strict=True)
    statements = [allow | {"Principal": principal, "Condition": condition} for principal, condition in pairs]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    told = public_access(parse(text, PolicyType.TRUST))
    assert not told.undecided
    assert any(grant.is_public for grant in outside_grants(text, OWN)) == (not told.passes)
