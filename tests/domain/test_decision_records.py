"""A recorded decision can be made again, from the ledger alone, and comes out the same."""

import pytest
from hypothesis import HealthCheck, given, settings

from domain.account import Account
from domain.authorization import EVALUATOR
from domain.calls import ApiCalled, DecisionRecord
from domain.foundation.errors import AccessDenied
from domain.foundation.events import Entry
from domain.policy import explain
from domain.queries.reevaluation import CannotReevaluate, Reevaluation, reevaluate_decision
from tests.domain.call_histories import histories_of_calls, issued
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document, trusting

OTHER = "210987654321"


def made_again(endpoint: Endpoint, entry: Entry, record: DecisionRecord) -> Reevaluation:
    """From the ledgers alone: the accounts folded anew up to the recorded positions, and what was recorded when the
    session was issued."""
    ledgers = endpoint.ledgers
    accounts = {
        account_id: ledgers[account_id].as_of(position) if account_id in ledgers else Account(account_id)
        for account_id, position in record.positions.items()
    }
    return reevaluate_decision(entry, record, accounts, issued(endpoint, entry.cause.session_id))


def checked(endpoint: Endpoint) -> int:
    """Makes every decision of the ledger again; how many there were."""
    count = 0
    for entry in endpoint.entries:
        if not isinstance(entry.event, ApiCalled):
            continue
        for record in entry.event.decisions:
            assert record.evaluator == EVALUATOR
            assert made_again(endpoint, entry, record).agrees
            count += 1
    return count


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(histories_of_calls())
def test_every_decision_comes_out_the_same(endpoint: Endpoint) -> None:
    """While policies, trust and names change under them, calls of a user and of role sessions leave decisions, allowed
    or refused, each of which re-evaluates to the same result, by the same layer and statements."""
    assert checked(endpoint) > 0


def test_what_a_record_says() -> None:
    """The check of a refused call stands beside the refusal: what was asked, where it failed, on which state."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(arn("user/ann"), Condition={"StringEquals": {"sts:ExternalId": "handshake"}}))
    position = endpoint.account.position
    with pytest.raises(AccessDenied):
        endpoint.session(ann, RoleArn=arn("role/ops"), ExternalId="guessed")
    (record,) = endpoint.record.decisions
    assert (record.action, record.resources) == ("sts:AssumeRole", (arn("role/ops"),))
    assert (record.result, record.layer) == ("implicitly denied", "trust")
    assert record.context == {"sts:externalid": ("guessed",), "sts:rolesessionname": ("night",)}
    assert record.positions == {ACCOUNT: position}
    assert endpoint.record.error_code == "AccessDenied"
    assert checked(endpoint) > 0


def last(endpoint: Endpoint) -> tuple[Entry, Reevaluation]:
    """The last call in the ledger, and the last decision of it made again."""
    entry = endpoint.entries[-1]
    assert isinstance(entry.event, ApiCalled)
    return entry, made_again(endpoint, entry, entry.event.decisions[-1])


def test_a_decision_of_two_accounts_comes_out_the_same_in_both_ledgers() -> None:
    """Allowed and refused, of a role that is there and of one that is not, in an account that exists and in one that
    does not: the record in either ledger re-evaluates to what it says, when both accounts have moved on."""
    home = Endpoint()
    away = Endpoint(OTHER, beside=home)
    ann = home.user("ann", allow("sts:AssumeRole"))
    role_arn = away.role("ops", trusting(arn("user/ann")), allow("iam:ListUsers"))
    session = home.session(ann, RoleArn=role_arn)
    away.call(session, "ListUsers")
    for refused in (f"arn:aws:iam::{OTHER}:role/none", "arn:aws:iam::333333333333:role/ops"):
        with pytest.raises(AccessDenied):
            home.session(ann, RoleArn=refused)
    home.call(home.root, "DeleteUserPolicy", UserName="ann", PolicyName="may")
    with pytest.raises(AccessDenied):
        home.session(ann, RoleArn=role_arn)
    away.call(away.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=document(trusting(ACCOUNT)))
    assert checked(home) > 4
    assert checked(away) > 4


def test_what_it_says_of_a_decision() -> None:
    """Who allowed, with the Sid, or why it was denied in AWS's words, and the condition keys that policies asked for
    with the values that the call had, none included."""
    endpoint = Endpoint()
    asking = {"StringNotEquals": {"aws:UserName": "eva", "aws:SourceIdentity": "x"}}
    ann = endpoint.user("ann", allow("iam:ListUsers", Sid="Look"), allow("iam:*", Condition=asking))
    endpoint.call(ann, "ListUsers")
    _, allowed = last(endpoint)
    assert allowed.verdict(ACCOUNT) == (
        "allowed by the identity-based policy may of user/ann statement 0 (Look) and may of user/ann statement 1"
    )
    assert allowed.asked_for(ACCOUNT) == {"aws:UserName": ("ann",), "aws:SourceIdentity": ()}
    with pytest.raises(AccessDenied):
        endpoint.session(ann, RoleArn=arn("role/ops"))
    _, denied = last(endpoint)
    assert denied.verdict(ACCOUNT) == "denied because no role trust policy allows the sts:AssumeRole action"


def test_whose_policy_it_is() -> None:
    """Of a call of two accounts: each layer is one account's, and only that account is told keys and Sids."""
    home = Endpoint()
    away = Endpoint(OTHER, beside=home)
    ann = home.user("ann", allow("sts:AssumeRole", Condition={"Bool": {"aws:SecureTransport": "false"}}))
    known = {"StringEquals": {"sts:ExternalId": "handshake"}}
    role_arn = away.role("ops", trusting(arn("user/ann"), Sid="Ours", Condition=known))
    home.session(ann, RoleArn=role_arn, ExternalId="handshake")
    entry = home.entries[-1]
    assert isinstance(entry.event, ApiCalled)
    made = made_again(home, entry, entry.event.decisions[0])
    assert [made.account_of(verdict.layer) for verdict in made.explanation.verdicts] == [ACCOUNT, OTHER]
    assert made.asked_for(ACCOUNT) == {"aws:SecureTransport": ("false",)}
    assert made.asked_for(OTHER) == {"sts:ExternalId": ("handshake",)}


