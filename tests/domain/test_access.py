"""Who can, who can assume, and what can be done: against what calls are answered."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.account import Account, AccountClosed
from domain.authorization import check, check_assume_role, role_by_arn
from domain.call_context import requested_region
from domain.callers import Caller
from domain.calls import Call
from domain.families.groups import GROUPS
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.events import Cause
from domain.policy import (
    Layer,
    PolicyType,
    Possibility,
    Request,
    RequestPrincipal,
    Result,
    SourcedPolicy,
    compiled,
    evaluate,
    evaluate_partial,
)
from domain.queries.access import Access, can_assume, permission_layers, principals, who_can
from tests.services.endpoint import ACCOUNT, BEGAN_AT, Endpoint, Statement, allow, arn, deny, document, seal, trusting

OTHER = "210987654321"
STATEMENTS = st.sampled_from(
    [
        allow("iam:List*"),
        allow("iam:GetUser", arn("user/${aws:username}")),
        allow(),
        deny("iam:GetUser", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
        deny("iam:*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
        allow("iam:*", Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}),
        allow("iam:*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
        deny("iam:*", Condition={"ArnLike": {"aws:PrincipalArn": arn("role/*")}}),
        deny("iam:*", Condition={"DateGreaterThan": {"aws:CurrentTime": "2026-01-31T12:00:00Z"}}),
        allow("sts:AssumeRole"),
        deny("sts:AssumeRole", Condition={"StringLike": {"sts:RoleSessionName": "n*"}}),
    ]
)
POLICIES = st.lists(STATEMENTS, max_size=3)
QUESTIONS = st.sampled_from(
    [("iam:GetUser", arn("user/ann")), ("iam:ListUsers", arn("user/")), ("iam:CreateUser", arn("user/new"))]
)
TRUST = st.sampled_from(
    [
        *(trusting(name) for name in (ACCOUNT, arn("user/ann"), arn("user/bob"), "*")),
        trusting(ACCOUNT, Condition={"StringEquals": {"sts:ExternalId": "handshake"}}),
    ]
)


def peopled(own: list[Statement], group: list[Statement], ops: list[Statement], trust: Statement) -> Account:
    """Ann, who is in a group, bob, the role ops, and root."""
    endpoint = Endpoint()
    endpoint.user("ann", *own)
    endpoint.user("bob", *group)
    endpoint.call(endpoint.root, "CreateGroup", GroupName="all")
    if group:
        endpoint.call(endpoint.root, "PutGroupPolicy", GroupName="all", PolicyName="p", PolicyDocument=document(*group))
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="all", UserName="ann")
    endpoint.role("ops", trust, *ops)
    return endpoint.account


CALLS = st.builds(
    lambda address, tls, region: Cause(
        origin="api",
        request_id="r",
        shared_id="r",
        service="iam",
        operation="Any",
        peer_address=address,
        tls=tls,
        region=region,
    ),
    st.sampled_from(["203.0.113.9", "198.51.100.1"]),
    st.booleans(),
    st.sampled_from(["eu-west-1", "us-east-1"]),
)
COMMON = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def in_session(caller: Caller) -> Caller:
    """A role acts in a session that has a name."""
    if caller.principal.type != "AssumedRole":
        return caller
    named = {name: getattr(caller.principal, name).replace("*", "night") for name in ("arn", "principal_id")}
    return replace(caller, principal=caller.principal.model_copy(update=named))


def called(caller: Caller, cause: Cause) -> Call:
    return Call(in_session(caller), cause, BEGAN_AT, random=lambda _count: b"", seal_session=seal)


def agrees(found: Access, result: Result) -> bool:
    """Whether a call was answered as was foretold."""
    possibility = found.possible.possibility
    return possibility is Possibility.CONDITIONAL or (possibility is Possibility.CERTAIN) == (result is Result.ALLOWED)


@COMMON
@given(POLICIES, POLICIES, POLICIES, QUESTIONS, st.lists(CALLS, min_size=1, max_size=4))
def test_who_can_is_what_calls_are_answered(
    own: list[Statement], group: list[Statement], ops: list[Statement], question: tuple[str, str], causes: list[Cause]
) -> None:
    """Every principal of the account is in the answer, once. What is certain is allowed to every call, what is
    impossible to none."""
    account = peopled(own, group, ops, trusting(ACCOUNT))
    found = {access.entity_id: access for access in who_can(account, *question, BEGAN_AT)}
    callers = {caller.entity_id: caller for caller in principals(account)}
    assert found.keys() == callers.keys() == {ACCOUNT, *account[USERS].by_id, *account[ROLES].by_id}
    for entity_id, caller in callers.items():
        for cause in causes:
            in_iam = cause.model_copy(update={"region": requested_region("aws", "iam", cause.region)})
            asked = check(account, called(caller, in_iam), *question)
            assert agrees(found[entity_id], evaluate(asked.layers, asked.request).result)


@COMMON
@given(POLICIES, POLICIES, TRUST, st.lists(CALLS, min_size=1, max_size=3), st.sampled_from(["night", "day"]))
def test_can_assume_is_what_calls_are_answered(
    own: list[Statement], ops: list[Statement], trust: Statement, causes: list[Cause], name: str
) -> None:
    """The same for AssumeRole, where the role's trust policy agrees or not; root can never."""
    account = peopled(own, [], ops, trust)
    role_arn = arn("role/ops")
    role = role_by_arn(account, role_arn)
    assert role is not None
    found = {access.entity_id: access for access in can_assume(account, role, [], BEGAN_AT)}
    assert ACCOUNT not in found
    for caller in principals(account):
        for cause in causes if not caller.is_root else ():
            context = {"sts:rolesessionname": (name,)}
            asked = check_assume_role(account, account, called(caller, cause), role_arn, role, context)
            assert agrees(found[caller.entity_id], evaluate(asked.layers, asked.request).result)


