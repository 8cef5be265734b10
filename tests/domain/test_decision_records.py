"""A recorded decision can be made again, from the ledger alone, and comes out the same."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.authorisation import EVALUATOR, check, check_assuming, role_named
from domain.callers import Caller
from domain.calls import ApiCalled, Call, DecisionRecord
from domain.errors import AccessDenied, Refusal
from domain.events import Entry
from domain.policy import Match, evaluate
from domain.sessions import Session, SessionIssued
from tests.services.driving import ACCOUNT, Endpoint, allow, arn, deny, document, seal, trusting


def made_again(endpoint: Endpoint, entry: Entry, record: DecisionRecord) -> tuple[str, str, list[object]]:
    """Result, layer and statements, from: the account at the recorded position, the entry's cause and time, the
    record's own condition values, and for a session what was recorded when it was issued."""
    assert record.evaluator == EVALUATOR
    account = endpoint.as_of(record.positions[ACCOUNT])
    principal = entry.cause.principal
    assert principal is not None
    session = issued(endpoint, entry.cause.session_id)
    user_or_role = principal.issuer.principal_id if principal.issuer else principal.principal_id
    caller = Caller(principal, user_or_role, str(entry.cause.access_key_id), session)
    call = Call(caller, entry.cause, entry.at, random=lambda _count: b"", seal_session=seal)
    (resource,) = record.resources
    if record.action == "sts:AssumeRole":
        asked = check_assuming(account, account, call, resource, role_named(account, resource), record.context)
    else:
        asked = check(account, call, record.action, resource, record.context)
    decision = evaluate(asked.layers, asked.request)
    return decision.result.value, decision.layer.value, [told(matched) for matched in decision.matched]


def told(matched: Match) -> object:
    sourced = matched.sourced
    return (sourced.source_id, sourced.version_id, sourced.policy.sha256, matched.statement.index)


def issued(endpoint: Endpoint, session_id: str | None) -> Session | None:
    for entry in endpoint.entries:
        if isinstance(entry.event, SessionIssued) and entry.event.session.session_id == session_id:
            return entry.event.session
    return None


def checked(endpoint: Endpoint) -> int:
    """Makes every decision of the ledger again; how many there were."""
    count = 0
    for entry in endpoint.entries:
        if not isinstance(entry.event, ApiCalled):
            continue
        for record in entry.event.decisions:
            statements = [(ref.source_id, ref.version_id, ref.sha256, ref.index) for ref in record.matched]
            assert made_again(endpoint, entry, record) == (record.result, record.layer, statements)
            count += 1
    return count


STATEMENTS = st.sampled_from(
    [
        allow("iam:List*"),
        deny("iam:ListRoles"),
        allow("sts:AssumeRole"),
        deny("sts:AssumeRole", Condition={"StringEquals": {"sts:RoleSessionName": "night"}}),
        allow("iam:UpdateUser", arn("user/a*")),
        deny(Condition={"StringEquals": {"aws:username": "ann"}}),
        deny(Condition={"DateGreaterThan": {"aws:CurrentTime": "2026-01-31T12:20:00Z"}}),
        deny(Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-01-31T12:10:00Z"}}),
        allow("iam:*", Condition={"StringLike": {"aws:PrincipalArn": "*role/ops"}}),
        allow("iam:*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    ]
)
POLICIES = st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda statements: document(*statements))
TRUST = st.sampled_from([document(trusting(name)) for name in (ACCOUNT, arn("user/ann"), arn("role/ops"), "*")])
ROOTS_WORK = st.one_of(
    st.builds(lambda text: ("PutUserPolicy", {"UserName": "ann", "PolicyName": "p", "PolicyDocument": text}), POLICIES),
    st.builds(lambda text: ("PutRolePolicy", {"RoleName": "ops", "PolicyName": "p", "PolicyDocument": text}), POLICIES),
    st.builds(lambda text: ("UpdateAssumeRolePolicy", {"RoleName": "ops", "PolicyDocument": text}), TRUST),
    st.sampled_from(["ann", "eva"]).map(lambda name: ("UpdateUser", {"UserName": "ann", "NewUserName": name})),
)
CALLS = st.one_of(
    st.sampled_from(["ListUsers", "ListRoles", "GetCallerIdentity"]).map(lambda name: (name, {})),
    st.just(("UpdateUser", {"UserName": "ann", "NewUserName": "alf"})),
    st.sampled_from(["ops", "none"]).map(lambda name: ("AssumeRole", {"RoleArn": arn(f"role/{name}")})),
    st.builds(lambda text: ("AssumeRole", {"RoleArn": arn("role/ops"), "Policy": text}), POLICIES),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_decision_comes_out_the_same(data: st.DataObject) -> None:
    """While policies, trust and names change under them, calls of a user and of role sessions leave decisions, allowed
    or refused, each of which re-evaluates to the same result, by the same layer and statements."""
    endpoint = Endpoint()
    callers = [endpoint.user("ann", allow("sts:*"))]
    endpoint.role("ops", trusting(ACCOUNT), allow("iam:ListUsers"))
    for _ in range(data.draw(st.integers(3, 15))):
        endpoint.later(minutes=data.draw(st.sampled_from([0, 4])))
        if data.draw(st.booleans()):
            caller, (operation, members) = endpoint.root, data.draw(ROOTS_WORK)
        else:
            caller, (operation, members) = data.draw(st.sampled_from(callers)), data.draw(CALLS)
        with suppress(Refusal):
            if operation == "AssumeRole":
                callers.append(endpoint.session(caller, **members))
            else:
                endpoint.call(caller, operation, **members)
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
