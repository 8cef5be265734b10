"""Tags and permissions boundaries as a stock client has them, and the condition keys that they bring."""

from typing import Any

import pytest

from domain.families.users import USERS
from domain.foundation.errors import AccessDenied, InvalidInput, NoSuchEntity
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, deny, document, trusting

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
TAGS = [{"Key": "Team", "Value": "ops"}, {"Key": "shift", "Value": ""}]
BOUNDARY = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": ADMIN}


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


KINDS = pytest.mark.parametrize(
    ("kind", "required"), [("User", {}), ("Role", {"AssumeRolePolicyDocument": document(trusting(ACCOUNT))})]
)


@KINDS
def test_created_with_both(endpoint: Endpoint, kind: str, required: dict[str, str]) -> None:
    """Creation and the single answer show tags and boundary; listings leave them out, as the API Reference has it."""
    name = {f"{kind}Name": "ann"}
    created = endpoint.call(endpoint.root, f"Create{kind}", **name, **required, Tags=TAGS, PermissionsBoundary=ADMIN)
    got = endpoint.call(endpoint.root, f"Get{kind}", **name)[kind]
    for shown in (created[kind], got):
        assert (shown["Tags"], shown["PermissionsBoundary"]) == (TAGS, BOUNDARY)
    (listed,) = endpoint.call(endpoint.root, f"List{kind}s")[f"{kind}s"]
    listed.pop("MaxSessionDuration", None)  # which CreateRole does not tell
    assert created[kind] == listed | {"Tags": TAGS, "PermissionsBoundary": BOUNDARY}


@KINDS
def test_put_on_later_and_taken_away(endpoint: Endpoint, kind: str, required: dict[str, str]) -> None:
    """What comes goes again, and the answer is the one before."""
    name = {f"{kind}Name": "ann"}
    endpoint.call(endpoint.root, f"Create{kind}", **name, **required)
    before = endpoint.call(endpoint.root, f"Get{kind}", **name)
    endpoint.call(endpoint.root, f"Tag{kind}", **name, Tags=TAGS)
    endpoint.call(endpoint.root, f"Put{kind}PermissionsBoundary", **name, PermissionsBoundary=ADMIN)
    got = endpoint.call(endpoint.root, f"Get{kind}", **name)[kind]
    assert (got["Tags"], got["PermissionsBoundary"]) == (TAGS, BOUNDARY)
    endpoint.call(endpoint.root, f"Untag{kind}", **name, TagKeys=["TEAM", "SHIFT"])
    endpoint.call(endpoint.root, f"Delete{kind}PermissionsBoundary", **name)
    assert endpoint.call(endpoint.root, f"Get{kind}", **name) == before


@KINDS
def test_tags_in_pages(endpoint: Endpoint, kind: str, required: dict[str, str]) -> None:
    """Sorted by key, all once, however small the page and however long the key."""
    name = {f"{kind}Name": "ann"}
    keys = sorted(["a", "b", "\u4e00" * 127 + "\u4e01", "\u4e00" * 127 + "\u4e02", "\u4e01" * 128])
    tags = [{"Key": key, "Value": "v"} for key in reversed(keys)]
    endpoint.call(endpoint.root, f"Create{kind}", **name, **required, Tags=tags)
    found: list[str] = []
    answer: dict[str, Any] = {"IsTruncated": True}
    while answer["IsTruncated"]:
        marker = {"Marker": answer["Marker"]} if "Marker" in answer else {}
        answer = endpoint.call(endpoint.root, f"List{kind}Tags", **name, MaxItems=1, **marker)
        found += [tag["Key"] for tag in answer["Tags"]]
    assert found[:2] == ["a", "b"]
    assert found[-1] == keys[-1]
    assert sorted(found) == keys


def test_what_is_unfit_creates_nothing(endpoint: Endpoint) -> None:
    """One tag or a boundary that is refused, and there is no user."""
    with pytest.raises(InvalidInput, match="more than once"):
        endpoint.call(endpoint.root, "CreateUser", UserName="ann", Tags=[*TAGS, {"Key": "team", "Value": ""}])
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, "CreateUser", UserName="ann", PermissionsBoundary=arn("policy/gone"))
    assert len(endpoint.account[USERS]) == 0


