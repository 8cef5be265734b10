"""Service-linked roles, and names that nobody else may have."""

import re
from urllib.parse import unquote

import pytest

from domain.families.policies import CatalogueVersion, ManagedCatalogueAdopted
from domain.foundation.errors import AccessDenied, InvalidInput, NoSuchEntity, UnmodifiableEntity
from domain.policy.service_principals import KNOWN_SERVICES
from domain.rules.service_linked_roles import _TEMPLATES, role_name_for
from tests.services.endpoint import ACCOUNT, BEGAN_AT, Endpoint, allow, arn, document, trusting

AUTOSCALING = {"AWSServiceName": "autoscaling.amazonaws.com"}
NAME = "AWSServiceRoleForAutoScaling"
NAMED = {"RoleName": NAME}
ROLE_ARN = arn(f"role/aws-service-role/autoscaling.amazonaws.com/{NAME}")
POLICY_ARN = "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"


def with_policy() -> Endpoint:
    """Of a catalogue that has the policy of the service."""
    endpoint = Endpoint()
    version = CatalogueVersion(
        policy_id="ANPAAUTOSCALING",
        policy_arn=POLICY_ARN,
        policy_name="AutoScalingServiceRolePolicy",
        path="/aws-service-role/",
        description="",
        created_at=BEGAN_AT,
        version=1,
        updated_at=BEGAN_AT,
        document=document(allow("ec2:*")),
    )
    endpoint.append(ManagedCatalogueAdopted(digest="of one", versions=(version,)))
    return endpoint


