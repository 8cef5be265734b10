"""Who may do what: the account's policies as callers meet them, and what is recorded of each check.

Driven through the operations, so that a check which an operation forgets shows here.
"""

from typing import Any

import pytest

from domain.families.groups import GROUPS
from domain.families.sessions import REVOCATIONS, SessionRevoked
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, ExpiredToken, InvalidClientTokenId
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, document, trusting

READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def may(endpoint: Endpoint, caller: VerifiedCredential, operation: str, **members: object) -> bool:
    try:
        endpoint.call(caller, operation, **members)
    except AccessDenied:
        return False
    return True


def test_who_has_no_policy_may_nothing(endpoint: Endpoint) -> None:
    """The refusal is AWS's sentence: who, what, on what, and why not; it does not tell whether the user exists."""
    ann = endpoint.user("ann", path="/team/")
    endpoint.user("bob")
    for name in ("bob", "nobody"):
        with pytest.raises(AccessDenied) as refused:
            endpoint.call(ann, "GetUser", UserName=name)
        assert refused.value.message == (
            f"User: {arn('user/team/ann')} is not authorized to perform: iam:GetUser "
            f"on resource: {arn(f'user/{name}')} because no identity-based policy allows the iam:GetUser action"
        )


def test_root_may_everything(endpoint: Endpoint) -> None:
    """The root user needs no policy, and the check of it is recorded too: what allows it is being root."""
    endpoint.call(endpoint.root, "ListUsers")
    (decision,) = endpoint.record.decisions
    (matched,) = decision.matched
    assert (decision.result, decision.layer) == ("allowed", "identity")
    assert (matched.source_type, matched.source_id) == ("root", ACCOUNT)


def test_own_group_and_managed_policies_add_up(endpoint: Endpoint) -> None:
    """What a user may is the sum of its own inline policy, an attached one, and those of its groups; it ends with the
    membership."""
    ann = endpoint.user("ann", allow("iam:GetUser"))
    root = endpoint.root
    endpoint.call(root, "CreateGroup", GroupName="ops")
    endpoint.call(
        root, "PutGroupPolicy", GroupName="ops", PolicyName="p", PolicyDocument=document(allow("iam:CreateGroup"))
    )
    assert may(endpoint, ann, "GetUser")
    assert not may(endpoint, ann, "CreateGroup", GroupName="g1")
    assert not may(endpoint, ann, "ListRoles")
    endpoint.call(root, "AddUserToGroup", GroupName="ops", UserName="ann")
    assert may(endpoint, ann, "CreateGroup", GroupName="g1")
    endpoint.call(root, "AttachGroupPolicy", GroupName="ops", PolicyArn=READ_ONLY)
    assert may(endpoint, ann, "ListRoles")
    endpoint.call(root, "RemoveUserFromGroup", GroupName="ops", UserName="ann")
    assert not may(endpoint, ann, "ListRoles")
    assert not may(endpoint, ann, "CreateGroup", GroupName="g2")


def test_an_explicit_deny_wins(endpoint: Endpoint) -> None:
    """Wherever it stands, here in a group, and whatever else allows; the refusal says so, the record names both."""
    ann = endpoint.user("ann", allow())
    endpoint.call(endpoint.root, "CreateGroup", GroupName="careful")
    endpoint.call(
        endpoint.root,
        "PutGroupPolicy",
        GroupName="careful",
        PolicyName="p",
        PolicyDocument=document(allow("iam:GetUser"), deny("iam:Delete*", arn("user/*"))),
    )
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="careful", UserName="ann")
    with pytest.raises(AccessDenied, match=r"with an explicit deny in an identity-based policy$"):
        endpoint.call(ann, "DeleteUser", UserName="ann")
    (decision,) = endpoint.record.decisions
    user, group = endpoint.account[USERS].named("ann"), endpoint.account[GROUPS].named("careful")
    assert decision.result == "explicitly denied"
    assert [(matched.source_id, matched.source_type, matched.index) for matched in decision.matched] == [
        (f"{user.id}/may", "inline", 0),
        (f"{group.id}/p", "inline", 1),
    ]
    assert may(endpoint, ann, "CreateGroup", GroupName="other")
    assert may(endpoint, ann, "DeleteGroup", GroupName="other")


def test_permissions_are_those_of_now(endpoint: Endpoint) -> None:
    """A new default version counts from the next call on."""
    ann = endpoint.user("ann")
    policy = endpoint.call(
        endpoint.root, "CreatePolicy", PolicyName="p", PolicyDocument=document(allow("iam:ListUsers"))
    )["Policy"]["Arn"]
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=policy)
    assert may(endpoint, ann, "ListUsers")
    other = document(allow("iam:ListGroups"))
    endpoint.call(endpoint.root, "CreatePolicyVersion", PolicyArn=policy, PolicyDocument=other, SetAsDefault=True)
    assert may(endpoint, ann, "ListGroups")
    assert not may(endpoint, ann, "ListUsers")
    endpoint.call(endpoint.root, "SetDefaultPolicyVersion", PolicyArn=policy, VersionId="v1")
    assert may(endpoint, ann, "ListUsers")
    (decision,) = endpoint.record.decisions
    assert [(matched.source_id, matched.version_id) for matched in decision.matched] == [(policy, "v1")]


