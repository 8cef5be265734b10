"""AssumeRole and GetSessionToken: who gets a session, for how long, and what it may be used for."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.families.policies import MANAGED_POLICIES
from domain.families.roles import ROLES
from domain.families.sessions import SessionIssued
from domain.families.users import USERS
from domain.foundation.errors import (
    AccessDenied,
    InvalidClientTokenId,
    MalformedPolicyDocument,
    PackedPolicyTooLarge,
    ValidationError,
)
from domain.foundation.identifiers import account_of_access_key_id
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, Endpoint, Members, allow, arn, deny, document, trusting

OPS = arn("role/ops")
OTHER_ACCOUNT = "210987654321"


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def assumes(endpoint: Endpoint, caller: VerifiedCredential, role: str = OPS, **members: str) -> bool:
    try:
        endpoint.session(caller, RoleArn=role, **members)
    except AccessDenied:
        return False
    return True


def test_the_answer(endpoint: Endpoint) -> None:
    """Credentials of the account with the token and the expiry, and who one is with them; the issue is recorded without
    secret and token."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(ACCOUNT))
    answer = endpoint.call(ann, "AssumeRole", RoleArn=OPS, RoleSessionName="night")
    credentials = answer["Credentials"]
    role = endpoint.account[ROLES].named("ops")
    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role.id}:night",
        "Arn": arn("assumed-role/ops/night", "sts"),
    }
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert account_of_access_key_id(credentials["AccessKeyId"]) == ACCOUNT
    assert len(credentials["SecretAccessKey"]) == 40
    assert credentials["Expiration"] == endpoint.at + timedelta(hours=1)
    recorded = " ".join(entry.event.model_dump_json() for entry in endpoint.entries)
    assert credentials["SecretAccessKey"] not in recorded
    assert credentials["SessionToken"] not in recorded


@pytest.mark.parametrize(
    ("principal", "ann_needs_a_policy"), [(arn("user/ann"), False), ("*", False), (ACCOUNT, True), (arn("root"), True)]
)
def test_whom_a_trust_policy_names(endpoint: Endpoint, principal: str, ann_needs_a_policy: bool) -> None:  # noqa: FBT001  a column of the table
    """A user that is named may assume the role without a policy of its own, as may everybody; the account that is named
    leaves it to its own policies."""
    ann, bob = endpoint.user("ann"), endpoint.user("bob")
    endpoint.role("ops", trusting(principal))
    assert assumes(endpoint, ann) is not ann_needs_a_policy
    assert assumes(endpoint, bob) is (principal == "*")
    for user in ("ann", "bob"):
        endpoint.call(
            endpoint.root,
            "PutUserPolicy",
            UserName=user,
            PolicyName="p",
            PolicyDocument=document(allow("sts:AssumeRole", OPS)),
        )
    assert assumes(endpoint, ann)
    assert assumes(endpoint, bob) is (principal != arn("user/ann"))


def test_a_role_and_a_session_in_a_trust_policy(endpoint: Endpoint) -> None:
    """A role that is named stands for its sessions, limited by its own policies; a session that is named is not limited
    by the role's, and no other session of that role is meant."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    worker = endpoint.role("worker", trusting(ACCOUNT))
    night = endpoint.session(ann, RoleArn=worker)
    day = endpoint.session(ann, RoleArn=worker, RoleSessionName="day")
    endpoint.role("ops", trusting(worker))
    endpoint.role("dev", trusting(arn("assumed-role/worker/night", "sts")))
    assert assumes(endpoint, night)
    assert assumes(endpoint, night, arn("role/dev"))
    assert not assumes(endpoint, day, arn("role/dev"))
    assert not assumes(endpoint, ann)


def test_the_principal_is_who_had_the_arn(endpoint: Endpoint) -> None:
    """The trust follows a user through a rename; whoever gets the old name then is not trusted."""
    ann = endpoint.user("ann")
    endpoint.role("ops", trusting(arn("user/ann")))
    endpoint.call(endpoint.root, "UpdateUser", UserName="ann", NewUserName="eva", NewPath="/x/")
    assert assumes(endpoint, ann)
    impostor = endpoint.user("ann", allow())
    assert endpoint.call(impostor, "GetCallerIdentity")["Arn"] == arn("user/ann")
    assert not assumes(endpoint, impostor)


def test_a_recreated_role_is_not_trusted(endpoint: Endpoint) -> None:
    """Sessions of a role of the same name are not those of the role that was trusted."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    worker = endpoint.role("worker", trusting(ACCOUNT), allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(worker))
    assert assumes(endpoint, endpoint.session(ann, RoleArn=worker))
    endpoint.call(endpoint.root, "DeleteRolePolicy", RoleName="worker", PolicyName="may")
    endpoint.call(endpoint.root, "DeleteRole", RoleName="worker")
    endpoint.role("worker", trusting(ACCOUNT), allow("sts:AssumeRole"))
    assert not assumes(endpoint, endpoint.session(ann, RoleArn=worker))


