"""EC2's DescribeRegions, and the form of EC2's answers and errors."""

from datetime import UTC, datetime

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from domain.foundation.errors import AccessDenied, InvalidParameterValue, ValidationError
from services.ec2.regions import DryRunOperation
from services.wire.model import load_model
from services.wire.protocols.ec2 import EC2_ERRORS
from services.wire.time_travel import RequestPath
from tests.services.endpoint import PROTOCOLS, Endpoint, allow
from tests.services.wire.signing import signed

EC2 = PROTOCOLS["ec2"]
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def names(endpoint: Endpoint, **asked: object) -> list[str]:
    regions = endpoint.call(endpoint.root, "DescribeRegions", **asked)["Regions"]
    return [region["RegionName"] for region in regions]


def filtered(of: Endpoint, /, **filters: list[str]) -> list[str]:
    asked = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
    return names(of, Filters=asked)


def test_all_regions_or_those_that_are_asked_for() -> None:
    """By name, or by filters, whose values are patterns: one of each has to match."""
    endpoint = Endpoint()
    everything = names(endpoint)
    assert (len(everything), names(endpoint, AllRegions=True)) == (17, everything)
    assert names(endpoint, RegionNames=["us-east-1", "eu-west-3"]) == ["eu-west-3", "us-east-1"]
    (region,) = endpoint.call(endpoint.root, "DescribeRegions", RegionNames=["eu-north-1"])["Regions"]
    assert region == {
        "RegionName": "eu-north-1",
        "Endpoint": "ec2.eu-north-1.amazonaws.com",
        "OptInStatus": "opt-in-not-required",
    }
    assert filtered(endpoint, region_name=["us-*", "?u-north-1"]) == [
        *("eu-north-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2")
    ]
    assert filtered(endpoint, region_name=["us-*"], endpoint=["*-2.amazonaws.com"]) == ["us-east-2", "us-west-2"]
    assert filtered(endpoint, opt_in_status=["opt-in-not-required", "opted-in"]) == everything
    for nothing in (["not-opted-in"], ["OPTED-IN"], [r"opt-in-not-require\*"]):
        assert filtered(endpoint, opt_in_status=nothing) == []
    assert names(Endpoint(partition="aws-cn")) == ["cn-north-1", "cn-northwest-1"]


@pytest.mark.parametrize(
    "asked",
    [
        {"RegionNames": ["me-south-1"]},
        {"Filters": [{"Name": "region", "Values": ["x"]}]},
        {"Filters": [{"Values": ["x"]}]},
        {"Filters": [{"Name": "region-name"}]},
        {"Filters": [{"Name": "region-name", "Values": ["x"] * 201}]},
        {"Filters": [{"Name": "region-name", "Values": ["x" * 256]}]},
    ],
)
def test_what_is_not_known_is_refused(asked: dict[str, object]) -> None:
    """And no pattern is too long or one too many."""
    endpoint = Endpoint()
    with pytest.raises(InvalidParameterValue):
        names(endpoint, **asked)


def test_a_dry_run_tells_whether_the_caller_may() -> None:
    """Who may not is denied."""
    endpoint = Endpoint()
    with pytest.raises(DryRunOperation):
        names(endpoint, DryRun=True)
    nobody = endpoint.user("nobody", allow("ec2:DescribeVpcs"))
    with pytest.raises(AccessDenied, match="ec2:DescribeRegions"):
        endpoint.call(nobody, "DescribeRegions", DryRun=True)
    with pytest.raises(ValidationError, match=r"'filters\.1'"):
        endpoint.post(endpoint.root, "DescribeRegions", "Filter.1=x")


@pytest.mark.parametrize("code", EC2_ERRORS)
def test_errors_in_ec2_s_form(code: str) -> None:
    """botocore reads code, message and request id out of each; what EC2 has no code for is a defect."""
    refusal = type(code, (ValidationError,), {})("Not <here>, naïve café.")
    status, body, _ = EC2.refuse(refusal, "ec2", "r-1")
    shape = load_model("ec2").operation_model("DescribeRegions").output_shape
    told = create_parser("ec2").parse({"status_code": status, "body": body, "headers": {}}, shape)
    assert told["Error"] == {"Code": EC2_ERRORS[code].code, "Message": refusal.message}
    assert told["ResponseMetadata"]["RequestId"] == "r-1"
    with pytest.raises(TypeError, match="Unheard is no error of ec2"):
        EC2.refuse(type("Unheard", (ValidationError,), {})("x"), "ec2", "r-1")


def test_what_else_ec2_does_is_told_to_be_missing() -> None:
    """By the scope of the signature: at the same path, IAM's requests are the query protocol's."""
    model = load_model("ec2").operation_model("DescribeVpcs")
    fields = create_serializer("ec2").serialize_to_request({}, model)["body"]
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    assert not EC2.serves(signed(body=body, service="iam"), RequestPath.split(b"/"))
    request = signed(body=body, service="ec2")
    assert EC2.serves(request, RequestPath.split(b"/"))
    refusal = EC2.read(request, b"/", "ec2", NOW).refusal
    assert refusal is not None
    assert refusal.message == (
        "Could not find operation DescribeVpcs for version 2016-11-15 (this server does not answer it yet)"
    )
