"""AWS Organizations, read by the accounts of an organization that the operator has set."""

from dataclasses import replace
from typing import Any

import pytest

from domain.families.organization import (
    FULL_AWS_ACCESS,
    RCP_FULL_AWS_ACCESS,
    ControlPolicy,
    Organization,
    OrganizationNode,
    OrganizationPoliciesApplied,
    OrganizationPolicy,
)
from domain.foundation.errors import AccessDenied, Refusal, ValidationError
from domain.installation import AccountRetired, OrganizationSet
from domain.rules.managed_organization import AWSOrganizationsNotInUseException
from domain.rules.organization import memberships
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, ALL, PROTOCOLS, Endpoint, Members, allow, deny, document

MEMBER = "210987654321"
UNIT = "ou-ab12-11111111"
NO_S3 = ControlPolicy(
    "SERVICE_CONTROL_POLICY", OrganizationPolicy("p-12345678", "no-s3", document(deny("s3:*"))), "No buckets"
)
SCPS, RCPS = (FULL_AWS_ACCESS.policy.id,), (RCP_FULL_AWS_ACCESS.policy.id,)
ORGANIZATION = Organization(
    "o-exampleorgid",
    ACCOUNT,
    (
        OrganizationNode("root", "r-ab12", "Root", SCPS, RCPS),
        OrganizationNode("account", ACCOUNT, "house", SCPS, RCPS, "r-ab12"),
        OrganizationNode("unit", UNIT, "team", SCPS, RCPS, "r-ab12"),
        OrganizationNode("account", MEMBER, "lab", (NO_S3.policy.id, *SCPS), RCPS, UNIT),
    ),
    (NO_S3, FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS),
)
OPERATIONS = [operation for operation in ALL if operation.service == "organizations"]
ARN = f"arn:aws:organizations::{ACCOUNT}:"
KNOWN = {
    "AccountId": MEMBER,
    "ChildId": MEMBER,
    "ChildType": "ACCOUNT",
    "Filter": "SERVICE_CONTROL_POLICY",
    "OrganizationalUnitId": UNIT,
    "ParentId": UNIT,
    "PolicyId": NO_S3.policy.id,
    "ResourceId": UNIT,
    "TargetId": MEMBER,
}
ABOUT = {
    "DescribeAccount": f"{ARN}account/o-exampleorgid/{MEMBER}",
    "DescribeOrganizationalUnit": f"{ARN}ou/o-exampleorgid/{UNIT}",
    "DescribePolicy": f"{ARN}policy/o-exampleorgid/service_control_policy/p-12345678",
    "ListAccountsForParent": f"{ARN}ou/o-exampleorgid/{UNIT}",
    "ListChildren": f"{ARN}ou/o-exampleorgid/{UNIT}",
    "ListOrganizationalUnitsForParent": f"{ARN}ou/o-exampleorgid/{UNIT}",
    "ListParents": f"{ARN}account/o-exampleorgid/{MEMBER}",
    "ListPoliciesForTarget": f"{ARN}account/o-exampleorgid/{MEMBER}",
    "ListTagsForResource": f"{ARN}ou/o-exampleorgid/{UNIT}",
    "ListTargetsForPolicy": f"{ARN}policy/o-exampleorgid/service_control_policy/p-12345678",
}
"""What policies have to allow it on (Service Authorization Reference, "AWS Organizations"); of others everything."""


def organized() -> tuple[Endpoint, Endpoint]:
    manager = Endpoint()
    member = Endpoint(MEMBER, beside=manager)
    cause = manager.cause(manager.root, "organizations:DescribeOrganization")
    manager.claims.append([OrganizationSet(organization=ORGANIZATION)], cause, manager.at)
    for account_id, membership in memberships(ORGANIZATION).items():
        manager.ledgers[account_id].append(OrganizationPoliciesApplied(membership=membership))
    return manager, member


def asks(endpoint: Endpoint, name: str, by: VerifiedCredential | None = None, /, **members: Any) -> Members:
    return endpoint.call(by or endpoint.root, f"organizations:{name}", **members)


def required(name: str) -> dict[str, Any]:
    shape = PROTOCOLS["organizations"].described("organizations")._model.operation_model(name).input_shape
    return {} if shape is None else {member: KNOWN[member] for member in shape.required_members}


