"""Security Hub's findings and standards, as boto3 has them."""

from typing import Any

import pytest

from domain.foundation.errors import AccessDenied, ResourceNotFoundException, ValidationError
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document

REGION = "eu-central-1"
HUB = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:hub/default"
PASSWORD = "correct-Horse-7-battery"


def equal(*values: str) -> list[dict[str, str]]:
    return [{"Value": value, "Comparison": "EQUALS"} for value in values]


def found(endpoint: Endpoint, *, size: int = 100, sort: object = None, **filters: Any) -> list[dict[str, Any]]:
    """Of all pages, of which each is asked for a second later."""
    asked: dict[str, object] = {"MaxResults": size}
    if filters:
        asked["Filters"] = filters
    if sort is not None:
        asked["SortCriteria"] = sort
    findings: list[dict[str, Any]] = []
    while True:
        page = endpoint.call(endpoint.root, "GetFindings", **asked)
        findings += page["Findings"]
        if "NextToken" not in page:
            return findings
        asked["NextToken"] = page["NextToken"]
        endpoint.later(seconds=1)


def of_control(endpoint: Endpoint, control: str, **filters: Any) -> list[dict[str, Any]]:
    return found(endpoint, ComplianceSecurityControlId=equal(control), **filters)


def iso(endpoint: Endpoint) -> str:
    return endpoint.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_violation_from_first_to_last() -> None:
    """One finding while it goes on; then it is archived under its id, and another one says that the resource passes."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateUser", UserName="ann", Path="/a/")
    endpoint.later(hours=1)
    endpoint.call(endpoint.root, "CreateLoginProfile", UserName="ann", Password=PASSWORD)
    opened = iso(endpoint)
    endpoint.later(hours=1)
    (failed,) = of_control(endpoint, "IAM.5")
    product = f"arn:aws:securityhub:{REGION}::product/aws/securityhub"
    assert failed["Id"].startswith(f"arn:aws:securityhub:{REGION}:{ACCOUNT}:security-control/IAM.5/finding/")
    fields = failed.pop("ProductFields")
    assert fields["aws/securityhub/FindingId"] == f"{product}/{failed['Id']}"
    assert fields["muniment/By"] == arn("root")
    assert failed.pop("Description")
    assert failed.pop("Remediation")["Recommendation"] == {
        "Text": "aws iam enable-mfa-device",
        "Url": "https://docs.aws.amazon.com/console/securityhub/IAM.5/remediation",
    }
    kind = "Software and Configuration Checks/Industry and Regulatory Standards"
    assert failed == {
        "SchemaVersion": "2018-10-08",
        "Id": failed["Id"],
        "ProductArn": product,
        "ProductName": "Security Hub CSPM",
        "CompanyName": "AWS",
        "Region": REGION,
        "GeneratorId": "security-control/IAM.5",
        "AwsAccountId": ACCOUNT,
        "Types": [kind],
        "FirstObservedAt": opened,
        "LastObservedAt": iso(endpoint),
        "CreatedAt": opened,
        "UpdatedAt": opened,
        "Severity": {"Label": "MEDIUM", "Normalized": 40, "Original": "MEDIUM"},
        "Title": "Every user with a console password has MFA",
        "Resources": [
            {
                "Type": "AwsIamUser",
                "Id": arn("user/a/ann"),
                "Partition": "aws",
                "Region": REGION,
                "Details": {"AwsIamUser": {"UserName": "ann"}},
            }
        ],
        "Compliance": {
            "Status": "FAILED",
            "SecurityControlId": "IAM.5",
            "AssociatedStandards": [{"StandardsId": "standards/aws-foundational-security-best-practices/v/1.0.0"}],
        },
        "Workflow": {"Status": "NEW"},
        "RecordState": "ACTIVE",
        "FindingProviderFields": {"Severity": {"Label": "MEDIUM", "Original": "MEDIUM"}, "Types": [kind]},
    }
    closed = iso(endpoint)
    endpoint.call(endpoint.root, "DeleteLoginProfile", UserName="ann")
    endpoint.later(hours=1)
    archived, of_account = sorted(
        of_control(endpoint, "IAM.5"), key=lambda each: each["Resources"][0]["Type"], reverse=True
    )
    assert (archived["Id"], archived["RecordState"], archived["UpdatedAt"]) == (failed["Id"], "ARCHIVED", closed)
    assert archived["LastObservedAt"] == closed
    assert of_account["Compliance"]["Status"] == "PASSED"
    assert of_account["Compliance"]["StatusReasons"][0]["ReasonCode"] == "CONFIG_EVALUATIONS_EMPTY"
    assert of_account["Resources"][0]["Id"] == f"AWS::::Account:{ACCOUNT}"
    endpoint.later(days=90)
    assert [each["Compliance"]["Status"] for each in of_control(endpoint, "IAM.5")] == ["PASSED"]


def test_a_resource_passes_since_it_failed_last() -> None:
    """A new finding, of no severity; of who is gone the archived one is left, with the last ARN."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateUser", UserName="ann", Path="/a/")
    made = iso(endpoint)
    (passed,) = of_control(endpoint, "IAM.2")
    assert (passed["Compliance"]["Status"], passed["CreatedAt"]) == ("PASSED", made)
    assert passed["Severity"] == {"Label": "INFORMATIONAL", "Normalized": 0, "Original": "INFORMATIONAL"}
    assert passed["Workflow"] == {"Status": "RESOLVED"}
    put = {"UserName": "ann", "PolicyName": "p"}
    endpoint.later(hours=1)
    endpoint.call(endpoint.root, "PutUserPolicy", **put, PolicyDocument=document(allow()))
    endpoint.later(hours=1)
    endpoint.call(endpoint.root, "DeleteUserPolicy", **put)
    ended = iso(endpoint)
    endpoint.later(hours=1)
    again, archived = sorted(of_control(endpoint, "IAM.2"), key=lambda each: each["RecordState"])
    assert (again["Compliance"]["Status"], again["CreatedAt"], again["Id"] == passed["Id"]) == ("PASSED", ended, False)
    endpoint.call(endpoint.root, "DeleteUser", UserName="ann")
    active = found(endpoint, ResourceAwsIamUserUserName=equal("ann"), RecordState=equal("ACTIVE"))
    assert active == []
    (left,) = found(endpoint, ResourceAwsIamUserUserName=equal("ann"), GeneratorId=equal("security-control/IAM.2"))
    assert (left["Id"], left["Resources"][0]["Id"]) == (archived["Id"], arn("user/a/ann"))


