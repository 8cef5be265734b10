"""AssumeRoot: who may have a session of a member's root user, and what it is good for."""

import csv
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from domain.families.access_keys import ACCESS_KEYS
from domain.families.organization import OrganizationLeft, OrganizationMembership, OrganizationPoliciesApplied
from domain.families.passwords import RootLoginProfileCreated, RootLoginProfileDeleted
from domain.foundation.errors import AccessDenied, EntityAlreadyExists, NoSuchEntity, ValidationError
from domain.queries.diff import changed_facts
from domain.rules.organizations_features import (
    AccountNotManagementOrDelegatedAdministratorException,
    OrganizationNotFoundException,
)
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, BEGAN_AT, Endpoint, Members, allow, arn
from tests.services.iam.certificates import certificate
from tests.services.iam.test_mfa_devices import Phone
from tests.services.iam.test_user_credentials import uploaded_certificate

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


SHOWN = ("AccountPasswordPresent", "AccountAccessKeysPresent", "AccountSigningCertificatesPresent", "AccountMFAEnabled")
"""What there can be of root's."""
LOGIN = {"UserName": "root", "CreateDate": BEGAN_AT, "PasswordResetRequired": False}


def test_all_tasks(manager: Endpoint, member: Endpoint) -> None:
    """Each does to root what it is for, and nothing else; those for services that are not here do nothing."""
    for feature in (CREDENTIALS, "EnableOrganizationsRootSessions"):
        manager.call(manager.root, feature)
    ann = manager.user("ann", allow("sts:AssumeRoot", ROOT))
    member.user("bob")
    phone = Phone(member)
    phone.enable(member.root, "root")
    uploaded_certificate(member, certificate("of root").body)
    member.call(member.root, "CreateAccessKey")
    creates_a_password(member, assumed(manager, ann, f"{TASKS}IAMCreateRootUserPassword"))
    audit = partial(member.call, assumed(manager, ann, f"{TASKS}IAMAuditRootUserCredentials"))
    audits(member, audit, phone.serial)
    member.call(member.root, "GenerateCredentialReport")
    report = member.call(member.root, "GetCredentialReport")["Content"].decode().splitlines()
    row = next(csv.DictReader(report))
    assert {row[each] for each in ("password_enabled", "mfa_active", "access_key_2_active", "cert_1_active")} == {
        "true"
    }
    deletes_all(member, assumed(manager, ann))
    assert {audit("GetAccountSummary")["SummaryMap"][each] for each in SHOWN} == {0}
    for task in ("S3UnlockBucketPolicy", "SQSUnlockQueuePolicy"):
        unlocking = assumed(manager, ann, f"{TASKS}{task}")
        assert member.call(unlocking, "GetCallerIdentity")["Arn"] == ROOT
        with pytest.raises(AccessDenied, match="because no session policy allows"):
            member.call(unlocking, "GetLoginProfile")


def creates_a_password(member: Endpoint, held: VerifiedCredential) -> None:
    """Without saying which. It is recorded as the session's, of which the key that asked for it is known."""
    with pytest.raises(NoSuchEntity, match="Login Profile for User root cannot be found"):
        member.call(held, "GetLoginProfile")
    for given in ({"Password": "Correct-Horse-1"}, {"PasswordResetRequired": True}):
        with pytest.raises(ValidationError, match="must be omitted"):
            member.call(held, "CreateLoginProfile", **given)
    before = member.account
    assert member.call(held, "CreateLoginProfile") == {"LoginProfile": LOGIN}
    made = member.entries[-2]
    assert isinstance(made.event, RootLoginProfileCreated)
    assert held.session is not None
    assert (made.cause.session_id, made.cause.access_key_id) == (held.session.session_id, held.access_key_id)
    ((fact, was, _),) = changed_facts(before, member.account, MEMBER)
    assert (fact.kind.name, was) == ("login profile", None)
    with pytest.raises(EntityAlreadyExists):
        member.call(held, "CreateLoginProfile")
    for operation in ("GetLoginProfile", "DeleteLoginProfile", "CreateLoginProfile"):
        with pytest.raises(ValidationError, match="Must specify userName"):
            member.call(member.root, operation)


def audits(member: Endpoint, audit: Callable[..., Members], serial_number: str) -> None:
    keys = {key["AccessKeyId"] for key in audit("ListAccessKeys")["AccessKeyMetadata"]}
    assert keys == {key.id for key in member.account[ACCESS_KEYS].of(MEMBER)}
    assert len(keys) == 2
    used = audit("GetAccessKeyLastUsed", AccessKeyId=member.root.access_key_id)["AccessKeyLastUsed"]
    assert used["ServiceName"] == "iam"
    assert [device["SerialNumber"] for device in audit("ListMFADevices")["MFADevices"]] == [serial_number]
    assert len(audit("ListSigningCertificates")["Certificates"]) == 1
    assert audit("GetLoginProfile")["LoginProfile"] == LOGIN
    assert audit("GetUser")["User"]["Arn"] == ROOT
    assert {audit("GetAccountSummary")["SummaryMap"][each] for each in SHOWN} == {1}
    for operation in ("DeleteLoginProfile", "CreateLoginProfile"):
        with pytest.raises(AccessDenied, match="because no session policy allows"):
            audit(operation)


def deletes_all(member: Endpoint, held: VerifiedCredential) -> None:
    """By what it reads itself."""
    for key in member.call(held, "ListAccessKeys")["AccessKeyMetadata"]:
        member.call(held, "DeleteAccessKey", AccessKeyId=key["AccessKeyId"])
    for device in member.call(held, "ListMFADevices")["MFADevices"]:
        member.call(held, "DeactivateMFADevice", SerialNumber=device["SerialNumber"])
    for each in member.call(held, "ListSigningCertificates")["Certificates"]:
        member.call(held, "DeleteSigningCertificate", CertificateId=each["CertificateId"])
    member.call(held, "DeleteLoginProfile")
    assert isinstance(member.entries[-2].event, RootLoginProfileDeleted)
    with pytest.raises(NoSuchEntity):
        member.call(held, "DeleteLoginProfile")


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
