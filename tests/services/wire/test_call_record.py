"""What a call leaves in ledgers, in bytes: what is long is kept once, and nobody chooses how much a refusal takes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from domain.calls import CONTEXT_BYTES_MAX, CONTEXT_NOT_KEPT, MATCHED_MAX, ApiCalled
from domain.foundation.abridged import ABRIDGED
from domain.foundation.errors import AccessDenied, Refusal
from domain.queries.reevaluation import CannotReevaluate
from domain.queries.what_if import CallReplayer, CallToReplay, ReplayOutcome
from services.ledger.mapper import EntryMapper
from tests.domain.test_decision_records import made_again
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, document, trusting

STRANGER = "210987654321"
LONG = document(allow(Sid="s" * 100_000))
TAGS = [{"Key": f"k{number}", "Value": "v" * 250} for number in range(50)]


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def written(endpoint: Endpoint, before: int = 0) -> int:
    """Bytes of the ledger's entries behind a position."""
    return sum(len(EntryMapper().to_stored_event(entry).state) for entry in endpoint.entries[before:])


@pytest.mark.parametrize("agent", ["a stock client", "x" * 1_000])
def test_a_refused_call_into_another_account(endpoint: Endpoint, agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy of 100 kB that is refused costs its caller's ledger little, and the other one a line without it: who
    called, what was refused and on what. There it can be decided again, or says that what it read was not kept."""
    other = Endpoint(STRANGER, beside=endpoint)
    role = f"arn:aws:iam::{STRANGER}:role/ops"
    other.role("ops", trusting(STRANGER))
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    with pytest.raises(AccessDenied):
        endpoint.session(ann, RoleArn=role)  # The first use of a key is an event of its own.
    told = endpoint.cause
    monkeypatch.setattr(endpoint, "cause", lambda *by: told(*by).model_copy(update={"user_agent": agent}))
    here, there = len(endpoint.entries), len(other.entries)
    with pytest.raises(AccessDenied):
        endpoint.session(ann, RoleArn=role, Policy=LONG, ExternalId="e" * 1_000)
    policy: Any = endpoint.record.parameters["policy"]
    assert policy[ABRIDGED]["bytes"] == len(LONG)
    assert LONG.startswith(policy[ABRIDGED]["beginning"][:-1])
    assert endpoint.record.parameters["role_arn"] == role
    assert written(endpoint, here) < 5_000
    assert written(other, there) < 2_000
    (line,) = other.entries[there:]
    assert isinstance(line.event, ApiCalled)
    assert (line.event.error_code, line.event.parameters) == ("AccessDenied", {})
    assert line.cause.principal == endpoint.entries[-1].cause.principal
    (decision,) = line.event.decisions
    assert decision.resources == (role,)
    assert made_again(endpoint, endpoint.entries[-1], endpoint.record.decisions[0]).agrees
    assert not decision.is_kept  # An external id of a thousand characters is for the caller to choose.
    with pytest.raises(CannotReevaluate, match="not kept"):
        made_again(endpoint, line, decision)


def test_a_short_refusal_is_explained_elsewhere(endpoint: Endpoint) -> None:
    """What a usual call read is there in the other account too, and comes out the same."""
    other = Endpoint(STRANGER, beside=endpoint)
    other.role("ops", trusting(STRANGER))
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    with pytest.raises(AccessDenied):
        endpoint.session(ann, RoleArn=f"arn:aws:iam::{STRANGER}:role/ops", ExternalId="handshake")
    (decision,) = other.record.decisions
    assert made_again(endpoint, other.entries[-1], decision).agrees


WRITES: list[tuple[str, dict[str, str]]] = [
    ("CreatePolicy", {"PolicyName": "p", "PolicyDocument": "D"}),
    ("PutUserPolicy", {"UserName": "ann", "PolicyName": "p", "PolicyDocument": "D"}),
    ("CreateRole", {"RoleName": "new", "AssumeRolePolicyDocument": "T", "Description": "é" * 900}),
    ("UpdateAssumeRolePolicy", {"RoleName": "ops", "PolicyDocument": "T"}),
    ("AssumeRole", {"RoleArn": arn("role/ops"), "RoleSessionName": "night", "Policy": "D"}),
]


@pytest.mark.parametrize(("operation", "members"), WRITES, ids=[name for name, _ in WRITES])
def test_what_is_written_is_kept_once(endpoint: Endpoint, operation: str, members: dict[str, str]) -> None:
    """A text that an event of the call holds stands in that event alone."""
    ann = endpoint.user("ann", allow())
    endpoint.role("ops", trusting(ACCOUNT))
    long = {"D": document(allow(Sid="s" * 1_000)), "T": document(trusting(ACCOUNT, Sid="s" * 1_000))}
    members = {name: long.get(value, value) for name, value in members.items()}
    before = len(endpoint.entries)
    endpoint.call(ann, operation, **members)
    lines = [EntryMapper().to_stored_event(entry).state.decode() for entry in endpoint.entries[before:]]
    for text in (json.dumps(each, ensure_ascii=False) for each in members.values() if len(each) > 200):
        assert sum(line.count(text) for line in lines) == 1


def test_what_a_decision_read_has_its_own_bound(endpoint: Endpoint) -> None:
    """Of more tags than are kept there is a digest; the decision says that it was not kept, and is never made again
    without them, whatever is supposed."""
    ann = endpoint.user("ann", allow())
    for tags in (TAGS[:20], TAGS):
        endpoint.call(ann, "TagUser", UserName="ann", Tags=tags)
        kept = len(json.dumps(tags)) < CONTEXT_BYTES_MAX
        decisions = endpoint.record.decisions
        assert {decision.is_kept for decision in decisions} == {kept}
        assert (CONTEXT_NOT_KEPT in decisions[0].context) is not kept
        replayer = CallReplayer(lambda _account_id, position: endpoint.as_of(position), lambda _cause: None)
        outcome = replayer.of(CallToReplay.of(endpoint.entries[-1], endpoint.record)).outcome
        assert outcome is (ReplayOutcome.UNCHANGED if kept else ReplayOutcome.UNDECIDABLE)


def test_statements_without_number(endpoint: Endpoint) -> None:
    """So many of the statements that applied are recorded, and the decision is still found to be the same."""
    ann, many = endpoint.user("ann"), document(*(deny() for _ in range(2 * MATCHED_MAX)))
    policy = endpoint.call(endpoint.root, "CreatePolicy", PolicyName="many", PolicyDocument=many)["Policy"]
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=policy["Arn"])
    refused(lambda: endpoint.call(ann, "GetUser"))
    (decision,) = endpoint.record.decisions
    assert len(decision.matched) == MATCHED_MAX
    assert made_again(endpoint, endpoint.entries[-1], decision).agrees
    altered = decision.matched[0].model_copy(update={"index": 999})
    lied = decision.model_copy(update={"matched": (altered, *decision.matched[1:])})
    assert not made_again(endpoint, endpoint.entries[-1], lied).agrees


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(Refusal):
        call()


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("PutUserPolicy", {"UserName": "ann", "PolicyName": "p", "PolicyDocument": LONG[:131_072]}),
        ("CreateUser", {"UserName": "new", "Tags": TAGS[:20]}),
        ("SimulateCustomPolicy", {"PolicyInputList": [LONG[:1_000]] * 50, "ActionNames": ["iam:GetUser"] * 900}),
        ("GetPolicy", {"PolicyArn": arn("policy/" + "p/" * 300 + "deploy")}),
    ],
)
def test_a_refusal_is_bounded(endpoint: Endpoint, operation: str, members: dict[str, Any]) -> None:
    """Whatever its parameters are, of a refused call the ledger gets little besides what its decision read."""
    ann = endpoint.user("ann")
    refused(lambda: endpoint.call(ann, "GetUser"))
    before = len(endpoint.entries)
    refused(lambda: endpoint.call(ann, operation, **members))
    (entry,) = endpoint.entries[before:]
    read = sum(len(decision.model_dump_json()) for decision in endpoint.record.decisions)
    assert len(EntryMapper().to_stored_event(entry).state) - read < 2_500
