"""AWS Config's rules and what they say of resources, as boto3 has them."""

import json
from typing import Any

import pytest

from domain.foundation.errors import AccessDenied, Refusal
from services.aws_config.managed_rules import (
    InvalidNextTokenException,
    InvalidParameterValueException,
    NoSuchConfigRuleException,
)
from services.refused_operations import REFUSED_OTHERS
from services.wire.operations import refusal_reason
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document
from tests.services.story import Step, take

PASSWORD = "correct-Horse-7-battery"


def paged(endpoint: Endpoint, operation: str, listed: str, **members: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: dict[str, object] = {}
    while True:
        page = endpoint.call(endpoint.root, f"config:{operation}", **members, **token)
        found += page[listed]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def details(endpoint: Endpoint, rule: str, **members: object) -> dict[str, dict[str, Any]]:
    """By resource id, of all pages."""
    asked = {"ConfigRuleName": rule, "Limit": 1, **members}
    results = paged(endpoint, "GetComplianceDetailsByConfigRule", "EvaluationResults", **asked)
    by_id = {each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"]: each for each in results}
    assert len(by_id) == len(results), "One result of each resource."
    return by_id


def verdicts(endpoint: Endpoint, **members: object) -> dict[str, str]:
    listed = paged(endpoint, "DescribeComplianceByConfigRule", "ComplianceByConfigRules", **members)
    return {each["ConfigRuleName"]: each["Compliance"]["ComplianceType"] for each in listed}


def user_id(endpoint: Endpoint, name: str) -> str:
    found: str = endpoint.call(endpoint.root, "GetUser", UserName=name)["User"]["UserId"]
    return found


def test_the_rules() -> None:
    """Each by AWS's name, identifier and names of parameters, whose values are texts; in the region that is asked."""
    endpoint = Endpoint()
    listed = {each["ConfigRuleName"]: each for each in paged(endpoint, "DescribeConfigRules", "ConfigRules")}
    keys = listed["access-keys-rotated"]
    assert keys["Source"] == {"Owner": "AWS", "SourceIdentifier": "ACCESS_KEYS_ROTATED"}
    assert json.loads(keys["InputParameters"]) == {"maxAccessKeyAge": "90"}
    assert keys["ConfigRuleArn"] == f"arn:aws:config:eu-central-1:{ACCOUNT}:config-rule/{keys['ConfigRuleId']}"
    assert keys["Scope"] == {"ComplianceResourceTypes": ["AWS::::Account", "AWS::IAM::User"]}
    policy = json.loads(listed["iam-password-policy"]["InputParameters"])
    assert (policy["RequireSymbols"], policy["MinimumPasswordLength"]) == ("true", "14")
    kms = json.loads(listed["iam-customer-policy-blocked-kms-actions"]["InputParameters"])
    assert kms == {
        "blockedActionsPatterns": "kms:Decrypt,kms:ReEncryptFrom",
        "excludePermissionBoundaryPolicy": "false",
    }
    assert json.loads(listed["iam-saml-provider-tagged"]["InputParameters"]) == {}
    assert len({each["ConfigRuleId"] for each in listed.values()}) == len(listed)
    for members, names in (
        ({"ConfigRuleNames": ["iam-user-mfa-enabled"]}, ["iam-user-mfa-enabled"]),
        ({"Filters": {"EvaluationMode": "PROACTIVE"}}, []),
        ({"Filters": {"RuleEvaluationVisibility": "INTERNAL"}}, []),
        ({"Filters": {"EvaluationMode": "DETECTIVE"}}, sorted(listed)),
    ):
        found = paged(endpoint, "DescribeConfigRules", "ConfigRules", **members)
        assert [each["ConfigRuleName"] for each in found] == names


def test_a_rule_by_resource() -> None:
    """By the ids of AWS Config, since when it is so: by a call, by time alone, and after its end. Of two keys that
    violate it, one result."""
    endpoint = Endpoint()
    began = endpoint.at
    endpoint.user("ann")
    endpoint.later(days=1)
    endpoint.call(endpoint.root, "CreateAccessKey", UserName="ann")
    endpoint.user("bob")
    endpoint.call(endpoint.root, "CreateUser", UserName="eve")
    ann, bob = user_id(endpoint, "ann"), user_id(endpoint, "bob")
    endpoint.later(days=90)
    found = details(endpoint, "access-keys-rotated")
    assert found.keys() == {ann, bob, ACCOUNT}, "Nothing is said of who has no key."
    assert {each["ComplianceType"] for each in found.values()} == {"NON_COMPLIANT"}
    since = found[ann]["ResultRecordedTime"]
    assert (since - began).days == 90
    assert found[ann]["ConfigRuleInvokedTime"] == since
    assert found[ann]["Annotation"].count("AKIA") == 2
    qualifier = found[ann]["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
    assert (qualifier["ConfigRuleName"], qualifier["ResourceType"]) == ("access-keys-rotated", "AWS::IAM::User")
    assert found[ACCOUNT]["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceType"] == "AWS::::Account"
    for key in endpoint.call(endpoint.root, "ListAccessKeys", UserName="ann")["AccessKeyMetadata"]:
        endpoint.call(endpoint.root, "DeleteAccessKey", UserName="ann", AccessKeyId=key["AccessKeyId"])
    endpoint.call(endpoint.root, "CreateAccessKey", UserName="ann")
    ended = endpoint.at
    endpoint.later(days=2)
    found = details(endpoint, "access-keys-rotated")
    assert (found[ann]["ComplianceType"], found[ann]["ResultRecordedTime"]) == ("COMPLIANT", ended)
    assert "Annotation" not in found[ann]
    assert details(endpoint, "access-keys-rotated", ComplianceTypes=["COMPLIANT"]).keys() == {ann}
    assert details(endpoint, "access-keys-rotated", ComplianceTypes=["NOT_APPLICABLE"]) == {}


def test_what_is_not_known_is_no_compliance() -> None:
    """A rule that is not answered, that looks at a part, or that has nothing to look at, has insufficient data; of one
    that looks at a part those that fail are told."""
    endpoint = Endpoint()
    endpoint.user("ann")
    found = verdicts(endpoint)
    assert found["iam-role-managed-policy-check"] == "INSUFFICIENT_DATA"
    assert found["iam-user-unused-credentials-check"] == "INSUFFICIENT_DATA"
    assert details(endpoint, "iam-user-unused-credentials-check") == {}
    assert found["iam-server-certificate-tagged"] == "INSUFFICIENT_DATA", "There are no certificates."
    assert found["iam-policy-description"] == "INSUFFICIENT_DATA"
    assert (found["iam-password-policy"], found["iam-user-no-policies-check"]) == ("NON_COMPLIANT", "COMPLIANT")
    endpoint.later(days=91)
    assert verdicts(endpoint)["iam-user-unused-credentials-check"] == "NON_COMPLIANT"
    assert details(endpoint, "iam-user-unused-credentials-check").keys() == {user_id(endpoint, "ann")}
    summary = endpoint.call(endpoint.root, "GetComplianceSummaryByConfigRule")["ComplianceSummary"]
    every = list(verdicts(endpoint).values())
    for name, compliance in (("CompliantResourceCount", "COMPLIANT"), ("NonCompliantResourceCount", "NON_COMPLIANT")):
        assert summary[name] == {"CappedCount": every.count(compliance), "CapExceeded": False}
    for types in (["COMPLIANT"], ["NON_COMPLIANT", "INSUFFICIENT_DATA"]):
        assert set(verdicts(endpoint, ComplianceTypes=types).values()) == set(types)


def test_a_root_user_without_keys_complies() -> None:
    """It is there, though there is no key to look at."""
    endpoint = Endpoint()
    admin, asked = endpoint.user("admin", allow()), {"ConfigRuleName": "iam-root-access-key-check"}

    def results() -> Any:
        return endpoint.call(admin, "GetComplianceDetailsByConfigRule", **asked)["EvaluationResults"]

    assert [each["ComplianceType"] for each in results()] == ["NON_COMPLIANT"]
    endpoint.later(days=1)
    endpoint.call(endpoint.root, "DeleteAccessKey", AccessKeyId=endpoint.root.access_key_id)
    (result,) = results()
    assert (result["ComplianceType"], result["ResultRecordedTime"]) == ("COMPLIANT", endpoint.at)
    passing = {"Filters": {"ComplianceSecurityControlId": [{"Value": "IAM.4", "Comparison": "EQUALS"}]}}
    statuses = [each["Compliance"] for each in endpoint.call(admin, "GetFindings", **passing)["Findings"]]
    assert {each["Status"] for each in statuses} == {"FAILED", "PASSED"}
    assert not [each for each in statuses if "StatusReasons" in each]


def test_contributors_are_counted() -> None:
    """Up to 25."""
    endpoint = Endpoint()
    for number in range(26):
        endpoint.call(endpoint.root, "CreateUser", UserName=f"user{number}")
        if number in {24, 25}:
            rule = {"ConfigRuleNames": ["iam-user-mfa-enabled"]}
            (found,) = paged(endpoint, "DescribeComplianceByConfigRule", "ComplianceByConfigRules", **rule)
            count = found["Compliance"]["ComplianceContributorCount"]
            assert count == {"CappedCount": 25, "CapExceeded": number == 25}


def test_by_resource() -> None:
    """A policy by its unique id. A resource complies where every rule that asks of it says so, all of what is asked."""
    endpoint = Endpoint()
    endpoint.user("ann")
    created = endpoint.call(
        endpoint.root,
        "CreatePolicy",
        PolicyName="p",
        PolicyDocument=document(allow("s3:GetObject", "arn:aws:s3:::b/*")),
        Description="reads",
    )["Policy"]
    endpoint.call(endpoint.root, "CreateGroup", GroupName="empty")
    listed = paged(endpoint, "DescribeComplianceByResource", "ComplianceByResources", Limit=1)
    by_id = {each["ResourceId"]: each for each in listed}
    assert len(by_id) == len(listed)
    assert by_id[created["PolicyId"]]["ResourceType"] == "AWS::IAM::Policy"
    assert by_id[created["PolicyId"]]["Compliance"] == {"ComplianceType": "COMPLIANT"}
    of_user = by_id[user_id(endpoint, "ann")]["Compliance"]
    assert of_user["ComplianceType"] == "NON_COMPLIANT"
    of_ann = {"ResourceType": "AWS::IAM::User", "ResourceId": user_id(endpoint, "ann")}
    told = paged(endpoint, "GetComplianceDetailsByResource", "EvaluationResults", **of_ann)
    failed = [each for each in told if each["ComplianceType"] == "NON_COMPLIANT"]
    assert of_user["ComplianceContributorCount"]["CappedCount"] == len(failed) > 1
    only = paged(
        endpoint, "GetComplianceDetailsByResource", "EvaluationResults", ComplianceTypes=["NON_COMPLIANT"], **of_ann
    )
    assert only == failed
    typed = {"ResourceType": "AWS::IAM::Group"}
    (group,) = paged(endpoint, "DescribeComplianceByResource", "ComplianceByResources", **typed)
    assert group["Compliance"]["ComplianceType"] == "NON_COMPLIANT"


def test_looked_at_in_part_no_resource_complies() -> None:
    """Nothing is wrong with the user, but a rule looks at a part of what it asks of users."""
    endpoint = Endpoint()
    endpoint.user("ann")
    endpoint.call(endpoint.root, "CreateGroup", GroupName="team")
    endpoint.call(endpoint.root, "AddUserToGroup", GroupName="team", UserName="ann")
    endpoint.call(endpoint.root, "CreateVirtualMFADevice", VirtualMFADeviceName="ann")
    take(endpoint, Step("EnableMFADevice", {"UserName": "ann", "SerialNumber": arn("mfa/ann")}, codes=True))
    (user,) = paged(endpoint, "DescribeComplianceByResource", "ComplianceByResources", ResourceType="AWS::IAM::User")
    assert user["Compliance"] == {"ComplianceType": "INSUFFICIENT_DATA"}
    of_user = {"ResourceType": "AWS::IAM::User", "ResourceId": user["ResourceId"]}
    told = paged(endpoint, "GetComplianceDetailsByResource", "EvaluationResults", **of_user)
    rules = {each["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ConfigRuleName"] for each in told}
    assert "iam-user-mfa-enabled" in rules
    assert "iam-user-unused-credentials-check" not in rules
    assert {each["ComplianceType"] for each in told} == {"COMPLIANT"}


def test_as_of_a_moment() -> None:
    """What a rule said then."""
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateUser", UserName="ann")
    endpoint.call(endpoint.root, "CreateLoginProfile", UserName="ann", Password=PASSWORD)
    ann, then = user_id(endpoint, "ann"), f"p{len(endpoint.entries)}"
    endpoint.later(days=1)
    endpoint.call(endpoint.root, "DeleteLoginProfile", UserName="ann")
    endpoint.call(endpoint.root, "DeleteUser", UserName="ann")
    assert details(endpoint, "mfa-enabled-for-iam-console-access") == {}
    endpoint.moment = then
    assert details(endpoint, "mfa-enabled-for-iam-console-access")[ann]["ComplianceType"] == "NON_COMPLIANT"


@pytest.mark.parametrize(
    ("operation", "members", "refusal", "said"),
    [
        ("DescribeConfigRules", {"ConfigRuleNames": ["nope"]}, NoSuchConfigRuleException, "The ConfigRule 'nope' "),
        ("DescribeComplianceByConfigRule", {"ConfigRuleNames": ["nope"]}, NoSuchConfigRuleException, "access-keys-"),
        ("GetComplianceDetailsByConfigRule", {"ConfigRuleName": "nope"}, NoSuchConfigRuleException, "'nope'"),
        ("DescribeConfigRules", {"NextToken": "bm8"}, InvalidNextTokenException, "next token"),
        ("DescribeComplianceByResource", {"NextToken": "bm8"}, InvalidNextTokenException, "next token"),
        ("DescribeComplianceByResource", {"ResourceId": "AIDA"}, InvalidParameterValueException, "resourceType"),
        (
            "DescribeComplianceByResource",
            {"ResourceType": "AWS::EC2::Instance"},
            InvalidParameterValueException,
            "AWS::IAM::User",
        ),
        (
            "DescribeComplianceByConfigRule",
            {"ComplianceTypes": ["NOT_APPLICABLE"]},
            InvalidParameterValueException,
            "INSUF",
        ),
        (
            "GetComplianceDetailsByConfigRule",
            {"ConfigRuleName": "iam-user-mfa-enabled", "ComplianceTypes": ["INSUFFICIENT_DATA"]},
            InvalidParameterValueException,
            "expected one of COMPLIANT, NON_COMPLIANT, NOT_APPLICABLE",
        ),
        ("GetComplianceDetailsByResource", {"ResourceType": "AWS::IAM::User"}, InvalidParameterValueException, "Expec"),
        (
            "GetComplianceDetailsByResource",
            {"ResourceType": "AWS::IAM::User", "ResourceId": "ann"},
            InvalidParameterValueException,
            "unique id",
        ),
        ("GetComplianceDetailsByResource", {"ResourceEvaluationId": "x"}, InvalidParameterValueException, "resourceEv"),
        (
            "GetComplianceDetailsByResource",
            {"ResourceType": "AWS::::Account", "ResourceId": ACCOUNT, "NextToken": "bm8"},
            InvalidParameterValueException,
            "next token",
        ),
    ],
)
def test_what_is_refused(operation: str, members: dict[str, object], refusal: type[Refusal], said: str) -> None:
    """A filter that could find nothing, a name that is none, a token of another list; each says what was expected."""
    endpoint = Endpoint()
    with pytest.raises(refusal, match=said):
        endpoint.call(endpoint.root, f"config:{operation}", **members)


def test_who_may() -> None:
    """One operation is about a rule, by its ARN; the others about all."""
    endpoint = Endpoint()
    (rule,) = endpoint.call(endpoint.root, "DescribeConfigRules", ConfigRuleNames=["iam-user-mfa-enabled"])[
        "ConfigRules"
    ]
    ann = endpoint.user("ann", allow("config:GetComplianceDetailsByConfigRule", rule["ConfigRuleArn"]))
    asked = {"ConfigRuleName": "iam-user-mfa-enabled"}
    assert endpoint.call(ann, "GetComplianceDetailsByConfigRule", **asked)["EvaluationResults"]
    for operation, members in (
        ("GetComplianceDetailsByConfigRule", {"ConfigRuleName": "iam-user-no-policies-check"}),
        ("DescribeConfigRules", {}),
        ("GetComplianceSummaryByConfigRule", {}),
    ):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, f"config:{operation}", **members)


def test_everything_else_is_refused_with_the_reason() -> None:
    """Of those that are answered there is none, nor of a request without a name."""
    assert refusal_reason("config", "PutConfigRule") == REFUSED_OTHERS["config"]
    assert refusal_reason("config", "DescribeConfigRules") is None
    assert refusal_reason("config", "") is None