def test_a_trust_policy_is_needed_and_may_forbid(endpoint: Endpoint) -> None:
    """The user's own policy does not suffice, and a deny in the trust policy wins over its allow."""
    ann = endpoint.user("ann", allow())
    endpoint.role("ops", trusting(OTHER_ACCOUNT))
    with pytest.raises(AccessDenied, match="because no role trust policy allows the sts:AssumeRole action"):
        endpoint.session(ann, RoleArn=OPS)
    denied = trusting(arn("user/ann")) | {"Effect": "Deny"}
    endpoint.call(
        endpoint.root, "UpdateAssumeRolePolicy", RoleName="ops", PolicyDocument=document(trusting(ACCOUNT), denied)
    )
    with pytest.raises(AccessDenied, match="with an explicit deny in the role trust policy"):
        endpoint.session(ann, RoleArn=OPS)


@pytest.mark.parametrize(
    "unknown",
    [
        arn("role/none"),
        arn("role/x/ops"),
        arn("role/OPS"),
        f"arn:aws:iam::{OTHER_ACCOUNT}:role/ops",
        arn("user/ops"),
        "x" * 20,
    ],
)
def test_whether_a_role_exists_is_not_told(endpoint: Endpoint, unknown: str) -> None:
    """An ARN that is no role's is refused just as a role is that trusts somebody else, and the check is recorded."""
    ann = endpoint.user("ann", allow())
    endpoint.role("ops", trusting(OTHER_ACCOUNT))
    messages = []
    for role in (OPS, unknown):
        with pytest.raises(AccessDenied) as refused:
            endpoint.session(ann, RoleArn=role)
        messages.append(refused.value.message.replace(role, "it"))
        (decision,) = endpoint.record.decisions
        assert (decision.resources, decision.result, decision.layer) == ((role,), "implicitly denied", "trust")
    assert messages[0] == messages[1]


def test_external_id(endpoint: Endpoint) -> None:
    """A trust policy may demand one; without it or with another one it is refused."""
    ann = endpoint.user("ann")
    endpoint.role("ops", trusting(arn("user/ann"), Condition={"StringEquals": {"sts:ExternalId": "handshake"}}))
    assert not assumes(endpoint, ann)
    assert not assumes(endpoint, ann, ExternalId="Handshake")
    assert assumes(endpoint, ann, ExternalId="handshake")


def test_root_assumes_no_role(endpoint: Endpoint) -> None:
    """Neither with its key nor with a session of its own, whatever the role trusts."""
    endpoint.role("ops", trusting("*"))
    for root in (endpoint.root, endpoint.session(endpoint.root, "GetSessionToken")):
        with pytest.raises(AccessDenied, match="Roles may not be assumed by root accounts"):
            endpoint.session(root, RoleArn=OPS)


