"""A call whose policies would take too long is refused, recorded and explained, and comes out the same for ever."""

import json

import pytest

from domain.authorization import EVALUATOR
from domain.calls import UNREAD_CHARACTERS_MAX, NeedsPolicies, require_read
from domain.foundation.errors import AccessDenied, LimitExceeded
from domain.policy import BUDGET_STEPS, Layer, PolicyType, Result, SourcedPolicy, compiled
from domain.queries.what_if import CallReplayer, CallToReplay, ReplayOutcome
from services.wire.authentication import VerifiedCredential
from tests.domain.policy.expensive import ATTACKS, CHARACTERS_MAX
from tests.domain.test_decision_records import checked, last, made_again
from tests.services.endpoint import ACCOUNT, Endpoint, allow, document

HEAVY = ATTACKS["a long value in long patterns"].document
"""As long as an agent of a hundred characters or more comes with the call."""


def heavy_user() -> tuple[Endpoint, VerifiedCredential]:
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("iam:*"))
    heavy = endpoint.call(endpoint.root, "CreatePolicy", PolicyName="heavy", PolicyDocument=HEAVY)["Policy"]["Arn"]
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=heavy)
    return endpoint, ann


def test_a_call_that_is_too_costly_is_refused_recorded_and_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """With AWS's sentence first, then what it would have taken and by which policy; the record comes out the same. With
    a short agent the same caller is allowed."""
    endpoint, ann = heavy_user()
    endpoint.call(ann, "ListUsers")
    cause = endpoint.cause
    monkeypatch.setattr(
        endpoint, "cause", lambda by, name: cause(by, name).model_copy(update={"user_agent": "x" * 1_000})
    )
    with pytest.raises(AccessDenied) as refused:
        endpoint.call(ann, "ListUsers")
    heavy = f"arn:aws:iam::{ACCOUNT}:policy/heavy"
    assert str(refused.value).startswith(
        f"User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: iam:ListUsers on resource: "
    )
    assert f"expected at most {BUDGET_STEPS}. An identity-based policy {heavy} takes" in str(refused.value)
    (record,) = endpoint.record.decisions
    assert (record.result, record.layer, record.matched, record.evaluator) == ("too costly", "identity", (), EVALUATOR)
    _, made = last(endpoint)
    assert made.agrees
    assert made.verdict(ACCOUNT).startswith("denied because the policies take")
    assert checked(endpoint) > 0


def test_a_decision_of_an_evaluator_without_a_budget_is_made_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was allowed before there was a budget stays explained as allowed; what-if, which asks about the policies as
    they would stand now, refuses it."""
    endpoint, ann = heavy_user()
    cause = endpoint.cause
    monkeypatch.setattr(
        endpoint, "cause", lambda by, name: cause(by, name).model_copy(update={"user_agent": "x" * 1_000})
    )
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "ListUsers")
    entry = endpoint.entries[-1]
    old = endpoint.record.decisions[0].model_copy(update={"evaluator": 2})
    assert made_again(endpoint, entry, old).explanation.decision.result is Result.ALLOWED
    replayed = CallReplayer(lambda _account, position: endpoint.as_of(position), lambda _cause: None).of(
        CallToReplay(entry.position, entry.at, entry.cause, (old.model_copy(update={"result": "allowed"}),))
    )
    assert replayed.outcome is ReplayOutcome.REFUSED
    assert "would be refused because the policies take" in replayed.why


def test_what_could_only_be_too_costly_is_not_given() -> None:
    """A policy more that would have every call of a user refused: put, attached or brought by a group."""
    endpoint = Endpoint()
    statement: dict[str, object] = {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:iam::*:user/?"}
    often = CHARACTERS_MAX // (len(json.dumps(statement)) + 2)
    text = document(*[statement] * often)
    root, arns = endpoint.root, []
    endpoint.user("ann")
    for number in range(10):
        name = f"heavy-{number}"
        arn = endpoint.call(root, "CreatePolicy", PolicyName=name, PolicyDocument=text)["Policy"]["Arn"]
        arns.append(arn)
    refused = 0
    for group in range(10):
        endpoint.call(root, "CreateGroup", GroupName=f"g{group}")
        for arn in arns:
            endpoint.call(root, "AttachGroupPolicy", GroupName=f"g{group}", PolicyArn=arn)
    for group in range(10):
        try:
            endpoint.call(root, "AddUserToGroup", GroupName=f"g{group}", UserName="ann")
        except LimitExceeded as error:
            assert f"Cannot exceed quota for EvaluationStepsPerDecision: {BUDGET_STEPS}. " in str(error)  # noqa: PT017
            refused += 1
    assert 0 < refused < 10


def test_a_round_reads_few_policies_itself() -> None:
    """What exceeds it is asked for by name, and is there afterwards."""
    one = ATTACKS["statements"].document
    texts = [one + " " * number for number in range(1, 2 + UNREAD_CHARACTERS_MAX // len(one))]
    policies = [SourcedPolicy(compiled(text, PolicyType.IDENTITY), "p", "inline", None) for text in texts]
    with pytest.raises(NeedsPolicies) as needed:
        require_read([(Layer.IDENTITY, policies)])
    for policy in needed.value.policies:
        assert policy.statements
    require_read([(Layer.IDENTITY, policies)])
