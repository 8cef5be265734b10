"""What IAM's operations answer, member by member, as a stock client reads it."""

from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from domain.families.aws_managed_policies import published_catalogue
from domain.families.groups import GroupUpdated
from domain.families.users import USERS, UserUpdated
from domain.foundation.errors import AccessDenied, EntityAlreadyExists, NoSuchEntity, ValidationError
from domain.foundation.secret import SecretId, SecretKind
from tests.services.endpoint import ACCOUNT, BEGAN_AT, Endpoint, allow, arn, document, trusting

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def pages(endpoint: Endpoint, operation: str, name: str, size: int, **members: object) -> list[Any]:
    """All items of a listing, fetched a few at a time."""
    items: list[Any] = []
    answer: dict[str, Any] = {"IsTruncated": True}
    while answer["IsTruncated"]:
        marker = {"Marker": answer["Marker"]} if "Marker" in answer else {}
        answer = endpoint.call(endpoint.root, operation, MaxItems=size, **marker, **members)
        assert len(answer[name]) <= size
        items += answer[name]
    return items


def test_a_user(endpoint: Endpoint) -> None:
    """Created, got and listed it is the same: path, name, unique id, ARN, date."""
    created = endpoint.call(endpoint.root, "CreateUser", UserName="Ann", Path="/team/")["User"]
    assert created == {
        "Path": "/team/",
        "UserName": "Ann",
        "UserId": endpoint.account[USERS].named("ann").id,
        "Arn": arn("user/team/Ann"),
        "CreateDate": BEGAN_AT,
    }
    assert endpoint.call(endpoint.root, "GetUser", UserName="ann")["User"] == created
    assert endpoint.call(endpoint.root, "ListUsers")["Users"] == [created]


def test_names_in_another_case(endpoint: Endpoint) -> None:
    """What is renamed to its own name in another case is called so; to what it is called already, nothing happens."""
    for kind in ("User", "Group"):
        endpoint.call(endpoint.root, f"Create{kind}", **{f"{kind}Name": "ann"})
        for name in ("ANN", "ANN"):
            endpoint.call(endpoint.root, f"Update{kind}", **{f"{kind}Name": "Ann", f"New{kind}Name": name})
        endpoint.call(endpoint.root, f"Update{kind}", **{f"{kind}Name": "ann"})
        assert [each[f"{kind}Name"] for each in endpoint.call(endpoint.root, f"List{kind}s")[f"{kind}s"]] == ["ANN"]
    renames = [entry for entry in endpoint.entries if isinstance(entry.event, UserUpdated | GroupUpdated)]
    assert len(renames) == 2


def test_get_user_without_a_name(endpoint: Endpoint) -> None:
    """Of a user it is the user, of root the root user; who acts in a role has to name somebody."""
    ann = endpoint.user("ann", allow("iam:GetUser", arn("user/ann")), allow("sts:AssumeRole"))
    assert endpoint.call(ann, "GetUser")["User"]["UserName"] == "ann"
    root = endpoint.call(endpoint.root, "GetUser")["User"]
    assert (root["Arn"], root["UserId"], root["CreateDate"]) == (arn("root"), ACCOUNT, BEGAN_AT)
    session = endpoint.session(ann, RoleArn=endpoint.role("ops", trusting(ACCOUNT), allow()))
    with pytest.raises(ValidationError, match="Must specify userName when calling with non-User credentials"):
        endpoint.call(session, "GetUser")


def test_listings_in_pages(endpoint: Endpoint) -> None:
    """Whatever the page's size, all are found once, in the order of their names; a path prefix filters."""
    wanted = [f"u{number}" for number in range(7)]
    for name in reversed(wanted):
        endpoint.call(endpoint.root, "CreateUser", UserName=name, Path="/odd/" if int(name[1:]) % 2 else "/even/")
    for size in (1, 3, 7, 100):
        assert [user["UserName"] for user in pages(endpoint, "ListUsers", "Users", size)] == wanted
    odd = pages(endpoint, "ListUsers", "Users", 2, PathPrefix="/odd/")
    assert [user["UserName"] for user in odd] == wanted[1::2]
    with pytest.raises(ValidationError, match="Invalid Marker"):
        endpoint.call(endpoint.root, "ListUsers", Marker="nonsense")