def test_a_finding_keeps_its_id() -> None:
    """When what it is about gets another name, and when it is gone."""
    endpoint = Endpoint()
    policy = {"PolicyName": "p", "PolicyDocument": document(allow())}
    made = endpoint.call(endpoint.root, "CreatePolicy", **policy)["Policy"]["Arn"]
    endpoint.call(endpoint.root, "CreateUser", UserName="ann")

    def ids() -> set[str]:
        failed = found(endpoint, ComplianceStatus=equal("FAILED"), ResourceType=equal("AwsIamPolicy", "AwsIamUser"))
        return {each["Id"] for each in failed}

    before = ids()
    assert len(before) == 5
    endpoint.call(endpoint.root, "UpdateUser", UserName="ann", NewUserName="eve")
    assert ids() == before
    endpoint.call(endpoint.root, "DeletePolicy", PolicyArn=made)
    endpoint.call(endpoint.root, "DeleteUser", UserName="eve")
    assert ids() == before


def test_what_is_not_answered_is_not_passed() -> None:
    """NOT_AVAILABLE where nothing is looked at, WARNING where a part is, each with the reason."""
    endpoint = Endpoint()
    endpoint.user("ann")
    (retired,) = of_control(endpoint, "IAM.20")
    assert retired["Compliance"]["Status"] == "NOT_AVAILABLE"
    assert "Retired" in retired["Compliance"]["StatusReasons"][0]["Description"]
    (unused,) = of_control(endpoint, "IAM.22")
    assert unused["Compliance"]["Status"] == "WARNING"
    assert "Passwords" in unused["Compliance"]["StatusReasons"][0]["Description"]
    assert unused["Severity"]["Label"] == "INFORMATIONAL"
    endpoint.later(days=46)
    (unused,) = of_control(endpoint, "IAM.22")
    assert (unused["Compliance"]["Status"], unused["Severity"]["Label"]) == ("FAILED", "MEDIUM")
    assert "StatusReasons" not in unused["Compliance"]