def test_an_account_knows_the_organization_that_it_is_in() -> None:
    """The management account as any other; the manager and who signs alone are told more."""
    manager, member = organized()
    told = asks(manager, "DescribeOrganization")
    assert told == asks(member, "DescribeOrganization")
    assert (
        told["Organization"].items()
        >= {
            "Id": "o-exampleorgid",
            "Arn": f"{ARN}organization/o-exampleorgid",
            "FeatureSet": "ALL",
            "MasterAccountId": ACCOUNT,
            "MasterAccountArn": f"{ARN}account/o-exampleorgid/{ACCOUNT}",
        }.items()
    )


@pytest.mark.parametrize("name", [operation.name for operation in OPERATIONS])
def test_who_may_ask(name: str) -> None:
    """An account in none is told so, a member is denied all but one question; in the management account policies
    decide, on what it is about."""
    manager, member = organized()
    sent, alone = required(name), Endpoint()
    with pytest.raises(AWSOrganizationsNotInUseException, match="not a member of an organization"):
        asks(alone, name, **sent)
    if name != "DescribeOrganization":
        with pytest.raises(AccessDenied, match=r"^You don't have permissions to access this resource"):
            asks(member, name, **sent)
    may = manager.user("may", allow(f"organizations:{name}", ABOUT.get(name, "*")))
    asks(manager, name, may, **sent)
    may_not = manager.user("may-not", allow(f"organizations:{name}", f"{ARN}*/o-exampleorgid/elsewhere"))
    with pytest.raises(AccessDenied, match=f"not authorized to perform: organizations:{name}"):
        asks(manager, name, may_not, **sent)
    with pytest.raises(AccessDenied, match=f"not authorized to perform: organizations:{name}"):
        asks(alone, name, alone.user("nobody"), **sent)


def test_the_tree() -> None:
    """Down from the root, and up again."""
    manager, _ = organized()
    (root,) = asks(manager, "ListRoots")["Roots"]
    assert (root["Id"], root["Arn"]) == ("r-ab12", f"{ARN}root/o-exampleorgid/r-ab12")
    assert {each["Type"] for each in root["PolicyTypes"]} == {"SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"}
    (unit,) = asks(manager, "ListOrganizationalUnitsForParent", ParentId="r-ab12")["OrganizationalUnits"]
    assert unit == asks(manager, "DescribeOrganizationalUnit", OrganizationalUnitId=UNIT)["OrganizationalUnit"]
    (lab,) = asks(manager, "ListAccountsForParent", ParentId=UNIT)["Accounts"]
    assert lab == asks(manager, "DescribeAccount", AccountId=MEMBER)["Account"]
    assert lab == {
        "Id": MEMBER,
        "Arn": f"{ARN}account/o-exampleorgid/{MEMBER}",
        "Name": "lab",
        "Status": "ACTIVE",
        "State": "ACTIVE",
    }
    for kind, found in (("ACCOUNT", ACCOUNT), ("ORGANIZATIONAL_UNIT", UNIT)):
        children = asks(manager, "ListChildren", ParentId="r-ab12", ChildType=kind)["Children"]
        assert children == [{"Id": found, "Type": kind}]
    assert asks(manager, "ListParents", ChildId=MEMBER)["Parents"] == [{"Id": UNIT, "Type": "ORGANIZATIONAL_UNIT"}]
    assert asks(manager, "ListParents", ChildId=UNIT)["Parents"] == [{"Id": "r-ab12", "Type": "ROOT"}]
    assert asks(manager, "ListDelegatedAdministrators") == {"DelegatedAdministrators": []}
    assert asks(manager, "ListTagsForResource", ResourceId=NO_S3.policy.id) == {"Tags": []}
    cause = manager.cause(manager.root, "organizations:ListRoots")
    manager.claims.append([AccountRetired(retired_account_id=MEMBER)], cause, manager.at)
    closed = asks(manager, "DescribeAccount", AccountId=MEMBER)["Account"]
    assert (closed["Status"], closed["State"]) == ("SUSPENDED", "CLOSED")