def test_for_what_a_policy_is_used(endpoint: Endpoint) -> None:
    """Counts and filters tell attachments and boundaries apart; without a filter both count, each entity once."""
    for name in ("ann", "bob"):
        endpoint.call(endpoint.root, "CreateUser", UserName=name, PermissionsBoundary=ADMIN)
    endpoint.role("ops", trusting(ACCOUNT))
    endpoint.call(endpoint.root, "CreateUser", UserName="eva")
    for name in ("ann", "eva"):
        endpoint.call(endpoint.root, "AttachUserPolicy", UserName=name, PolicyArn=ADMIN)
    endpoint.call(endpoint.root, "PutRolePermissionsBoundary", RoleName="ops", PermissionsBoundary=READ_ONLY)

    def listed(**members: str) -> list[str]:
        policies = endpoint.call(endpoint.root, "ListPolicies", **members)["Policies"]
        return [policy["PolicyName"] for policy in policies]

    def using(**members: str) -> list[str]:
        answer = endpoint.call(endpoint.root, "ListEntitiesForPolicy", PolicyArn=ADMIN, **members)
        return [user["UserName"] for user in answer["PolicyUsers"]]

    policy = endpoint.call(endpoint.root, "GetPolicy", PolicyArn=ADMIN)["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (2, 2)
    assert listed(PolicyUsageFilter="PermissionsPolicy") == ["AdministratorAccess"]
    assert listed(PolicyUsageFilter="PermissionsBoundary") == ["AdministratorAccess", "IAMReadOnlyAccess"]
    assert using() == ["ann", "bob", "eva"]
    assert using(PolicyUsageFilter="PermissionsPolicy") == ["ann", "eva"]
    assert using(PolicyUsageFilter="PermissionsBoundary") == ["ann", "bob"]


def when(key: str, value: str, operator: str = "StringEquals") -> dict[str, object]:
    return {operator: {key: value}}


def test_creating_with_tags_is_tagging_too(endpoint: Endpoint) -> None:
    """Who may create but not tag creates without tags only."""
    ann = endpoint.user("ann", allow("iam:Create*"))
    for operation, action, members in (
        ("CreateUser", "iam:TagUser", {"UserName": "eva"}),
        ("CreateRole", "iam:TagRole", {"RoleName": "eva", "AssumeRolePolicyDocument": document(trusting(ACCOUNT))}),
    ):
        with pytest.raises(AccessDenied, match=action):
            endpoint.call(ann, operation, **members, Tags=TAGS)
        assert [decision.action for decision in endpoint.record.decisions] == [f"iam:{operation}", action]
        endpoint.call(ann, operation, **members)


def test_tags_of_the_request(endpoint: Endpoint) -> None:
    """A policy may ask for the value under a key, in whatever case the request has it, and for the keys; a request
    without tags has neither."""
    ann = endpoint.user(
        "ann",
        allow("iam:*"),
        deny("iam:TagUser", Condition=when("aws:RequestTag/TEAM", "ops", "StringNotEquals")),
        deny("iam:CreateUser", Condition=when("aws:TagKeys", "true", "Null")),
    )
    endpoint.call(ann, "CreateUser", UserName="eva", Tags=TAGS)
    endpoint.call(ann, "TagUser", UserName="eva", Tags=TAGS)
    for tags in ([{"Key": "Team", "Value": "dev"}], [{"Key": "shift", "Value": "ops"}]):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, "TagUser", UserName="eva", Tags=tags)
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "CreateUser", UserName="bob")
    endpoint.call(ann, "UntagUser", UserName="eva", TagKeys=["other", "Team"])
    assert endpoint.record.decisions[0].context["aws:tagkeys"] == ("other", "Team")


@pytest.mark.parametrize("prefix", ["aws", "iam"])
def test_tags_of_the_resource(endpoint: Endpoint, prefix: str) -> None:
    """Whoever may act on the night shift alone may act on nobody else: not on the untagged, nor on who has left it."""
    ann = endpoint.user("ann", allow("*", Condition=when(f"{prefix}:ResourceTag/Shift", "night")))
    for name, value in (("eva", "night"), ("bob", "day")):
        endpoint.call(endpoint.root, "CreateUser", UserName=name, Tags=[{"Key": "shift", "Value": value}])
    endpoint.call(ann, "CreateAccessKey", UserName="eva")
    endpoint.call(ann, "UpdateUser", UserName="eva", NewPath="/x/")
    for name in ("bob", "ann"):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, "CreateAccessKey", UserName=name)
    endpoint.call(ann, "UntagUser", UserName="eva", TagKeys=["shift"])
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "GetUser", UserName="eva")


def test_tags_of_the_role_that_is_assumed(endpoint: Endpoint) -> None:
    """STS tells them as IAM does."""
    ann = endpoint.user("ann", allow("sts:AssumeRole", Condition=when("aws:ResourceTag/shift", "night")))
    role = endpoint.role("ops", trusting(ACCOUNT))
    with pytest.raises(AccessDenied):
        endpoint.session(ann, RoleArn=role)
    endpoint.call(endpoint.root, "TagRole", RoleName="ops", Tags=[{"Key": "Shift", "Value": "night"}])
    assert endpoint.session(ann, RoleArn=role).session is not None


def test_a_delegate_who_must_set_a_boundary(endpoint: Endpoint) -> None:
    """The delegation of the IAM User Guide ("Permissions boundaries for IAM entities"): with the boundary users are
    created and get policies, without it or with another one not; it is the present one that counts where none is
    given."""
    bounded = when("iam:PermissionsBoundary", READ_ONLY)
    actions = ("CreateUser", "AttachUserPolicy", "PutUserPolicy", "PutUserPermissionsBoundary")
    ann = endpoint.user("ann", *(allow(f"iam:{action}", Condition=bounded) for action in actions))
    endpoint.call(endpoint.root, "CreateUser", UserName="bob", PermissionsBoundary=ADMIN)
    for members in ({}, {"PermissionsBoundary": ADMIN}):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, "CreateUser", UserName="eva", **members)
    endpoint.call(ann, "CreateUser", UserName="eva", PermissionsBoundary=READ_ONLY)
    endpoint.call(ann, "AttachUserPolicy", UserName="eva", PolicyArn=ADMIN)
    for name in ("bob", "ann", "nobody"):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, "AttachUserPolicy", UserName=name, PolicyArn=ADMIN)
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "PutUserPermissionsBoundary", UserName="eva", PermissionsBoundary=ADMIN)
    endpoint.call(ann, "PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=READ_ONLY)
    endpoint.call(ann, "PutUserPolicy", UserName="bob", PolicyName="p", PolicyDocument=document(allow()))