def test_the_controls() -> None:
    """All of IAM, and what the standard has besides about policies."""
    endpoint = Endpoint()
    controls = {each["Compliance"]["SecurityControlId"] for each in found(endpoint)}
    assert {f"IAM.{number}" for number in range(1, 29)} | {"KMS.1", "KMS.2"} <= controls
    assert not [each for each in controls if "." not in each]
    of_standard = found(
        endpoint, ComplianceAssociatedStandardsId=equal("standards/aws-foundational-security-best-practices/v/1.0.0")
    )
    ids = {each["Compliance"]["SecurityControlId"] for each in of_standard}
    assert {"IAM.1", "KMS.1"} <= ids
    assert not {"IAM.10", "IAM.25"} & ids


def test_filters() -> None:
    """Several values of an attribute are one or the other, those that are not wanted all; attributes all together."""
    endpoint = Endpoint()
    for name in ("ann", "bob"):
        endpoint.call(endpoint.root, "CreateUser", UserName=name)
    every = found(endpoint)

    def by(**filters: Any) -> list[dict[str, Any]]:
        return found(endpoint, **filters)

    def resource(each: dict[str, Any]) -> str:
        return str(each["Resources"][0]["Id"])

    of_both = by(ResourceId=equal(arn("user/ann"), arn("user/bob")))
    assert {resource(each) for each in of_both} == {arn("user/ann"), arn("user/bob")}
    starting = [{"Value": arn("user/"), "Comparison": "PREFIX"}, {"Value": arn("user/bob"), "Comparison": "NOT_EQUALS"}]
    assert {resource(each) for each in by(ResourceId=starting)} == {arn("user/ann")}
    not_users = [{"Value": arn(""), "Comparison": "PREFIX_NOT_EQUALS"}]
    assert {resource(each) for each in by(ResourceId=not_users)} == {f"AWS::::Account:{ACCOUNT}"}
    failed = by(ComplianceStatus=equal("FAILED"), ResourceType=equal("AwsIamUser"))
    assert failed
    assert len(failed) < len(by(ResourceType=equal("AwsIamUser"))) < len(every)
    assert by(ComplianceStatus=equal("failed")) == []
    endpoint.later(days=3)
    late = iso(endpoint)
    endpoint.call(endpoint.root, "CreateUser", UserName="eve")
    recent = by(CreatedAt=[{"DateRange": {"Value": 1, "Unit": "DAYS"}}])
    assert {resource(each) for each in recent} == {arn("user/eve")}
    assert by(UpdatedAt=[{"Start": late}]) == recent
    assert len(by(UpdatedAt=[{"DateRange": {"Value": 1, "Unit": "DAYS", "Comparison": "OLDER_THAN"}}])) + len(
        recent
    ) == len(by(UpdatedAt=[{"Start": "2020-01-01T00:00:00Z", "End": late}]))