def test_the_condition_of_the_operation_itself(endpoint: Endpoint) -> None:
    """iam:PolicyARN limits which policies may be attached and detached."""
    only = {"StringEquals": {"iam:PolicyARN": READ_ONLY}}
    ann = endpoint.user("ann", allow("iam:*UserPolicy", Condition=only))
    assert may(endpoint, ann, "AttachUserPolicy", UserName="ann", PolicyArn=READ_ONLY)
    (decision,) = endpoint.record.decisions
    assert decision.context == {"iam:policyarn": (READ_ONLY,)}
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert not may(endpoint, ann, "AttachUserPolicy", UserName="ann", PolicyArn=admin)
    assert may(endpoint, ann, "DetachUserPolicy", UserName="ann", PolicyArn=READ_ONLY)


@pytest.mark.parametrize(
    ("kind", "old", "new"), [("User", "user/ann", "user/x/eva"), ("Group", "group/ann", "group/x/eva")]
)
def test_renaming_needs_both_arns(endpoint: Endpoint, kind: str, old: str, new: str) -> None:
    """To be renamed or moved, something has to be the caller's to update as it is and as it will be; both are checked
    and recorded, and whether the new name is taken is told to nobody else."""
    endpoint.call(endpoint.root, f"Create{kind}", **{f"{kind}Name": "ann"})
    endpoint.call(endpoint.root, f"Create{kind}", **{f"{kind}Name": "eva", "Path": "/x/"})
    members = {f"{kind}Name": "ann", f"New{kind}Name": "eva", "NewPath": "/x/"}
    action = f"iam:Update{kind}"
    for name, resource, denied in (("a", old, new), ("b", new, old)):
        caller = endpoint.user(name, allow(action, arn(resource)))
        with pytest.raises(AccessDenied, match=f"on resource: {arn(denied)} because"):
            endpoint.call(caller, f"Update{kind}", **members)
    endpoint.call(endpoint.root, f"Delete{kind}", **{f"{kind}Name": "eva"})
    caller = endpoint.user("c", allow(action, arn(old)), allow(action, arn(new)))
    endpoint.call(caller, f"Update{kind}", **members)
    assert [decision.resources for decision in endpoint.record.decisions] == [(arn(old),), (arn(new),)]


