"""How statements and layers decide."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy.document import POLICY_TYPES, Effect, PolicyType
from domain.policy.evaluate import Layer, Layers, Request, Result, SourcedPolicy, evaluate
from domain.policy.explain import explain
from domain.policy.principals import RequestPrincipal
from tests.domain.policy.policies import (
    ACCOUNT,
    BOB,
    EC2,
    NIGHT_WORKER,
    OTHER_ACCOUNT,
    ROLE,
    SESSION,
    STRANGER,
    USER,
    WORKER,
    Statement,
    allow,
    deny,
    identity,
    session,
    sourced,
    trust,
    trusting,
)

ALLOWED, IMPLICIT, EXPLICIT = Result.ALLOWED, Result.IMPLICITLY_DENIED, Result.EXPLICITLY_DENIED
GET_USER = Request("iam:GetUser", USER, BOB, {"aws:username": ("Bob",)})


def assume_role(principal: RequestPrincipal | None) -> Request:
    return Request("sts:AssumeRole", ROLE, principal, {})


@pytest.mark.parametrize(
    ("statements", "result"),
    [
        ([], IMPLICIT),
        ([allow()], ALLOWED),
        ([allow("IAM:getuser")], ALLOWED),
        ([allow("iam:Get*")], ALLOWED),
        ([allow("iam:List*")], IMPLICIT),
        ([{"Effect": "Allow", "NotAction": "iam:List*", "Resource": "*"}], ALLOWED),
        ([{"Effect": "Allow", "NotAction": "iam:Get*", "Resource": "*"}], IMPLICIT),
        ([allow(resource=USER)], ALLOWED),
        ([allow(resource=USER.lower())], IMPLICIT),
        ([{"Effect": "Allow", "Action": "*", "NotResource": USER}], IMPLICIT),
        ([{"Effect": "Allow", "Action": "*", "NotResource": ROLE}], ALLOWED),
        ([allow(Condition={"StringEquals": {"aws:UserName": "Bob"}})], ALLOWED),
        ([allow(Condition={"StringEquals": {"aws:UserName": "Bob", "aws:Other": "x"}})], IMPLICIT),
        ([allow(Condition={"StringEquals": {"aws:UserName": "Bob"}, "Null": {"aws:UserName": "true"}})], IMPLICIT),
        ([allow(), deny("iam:Get*")], EXPLICIT),
        ([allow(), deny("iam:List*")], ALLOWED),
        ([deny(Condition={"StringEquals": {"aws:UserName": "Eve"}}), allow()], ALLOWED),
        ([deny()], EXPLICIT),
    ],
)
def test_identity_policies(statements: list[Statement], result: Result) -> None:
    """All elements of a statement must match; a matching Deny wins; what nothing allows is denied."""
    decision = evaluate([(Layer.IDENTITY, identity(*statements))], GET_USER)
    assert (decision.result, decision.layer) == (result, Layer.IDENTITY)


@pytest.mark.parametrize(
    ("own", "passed", "result", "layer"),
    [
        ([allow()], [allow("iam:Get*")], ALLOWED, Layer.IDENTITY),
        ([allow()], [allow("iam:List*")], IMPLICIT, Layer.SESSION),
        ([allow("iam:List*")], [allow()], IMPLICIT, Layer.IDENTITY),
        ([allow()], [allow(), deny("iam:GetUser")], EXPLICIT, Layer.SESSION),
        ([deny()], [deny()], EXPLICIT, Layer.IDENTITY),
        ([], [allow()], IMPLICIT, Layer.IDENTITY),
    ],
)
def test_session_policies_intersect(
    own: list[Statement], passed: list[Statement], result: Result, layer: Layer
) -> None:
    """A session may do what its entity's policies and the session policies allow; the layer says which did not."""
    decision = evaluate([(Layer.SESSION, session(*passed)), (Layer.IDENTITY, identity(*own))], GET_USER)
    assert (decision.result, decision.layer) == (result, layer)