def test_the_order_of_statements_says_nothing() -> None:
    """Inline policies are recorded by their names, whatever order a process keeps them in. Earlier records have that of
    the process that wrote them: they agree too."""
    endpoint = Endpoint()
    ann = endpoint.user("ann")
    names = [f"may-{number}" for number in range(8)]
    for name in reversed(names):
        put = {"UserName": "ann", "PolicyName": name, "PolicyDocument": document(allow("iam:ListUsers"))}
        endpoint.call(endpoint.root, "PutUserPolicy", **put)
    endpoint.call(ann, "ListUsers")
    entry, made = last(endpoint)
    assert [ref.source_id.rpartition("/")[2] for ref in made.record.matched] == names
    reversed_record = made.record.model_copy(update={"matched": made.record.matched[::-1]})
    assert made_again(endpoint, entry, reversed_record).agrees


def test_a_record_that_the_ledger_does_not_bear_out_is_told() -> None:
    """Another result, layer or statement than the evaluation gives: it does not agree."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("iam:ListUsers"))
    endpoint.call(ann, "ListUsers")
    entry, made = last(endpoint)
    (ref,) = made.record.matched
    assert made.agrees
    for altered in (
        {"result": "implicitly denied"},
        {"layer": "boundary"},
        {"matched": ()},
        {"matched": (ref.model_copy(update={"sha256": "0" * 64}),)},
    ):
        assert not made_again(endpoint, entry, made.record.model_copy(update=altered)).agrees


def test_what_is_missing_is_said() -> None:
    """A position at which nothing was changed, a session whose issuing is not there, a user who does not exist yet:
    nothing is made up instead."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("iam:ListUsers"))
    endpoint.call(ann, "ListUsers")
    entry, made = last(endpoint)
    record, at = made.record, made.record.positions[ACCOUNT]
    now = {ACCOUNT: endpoint.account}
    with pytest.raises(CannotReevaluate, match=f"the last change of account {ACCOUNT} was 99"):
        reevaluate_decision(entry, record.model_copy(update={"positions": {ACCOUNT: 99}}), now, None)
    before = record.model_copy(update={"positions": {ACCOUNT: 2}})
    with pytest.raises(CannotReevaluate, match=f"In account {ACCOUNT} at position 2 there is no AIDA"):
        reevaluate_decision(entry, before, {ACCOUNT: endpoint.as_of(2)}, None)
    endpoint.role("ops", trusting(ACCOUNT), allow())
    endpoint.call(endpoint.root, "PutUserPolicy", UserName="ann", PolicyName="may", PolicyDocument=document(allow()))
    endpoint.call(endpoint.session(ann, RoleArn=arn("role/ops")), "ListUsers")
    entry, made = last(endpoint)
    assert made.explanation == explain(made.check.layers, made.check.request)
    assert made.record.positions[ACCOUNT] > at
    with pytest.raises(CannotReevaluate, match=r"when the session SESN\w+ was issued is not in the ledger"):
        reevaluate_decision(entry, made.record, {ACCOUNT: endpoint.as_of(made.record.positions[ACCOUNT])}, None)