def test_a_role_session_has_the_roles_permissions(endpoint: Endpoint) -> None:
    """All of the role's and none of the user's who assumed it; the caller is the session."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"), allow("iam:ListUsers"))
    role = endpoint.role("ops", trusting(ACCOUNT), allow("iam:ListGroups"))
    session = endpoint.session(ann, RoleArn=role)
    assert may(endpoint, session, "ListGroups")
    with pytest.raises(AccessDenied, match=f"^User: {arn('assumed-role/ops/night', 'sts')} is not authorized"):
        endpoint.call(session, "ListUsers")
    assert may(endpoint, ann, "ListUsers")


@pytest.mark.parametrize(
    "members",
    [
        {"Policy": document(allow("iam:List*"))},
        {"PolicyArns": [{"arn": READ_ONLY}]},
        {"Policy": document(allow("iam:ListUsers")), "PolicyArns": [{"arn": READ_ONLY}]},
    ],
    ids=["inline", "managed", "both"],
)
def test_a_session_policy_narrows(endpoint: Endpoint, members: dict[str, Any]) -> None:
    """What it does not allow the session may not, whatever the role may; inline and managed ones add up."""
    role = endpoint.role("ops", trusting(ACCOUNT), allow("iam:*"), deny("iam:ListRoles"))
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    session = endpoint.session(ann, RoleArn=role, **members)
    assert may(endpoint, session, "ListUsers")
    with pytest.raises(AccessDenied, match="because no session policy allows the iam:CreateUser action"):
        endpoint.call(session, "CreateUser", UserName="x")
    assert not may(endpoint, session, "ListRoles")


def test_a_session_policy_grants_nothing(endpoint: Endpoint) -> None:
    """What the role may not the session may not either; what it denies is denied."""
    role = endpoint.role("ops", trusting(ACCOUNT), allow("iam:ListUsers"), allow("iam:ListGroups"))
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    session = endpoint.session(ann, RoleArn=role, Policy=document(allow(), deny("iam:ListGroups")))
    assert may(endpoint, session, "ListUsers")
    with pytest.raises(AccessDenied, match="because no identity-based policy allows"):
        endpoint.call(session, "ListRoles")
    with pytest.raises(AccessDenied, match="with an explicit deny in a session policy"):
        endpoint.call(session, "ListGroups")


def test_a_session_policy_that_is_gone_grants_nothing(endpoint: Endpoint) -> None:
    """A managed session policy counts as it stands; after its deletion the session may nothing, not everything."""
    policy = endpoint.call(endpoint.root, "CreatePolicy", PolicyName="p", PolicyDocument=document(allow()))
    policy_arn = policy["Policy"]["Arn"]
    role = endpoint.role("ops", trusting(ACCOUNT), allow())
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    session = endpoint.session(ann, RoleArn=role, PolicyArns=[{"arn": policy_arn}])
    assert may(endpoint, session, "ListUsers")
    endpoint.call(endpoint.root, "DeletePolicy", PolicyArn=policy_arn)
    with pytest.raises(AccessDenied, match="no session policy allows"):
        endpoint.call(session, "ListUsers")


def test_a_session_ends(endpoint: Endpoint) -> None:
    """It works until the last moment before its expiry and not at it."""
    role = endpoint.role("ops", trusting(ACCOUNT), allow())
    session = endpoint.session(endpoint.user("ann", allow("sts:AssumeRole")), RoleArn=role, DurationSeconds=900)
    endpoint.later(seconds=899.999999)
    assert may(endpoint, session, "ListUsers")
    endpoint.later(seconds=0.000001)
    with pytest.raises(ExpiredToken, match="The security token included in the request is expired"):
        endpoint.call(session, "ListUsers")


def test_a_revoked_session_is_over(endpoint: Endpoint) -> None:
    """From the revocation on, for this session and no other; it stays so until the session would have ended."""
    role = endpoint.role("ops", trusting(ACCOUNT), allow())
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    first, second = endpoint.session(ann, RoleArn=role), endpoint.session(ann, RoleArn=role)
    assert first.session is not None
    endpoint.append(SessionRevoked(session_id=first.session.session_id))
    for _ in range(2):
        with pytest.raises(ExpiredToken):
            endpoint.call(first, "GetCallerIdentity")
        assert may(endpoint, second, "ListUsers")
        endpoint.later(minutes=59)
    endpoint.append(SessionRevoked(session_id="another"))
    assert first.session.session_id in endpoint.account[REVOCATIONS]


def test_older_sessions_are_revoked_by_their_issue_time(endpoint: Endpoint) -> None:
    """The policy AWSRevokeOlderSessions, which AWS's console attaches to a role, ends the sessions issued before its
    time and leaves the later ones alone."""
    role = endpoint.role("ops", trusting(ACCOUNT), allow())
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    older = endpoint.session(ann, RoleArn=role)
    endpoint.later(minutes=1)
    revoked = deny(Condition={"DateLessThan": {"aws:TokenIssueTime": endpoint.at.strftime("%Y-%m-%dT%H:%M:%S.000Z")}})
    endpoint.call(
        endpoint.root,
        "PutRolePolicy",
        RoleName="ops",
        PolicyName="AWSRevokeOlderSessions",
        PolicyDocument=document(revoked),
    )
    newer = endpoint.session(ann, RoleArn=role)
    with pytest.raises(AccessDenied, match="with an explicit deny in an identity-based policy"):
        endpoint.call(older, "ListUsers")
    assert may(endpoint, newer, "ListUsers")


def test_sessions_outlive_the_key_but_not_the_role(endpoint: Endpoint) -> None:
    """As in AWS a session lives on when the key that minted it is deactivated; when its role is deleted it is over, and
    a new role of the same name does not bring it back."""
    role = endpoint.role("ops", trusting(ACCOUNT))
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    session = endpoint.session(ann, RoleArn=role)
    endpoint.call(endpoint.root, "UpdateAccessKey", UserName="ann", AccessKeyId=ann.access_key_id, Status="Inactive")
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(ann, "GetCallerIdentity")
    assert endpoint.call(session, "GetCallerIdentity")["Arn"] == arn("assumed-role/ops/night", "sts")
    endpoint.call(endpoint.root, "DeleteRole", RoleName="ops")
    endpoint.role("ops", trusting(ACCOUNT), allow())
    with pytest.raises(InvalidClientTokenId, match="The security token included in the request is invalid"):
        endpoint.call(session, "GetCallerIdentity")


def test_keys_that_are_gone(endpoint: Endpoint) -> None:
    """Inactive, active again, deleted: a key is good for something only while it is active."""
    ann = endpoint.user("ann", allow())
    key = {"UserName": "ann", "AccessKeyId": ann.access_key_id}
    endpoint.call(endpoint.root, "UpdateAccessKey", Status="Inactive", **key)
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(ann, "ListUsers")
    endpoint.call(endpoint.root, "UpdateAccessKey", Status="Active", **key)
    assert may(endpoint, ann, "ListUsers")
    endpoint.call(endpoint.root, "DeleteAccessKey", **key)
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(ann, "ListUsers")