def test_policies_and_where_they_are_attached() -> None:
    """AWS's own as well as the operator's; of other types there are none."""
    manager, _ = organized()
    listed = asks(manager, "ListPolicies", Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert [(each["Id"], each["AwsManaged"]) for each in listed] == [("p-12345678", False), ("p-FullAWSAccess", True)]
    assert listed[1]["Arn"] == "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    told = asks(manager, "DescribePolicy", PolicyId="p-12345678")["Policy"]
    assert told == {"PolicySummary": listed[0], "Content": NO_S3.policy.document}
    assert listed[0]["Description"] == "No buckets"
    assert asks(manager, "ListPolicies", Filter="TAG_POLICY") == {"Policies": []}
    attached = asks(manager, "ListPoliciesForTarget", TargetId=MEMBER, Filter="RESOURCE_CONTROL_POLICY")["Policies"]
    assert [each["Name"] for each in attached] == ["RCPFullAWSAccess"]
    attached = asks(manager, "ListPoliciesForTarget", TargetId=MEMBER, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    assert attached == listed
    targets = asks(manager, "ListTargetsForPolicy", PolicyId="p-12345678")["Targets"]
    arn = f"{ARN}account/o-exampleorgid/{MEMBER}"
    assert targets == [{"TargetId": MEMBER, "Arn": arn, "Name": "lab", "Type": "ACCOUNT"}]
    only = manager.user("only", allow(Condition={"StringEquals": {"organizations:PolicyType": "TAG_POLICY"}}))
    assert asks(manager, "ListPolicies", only, Filter="TAG_POLICY") == {"Policies": []}
    for name, members in (
        ("ListPolicies", {"Filter": "SERVICE_CONTROL_POLICY"}),
        ("DescribePolicy", {"PolicyId": "p-12345678"}),
    ):
        with pytest.raises(AccessDenied):
            asks(manager, name, only, **members)


@pytest.mark.parametrize(
    ("name", "members", "code"),
    [
        ("DescribeAccount", {"AccountId": "345678901234"}, "AccountNotFoundException"),
        (
            "DescribeOrganizationalUnit",
            {"OrganizationalUnitId": "ou-ab12-22222222"},
            "OrganizationalUnitNotFoundException",
        ),
        ("DescribePolicy", {"PolicyId": "p-87654321"}, "PolicyNotFoundException"),
        ("ListAccountsForParent", {"ParentId": "r-cd34"}, "ParentNotFoundException"),
        ("ListChildren", {"ParentId": "r-cd34", "ChildType": "ACCOUNT"}, "ParentNotFoundException"),
        ("ListParents", {"ChildId": "345678901234"}, "ChildNotFoundException"),
        ("ListPoliciesForTarget", {"TargetId": "r-cd34", "Filter": "TAG_POLICY"}, "TargetNotFoundException"),
        ("ListTagsForResource", {"ResourceId": "p-87654321"}, "TargetNotFoundException"),
        ("ListTargetsForPolicy", {"PolicyId": "p-87654321"}, "PolicyNotFoundException"),
        ("ListAccounts", {"NextToken": "x"}, "ValidationError"),
        ("ListAccounts", {"MaxResults": 21}, "ValidationError"),
    ],
)
def test_what_is_not_there(name: str, members: dict[str, Any], code: str) -> None:
    """Each with the error that Organizations has for it."""
    manager, _ = organized()
    with pytest.raises(Refusal) as refused:
        asks(manager, name, **members)
    assert refused.value.code == code


def test_the_errors_are_those_of_the_model() -> None:
    """Clients of Organizations know what is wrong with a parameter by another name than those of other services."""
    protocol = PROTOCOLS["organizations"]
    told = protocol.refuse(ValidationError("x"), "organizations", "r")
    assert (told.status, told.body) == (400, b'{"__type": "InvalidInputException", "message": "x"}')
    assert b'"ValidationException"' in protocol.refuse(ValidationError("x"), None, "r").body


def test_before_the_organization_was_set() -> None:
    """The account was in none then, whatever it has become."""
    manager, _ = organized()
    at = len(manager.entries)
    for position, told in ((at, ["r-ab12"]), (at - 1, None)):
        manager.moment = f"p{position}"
        try:
            assert [root["Id"] for root in asks(manager, "ListRoots")["Roots"]] == told
        except AWSOrganizationsNotInUseException:
            assert told is None


def test_page_by_page() -> None:
    """A page has so many accounts as were asked for, and each account is on one."""
    manager, _ = organized()
    more = [replace(ORGANIZATION.nodes[1], id=f"3{number:011}") for number in range(30)]
    cause = manager.cause(manager.root, "organizations:ListAccounts")
    set_ = OrganizationSet(organization=replace(ORGANIZATION, nodes=(*ORGANIZATION.nodes, *more)))
    manager.claims.append([set_], cause, manager.at)
    first = asks(manager, "ListAccounts")
    second = asks(manager, "ListAccounts", NextToken=first["NextToken"])
    assert (len(first["Accounts"]), len(second["Accounts"])) == (20, 12)
    assert "NextToken" not in second
    ids = [account["Id"] for page in (first, second) for account in page["Accounts"]]
    assert ids == sorted(set(ids))
