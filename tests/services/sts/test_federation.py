"""GetFederationToken: whose permissions a federated user has, what it cannot call, and what policies know of it."""

from datetime import timedelta

import pytest

from domain.authorization import layers_of, request_principal
from domain.callers import caller_of_session
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, InvalidClientTokenId
from domain.policy import Layer, Request, Result, evaluate
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document

ZOE = arn("federated-user/zoe", "sts")


def federated(endpoint: Endpoint, by: VerifiedCredential, **members: object) -> VerifiedCredential:
    return endpoint.session(by, "GetFederationToken", Name="zoe", **members)


def may(endpoint: Endpoint, held: VerifiedCredential, action: str) -> bool:
    """Of an action that no operation here has."""
    assert held.session is not None
    caller = caller_of_session(endpoint.account, held.session, endpoint.at)
    request = Request(action, "*", request_principal(caller, None), {}, ACCOUNT)
    return evaluate(layers_of(endpoint.account, caller), request).result is Result.ALLOWED


def test_the_answer() -> None:
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("sts:GetFederationToken", ZOE))
    answer = endpoint.call(ann, "GetFederationToken", Name="zoe")
    assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:zoe", "Arn": ZOE}
    assert answer["Credentials"]["Expiration"] == endpoint.at + timedelta(hours=12)
    assert "PackedPolicySize" not in answer
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "GetFederationToken", Name="bob")
    with pytest.raises(AccessDenied, match=f"sts:TagSession on resource: {ZOE}"):
        endpoint.call(ann, "GetFederationToken", Name="zoe", Tags=[{"Key": "team", "Value": "ops"}])


def test_permissions_are_those_of_both() -> None:
    """Of the user and of the session's policies; without such there are none, of root neither."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("sts:*"), allow("s3:*"))
    policy = document(allow("s3:Get*"), allow("sqs:*"))
    held = federated(endpoint, ann, Policy=policy)
    assert [may(endpoint, held, action) for action in ("s3:GetObject", "s3:PutObject", "sqs:Send")] == [
        True,
        False,
        False,
    ]
    assert not may(endpoint, federated(endpoint, ann), "s3:GetObject")
    assert not may(endpoint, federated(endpoint, endpoint.root), "s3:GetObject")
    assert may(endpoint, federated(endpoint, endpoint.root, Policy=policy), "s3:GetObject")


def test_what_it_cannot_call() -> None:
    """No operation of IAM, and of STS one; and only long-term credentials give one."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow())
    held = federated(endpoint, ann, Policy=document(allow()))
    assert endpoint.call(held, "GetCallerIdentity") == {"UserId": f"{ACCOUNT}:zoe", "Account": ACCOUNT, "Arn": ZOE}
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(held, "ListUsers")
    role = endpoint.role("ops", {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}})
    with pytest.raises(AccessDenied, match="Cannot call AssumeRole with session credentials"):
        endpoint.session(held, RoleArn=role)
    for session in (held, endpoint.session(ann, RoleArn=role), endpoint.session(ann, "GetSessionToken")):
        with pytest.raises(AccessDenied, match="Cannot call GetFederationToken with session credentials"):
            federated(endpoint, session)


def test_how_long() -> None:
    """Root has one hour, whatever it asks for."""
    endpoint = Endpoint()
    for by, hours in ((endpoint.root, 1), (endpoint.user("ann", allow()), 36)):
        session = federated(endpoint, by, DurationSeconds=129_600).session
        assert session is not None
        assert session.expires_at - session.issued_at == timedelta(hours=hours)


def test_what_policies_know_of_it() -> None:
    """Its own names, those of who vouches for it, and tags of both, its own first; it is over with the user."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow())
    endpoint.call(
        endpoint.root, "TagUser", UserName="ann", Tags=[{"Key": "Team", "Value": "x"}, {"Key": "a", "Value": "b"}]
    )
    own = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "ops", "aws:PrincipalTag/a": "b"}}}
    known = {"aws:userid": f"{ACCOUNT}:zoe", "aws:PrincipalType": "FederatedUser", "aws:PrincipalArn": ZOE}
    condition = {"StringEquals": own["Condition"]["StringEquals"] | known, "Null": {"aws:username": "true"}}
    policy = document(allow("access-analyzer:ValidatePolicy", Condition=condition))
    held = federated(endpoint, ann, Policy=policy, Tags=[{"Key": "team", "Value": "ops"}])
    call = {"policyDocument": document(allow()), "policyType": "IDENTITY_POLICY"}
    endpoint.call(held, "ValidatePolicy", **call)
    untagged = federated(endpoint, ann, Policy=policy)
    with pytest.raises(AccessDenied, match="because no session policy allows"):
        endpoint.call(untagged, "ValidatePolicy", **call)
    assert held.session is not None
    caller = caller_of_session(endpoint.account, held.session, endpoint.at)
    named = request_principal(caller, None)
    assert (named.names, named.issuer_names) == (
        frozenset({("AWS", ZOE)}),
        frozenset({("AWS", endpoint.account[USERS].named("ann").id)}),
    )
    assert Layer.SESSION in dict(layers_of(endpoint.account, caller))
    endpoint.call(endpoint.root, "DeleteAccessKey", UserName="ann", AccessKeyId=ann.access_key_id)
    endpoint.call(endpoint.root, "DeleteUserPolicy", UserName="ann", PolicyName="may")
    endpoint.call(endpoint.root, "DeleteUser", UserName="ann")
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(held, "GetCallerIdentity")