def test_policies_with_long_paths_in_pages(endpoint: Endpoint) -> None:
    """A page may end at a policy whose ARN is far longer than a marker can be; one of ours may be called like one of
    AWS's."""
    path = "/" + "x" * 510 + "/"
    names = [*(f"p{number}" for number in range(3)), "AdministratorAccess"]
    endpoint.user("ann")
    arns = [ADMIN]
    for name in names:
        created = endpoint.call(
            endpoint.root, "CreatePolicy", PolicyName=name, Path=path, PolicyDocument=document(allow())
        )
        arns.append(created["Policy"]["Arn"])
    for policy_arn in arns:
        endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=policy_arn)
    listed = pages(endpoint, "ListPolicies", "Policies", 1, OnlyAttached=True)
    assert sorted(policy["Arn"] for policy in listed) == sorted(arns)
    attached = pages(endpoint, "ListAttachedUserPolicies", "AttachedPolicies", 1, UserName="ann")
    assert [policy["PolicyArn"] for policy in attached] == [policy["Arn"] for policy in listed]
    under_path = pages(endpoint, "ListAttachedUserPolicies", "AttachedPolicies", 2, UserName="ann", PathPrefix=path)
    assert sorted(policy["PolicyName"] for policy in under_path) == sorted(names)


def test_groups_and_members(endpoint: Endpoint) -> None:
    """A group with its users page by page, and a user's groups."""
    for name in ("ann", "bob", "eva"):
        endpoint.call(endpoint.root, "CreateUser", UserName=name)
    for group in ("ops", "dev"):
        created = endpoint.call(endpoint.root, "CreateGroup", GroupName=group)["Group"]
        assert created["Arn"] == arn(f"group/{group}")
        for name in ("eva", "ann", "bob"):
            endpoint.call(endpoint.root, "AddUserToGroup", GroupName=group, UserName=name)
    assert endpoint.call(endpoint.root, "GetGroup", GroupName="OPS")["Group"]["GroupName"] == "ops"
    members = pages(endpoint, "GetGroup", "Users", 2, GroupName="ops")
    assert [user["UserName"] for user in members] == ["ann", "bob", "eva"]
    groups = pages(endpoint, "ListGroupsForUser", "Groups", 1, UserName="bob")
    assert [group["GroupName"] for group in groups] == ["dev", "ops"]
    assert pages(endpoint, "ListGroups", "Groups", 1) == groups


def test_a_role(endpoint: Endpoint) -> None:
    """The trust policy comes back as it was written; descriptions only where there is one; GetRole alone tells the last
    use, and all but CreateRole how long sessions may be."""
    trust = document(trusting(f"arn:aws:iam::{ACCOUNT}:root"))
    created = endpoint.call(
        endpoint.root, "CreateRole", RoleName="ops", AssumeRolePolicyDocument=trust, Description="night shift"
    )["Role"]
    assert unquote(created["AssumeRolePolicyDocument"]) == trust
    assert created["Description"] == "night shift"
    assert not {"MaxSessionDuration", "RoleLastUsed"} & created.keys()
    listed = created | {"MaxSessionDuration": 3_600}
    assert endpoint.call(endpoint.root, "ListRoles")["Roles"] == [listed]
    assert endpoint.call(endpoint.root, "GetRole", RoleName="ops")["Role"] == listed | {"RoleLastUsed": {}}
    endpoint.later(hours=1)
    session = endpoint.session(endpoint.user("ann", allow("sts:AssumeRole")), RoleArn=created["Arn"])
    endpoint.call(session, "GetCallerIdentity")
    used = endpoint.call(endpoint.root, "GetRole", RoleName="ops")["Role"]["RoleLastUsed"]
    assert used == {"LastUsedDate": endpoint.at, "Region": "eu-central-1"}