def test_from_creation_to_deletion() -> None:
    """With the service's path, name, trust and policy; the task of the deletion is known by its id alone, and the name
    is free again."""
    endpoint = with_policy()
    root = endpoint.root
    role = endpoint.call(root, "CreateServiceLinkedRole", **AUTOSCALING, Description="scales")["Role"]
    assert (role["Arn"], role["Path"]) == (ROLE_ARN, "/aws-service-role/autoscaling.amazonaws.com/")
    trusted = '"Principal": {"Service": ["autoscaling.amazonaws.com"]}, "Action": ["sts:AssumeRole"]'
    assert trusted in unquote(role["AssumeRolePolicyDocument"])
    assert endpoint.call(root, "GetRole", **NAMED)["Role"]["Description"] == "scales"
    attached = endpoint.call(root, "ListAttachedRolePolicies", **NAMED)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [POLICY_ARN]
    with pytest.raises(InvalidInput, match=f"^Service role name {NAME} has been taken in this account, please try"):
        endpoint.call(root, "CreateServiceLinkedRole", **AUTOSCALING)
    task = endpoint.call(root, "DeleteServiceLinkedRole", **NAMED)["DeletionTaskId"]
    assert re.fullmatch(f"task/aws-service-role/autoscaling.amazonaws.com/{NAME}/[0-9a-f-]{{36}}", task)
    assert endpoint.call(root, "GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task) == {"Status": "SUCCEEDED"}
    for unknown, refusal in ((task[:-1] + "x", NoSuchEntity), ("task/aws-service-role/a/b", InvalidInput)):
        with pytest.raises(refusal):
            endpoint.call(root, "GetServiceLinkedRoleDeletionStatus", DeletionTaskId=unknown)
    with pytest.raises(NoSuchEntity):
        endpoint.call(root, "DeleteServiceLinkedRole", **NAMED)
    assert endpoint.call(root, "ListEntitiesForPolicy", PolicyArn=POLICY_ARN)["PolicyRoles"] == []
    endpoint.call(root, "CreateServiceLinkedRole", **AUTOSCALING)


def test_suffixes() -> None:
    """Where the service takes one; there can be several roles then. A service without such a role is refused."""
    endpoint = Endpoint()
    root = endpoint.root
    for suffix in ("a", "b"):
        role = endpoint.call(root, "CreateServiceLinkedRole", **AUTOSCALING, CustomSuffix=suffix)["Role"]
        assert role["RoleName"] == f"{NAME}_{suffix}"
    with pytest.raises(InvalidInput, match=r"^Custom suffix is not allowed for ecs\.amazonaws\.com$"):
        endpoint.call(root, "CreateServiceLinkedRole", AWSServiceName="ecs.amazonaws.com", CustomSuffix="a")
    with pytest.raises(InvalidInput, match="longer than 64"):
        endpoint.call(root, "CreateServiceLinkedRole", **AUTOSCALING, CustomSuffix="x" * 64)
    for unknown in ("s3.amazonaws.com", "autoscaling.example.com", "autoscaling"):
        with pytest.raises(InvalidInput, match="No service-linked role"):
            endpoint.call(root, "CreateServiceLinkedRole", AWSServiceName=unknown)


PROTECTED: dict[str, dict[str, object]] = {
    "AttachRolePolicy": {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
    "DetachRolePolicy": {"PolicyArn": POLICY_ARN},
    "PutRolePolicy": {"PolicyName": "p", "PolicyDocument": document(allow())},
    "DeleteRolePolicy": {"PolicyName": "p"},
    "PutRolePermissionsBoundary": {"PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
    "DeleteRolePermissionsBoundary": {},
    "UpdateAssumeRolePolicy": {"PolicyDocument": document(trusting(ACCOUNT))},
    "UpdateRole": {"MaxSessionDuration": 7_200},
    "DeleteRole": {},
    "AddRoleToInstanceProfile": {"InstanceProfileName": "web"},
}


@pytest.mark.parametrize(("operation", "members"), PROTECTED.items())
def test_nobody_else_changes_it(operation: str, members: dict[str, object]) -> None:
    """In AWS's words, be it root."""
    endpoint = with_policy()
    endpoint.call(endpoint.root, "CreateServiceLinkedRole", **AUTOSCALING)
    endpoint.call(endpoint.root, "CreateInstanceProfile", InstanceProfileName="web")
    sentence = f"^Cannot perform the operation on the protected role '{NAME}' - this role is only modifiable by AWS$"
    with pytest.raises(UnmodifiableEntity, match=sentence):
        endpoint.call(endpoint.root, operation, **NAMED, **members)


def test_what_can_be_changed() -> None:
    """Its description, by both operations, and its tags."""
    endpoint = Endpoint()
    root = endpoint.root
    endpoint.call(root, "CreateServiceLinkedRole", **AUTOSCALING)
    endpoint.call(root, "UpdateRoleDescription", **NAMED, Description="one")
    endpoint.call(root, "UpdateRole", **NAMED, Description="two")
    endpoint.call(root, "TagRole", **NAMED, Tags=[{"Key": "team", "Value": "ops"}])
    role = endpoint.call(root, "GetRole", **NAMED)["Role"]
    assert (role["Description"], role["Tags"]) == ("two", [{"Key": "team", "Value": "ops"}])


def test_who_may() -> None:
    """By the service's name and the role's ARN; of one that is no role of a service, nothing is told."""
    endpoint = Endpoint()
    asked = {"StringEquals": {"iam:AWSServiceName": "autoscaling.amazonaws.com"}}
    ann = endpoint.user(
        "ann",
        allow("iam:CreateServiceLinkedRole", arn("role/aws-service-role/*"), Condition=asked),
        allow("iam:DeleteServiceLinkedRole", ROLE_ARN),
        allow("iam:GetServiceLinkedRoleDeletionStatus", ROLE_ARN),
    )
    endpoint.call(ann, "CreateServiceLinkedRole", **AUTOSCALING)
    for service in ("ecs.amazonaws.com", "nobody.example.com"):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, "CreateServiceLinkedRole", AWSServiceName=service)
    task = endpoint.call(ann, "DeleteServiceLinkedRole", **NAMED)["DeletionTaskId"]
    endpoint.call(ann, "GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    for other in (task.replace(NAME, "AWSServiceRoleForECS"), "nonsense"):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, "GetServiceLinkedRoleDeletionStatus", DeletionTaskId=other)


def test_another_role_is_not_deleted_like_that() -> None:
    endpoint = Endpoint()
    endpoint.role("ops", trusting(ACCOUNT))
    with pytest.raises(NoSuchEntity, match="no service-linked role with name ops"):
        endpoint.call(endpoint.root, "DeleteServiceLinkedRole", RoleName="ops")


@pytest.mark.parametrize(
    "members",
    [
        {"RoleName": "ops", "Path": "/aws-service-role/ecs.amazonaws.com/"},
        {"RoleName": "ops", "Path": "/aws-reserved/sso.amazonaws.com/"},
        {"RoleName": "AWSServiceRoleForOps"},
        {"RoleName": "awsservicerolefor"},
        {"RoleName": "AWSReservedSSO_Admin_0123456789abcdef"},
    ],
)
def test_reserved_names(members: dict[str, str]) -> None:
    """Nobody else creates a role with one, in whatever case."""
    endpoint = Endpoint()
    with pytest.raises(InvalidInput, match="reserved"):
        endpoint.call(endpoint.root, "CreateRole", **members, AssumeRolePolicyDocument=document(trusting(ACCOUNT)))


def test_the_file_is_sound() -> None:
    """Each role is of a service that can be trusted, and has a name of its own that fits."""
    assert _TEMPLATES.keys() <= KNOWN_SERVICES.keys()
    names = [role_name_for(f"{service}.amazonaws.com", None, "aws") for service in _TEMPLATES]
    assert len({*names}) == len(names)
    assert max(map(len, names)) <= 64
