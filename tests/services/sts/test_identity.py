"""GetCallerIdentity and GetAccessKeyInfo."""

import pytest

from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, ValidationError
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, trusting


def test_who_one_is() -> None:
    """Root, a user and a session, each by unique id, account and ARN; no policy can forbid it, and none is asked."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", deny(), path="/team/")
    bob = endpoint.user("bob", allow("sts:AssumeRole"))
    session = endpoint.session(bob, RoleArn=endpoint.role("ops", trusting(ACCOUNT), deny()))
    users, roles = endpoint.account[USERS], endpoint.account[ROLES]
    for caller, unique_id, caller_arn in (
        (endpoint.root, ACCOUNT, arn("root")),
        (ann, users.named("ann").id, arn("user/team/ann")),
        (session, f"{roles.named('ops').id}:night", arn("assumed-role/ops/night", "sts")),
    ):
        identity = endpoint.call(caller, "GetCallerIdentity")
        assert identity == {"UserId": unique_id, "Account": ACCOUNT, "Arn": caller_arn}
        assert endpoint.record.decisions == ()


def test_whose_key_it_is() -> None:
    """The account that the key id carries, existing or not; who asks has to be allowed; a key id without account is a
    clear error."""
    endpoint = Endpoint()
    ann = endpoint.user("ann")
    with pytest.raises(AccessDenied, match=r"sts:GetAccessKeyInfo on resource: \* because"):
        endpoint.call(ann, "GetAccessKeyInfo", AccessKeyId="ASIAQNZGKIQY56JQ7WML")
    bob = endpoint.user("bob", allow("sts:GetAccessKeyInfo"))
    assert endpoint.call(bob, "GetAccessKeyInfo", AccessKeyId="ASIAQNZGKIQY56JQ7WML") == {"Account": "029608264753"}
    assert endpoint.call(bob, "GetAccessKeyInfo", AccessKeyId=ann.access_key_id) == {"Account": ACCOUNT}
    with pytest.raises(ValidationError, match="AKIAIOSFODNN7EXAMPLE carries no account id"):
        endpoint.call(bob, "GetAccessKeyInfo", AccessKeyId="AKIAIOSFODNN7EXAMPLE")
