"""What simulations take, and what they refuse."""

from typing import Any

import pytest

from domain.foundation.errors import InvalidInput
from tests.services.endpoint import ACCOUNT, Endpoint, allow, arn, document, trusting
from tests.services.simulations import custom, entry

ANN = arn("user/ann")


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"ActionNames": ["GetUser"]}, 'ActionNames.1: .*"GetUser"'),
        ({"ActionNames": ["iam:GetUser", "iam:Get*"]}, 'ActionNames.2: .*"iam:Get\\*"'),
        ({"ResourceArns": ["*", "bucket"]}, "^ResourceNames are not in a valid ARN format: bucket. .ResourceArns.2"),
        ({"PolicyInputList": [document(allow()), "{"]}, "^This policy contains invalid Json .PolicyInputList.2: "),
        ({"PermissionsBoundaryPolicyInputList": [document(allow())] * 2}, "one policy at most, got 2"),
        ({"PermissionsBoundaryPolicyInputList": [document(trusting(ACCOUNT))]}, "PermissionsBoundaryPolicyInputList.1"),
        (
            {"OrderedOrganizationPolicyInputList": [{"ServiceControlPolicyInputList": ["{"]}]},
            "OrderedOrganizationPolicyInputList.1.ServiceControlPolicyInputList.1: ",
        ),
        ({"ResourcePolicy": document(allow(Principal="*"))}, "CallerArn: expected one"),
        ({"ResourcePolicy": document(allow()), "CallerArn": ANN}, "ResourcePolicy: .*Principal"),
        ({"CallerArn": "arn:aws:sts::123456789012:assumed-role/ops/x"}, "CallerArn: .*assumed-role/ops/x"),
        ({"ResourceOwner": "ann"}, "^'ann' is not a valid as a Resource Owner. .expected twelve digits"),
        ({"ResourceHandlingOption": "EC2-Moon"}, 'EC2-VPC-EBS-Subnet; got "EC2-Moon"'),
        (
            {
                "ResourceHandlingOption": "EC2-VPC-EBS",
                "ResourceArns": ["arn:aws:ec2:eu-central-1:123456789012:instance/*", "*"],
            },
            "lack a resource of EC2: image, security-group, network-interface, volume",
        ),
        ({"ContextEntries": [entry("aws:SourceIp", "ip", "10.0.0.1", "10.0.0.2")]}, "expected ipList"),
        ({"ContextEntries": [entry("aws:SourceIp", "ip", "everywhere")]}, "aws:SourceIp of type ip: 'everywhere'"),
        ({"ContextEntries": [entry("aws:EpochTime", "date", "soon")]}, '"soon" is not a date'),
        ({"ContextEntries": [entry("test:n", "numericList", "1", "one")]}, "is not a number"),
        ({"ContextEntries": [entry("test:yes", "boolean", "yes")]}, "is not a Boolean"),
        ({"ContextEntries": [entry("test:raw", "binary", "%")]}, "is not binary data"),
        ({"ContextEntries": [entry("test:Name", "string", "a"), entry("Test:name", "string", "a")]}, "given twice"),
        ({"ContextEntries": [entry("SourceIp", "ip", "10.0.0.1")]}, 'ContextKeyName.*"SourceIp"'),
        (
            {"ContextEntries": [{"ContextKeyName": "aws:SourceIp", "ContextKeyValues": ["a"]}]},
            "expected a ContextKeyType",
        ),
        ({"ActionNames": [f"a:b{number}" for number in range(1_001)]}, "1 to 1000 names, got 1001"),
        ({"ResourceArns": [f"arn:aws:s3:::b{number}" for number in range(1_001)]}, "at most 1000 ARNs, got 1001"),
        ({"PolicyInputList": [document(allow(Sid="a" * 70_000))] * 2}, "40960 characters together"),
        ({"ContextEntries": [entry("test:y", "stringList", *["a" * 70_000] * 2)]}, "131072 characters in all"),
        (
            {
                "PolicyInputList": [document(*[allow()] * 300)],
                "ResourceArns": [f"arn:aws:s3:::b{number}" for number in range(1_000)],
            },
            "compare 600000 values",
        ),
        (
            {
                "PolicyInputList": [document(allow(resource=f"arn:aws:s3:::{'*a' * 1_000}b?"))],
                "ResourceArns": [f"arn:aws:s3:::{'a' * 2_000}"] * 1_000,
            },
            "expected at most 100000: name fewer resources",
        ),
        (
            {
                "PolicyInputList": [document(allow(resource=f"arn:aws:s3:::{'${aws:username}' * 100}"))],
                "ContextEntries": [entry("aws:username", "string", "a" * 100_000)],
            },
            "or give fewer policies and shorter values",
        ),
    ],
)
def test_bad_input_is_named(endpoint: Endpoint, members: dict[str, Any], message: str) -> None:
    """Each is InvalidInput, which the model declares, and says which parameter is wrong and what was expected."""
    asked: dict[str, Any] = {"PolicyInputList": [document(allow())], "ActionNames": ["iam:GetUser"], **members}
    with pytest.raises(InvalidInput, match=message):
        endpoint.call(endpoint.root, "SimulateCustomPolicy", **asked)


@pytest.mark.parametrize(
    ("kind", "values", "condition"),
    [
        ("string", ["x"], {"StringEquals": {"t:key": "x"}}),
        ("stringList", ["x", "y"], {"ForAllValues:StringEquals": {"t:key": ["x", "y"]}}),
        ("numeric", ["10"], {"NumericLessThan": {"t:key": "11"}}),
        ("numericList", ["1", "99"], {"ForAnyValue:NumericGreaterThan": {"t:key": "50"}}),
        ("boolean", ["true"], {"Bool": {"t:key": "true"}}),
        ("booleanList", ["true"], {"Bool": {"t:key": "true"}}),
        ("ip", ["10.1.2.3"], {"IpAddress": {"t:key": "10.0.0.0/8"}}),
        ("ipList", ["10.1.2.3", "::1"], {"ForAnyValue:IpAddress": {"t:key": "::1"}}),
        ("binary", ["AAEC"], {"BinaryEquals": {"t:key": "AAEC"}}),
        ("binaryList", ["AAEC"], {"BinaryEquals": {"t:key": "AAEC"}}),
        ("date", ["2026-01-01T00:00:00Z"], {"DateLessThan": {"t:key": "2027-01-01"}}),
        ("dateList", ["2026-01-01T00:00:00Z"], {"DateLessThan": {"t:key": "2027-01-01"}}),
        ("stringList", [], {"Null": {"t:key": "true"}}),
    ],
)
def test_values_of_every_type(endpoint: Endpoint, kind: str, values: list[str], condition: dict[str, Any]) -> None:
    """The key is found whatever its case; a list without values says that it is absent. Without the entry the condition
    that asks for a value is not met."""
    text = document(allow("x:Do", Condition=condition))
    given = custom(endpoint, text, ActionNames=["x:Do"], ContextEntries=[entry("T:Key", kind, *values)])
    assert given["EvalDecision"] == "allowed"
    assert given["MissingContextValues"] == ([] if values else ["t:key"])
    without = custom(endpoint, text, ActionNames=["x:Do"])
    assert without["MissingContextValues"] == ["t:key"]