def test_how_long(endpoint: Endpoint) -> None:
    """As long as the role allows and no second longer; an hour unless asked otherwise."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(ACCOUNT))
    endpoint.call(endpoint.root, "UpdateRole", RoleName="ops", MaxSessionDuration=7_200)
    session = endpoint.session(ann, RoleArn=OPS, DurationSeconds=7_200).session
    assert session is not None
    assert session.expires_at - session.issued_at == timedelta(hours=2)
    with pytest.raises(ValidationError, match="exceeds the MaxSessionDuration set for this role"):
        endpoint.session(ann, RoleArn=OPS, DurationSeconds=7_201)


def test_chaining(endpoint: Endpoint) -> None:
    """From session to session it is one hour at most, whatever the role allows; the ledger says which session asked."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(ACCOUNT), allow("sts:AssumeRole"))
    endpoint.call(endpoint.root, "UpdateRole", RoleName="ops", MaxSessionDuration=43_200)
    first = endpoint.session(ann, RoleArn=OPS, DurationSeconds=43_200)
    with pytest.raises(ValidationError, match="exceeds the 1 hour session limit for roles assumed by role chaining"):
        endpoint.session(first, RoleArn=OPS, DurationSeconds=3_601)
    second = endpoint.session(first, RoleArn=OPS, DurationSeconds=3_600)
    assert first.session is not None
    assert second.session is not None
    assert first.session.minted_by_session_id is None
    assert second.session.minted_by_session_id == first.session.session_id
    assert second.session.minted_by_access_key_id == first.access_key_id


def test_session_policies_have_limits(endpoint: Endpoint) -> None:
    """An inline one has 2,048 characters, at most ten are managed, and each has to exist and to parse."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(ACCOUNT))
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    short = document(allow(Sid=""))
    endpoint.session(ann, RoleArn=OPS, Policy=document(allow(Sid="a" * (2_048 - len(short)))))
    with pytest.raises(
        PackedPolicyTooLarge,
        match=r"^Packed policy consumes 101% of allotted space, please use smaller policy. .*at most 2048",
    ):
        endpoint.session(ann, RoleArn=OPS, Policy=document(allow(Sid="a" * (2_049 - len(short)))))
    with pytest.raises(ValidationError, match="length less than or equal to 10"):
        endpoint.session(ann, RoleArn=OPS, PolicyArns=[{"arn": admin}] * 11)
    with pytest.raises(MalformedPolicyDocument, match="does not exist"):
        endpoint.session(ann, RoleArn=OPS, PolicyArns=[{"arn": arn("policy/none")}])
    with pytest.raises(MalformedPolicyDocument):
        endpoint.session(ann, RoleArn=OPS, Policy=document(trusting(ACCOUNT)))


def test_managed_session_policies_of_any_length(endpoint: Endpoint) -> None:
    """Named by their ARNs, beside an inline one: what they say is in the ledger from then on, and counts in every
    decision of the session. The session's own entry has but the ARNs."""
    ann = endpoint.user("ann", allow("sts:*"), allow("iam:*"))
    endpoint.role("ops", trusting(ACCOUNT), allow("iam:*"))
    names = ("ReadOnlyAccess", "SecurityAudit", "job-function/ViewOnlyAccess")
    arns = [f"arn:aws:iam::aws:policy/{name}" for name in names]
    endpoint.call(endpoint.root, "GetPolicy", PolicyArn=arns[0])
    assert arns[0] not in endpoint.account[MANAGED_POLICIES]
    held: Members = {"PolicyArns": [{"arn": each} for each in arns], "Policy": document(allow("iam:CreateUser"))}
    sessions = [
        endpoint.session(ann, RoleArn=OPS, **held),
        endpoint.session(ann, "GetFederationToken", Name="zoe", **held),
    ]
    assert all(each in endpoint.account[MANAGED_POLICIES] for each in arns)
    for each in sessions:
        assert each.session is not None
        assert len(each.session.model_dump_json()) < 2_000
    session = sessions[0]
    assert endpoint.call(session, "ListUsers")["Users"]
    endpoint.call(session, "CreateUser", UserName="bob")
    with pytest.raises(AccessDenied, match="because no session policy allows the iam:DeleteUser action"):
        endpoint.call(session, "DeleteUser", UserName="bob")