def test_an_empty_session_layer_allows_nothing() -> None:
    """GetFederationToken without a session policy has no permissions of its own (aws-notes, 10)."""
    decision = evaluate([(Layer.IDENTITY, identity(allow())), (Layer.SESSION, [])], GET_USER)
    assert (decision.result, decision.layer) == (IMPLICIT, Layer.SESSION)


def test_nothing_given_allows_nothing() -> None:
    """No layers are not no limits."""
    assert evaluate([], GET_USER).result is IMPLICIT
    assert evaluate([(Layer.SESSION, session(allow()))], GET_USER).layer is Layer.IDENTITY


ASSUME = allow("sts:AssumeRole", ROLE)
NOTHING: list[Statement] = []


@pytest.mark.parametrize(
    ("principal", "trusted", "own", "result", "layer"),
    [
        (BOB, trusting("AWS", USER), NOTHING, ALLOWED, Layer.TRUST),
        (BOB, trusting("AWS", "AIDAJQABLZS4A3QDU576Q"), NOTHING, ALLOWED, Layer.TRUST),
        (BOB, trusting("AWS", "*"), NOTHING, ALLOWED, Layer.TRUST),
        (BOB, trusting("AWS", ACCOUNT), NOTHING, IMPLICIT, Layer.IDENTITY),
        (BOB, trusting("AWS", f"arn:aws:iam::{ACCOUNT}:root"), NOTHING, IMPLICIT, Layer.IDENTITY),
        (BOB, trusting("AWS", ACCOUNT), [ASSUME], ALLOWED, Layer.IDENTITY),
        (BOB, trusting("AWS", ACCOUNT, USER), NOTHING, ALLOWED, Layer.TRUST),
        (BOB, trusting("AWS", f"{USER}by"), [ASSUME], IMPLICIT, Layer.TRUST),
        (BOB, trusting("AWS", USER.lower()), [ASSUME], IMPLICIT, Layer.TRUST),
        (BOB, trusting("AWS", OTHER_ACCOUNT), [ASSUME], IMPLICIT, Layer.TRUST),
        (BOB, trusting("Service", "ec2.amazonaws.com"), [ASSUME], IMPLICIT, Layer.TRUST),
        (BOB, trusting("AWS", USER), [deny("sts:*")], EXPLICIT, Layer.IDENTITY),
        (BOB, trusting("AWS", USER, effect="Deny"), [ASSUME], EXPLICIT, Layer.TRUST),
        (BOB, trusting("AWS", ACCOUNT, effect="Deny"), [ASSUME], EXPLICIT, Layer.TRUST),
        (BOB, trusting("AWS", "*", effect="Deny"), [ASSUME], EXPLICIT, Layer.TRUST),
        (BOB, trusting("AWS", USER, Condition={"Bool": {"aws:x": "true"}}), [ASSUME], IMPLICIT, Layer.TRUST),
        (STRANGER, trusting("AWS", STRANGER.arn), NOTHING, IMPLICIT, Layer.IDENTITY),
        (STRANGER, trusting("AWS", STRANGER.arn), [ASSUME], ALLOWED, Layer.IDENTITY),
        (STRANGER, trusting("AWS", "*"), NOTHING, IMPLICIT, Layer.IDENTITY),
        (STRANGER, trusting("AWS", OTHER_ACCOUNT), [ASSUME], ALLOWED, Layer.IDENTITY),
        (STRANGER, trusting("AWS", ACCOUNT), [ASSUME], IMPLICIT, Layer.TRUST),
        (EC2, trusting("Service", "ec2.amazonaws.com"), NOTHING, ALLOWED, Layer.TRUST),
        (EC2, trusting("Service", "ecs.amazonaws.com"), NOTHING, IMPLICIT, Layer.TRUST),
        (EC2, trusting("AWS", "*"), NOTHING, IMPLICIT, Layer.TRUST),
        (EC2, trusting("AWS", "*", effect="Deny"), NOTHING, EXPLICIT, Layer.TRUST),
        (None, trusting("AWS", "*"), NOTHING, IMPLICIT, Layer.TRUST),
        (None, trusting("AWS", ACCOUNT), NOTHING, IMPLICIT, Layer.TRUST),
        (None, trusting("AWS", "*", effect="Deny"), NOTHING, EXPLICIT, Layer.TRUST),
    ],
)
def test_trust_policies(
    principal: RequestPrincipal | None, trusted: Statement, own: list[Statement], result: Result, layer: Layer
) -> None:
    """The trust policy must allow. Within the account it suffices when it names the principal or everyone, not when it
    names the account; across accounts both sides must allow; a service has no other side."""
    decision = evaluate([(Layer.TRUST, trust(trusted)), (Layer.IDENTITY, identity(*own))], assume_role(principal))
    assert (decision.result, decision.layer) == (result, layer)


