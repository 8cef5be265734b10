"""Refusals in words."""

import pytest

from domain.policy.document import Effect
from domain.policy.evaluate import Decision, Layer, Request, Result, evaluate
from domain.policy.explain import Mismatch, explain, reason
from tests.domain.policy.policies import (
    ACCOUNT,
    BOB,
    ROLE,
    STRANGER,
    USER,
    Statement,
    allow,
    deny,
    identity,
    session,
    trust,
    trusting,
)

GET_USER = Request("iam:GetUser", USER, BOB, {"aws:username": ("Bob",)})


@pytest.mark.parametrize(
    ("layer", "implicit", "explicit"),
    [
        (
            Layer.IDENTITY,
            "because no identity-based policy allows the iam:GetUser action",
            "with an explicit deny in an identity-based policy",
        ),
        (
            Layer.SESSION,
            "because no session policy allows the iam:GetUser action",
            "with an explicit deny in a session policy",
        ),
        (
            Layer.TRUST,
            "because no role trust policy allows the iam:GetUser action",
            "with an explicit deny in the role trust policy",
        ),
    ],
)
def test_the_reason_in_the_words_of_aws(layer: Layer, implicit: str, explicit: str) -> None:
    """Each layer has its phrase on "Troubleshoot access denied error messages"."""
    assert reason(Decision(Result.IMPLICITLY_DENIED, layer, ()), GET_USER.action) == implicit
    assert reason(Decision(Result.EXPLICITLY_DENIED, layer, ()), GET_USER.action) == explicit


def test_an_allowed_request_has_no_reason() -> None:
    """Asking why an allowed request was refused is a defect of the caller."""
    decision = evaluate([(Layer.IDENTITY, identity(allow()))], GET_USER)
    with pytest.raises(ValueError, match="iam:GetUser"):
        reason(decision, GET_USER.action)


def test_the_first_element_that_does_not_match() -> None:
    """Each statement about the action gets what the request had and what the statement wanted."""
    statements: list[Statement] = [
        allow("iam:ListUsers"),
        allow("iam:Get*", ROLE, Sid="Role"),
        {"Effect": "Deny", "Action": "*", "NotResource": f"arn:aws:iam::{ACCOUNT}:user/*"},
        allow(Condition={"StringEquals": {"aws:UserName": ["Al", "Eve"], "aws:Missing": "x"}}),
        allow(Condition={"Bool": {"aws:Missing": "true"}}),
        deny(),
    ]

    explained = explain([(Layer.IDENTITY, identity(*statements))], GET_USER)
    assert [
        (verdict.statement.index, verdict.statement.sid, verdict.statement.effect, verdict.mismatch)
        for verdict in explained.verdicts
    ] == [
        (1, "Role", Effect.ALLOW, Mismatch("Resource", (USER,), (ROLE,))),
        (2, None, Effect.DENY, Mismatch("NotResource", (USER,), (f"arn:aws:iam::{ACCOUNT}:user/*",))),
        (3, None, Effect.ALLOW, Mismatch("StringEquals aws:UserName", ("Bob",), ("Al", "Eve"))),
        (4, None, Effect.ALLOW, Mismatch("Bool aws:Missing", (), ("true",))),
        (5, None, Effect.DENY, None),
    ]
    assert explained.missing_keys == ("aws:Missing",)


def test_a_principal_that_is_not_trusted() -> None:
    """The explanation says who asked and whom the trust policy names; an anonymous caller has no name."""
    layers = [(Layer.TRUST, trust(trusting("AWS", USER, ACCOUNT))), (Layer.SESSION, session(allow("sts:*")))]
    first, second = explain(layers, Request("sts:AssumeRole", ROLE, STRANGER, {})).verdicts
    assert (first.layer, first.mismatch) == (Layer.TRUST, Mismatch("Principal", (STRANGER.arn,), (USER, ACCOUNT)))
    assert (second.layer, second.mismatch) == (Layer.SESSION, None)
    anonymous = explain(layers, Request("sts:AssumeRole", ROLE, None, {})).verdicts
    assert anonymous[0].mismatch == Mismatch("Principal", (), (USER, ACCOUNT))