def test_updating_a_role(endpoint: Endpoint) -> None:
    """A maximum session duration that UpdateRole is not given is an hour again, as the API Reference has it; a new
    description alone changes nothing else."""
    endpoint.role("ops", trusting(ACCOUNT))
    endpoint.call(endpoint.root, "UpdateRole", RoleName="ops", MaxSessionDuration=7_200, Description="a")
    described = endpoint.call(endpoint.root, "UpdateRoleDescription", RoleName="ops", Description="b")["Role"]
    assert (described["Description"], described["MaxSessionDuration"]) == ("b", 7_200)
    assert endpoint.call(endpoint.root, "UpdateRole", RoleName="ops") == {}
    role = endpoint.call(endpoint.root, "GetRole", RoleName="ops")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("b", 3_600)


def test_a_managed_policy(endpoint: Endpoint) -> None:
    """Versions, dates and counts as they change; the document is in GetPolicyVersion alone, the description in
    GetPolicy alone."""
    text = document(allow("iam:GetUser"))
    created = endpoint.call(
        endpoint.root, "CreatePolicy", PolicyName="p", PolicyDocument=text, Description="reads one user"
    )["Policy"]
    assert (created["Arn"], created["DefaultVersionId"], created["AttachmentCount"]) == (arn("policy/p"), "v1", 0)
    assert "Description" not in created
    endpoint.later(hours=1)
    second = endpoint.call(
        endpoint.root, "CreatePolicyVersion", PolicyArn=created["Arn"], PolicyDocument=document(allow())
    )["PolicyVersion"]
    assert second == {"VersionId": "v2", "IsDefaultVersion": False, "CreateDate": endpoint.at}
    endpoint.user("ann")
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=created["Arn"])
    got = endpoint.call(endpoint.root, "GetPolicy", PolicyArn=created["Arn"])["Policy"]
    assert got["Description"] == "reads one user"
    assert (got["AttachmentCount"], got["UpdateDate"] - got["CreateDate"]) == (1, timedelta(hours=1))
    first = endpoint.call(endpoint.root, "GetPolicyVersion", PolicyArn=created["Arn"], VersionId="v1")
    assert unquote(first["PolicyVersion"]["Document"]) == text
    listed = pages(endpoint, "ListPolicyVersions", "Versions", 1, PolicyArn=created["Arn"])
    assert [(version["VersionId"], version["IsDefaultVersion"]) for version in listed] == [("v2", False), ("v1", True)]


def test_scopes_of_policies(endpoint: Endpoint) -> None:
    """Ours, AWS's, all, and only those that are attached."""
    endpoint.user("ann")
    endpoint.call(endpoint.root, "CreatePolicy", PolicyName="p", PolicyDocument=document(allow()))
    endpoint.call(endpoint.root, "AttachUserPolicy", UserName="ann", PolicyArn=ADMIN)

    def listed(**members: object) -> set[str]:
        policies = endpoint.call(endpoint.root, "ListPolicies", **members)["Policies"]
        return {policy["PolicyName"] for policy in policies}

    aws = {policy.name for policy in published_catalogue("aws").policies.values()}
    assert listed() == listed(Scope="All") == aws | {"p"}
    assert listed(Scope="AWS") == aws
    assert listed(Scope="Local") == {"p"}
    assert listed(OnlyAttached=True) == {"AdministratorAccess"}
    assert listed(OnlyAttached=True, Scope="Local") == set()