@pytest.mark.parametrize(
    ("trusted", "passed", "result", "layer"),
    [
        (SESSION, deny("iam:*"), ALLOWED, Layer.TRUST),
        (WORKER, allow("iam:*"), IMPLICIT, Layer.SESSION),
        (WORKER, allow("sts:*"), ALLOWED, Layer.TRUST),
        ("AROAJQABLZS4A3QDU576Q", allow("sts:*"), ALLOWED, Layer.TRUST),
        ("*", allow("iam:*"), ALLOWED, Layer.TRUST),
        (ACCOUNT, allow("sts:*"), IMPLICIT, Layer.IDENTITY),
        (f"{SESSION}2", allow("sts:*"), IMPLICIT, Layer.TRUST),
        (SESSION, deny("sts:*"), EXPLICIT, Layer.SESSION),
    ],
)
def test_what_a_session_is_named_by_decides_what_limits_it(
    trusted: str, passed: Statement, result: Result, layer: Layer
) -> None:
    """Named itself, a session needs no allow of its policies; named by its role it needs its session policies'; named
    by its account it needs both (aws-notes, 8)."""
    layers = [(Layer.TRUST, trust(trusting("AWS", trusted))), (Layer.IDENTITY, []), (Layer.SESSION, session(passed))]
    decision = evaluate(layers, assume_role(NIGHT_WORKER))
    assert (decision.result, decision.layer) == (result, layer)


def test_a_role_of_no_known_account_is_a_stranger_to_all() -> None:
    """When the resource's account cannot be told, both sides must allow."""
    layers = [(Layer.TRUST, trust(trusting("AWS", USER))), (Layer.IDENTITY, [])]
    assert evaluate(layers, Request("sts:AssumeRole", "*", BOB, {})).layer is Layer.IDENTITY


def test_a_decision_names_every_statement_that_applied() -> None:
    """Allowing and denying ones alike, with what is needed to find them again."""
    policy = sourced(PolicyType.IDENTITY, allow(Sid="All"), allow("iam:List*"), deny("iam:GetUser"), source_id="arn:x")
    matched = evaluate([(Layer.IDENTITY, [policy])], GET_USER).matched
    assert [(match.layer, match.sourced, match.statement.sid, match.statement.effect) for match in matched] == [
        (Layer.IDENTITY, policy, "All", Effect.ALLOW),
        (Layer.IDENTITY, policy, None, Effect.DENY),
    ]


