"""Random histories of calls, while policies, trust and names change under them."""

from contextlib import suppress

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.families.sessions import Session, SessionIssued
from domain.foundation.errors import Refusal
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, document, trusting

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


@st.composite
def histories_of_calls(draw: DrawFn) -> Endpoint:
    """Of root, of a user, and of role sessions, some of them with session policies."""
    endpoint = Endpoint()
    callers = [endpoint.user("ann", allow("sts:*"))]
    endpoint.role("ops", trusting(ACCOUNT), allow("iam:ListUsers"))
    for _ in range(draw(st.integers(3, 15))):
        endpoint.later(minutes=draw(st.sampled_from([0, 4])))
        if draw(st.booleans()):
            caller, (operation, members) = endpoint.root, draw(ROOTS_WORK)
        else:
            caller, (operation, members) = draw(st.sampled_from(callers)), draw(CALLS)
        with suppress(Refusal):
            if operation == "AssumeRole":
                callers.append(endpoint.session(caller, **members))
            else:
                endpoint.call(caller, operation, **members)
    return endpoint


def issued(endpoint: Endpoint, session_id: str | None) -> Session | None:
    for ledger in endpoint.ledgers.values():
        for entry in ledger.entries:
            if isinstance(entry.event, SessionIssued) and entry.event.session.session_id == session_id:
                return entry.event.session
    return None