def test_who_holds_a_policy(endpoint: Endpoint) -> None:
    """Users, groups and roles in lists of their own, on one page or on several; filtered by kind and by path."""
    for number in range(3):
        endpoint.call(endpoint.root, "CreateUser", UserName=f"u{number}", Path=f"/{number}/")
        endpoint.call(endpoint.root, "AttachUserPolicy", UserName=f"u{number}", PolicyArn=ADMIN)
    endpoint.call(endpoint.root, "CreateGroup", GroupName="ops")
    endpoint.call(endpoint.root, "AttachGroupPolicy", GroupName="ops", PolicyArn=ADMIN)
    endpoint.role("ops", trusting(ACCOUNT))
    endpoint.call(endpoint.root, "AttachRolePolicy", RoleName="ops", PolicyArn=ADMIN)

    def holders(**members: object) -> list[str]:
        found: list[str] = []
        marker: dict[str, str] = {}
        while True:
            answer = endpoint.call(endpoint.root, "ListEntitiesForPolicy", PolicyArn=ADMIN, **marker, **members)
            found += [user["UserName"] for user in answer["PolicyUsers"]]
            found += ["group " + group["GroupName"] for group in answer["PolicyGroups"]]
            found += ["role " + role["RoleName"] for role in answer["PolicyRoles"]]
            if not answer["IsTruncated"]:
                return sorted(found)
            marker = {"Marker": answer["Marker"]}

    everybody = ["group ops", "role ops", "u0", "u1", "u2"]
    assert holders() == holders(MaxItems=1) == holders(MaxItems=2) == everybody
    assert holders(EntityFilter="User") == ["u0", "u1", "u2"]
    assert holders(EntityFilter="Group") == ["group ops"]
    assert holders(EntityFilter="Role", MaxItems=1) == ["role ops"]
    assert holders(PathPrefix="/1/") == ["u1"]


@pytest.mark.parametrize("kind", ["User", "Group", "Role"])
def test_inline_policies(endpoint: Endpoint, kind: str) -> None:
    """Put, listed, got as written, deleted, for each kind of holder; the holder is named as it was created."""
    trust = {"AssumeRolePolicyDocument": document(trusting(ACCOUNT))} if kind == "Role" else {}
    endpoint.call(endpoint.root, f"Create{kind}", **{f"{kind}Name": "Ops"}, **trust)
    holder, text = {f"{kind}Name": "OPS"}, document(allow())
    for name in ("b", "a"):
        endpoint.call(endpoint.root, f"Put{kind}Policy", **holder, PolicyName=name, PolicyDocument=text)
    got = endpoint.call(endpoint.root, f"Get{kind}Policy", **holder, PolicyName="a")
    assert (got[f"{kind}Name"], got["PolicyName"], unquote(got["PolicyDocument"])) == ("Ops", "a", text)
    assert pages(endpoint, f"List{kind}Policies", "PolicyNames", 1, **holder) == ["a", "b"]
    endpoint.call(endpoint.root, f"Delete{kind}Policy", **holder, PolicyName="a")
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, f"Get{kind}Policy", **holder, PolicyName="a")


def test_an_access_key(endpoint: Endpoint) -> None:
    """The secret is answered once, kept for the sealed store, and in no event; it goes with the key."""
    endpoint.call(endpoint.root, "CreateUser", UserName="ann")
    key = endpoint.call(endpoint.root, "CreateAccessKey", UserName="ann")["AccessKey"]
    key_id, secret = key["AccessKeyId"], key["SecretAccessKey"]
    secret_id = SecretId(SecretKind.ACCESS_KEY, key_id)
    assert (len(secret), key["Status"], key["UserName"]) == (40, "Active", "ann")
    assert endpoint.secrets[secret_id].secret.reveal() == secret
    assert endpoint.secrets[secret_id].principal_id == endpoint.account[USERS].named("ann").id
    assert all(secret not in entry.event.model_dump_json() for entry in endpoint.entries)
    (listed,) = endpoint.call(endpoint.root, "ListAccessKeys", UserName="ann")["AccessKeyMetadata"]
    assert listed == {name: value for name, value in key.items() if name != "SecretAccessKey"}
    endpoint.call(endpoint.root, "DeleteAccessKey", UserName="ann", AccessKeyId=key_id)
    assert secret_id not in endpoint.secrets