ACTIONS = st.sampled_from(["*", "iam:*", "iam:Get*", "iam:GetUser", "sts:AssumeRole", "s3:*"])
RESOURCES = st.sampled_from(["*", USER, ROLE, f"arn:aws:iam::{ACCOUNT}:user/*", "arn:aws:iam::*:role/A?min"])
CONDITIONS = st.sampled_from(
    [
        {},
        {"StringEquals": {"aws:username": "Bob"}},
        {"StringNotLike": {"aws:username": "B*"}},
        {"Null": {"aws:x": True}},
    ]
)
STATEMENTS = st.builds(
    lambda effect, action, resource, condition: allow(action, resource, Condition=condition) | {"Effect": effect},
    st.sampled_from(["Allow", "Allow", "Deny"]),
    ACTIONS,
    RESOURCES,
    CONDITIONS,
)
NAMES = st.lists(st.sampled_from([USER, ACCOUNT, OTHER_ACCOUNT, STRANGER.arn, SESSION, WORKER, "*"]), min_size=1)
TRUSTS = st.builds(
    lambda effect, names, condition: trusting("AWS", *names, effect=effect, Condition=condition),
    st.sampled_from(["Allow", "Allow", "Deny"]),
    NAMES,
    CONDITIONS,
)
POLICIES = st.lists(st.lists(STATEMENTS, min_size=1, max_size=3), max_size=3)
REQUESTS = st.builds(
    Request,
    st.sampled_from(["iam:GetUser", "iam:ListUsers", "sts:AssumeRole", "s3:GetObject"]),
    st.sampled_from([USER, ROLE, "*"]),
    st.sampled_from([BOB, STRANGER, NIGHT_WORKER, EC2, None]),
    st.dictionaries(st.sampled_from(["aws:username", "aws:x"]), st.sampled_from([("Bob",), ("Eve",), ("Bob", "Eve")])),
)
IDENTITY_AND_SESSION = st.fixed_dictionaries({Layer.IDENTITY: POLICIES}, optional={Layer.SESSION: POLICIES})
WITH_TRUST = st.fixed_dictionaries(
    {Layer.IDENTITY: POLICIES},
    optional={Layer.SESSION: POLICIES, Layer.TRUST: st.lists(st.lists(TRUSTS, min_size=1, max_size=2), max_size=1)},
)
Written = dict[Layer, list[list[Statement]]]


def built(written: Written) -> Layers:
    return [
        (layer, [sourced(POLICY_TYPES[layer], *statements) for statements in policies])
        for layer, policies in written.items()
    ]


@given(WITH_TRUST, REQUESTS, st.randoms(use_true_random=False))
def test_order_does_not_matter(written: Written, request: Request, random: Random) -> None:
    """Layers, policies and statements in any order give the same result for the same reason."""
    before = evaluate(built(written), request)
    shuffled = {
        layer: random.sample([random.sample(policy, len(policy)) for policy in policies], len(policies))
        for layer, policies in random.sample(list(written.items()), len(written))
    }
    after = evaluate(built(shuffled), request)
    assert (after.result, after.layer) == (before.result, before.layer)
    assert len(after.matched) == len(before.matched)


@given(WITH_TRUST, REQUESTS, STATEMENTS)
def test_a_deny_more_never_allows_more(written: Written, request: Request, statement: Statement) -> None:
    """Adding a Deny turns no denial into an allow, and no explicit denial into another."""
    before = evaluate(built(written), request).result
    more = written | {Layer.IDENTITY: [*written[Layer.IDENTITY], [statement | {"Effect": "Deny"}]]}
    after = evaluate(built(more), request).result
    assert before is ALLOWED or after is not ALLOWED
    assert before is not EXPLICIT or after is EXPLICIT


@given(WITH_TRUST, REQUESTS, POLICIES)
def test_a_session_policy_never_adds_access(written: Written, request: Request, passed: list[list[Statement]]) -> None:
    """What a session with session policies may do, it may do without them."""
    without: Written = {layer: policies for layer, policies in written.items() if layer is not Layer.SESSION}
    if evaluate(built(without | {Layer.SESSION: passed}), request).result is ALLOWED:
        assert evaluate(built(without), request).result is ALLOWED


@given(IDENTITY_AND_SESSION, REQUESTS)
def test_layers_allow_when_each_alone_does(written: Written, request: Request) -> None:
    """Without a policy of the resource the layers intersect: each policy set, judged as identity policies, allows."""
    alone = [evaluate([(Layer.IDENTITY, policies)], request).result is ALLOWED for _, policies in built(written)]
    assert (evaluate(built(written), request).result is ALLOWED) == all(alone)


@given(WITH_TRUST, REQUESTS)
def test_the_explanation_agrees_with_the_decision(written: Written, request: Request) -> None:
    """The statements in which nothing mismatches are those that the decision matched."""
    layers: Sequence[tuple[Layer, Sequence[SourcedPolicy]]] = built(written)
    explained = explain(layers, request)
    applied = [(each.level, each.statement) for each in explained.verdicts if each.mismatch is None]
    assert applied == [(each.level, each.statement) for each in evaluate(layers, request).matched]
    assert explained.decision == evaluate(layers, request)
