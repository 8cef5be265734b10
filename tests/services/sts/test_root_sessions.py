"""AssumeRoot: who may have a session of a member's root user, and what it is good for."""

from datetime import timedelta

import pytest

from domain.families.access_keys import ACCESS_KEYS
from domain.families.organization import OrganizationLeft, OrganizationMembership, OrganizationPoliciesApplied
from domain.foundation.errors import AccessDenied, ValidationError
from domain.rules.organizations_features import (
    AccountNotManagementOrDelegatedAdministratorException,
    OrganizationNotFoundException,
)
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn

MEMBER, STRANGER = "210987654321", "345678901234"
ROOT = f"arn:aws:iam::{MEMBER}:root"
TASKS = "arn:aws:iam::aws:policy/root-task/"
DELETE = f"{TASKS}IAMDeleteRootUserCredentials"
CREDENTIALS = "EnableOrganizationsRootCredentialsManagement"


def joins(endpoint: Endpoint, organization_id: str = "o-exampleorgid") -> None:
    membership = OrganizationMembership(organization_id, ACCOUNT, ())
    endpoint.append(OrganizationPoliciesApplied(membership=membership))


@pytest.fixture
def manager() -> Endpoint:
    endpoint = Endpoint()
    joins(endpoint)
    return endpoint


@pytest.fixture
def member(manager: Endpoint) -> Endpoint:
    endpoint = Endpoint(MEMBER, beside=manager)
    joins(endpoint)
    return endpoint


def assumed(manager: Endpoint, by: VerifiedCredential, task: str = DELETE, **members: object) -> VerifiedCredential:
    members = {"TargetPrincipal": MEMBER, "TaskPolicyArn": {"arn": task}} | members
    return manager.session(by, "AssumeRoot", **members)


def test_features(manager: Endpoint, member: Endpoint) -> None:
    """Enabled, listed and disabled by the management account alone; gone with the organization."""
    listed = manager.call(manager.root, "ListOrganizationsFeatures")
    assert listed == {"OrganizationId": "o-exampleorgid", "EnabledFeatures": []}
    manager.call(manager.root, "EnableOrganizationsRootSessions")
    at = manager.account.position
    for _ in range(2):
        both = manager.call(manager.root, CREDENTIALS)
        assert both["EnabledFeatures"] == ["RootCredentialsManagement", "RootSessions"]
    assert manager.call(manager.root, "DisableOrganizationsRootSessions")["EnabledFeatures"] == [
        "RootCredentialsManagement"
    ]
    manager.moment = f"p{at}"
    assert manager.call(manager.root, "ListOrganizationsFeatures")["EnabledFeatures"] == ["RootSessions"]
    for operation in (CREDENTIALS, "ListOrganizationsFeatures"):
        with pytest.raises(AccountNotManagementOrDelegatedAdministratorException):
            member.call(member.root, operation)
    manager.moment = None
    manager.append(OrganizationLeft(organization_id="o-exampleorgid"))
    with pytest.raises(OrganizationNotFoundException):
        manager.call(manager.root, "ListOrganizationsFeatures")
    joins(manager, "o-anotherorgid")
    assert manager.call(manager.root, "ListOrganizationsFeatures")["EnabledFeatures"] == []


def test_what_the_session_may_do(manager: Endpoint, member: Endpoint) -> None:
    """Root's own credentials, and nothing besides; it stands in the member's ledger, and who asked for it."""
    manager.call(manager.root, CREDENTIALS)
    ann = manager.user("ann", allow("sts:AssumeRoot", ROOT, Condition={"ArnEquals": {"sts:TaskPolicyArn": DELETE}}))
    held = assumed(manager, ann)
    assert held.session is not None
    assert (held.account_id, held.session.minted_by_access_key_id) == (MEMBER, ann.access_key_id)
    assert held.session.expires_at - held.session.issued_at == timedelta(minutes=15)
    assert member.call(held, "GetCallerIdentity") == {"UserId": MEMBER, "Account": MEMBER, "Arn": ROOT}
    member.user("bob")
    (key,) = member.call(held, "ListAccessKeys")["AccessKeyMetadata"]
    for operation, members in (
        ("ListUsers", {}),
        ("ListAccessKeys", {"UserName": "bob"}),
        ("CreateAccessKey", {}),
        ("CreateUser", {"UserName": "eve"}),
    ):
        with pytest.raises(AccessDenied, match="because no session policy allows"):
            member.call(held, operation, **members)
    member.call(held, "DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    assert key["AccessKeyId"] not in member.account[ACCESS_KEYS].by_id


def test_who_is_refused(manager: Endpoint, member: Endpoint) -> None:
    """Without the feature, as root, for another task than allowed, for no member, from a member, for no task."""
    ann = manager.user("ann", allow("sts:AssumeRoot", Condition={"ArnNotEquals": {"sts:TaskPolicyArn": DELETE}}))
    boss = manager.user("boss", allow())
    with pytest.raises(AccessDenied, match="RootCredentialsManagement is not enabled"):
        assumed(manager, boss)
    manager.call(manager.root, CREDENTIALS)
    assumed(manager, boss, TargetPrincipal=ROOT)
    with pytest.raises(AccessDenied, match="RootSessions is not enabled"):
        assumed(manager, boss, f"{TASKS}S3UnlockBucketPolicy")
    with pytest.raises(AccessDenied, match=f"sts:AssumeRoot on resource: {ROOT}"):
        assumed(manager, ann)
    with pytest.raises(AccessDenied, match="root user credentials"):
        assumed(manager, manager.root)
    Endpoint(STRANGER, beside=manager)
    for target in (STRANGER, "999999999999", ACCOUNT):
        with pytest.raises(AccessDenied, match="no member account"):
            assumed(manager, boss, TargetPrincipal=target)
    for wrong in (
        {"TargetPrincipal": arn("user/ann")},
        {"TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/IAMFullAccess"}},
    ):
        with pytest.raises(ValidationError):
            assumed(manager, boss, **wrong)
    with pytest.raises(AccessDenied, match="management account"):
        assumed(member, member.user("eve", allow()), TargetPrincipal=ACCOUNT)