@COMMON
@given(POLICIES, POLICIES, QUESTIONS, CALLS)
def test_what_can_is_all_that_decides(
    own: list[Statement], group: list[Statement], question: tuple[str, str], cause: Cause
) -> None:
    """Made into policies again, the statements told of a user decide any call as the account does."""
    account = peopled(own, group, [], trusting(ACCOUNT))
    for caller in principals(account):
        if caller.is_root:
            continue
        asked = check(account, called(caller, cause), *question)
        told = permission_layers(account, caller.entity_id)
        assert evaluate(told, asked.request) == evaluate(asked.layers, asked.request)


@pytest.mark.parametrize(
    ("action", "guarded_region", "possibility"),
    [
        ("iam:CreateUser", "eu-central-1", Possibility.IMPOSSIBLE),
        ("iam:CreateUser", "us-east-1", Possibility.CERTAIN),
        ("sts:DecodeAuthorizationMessage", "eu-central-1", Possibility.CONDITIONAL),
    ],
)
def test_a_guard_of_regions(action: str, guarded_region: str, possibility: Possibility) -> None:
    """Where IAM is, is known of every call; of STS the client says it."""
    guard = deny("*", Condition={"StringNotEquals": {"aws:RequestedRegion": guarded_region}})
    account = peopled([allow(), guard], [], [], TRUSTED)
    (ann,) = (found for found in who_can(account, action, "*", BEGAN_AT) if found.arn == arn("user/ann"))
    assert ann.possible.possibility is possibility


def test_what_a_group_lends() -> None:
    """A group has one layer, of its own policies; it is nobody who could be limited by anything else."""
    account = peopled([allow("iam:GetUser")], [allow("iam:List*")], [], trusting(ACCOUNT))
    ((layer, policies),) = permission_layers(account, account[GROUPS].named("all").id)
    assert (layer, [policy.source_type for policy in policies]) == (Layer.IDENTITY, ["inline"])