def test_a_policy_without_an_arn(endpoint: Endpoint) -> None:
    """The model leaves the ARN of a managed session policy optional; one without is refused, not a defect of ours."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    endpoint.role("ops", trusting(ACCOUNT))
    body = f"RoleArn={OPS}&RoleSessionName=night&PolicyArns.member.1.nothing=x"
    with pytest.raises(ValidationError):
        endpoint.post(ann, "AssumeRole", body)


def test_session_token_of_a_user(endpoint: Endpoint) -> None:
    """Nobody needs a permission for it and no policy forbids it; without MFA it calls no operation of IAM, and of STS
    two only."""
    ann = endpoint.user("ann", allow(), deny("sts:GetSessionToken"))
    endpoint.role("ops", trusting(ACCOUNT), allow("iam:ListUsers"))
    session = endpoint.session(ann, "GetSessionToken")
    assert session.session is not None
    assert session.session.expires_at - session.session.issued_at == timedelta(hours=12)
    assert endpoint.call(session, "GetCallerIdentity")["Arn"] == arn("user/ann")
    with pytest.raises(InvalidClientTokenId, match="The security token included in the request is invalid"):
        endpoint.call(session, "ListUsers")
    for operation, members in (("GetSessionToken", {}), ("GetAccessKeyInfo", {"AccessKeyId": session.access_key_id})):
        with pytest.raises(AccessDenied, match=f"Cannot call {operation} with session credentials"):
            endpoint.call(session, operation, **members)
    role_session = endpoint.session(session, RoleArn=OPS)
    assert endpoint.call(role_session, "ListUsers")["Users"] != []
    with pytest.raises(AccessDenied, match="Cannot call GetSessionToken with session credentials"):
        endpoint.session(role_session, "GetSessionToken")


def test_session_token_with_mfa(endpoint: Endpoint) -> None:
    """MFA opens IAM to the session; of STS it still calls two operations only."""
    session = endpoint.session(endpoint.user("ann", allow()), "GetSessionToken")
    assert session.session is not None
    principal = session.session.principal.model_copy(update={"mfa_authenticated": True})
    with_mfa = VerifiedCredential(
        ACCOUNT, session.access_key_id, session.session.model_copy(update={"principal": principal})
    )
    assert endpoint.call(with_mfa, "GetUser")["User"]["UserName"] == "ann"
    with pytest.raises(AccessDenied, match="Cannot call GetAccessKeyInfo with session credentials"):
        endpoint.call(with_mfa, "GetAccessKeyInfo", AccessKeyId=session.access_key_id)


def test_session_token_of_root(endpoint: Endpoint) -> None:
    """One hour at most, whatever is asked for; a user may have 36."""
    ann = endpoint.user("ann")
    for caller, hours in ((endpoint.root, 1), (ann, 36)):
        session = endpoint.session(caller, "GetSessionToken", DurationSeconds=129_600).session
        assert session is not None
        assert session.expires_at - session.issued_at == timedelta(hours=hours)


def test_a_renamed_user_in_its_session(endpoint: Endpoint) -> None:
    """Who the session speaks for is named as it is now: the old ARN may be somebody else's."""
    ann = endpoint.user("ann")
    session = endpoint.session(ann, "GetSessionToken")
    endpoint.call(endpoint.root, "UpdateUser", UserName="ann", NewUserName="eva")
    endpoint.user("ann")
    identity = endpoint.call(session, "GetCallerIdentity")
    assert identity["Arn"] == arn("user/eva")
    assert identity["UserId"] == endpoint.account[USERS].named("eva").id
    endpoint.role("ops", trusting(arn("user/ann")))
    assert not assumes(endpoint, session)


def test_a_session_of_a_deleted_user(endpoint: Endpoint) -> None:
    """It is over with the user, and a new user of that name does not bring it back."""
    ann = endpoint.user("ann")
    session = endpoint.session(ann, "GetSessionToken")
    endpoint.call(endpoint.root, "DeleteAccessKey", UserName="ann", AccessKeyId=ann.access_key_id)
    endpoint.call(endpoint.root, "DeleteUser", UserName="ann")
    endpoint.user("ann")
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(session, "GetCallerIdentity")


@given(st.integers(900, 129_600))
def test_each_session_is_issued_once(seconds: int) -> None:
    """One event for one session, with the claims of the token: whose, from when, until when."""
    endpoint = Endpoint()
    session = endpoint.session(endpoint.user("ann"), "GetSessionToken", DurationSeconds=seconds).session
    assert session is not None
    assert [e.event.session for e in endpoint.entries if isinstance(e.event, SessionIssued)] == [session]
    assert session.expires_at == endpoint.at + timedelta(seconds=seconds)
    assert session.entity_id == endpoint.account[USERS].named("ann").id
