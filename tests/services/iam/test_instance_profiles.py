"""Instance profiles, through the operations on them."""

import pytest

from domain.families.instance_profiles import INSTANCE_PROFILE
from domain.foundation.errors import AccessDenied, DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from domain.queries.diff import changed_facts
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, trusting

WEB = {"InstanceProfileName": "web"}


def with_profile() -> Endpoint:
    """The role ops, and below /app/ the instance profile web."""
    endpoint = Endpoint()
    endpoint.role("ops", trusting(ACCOUNT))
    endpoint.call(endpoint.root, "CreateInstanceProfile", **WEB, Path="/app/")
    return endpoint


def test_from_creation_to_deletion() -> None:
    """It shows its role wherever it is shown, and is found by its name in whatever case; of a moment before it is
    answered as it was."""
    endpoint = with_profile()
    root = endpoint.root
    profile = endpoint.call(root, "GetInstanceProfile", InstanceProfileName="WEB")["InstanceProfile"]
    assert profile["InstanceProfileId"].startswith("AIPA")
    assert (profile["Arn"], profile["Roles"]) == (arn("instance-profile/app/web"), [])
    with pytest.raises(EntityAlreadyExists, match=r"^Instance Profile Web already exists\.$"):
        endpoint.call(root, "CreateInstanceProfile", InstanceProfileName="Web")
    empty_at = endpoint.account.position
    endpoint.call(root, "AddRoleToInstanceProfile", **WEB, RoleName="ops")
    shown = endpoint.call(root, "GetInstanceProfile", **WEB)["InstanceProfile"]
    (role,) = shown["Roles"]
    assert role.keys() == {"Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"}
    details = endpoint.call(root, "GetAccountAuthorizationDetails", Filter=["Role"])["RoleDetailList"]
    for listed in (
        endpoint.call(root, "ListInstanceProfiles", PathPrefix="/app/")["InstanceProfiles"],
        endpoint.call(root, "ListInstanceProfilesForRole", RoleName="ops")["InstanceProfiles"],
        details[0]["InstanceProfileList"],
    ):
        assert listed == [shown]
    assert endpoint.call(root, "ListInstanceProfiles", PathPrefix="/other/")["InstanceProfiles"] == []
    endpoint.moment = f"p{empty_at}"
    assert endpoint.call(root, "GetInstanceProfile", **WEB)["InstanceProfile"] == profile
    endpoint.moment = None
    changed = changed_facts(endpoint.as_of(empty_at), endpoint.account, profile["InstanceProfileId"])
    assert [(fact.kind.name, is_ and is_.name) for fact, _, is_ in changed] == [
        ("profile role", "ops of instance profile web")
    ]
    endpoint.call(root, "RemoveRoleFromInstanceProfile", **WEB, RoleName="ops")
    endpoint.call(root, "DeleteInstanceProfile", **WEB)
    assert not INSTANCE_PROFILE.by_id(endpoint.account)
    with pytest.raises(NoSuchEntity, match=r"^Instance Profile web cannot be found\.$"):
        endpoint.call(root, "GetInstanceProfile", **WEB)


def test_one_role_each() -> None:
    """Neither the role nor the instance profile goes while it is in there, and there is no room for another one."""
    endpoint = with_profile()
    root = endpoint.root
    endpoint.role("other", trusting(ACCOUNT))
    with pytest.raises(NoSuchEntity, match="Role other is not in instance profile web"):
        endpoint.call(root, "RemoveRoleFromInstanceProfile", **WEB, RoleName="other")
    endpoint.call(root, "AddRoleToInstanceProfile", **WEB, RoleName="ops")
    for name in ("other", "ops"):
        with pytest.raises(LimitExceeded, match=r"^Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1$"):
            endpoint.call(root, "AddRoleToInstanceProfile", **WEB, RoleName=name)
    for operation, named in (("DeleteRole", {"RoleName": "ops"}), ("DeleteInstanceProfile", WEB)):
        with pytest.raises(DeleteConflict, match="must remove roles from instance profile first"):
            endpoint.call(root, operation, **named)


def test_who_adds_a_role_passes_it() -> None:
    """To EC2, and to instances of the account; both checks are recorded. Without the permission nothing is told of the
    role, not even whether there is one."""
    endpoint = with_profile()
    adds = allow("iam:AddRoleToInstanceProfile", arn("instance-profile/app/web"))
    passes = {
        "StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"},
        "ArnLike": {"iam:AssociatedResourceArn": f"arn:aws:ec2:*:{ACCOUNT}:instance/*"},
    }
    elsewhere = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    for name, statements in (
        ("ann", [adds]),
        ("bob", [adds, allow("iam:PassRole", arn("role/ops"), Condition=elsewhere)]),
    ):
        key = endpoint.user(name, *statements)
        for role in ("ops", "gone"):
            with pytest.raises(AccessDenied, match=f"iam:PassRole on resource: {arn(f'role/{role}')} because"):
                endpoint.call(key, "AddRoleToInstanceProfile", **WEB, RoleName=role)
    key = endpoint.user("eve", adds, allow("iam:PassRole", arn("role/ops"), Condition=passes))
    endpoint.call(key, "AddRoleToInstanceProfile", **WEB, RoleName="ops")
    assert [(decision.action, decision.result) for decision in endpoint.record.decisions] == [
        ("iam:AddRoleToInstanceProfile", "allowed"),
        ("iam:PassRole", "allowed"),
    ]


def test_pages() -> None:
    """Of one each, while another one is deleted in between."""
    endpoint = Endpoint()
    for name in ("a", "b", "c"):
        endpoint.call(endpoint.root, "CreateInstanceProfile", InstanceProfileName=name)
    page = endpoint.call(endpoint.root, "ListInstanceProfiles", MaxItems=1)
    endpoint.call(endpoint.root, "DeleteInstanceProfile", InstanceProfileName="a")
    rest = endpoint.call(endpoint.root, "ListInstanceProfiles", Marker=page["Marker"])["InstanceProfiles"]
    assert [each["InstanceProfileName"] for each in rest] == ["b", "c"]