def test_keys_without_a_name(endpoint: Endpoint) -> None:
    """Root and users manage their own keys without naming themselves."""
    ann = endpoint.user("ann", allow("iam:*AccessKey*", arn("user/ann")))
    for caller, owner in ((ann, "ann"), (endpoint.root, ACCOUNT)):
        key = endpoint.call(caller, "CreateAccessKey")["AccessKey"]
        assert key["UserName"] == owner
        listed = endpoint.call(caller, "ListAccessKeys")["AccessKeyMetadata"]
        assert [entry["AccessKeyId"] for entry in listed] == sorted((caller.access_key_id, key["AccessKeyId"]))
        endpoint.call(caller, "UpdateAccessKey", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        endpoint.call(caller, "DeleteAccessKey", AccessKeyId=key["AccessKeyId"])


def test_when_a_key_was_last_used(endpoint: Endpoint) -> None:
    """Never, as N/A; then at its first use in a window, with service and region. Of a key that does not exist only who
    may ask about everybody learns so."""
    ann = endpoint.user("ann", allow("iam:GetAccessKeyLastUsed", arn("user/ann")))

    def last_used(key_id: str) -> dict[str, Any]:
        answer = endpoint.call(endpoint.root, "GetAccessKeyLastUsed", AccessKeyId=key_id)
        assert answer["UserName"] == "ann"
        last: dict[str, Any] = answer["AccessKeyLastUsed"]
        return last

    assert last_used(ann.access_key_id) == {"Region": "N/A", "ServiceName": "N/A"}
    endpoint.later(days=1)
    first = endpoint.at
    endpoint.call(ann, "GetCallerIdentity")
    endpoint.later(minutes=14)
    endpoint.call(ann, "GetAccessKeyLastUsed", AccessKeyId=ann.access_key_id)
    expected = {"LastUsedDate": first, "Region": "eu-central-1", "ServiceName": "sts"}
    assert last_used(ann.access_key_id) == expected
    unknown = "AKIAQNZGKIQY56JQ7WML"
    with pytest.raises(AccessDenied, match="does not exist in this account"):
        endpoint.call(endpoint.root, "GetAccessKeyLastUsed", AccessKeyId=unknown)
    with pytest.raises(AccessDenied, match="because no identity-based policy allows"):
        endpoint.call(ann, "GetAccessKeyLastUsed", AccessKeyId=unknown)


def test_the_account_s_alias(endpoint: Endpoint) -> None:
    """One at a time: a new one takes the place of the former, which others may have then; nobody takes another's."""
    beside = Endpoint("210987654321", beside=endpoint)
    endpoint.call(endpoint.root, "CreateAccountAlias", AccountAlias="first")
    with pytest.raises(EntityAlreadyExists, match="The account alias first already exists"):
        beside.call(beside.root, "CreateAccountAlias", AccountAlias="first")
    endpoint.call(endpoint.root, "CreateAccountAlias", AccountAlias="second")
    beside.call(beside.root, "CreateAccountAlias", AccountAlias="first")
    aliases = [each.call(each.root, "ListAccountAliases")["AccountAliases"] for each in (endpoint, beside)]
    assert aliases == [["second"], ["first"]]
    with pytest.raises(NoSuchEntity, match="The account alias first cannot be found"):
        endpoint.call(endpoint.root, "DeleteAccountAlias", AccountAlias="first")
    endpoint.call(endpoint.root, "DeleteAccountAlias", AccountAlias="second")
    assert endpoint.call(endpoint.root, "ListAccountAliases")["AccountAliases"] == []


@pytest.mark.parametrize("alias", ["-ab", "ab-", "a--b", "Abc", "a_b", "a" * 64])
def test_an_alias_has_a_form(endpoint: Endpoint, alias: str) -> None:
    """As the API Reference describes it."""
    with pytest.raises(ValidationError):
        endpoint.call(endpoint.root, "CreateAccountAlias", AccountAlias=alias)