def test_a_condition_nobody_can_foresee_is_told() -> None:
    """The answer names the statement and the condition on which it depends."""
    account = peopled([allow("iam:*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})], [], [], TRUSTED)
    (ann,) = (
        access
        for access in who_can(account, "iam:GetUser", arn("user/ann"), BEGAN_AT)
        if access.kind == "user" and access.arn.endswith("ann")
    )
    assert ann.possible.possibility is Possibility.CONDITIONAL
    (depends,) = ann.possible.depends_on
    assert (depends.statement.index, depends.unmet) == (0, ("IpAddress aws:SourceIp",))


TRUSTED = trusting(ACCOUNT)


def test_who_can_assume_a_role_as_calls_are_answered() -> None:
    """Asked the one way as the other: never root, whatever the trust policy says, and nobody a role that there is
    not."""
    endpoint = Endpoint()
    endpoint.user("ann", allow("sts:AssumeRole"))
    role = endpoint.role("ops", trusting(ACCOUNT))
    for action in ("sts:AssumeRole", "STS:assumerole"):
        found = who_can(endpoint.account, action, role, BEGAN_AT)
        possible = {access.arn: access.possible.possibility for access in found}
        assert possible == {arn("user/ann"): Possibility.CERTAIN, role: Possibility.IMPOSSIBLE}
        for access in who_can(endpoint.account, action, role + "x", BEGAN_AT):
            assert access.possible.possibility is Possibility.IMPOSSIBLE


def test_who_can_assume_from_elsewhere() -> None:
    """Across accounts both sides have to allow; services and providers stand in the answer by the names they have in
    the trust policy."""
    home, away = Endpoint(), Endpoint(OTHER)
    eve = f"arn:aws:iam::{OTHER}:user/eve"
    away.user("eve", allow("sts:AssumeRole", arn("role/ops")))
    away.user("bob")
    statement: Statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": OTHER, "Service": "ec2.amazonaws.com"},
    }
    home.role("ops", statement)
    role = home.account[ROLES].named("ops")
    found = {
        access.arn: access.possible.possibility for access in can_assume(home.account, role, [away.account], BEGAN_AT)
    }
    assert found[eve] is Possibility.CERTAIN
    assert found[f"arn:aws:iam::{OTHER}:user/bob"] is Possibility.IMPOSSIBLE
    assert found["ec2.amazonaws.com"] is Possibility.CERTAIN


def test_nobody_can_in_a_closed_account() -> None:
    """Its credentials are honoured no more: nobody of it can anything, not even root."""
    endpoint = Endpoint()
    endpoint.user("ann", allow())
    assert [access.kind for access in who_can(endpoint.account, "iam:ListUsers", "*", BEGAN_AT)] == ["root", "user"]
    endpoint.append(AccountClosed())
    assert list(who_can(endpoint.account, "iam:ListUsers", "*", BEGAN_AT)) == []


def possible(endpoint: Endpoint, action: str, resource: str = "*") -> dict[str, Possibility]:
    """Of whoever is told in the answer, by name."""
    found = who_can(endpoint.account, action, resource, BEGAN_AT)
    return {access.arn.split(":")[-1]: access.possible.possibility for access in found}


CERTAIN, CONDITIONAL, IMPOSSIBLE = Possibility.CERTAIN, Possibility.CONDITIONAL, Possibility.IMPOSSIBLE
SESSIONS = arn("assumed-role/worker/", "sts")


@pytest.mark.parametrize(
    ("trust", "possibility"),
    [
        (trusting(SESSIONS + "xx"), CONDITIONAL),
        (trusting(SESSIONS + "xx", ACCOUNT), CERTAIN),
        (trusting(SESSIONS + "xx", Condition={"Bool": {"aws:SecureTransport": "true"}}), CONDITIONAL),
        (trusting(SESSIONS + "x"), IMPOSSIBLE),
        (trusting(SESSIONS.replace("worker", "other") + "xx"), IMPOSSIBLE),
        (trusting(arn("federated-user/xx", "sts")), IMPOSSIBLE),
        (trusting("*", Condition={"StringLike": {"aws:userid": "*:xx"}}), CONDITIONAL),
        (trusting("*", Condition={"ArnLike": {"aws:PrincipalArn": SESSIONS + "*"}}), IMPOSSIBLE),
    ],
)
def test_a_role_whose_session_is_trusted_by_its_name(trust: Statement, possibility: Possibility) -> None:
    """It can assume the role if its session is called so, and only if somebody can call a session so. A federated user
    assumes none, and aws:PrincipalArn has the role's ARN."""
    endpoint = Endpoint()
    worker = endpoint.role("worker", trusting(ACCOUNT), allow("sts:AssumeRole"))
    inner = endpoint.role("inner", trust)
    role = endpoint.account[ROLES].named("inner")
    (found,) = (each for each in can_assume(endpoint.account, role, [], BEGAN_AT) if each.arn == worker)
    assert found.possible.possibility is possibility
    assert possible(endpoint, "sts:AssumeRole", inner)["role/worker"] is possibility


def test_the_sessions_that_it_depends_on_are_told() -> None:
    """Beside the conditions of the statement that names them."""
    endpoint = Endpoint()
    worker = endpoint.role("worker", trusting(ACCOUNT), allow("sts:AssumeRole"))
    first, second = SESSIONS + "xx", SESSIONS + "yy"
    trust = document(
        trusting(ACCOUNT),
        trusting(first, second, Condition={"Bool": {"aws:SecureTransport": "false"}}) | {"Effect": "Deny"},
    )
    endpoint.call(endpoint.root, "CreateRole", RoleName="inner", AssumeRolePolicyDocument=trust)
    role = endpoint.account[ROLES].named("inner")
    (found,) = (each for each in can_assume(endpoint.account, role, [], BEGAN_AT) if each.arn == worker)
    assert found.possible.possibility is CONDITIONAL
    assert {each.statement.index: each.unmet for each in found.possible.depends_on} == {
        1: ("Bool aws:SecureTransport", f"Principal {first}, {second}")
    }


def test_a_session_that_is_excepted() -> None:
    """A deny that spares one session of a role leaves it the name to decide; of another role it spares nobody."""
    may = SourcedPolicy(compiled(document(allow()), PolicyType.IDENTITY), "p", "inline", None)
    for role, possibility in (("worker", CONDITIONAL), ("other", IMPOSSIBLE)):
        spared = [SESSIONS + "xx", arn(f"role/{role}"), arn("root")]
        denying: Statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": spared}}
        resource = SourcedPolicy(compiled(document(denying), PolicyType.RESOURCE), "r", "resource", None)
        principal = RequestPrincipal(
            arn=arn(f"assumed-role/{role}/*", "sts"),
            account_id=ACCOUNT,
            names=frozenset({("AWS", arn(f"assumed-role/{role}/*", "sts"))}),
            issuer_names=frozenset({("AWS", arn(f"role/{role}"))}),
            is_any_session=True,
        )
        layers = [(Layer.IDENTITY, [may]), (Layer.RESOURCE, [resource])]
        found = evaluate_partial(layers, Request("s3:GetObject", "*", principal, {}), lambda _key: True)
        assert found.possibility is possibility
        told = [each.unmet for each in found.depends_on]
        assert told == ([(f"NotPrincipal {SESSIONS}xx",)] if possibility is CONDITIONAL else [])


def test_who_can_through_a_federated_user() -> None:
    """A user that may ask for its session, with tags where it may tag it, can what such a session can, on condition of
    what that is like; of IAM and STS such a session can nothing."""
    endpoint = Endpoint()
    red: Statement = {"StringEquals": {"aws:PrincipalTag/team": "red"}}
    federated: Statement = {"StringEquals": {"aws:PrincipalType": "FederatedUser"}}
    bob: Statement = {"StringLike": {"aws:userid": "*:bob"}}
    asks = [
        *(allow("s3:GetObject", Condition=red), allow("s3:PutObject", Condition=federated)),
        *(allow("s3:ListBucket", Condition=bob), allow("iam:ListUsers", Condition=federated)),
        *(allow("s3:DeleteObject"), deny("s3:DeleteObject", Condition={"StringLike": {"aws:username": "*"}})),
        allow("s3:CreateBucket", Condition={"StringLike": {"aws:username": "f*"}}),
    ]
    endpoint.user("full", *asks, allow("sts:*"))
    endpoint.user("untagging", *asks, allow("sts:GetFederationToken"))
    endpoint.user("plain", *asks, allow("sts:TagSession"))
    endpoint.user("barred", *asks, allow("sts:*"), deny("sts:GetFederationToken"))
    endpoint.call(endpoint.root, "TagUser", UserName="full", Tags=[{"Key": "team", "Value": "blue"}])

    def told(action: str) -> list[Possibility]:
        found = possible(endpoint, action)
        return [found[f"user/{name}"] for name in ("full", "untagging", "plain", "barred")]

    assert told("s3:GetObject") == [CONDITIONAL, IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE]
    for action in ("s3:PutObject", "s3:ListBucket", "s3:DeleteObject"):
        assert told(action) == [CONDITIONAL, CONDITIONAL, IMPOSSIBLE, IMPOSSIBLE], action
    assert told("s3:CreateBucket") == [CERTAIN, IMPOSSIBLE, IMPOSSIBLE, IMPOSSIBLE]
    assert set(told("iam:ListUsers")) == {IMPOSSIBLE}
    (full,) = (each for each in who_can(endpoint.account, "s3:PutObject", "*", BEGAN_AT) if each.arn.endswith("full"))
    assert [each.unmet for each in full.possible.depends_on] == [("StringEquals aws:PrincipalType",)]


def test_who_can_tag_a_session_of_a_role() -> None:
    """Whom its trust policy lets, and nobody else whatever its own policies say; of a federated user's session whoever
    has a policy for it."""
    endpoint = Endpoint()
    endpoint.user("ann", allow("sts:*"))
    endpoint.user("bob")
    trust = trusting(arn("user/bob"), Action=["sts:AssumeRole", "sts:TagSession"])
    role = endpoint.role("ops", trust)
    for action, bob in (
        ("sts:TagSession", CERTAIN),
        ("STS:tagsession", CERTAIN),
        ("sts:SetSourceIdentity", IMPOSSIBLE),
    ):
        told = possible(endpoint, action, role)
        assert told == {"user/ann": IMPOSSIBLE, "user/bob": bob, "role/ops": IMPOSSIBLE}, action
    told = possible(endpoint, "sts:TagSession", arn("federated-user/zoe", "sts"))
    assert told == {"root": CERTAIN, "user/ann": CERTAIN, "user/bob": IMPOSSIBLE, "role/ops": IMPOSSIBLE}


def test_what_no_policy_is_asked_for() -> None:
    """Everybody is somebody; a session token is for whoever has credentials that last. What root, or a session, can
    never call, does not tell of them."""
    endpoint = Endpoint()
    endpoint.user("ann", deny())
    endpoint.role("ops", trusting(ACCOUNT), allow())
    assert possible(endpoint, "sts:GetCallerIdentity") == dict.fromkeys(("root", "user/ann", "role/ops"), CERTAIN)
    assert possible(endpoint, "STS:getsessiontoken") == dict.fromkeys(("root", "user/ann"), CERTAIN)
    assert possible(endpoint, "sts:GetFederationToken") == {"root": CERTAIN, "user/ann": IMPOSSIBLE}
    assert possible(endpoint, "sts:AssumeRoot") == {"user/ann": IMPOSSIBLE, "role/ops": CERTAIN}
