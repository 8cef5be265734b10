"""The account in one answer, which says of everybody what the operations on each say."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.account import AccountClosed
from domain.families.access_keys import ACCESS_KEYS, AccessKeyCreated
from domain.foundation.errors import AccessDenied, ValidationError
from tests.histories import folded, histories
from tests.services.endpoint import Endpoint, allow, arn, document, trusting

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
LISTS = {"UserDetailList": "User", "GroupDetailList": "Group", "RoleDetailList": "Role", "Policies": "Policy"}
KINDS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")

Details = dict[str, list[dict[str, Any]]]


def details(endpoint: Endpoint, size: int = 1_000, **members: object) -> Details:
    """All four lists, fetched a few entities at a time. No page has more than it should."""
    lists: Details = {name: [] for name in LISTS}
    answer: dict[str, Any] = {"IsTruncated": True}
    while answer["IsTruncated"]:
        marker = {"Marker": answer["Marker"]} if "Marker" in answer else {}
        answer = endpoint.call(endpoint.root, "GetAccountAuthorizationDetails", MaxItems=size, **marker, **members)
        found = sum(len(answer[name]) for name in LISTS)
        assert found == size if answer["IsTruncated"] else found <= size
        for name, entities in lists.items():
            entities.extend(answer[name])
    return lists


def asked_one_by_one(endpoint: Endpoint) -> Details:
    """The same of the operations on single entities and of the listings."""

    def listed(operation: str, name: str, **members: object) -> list[Any]:
        answer = endpoint.call(endpoint.root, operation, MaxItems=1_000, **members)
        assert not answer["IsTruncated"]
        items: list[Any] = answer[name]
        return items

    def held(kind: str, name: str) -> dict[str, Any]:
        holder = {f"{kind}Name": name}
        return {
            f"{kind}PolicyList": [
                {key: got[key] for key in ("PolicyName", "PolicyDocument")}
                for policy in listed(f"List{kind}Policies", "PolicyNames", **holder)
                for got in [endpoint.call(endpoint.root, f"Get{kind}Policy", PolicyName=policy, **holder)]
            ],
            "AttachedManagedPolicies": listed(f"ListAttached{kind}Policies", "AttachedPolicies", **holder),
        }

    lists: Details = {name: [] for name in LISTS}
    for user in listed("ListUsers", "Users"):
        name = user["UserName"]
        groups = [group["GroupName"] for group in listed("ListGroupsForUser", "Groups", UserName=name)]
        got = endpoint.call(endpoint.root, "GetUser", UserName=name)["User"]
        lists["UserDetailList"].append({**got, **held("User", name), "GroupList": groups})
    for group in listed("ListGroups", "Groups"):
        lists["GroupDetailList"].append({**group, **held("Group", group["GroupName"])})
    for role in listed("ListRoles", "Roles"):
        got = endpoint.call(endpoint.root, "GetRole", RoleName=role["RoleName"])["Role"]
        for only_of_a_role in ("Description", "MaxSessionDuration"):
            got.pop(only_of_a_role, None)
        profiles = listed("ListInstanceProfilesForRole", "InstanceProfiles", RoleName=role["RoleName"])
        lists["RoleDetailList"].append({**got, **held("Role", role["RoleName"]), "InstanceProfileList": profiles})
    for policy in listed("ListPolicies", "Policies"):
        if ":aws:policy/" in policy["Arn"] and not policy["AttachmentCount"] + policy["PermissionsBoundaryUsageCount"]:
            continue
        named = {"PolicyArn": policy["Arn"]}
        versions = [
            endpoint.call(endpoint.root, "GetPolicyVersion", VersionId=version["VersionId"], **named)["PolicyVersion"]
            for version in listed("ListPolicyVersions", "Versions", **named)
        ]
        got = endpoint.call(endpoint.root, "GetPolicy", **named)["Policy"]
        lists["Policies"].append({**got, "PolicyVersionList": versions})
    return lists


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_details_are_what_each_entity_answers(data: st.DataObject) -> None:
    """In any account, in pages of any size: every member of every entity is what GetUser, GetRole, ListX and the others
    answer of it, nobody is missing, nobody is there twice, and the order is that of the listings."""
    endpoint = Endpoint()
    root = endpoint.account[ACCESS_KEYS].by_id[endpoint.root.access_key_id]
    endpoint.entries = data.draw(histories(calls_max=60))
    # A closed account answers nobody.
    endpoint.account = folded(entry for entry in endpoint.entries if not isinstance(entry.event, AccountClosed))
    endpoint.append(AccessKeyCreated(access_key_id=root.id, user_id=root.user_id, user_name=root.user_id))
    expected = asked_one_by_one(endpoint)
    assert details(endpoint, data.draw(st.integers(1, 4))) == expected
    assert details(endpoint) == expected


@pytest.fixture
def furnished() -> Endpoint:
    """An account with one of everything."""
    endpoint = Endpoint()
    call, root = endpoint.call, endpoint.root
    endpoint.user("ann", allow("iam:GetUser"), path="/team/")
    call(root, "CreateGroup", GroupName="dev")
    call(root, "AddUserToGroup", GroupName="dev", UserName="ann")
    call(root, "AttachGroupPolicy", GroupName="dev", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    endpoint.role("ops", trusting(arn("user/team/ann")), allow("iam:ListUsers"))
    call(root, "TagRole", RoleName="ops", Tags=[{"Key": "Team", "Value": "Ops"}])
    call(root, "PutRolePermissionsBoundary", RoleName="ops", PermissionsBoundary=ADMIN)
    call(root, "CreatePolicy", PolicyName="own", PolicyDocument=document(allow()), Description="all, & more")
    call(root, "CreatePolicyVersion", PolicyArn=arn("policy/own"), PolicyDocument=document(allow("iam:*")))
    return endpoint


def test_documents_are_url_encoded(furnished: Endpoint) -> None:
    """Each of the four kinds, as RFC 3986 has it; decoded, as botocore does by itself, they are what was put."""
    found = details(furnished)
    (user,), (role,) = found["UserDetailList"], found["RoleDetailList"]
    (own,) = (policy for policy in found["Policies"] if policy["PolicyName"] == "own")
    encoded = [
        user["UserPolicyList"][0]["PolicyDocument"],
        role["AssumeRolePolicyDocument"],
        role["RolePolicyList"][0]["PolicyDocument"],
        *(version["Document"] for version in own["PolicyVersionList"]),
    ]
    assert all(text.startswith("%7B%22Version%22") and " " not in text for text in encoded)
    assert [unquote(text) for text in encoded] == [
        document(allow("iam:GetUser")),
        document(trusting(arn("user/team/ann"))),
        document(allow("iam:ListUsers")),
        document(allow("iam:*")),
        document(allow()),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_shows_one_kind(furnished: Endpoint, kind: str) -> None:
    """Each value of Filter alone shows its kind, empty lists beside it; all together show what none shows. Of AWS's
    policies only those that are in use."""
    everything = details(furnished)
    only = details(furnished, size=1, Filter=[kind])
    name = "Policies" if kind.endswith("Policy") else f"{kind}DetailList"
    aws = {ADMIN, "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}
    assert [name for name, found in only.items() if found] == [name]
    match kind:
        case "AWSManagedPolicy":
            assert {policy["Arn"] for policy in only[name]} == aws
        case "LocalManagedPolicy":
            assert [policy["Arn"] for policy in only[name]] == [arn("policy/own")]
        case _:
            assert only[name] == everything[name]
    assert details(furnished, Filter=list(KINDS)) == everything


def test_what_only_the_details_show_of_a_policy(furnished: Endpoint) -> None:
    """How often it is attached and a boundary, whether it can be, and all its versions."""
    policies = {policy["PolicyName"]: policy for policy in details(furnished)["Policies"]}
    assert {
        name: (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"], policy["IsAttachable"])
        for name, policy in policies.items()
    } == {"AdministratorAccess": (0, 1, True), "IAMReadOnlyAccess": (1, 0, True), "own": (0, 0, True)}
    assert [version["VersionId"] for version in policies["own"]["PolicyVersionList"]] == ["v2", "v1"]
    assert policies["own"]["Description"] == "all, & more"


def test_who_may_ask(furnished: Endpoint) -> None:
    """The action has no resource of its own (Service Authorization Reference): whoever may do it on everything may."""
    furnished.call(furnished.user("may", allow("iam:GetAccountAuthorizationDetails")), "GetAccountAuthorizationDetails")
    one = furnished.user("one", allow("iam:GetAccountAuthorizationDetails", arn("user/ann")))
    with pytest.raises(AccessDenied, match=r"iam:GetAccountAuthorizationDetails on resource: \*"):
        furnished.call(one, "GetAccountAuthorizationDetails")


def test_a_marker_of_another_listing_is_refused(furnished: Endpoint) -> None:
    """It would skip what it does not know."""
    marker = furnished.call(furnished.root, "ListPolicies", MaxItems=1)["Marker"]
    with pytest.raises(ValidationError, match="Invalid Marker"):
        furnished.call(furnished.root, "GetAccountAuthorizationDetails", Marker=marker)