def test_order_and_pages() -> None:
    """By one attribute, up or down, severities by their weight; each finding is on one page."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateUser", UserName="ann")
    every = found(endpoint)
    assert len({each["Id"] for each in every}) == len(every)

    def sorted_by(field: str, order: str) -> list[dict[str, Any]]:
        listed = found(endpoint, size=7, sort=[{"Field": field, "SortOrder": order}])
        assert {each["Id"] for each in listed} == {each["Id"] for each in every}
        assert len(listed) == len(every)
        return listed

    weights = [each["Severity"]["Normalized"] for each in sorted_by("SeverityLabel", "desc")]
    assert weights == sorted(weights, reverse=True)
    assert weights[0] > weights[-1]
    for field in ("CreatedAt", "LastObservedAt"):
        times = [each[field] for each in sorted_by(field, "asc")]
        assert times == sorted(times)
    ids = [each["Compliance"]["SecurityControlId"] for each in sorted_by("ComplianceSecurityControlId", "asc")]
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"Filters": {"MalwareName": equal("x")}}, "Filters.MalwareName: "),
        ({"Filters": {"ResourceTags": [{"Key": "a", "Value": "b", "Comparison": "EQUALS"}]}}, "Filters.ResourceTags"),
        ({"Filters": {"SeverityNormalized": [{"Gte": 1.5, "Lte": 2}]}}, "Filters.SeverityNormalized"),
        ({"Filters": {"Title": [{"Value": "x", "Comparison": "CONTAINS"}]}}, "Comparison of EQUALS, PREFIX"),
        ({"Filters": {"Title": [{"Value": "x"}]}}, "expected a Comparison"),
        ({"Filters": {"Title": [{"Comparison": "EQUALS"}]}}, "expected a Value"),
        ({"Filters": {"Title": []}}, "expected 1 to 20 values"),
        ({"Filters": {"Title": equal(*"abcdefghijklmnopqrstu")}}, "got 21"),
        (
            {"Filters": {"Title": [*equal("x"), {"Value": "y", "Comparison": "NOT_EQUALS"}]}},
            "EQUALS is not combined with",
        ),
        ({"Filters": {"CreatedAt": [{"Start": "yesterday"}]}}, "got yesterday"),
        ({"Filters": {"CreatedAt": [{"Start": "2026-01-01T00:00:00"}]}}, "expected a time"),
        ({"Filters": {"CreatedAt": [{}]}}, "expected either"),
        ({"Filters": {"CreatedAt": [{"DateRange": {"Value": 0, "Unit": "DAYS"}}]}}, "1 to 36500 DAYS"),
        ({"SortCriteria": [{"Field": "Nothing"}]}, "SortCriteria: expected one Field of AwsAccountId"),
        ({"SortCriteria": [{"Field": "Id"}, {"Field": "Title"}]}, "got Id, Title"),
        ({"NextToken": "bm8"}, "nextToken"),
    ],
)
def test_what_is_refused(members: dict[str, object], said: str) -> None:
    """Each by the name of what was wrong: a filter by what findings do not have would find nothing."""
    endpoint = Endpoint()
    with pytest.raises(ValidationError, match=said):
        endpoint.call(endpoint.root, "GetFindings", **members)


def test_the_hub_and_its_standard() -> None:
    """It is there without being enabled; the standard is there in part."""
    endpoint = Endpoint()
    hub = endpoint.call(endpoint.root, "DescribeHub")
    assert hub == {
        "HubArn": HUB,
        "SubscribedAt": iso(endpoint),
        "AutoEnableControls": True,
        "ControlFindingGenerator": "SECURITY_CONTROL",
    }
    assert endpoint.call(endpoint.root, "DescribeHub", HubArn=HUB) == hub
    with pytest.raises(ResourceNotFoundException):
        endpoint.call(endpoint.root, "DescribeHub", HubArn=f"{HUB}s")
    (standard,) = endpoint.call(endpoint.root, "DescribeStandards")["Standards"]
    (enabled,) = endpoint.call(endpoint.root, "GetEnabledStandards")["StandardsSubscriptions"]
    assert enabled["StandardsArn"] == standard["StandardsArn"]
    assert enabled["StandardsStatus"] == "INCOMPLETE"
    subscription = enabled["StandardsSubscriptionArn"]
    asked = endpoint.call(endpoint.root, "GetEnabledStandards", StandardsSubscriptionArns=[subscription])
    assert asked["StandardsSubscriptions"] == [enabled]
    with pytest.raises(ValidationError, match="there is no arn:x"):
        endpoint.call(endpoint.root, "GetEnabledStandards", StandardsSubscriptionArns=["arn:x"])
    for operation, listed in (("DescribeStandards", "Standards"), ("GetEnabledStandards", "StandardsSubscriptions")):
        assert endpoint.call(endpoint.root, operation, Providers=["Azure"])[listed] == []


def test_who_may() -> None:
    """On the hub of the Region."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("securityhub:GetFindings", HUB))
    assert endpoint.call(ann, "GetFindings")["Findings"]
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "DescribeHub")
    endpoint.signed_for = "us-east-1"
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "GetFindings")
