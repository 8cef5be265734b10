"""CloudTrail's operations on trails and their keys, as boto3 has them."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from domain.families.trails import TRAIL_KEYS, TrailBegun, TrailKeyCreated
from domain.foundation.errors import AccessDenied, Refusal, ValidationError
from services.cloudtrail.public_keys import InvalidTimeRangeException, InvalidTokenException
from services.cloudtrail.trails import CloudTrailARNInvalidException, InvalidTrailNameException, TrailNotFoundException
from tests.services.endpoint import ACCOUNT, Endpoint, allow

ARN = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/"
PUBLIC = base64.b64encode(b"der").decode()


@pytest.fixture
def endpoint() -> Endpoint:
    """With two trails, and a second key a day after the first."""
    endpoint = Endpoint()
    begins_at = endpoint.at.replace(minute=0, second=0, microsecond=0)
    endpoint.append(
        TrailKeyCreated(fingerprint="one", public_key=PUBLIC),
        TrailBegun(trail_name="main", bucket="trail", prefix="logs", begins_at=begins_at),
        TrailBegun(trail_name="another", bucket="other", begins_at=begins_at),
    )
    endpoint.later(days=1)
    endpoint.append(TrailKeyCreated(fingerprint="two", public_key=PUBLIC))
    endpoint.later(days=1)
    return endpoint


def test_trails_are_told(endpoint: Endpoint) -> None:
    """By name or ARN, and what none of the account's is left out; the home Region is that of IAM."""
    told = endpoint.call(endpoint.root, "DescribeTrails")["trailList"]
    assert [(each["Name"], each["S3BucketName"], each.get("S3KeyPrefix")) for each in told] == [
        ("another", "other", None),
        ("main", "trail", "logs"),
    ]
    assert told[1]["TrailARN"] == f"{ARN}main"
    assert (told[1]["HomeRegion"], told[1]["LogFileValidationEnabled"], told[1]["IsOrganizationTrail"]) == (
        *("us-east-1", True, False),
    )
    for named in (["main"], [f"{ARN}main"], ["main", "nothing", f"{ARN}main"]):
        assert endpoint.call(endpoint.root, "DescribeTrails", trailNameList=named)["trailList"] == [told[1]]
    assert endpoint.call(endpoint.root, "GetTrail", Name=f"{ARN}main")["Trail"] == told[1]
    listed = endpoint.call(endpoint.root, "ListTrails")["Trails"]
    assert listed[1] == {"TrailARN": f"{ARN}main", "Name": "main", "HomeRegion": "us-east-1"}
    status = endpoint.call(endpoint.root, "GetTrailStatus", Name="main")
    assert (status["IsLogging"], status["StartLoggingTime"].minute) == (True, 0)


def test_keys_are_told_by_the_hours_that_they_sign(endpoint: Endpoint) -> None:
    """The first has signed all before it, too."""
    first, second = endpoint.account[TRAIL_KEYS]

    def named(start: datetime | None = None, end: datetime | None = None) -> list[str]:
        times = {"StartTime": start, "EndTime": end}
        given = {name: at for name, at in times.items() if at is not None}
        keys = endpoint.call(endpoint.root, "ListPublicKeys", **given)["PublicKeyList"]
        assert all(key["Value"] == b"der" for key in keys)
        return [key["Fingerprint"] for key in keys]

    hour, year = timedelta(hours=1), timedelta(days=365)
    assert named() == ["two"]
    assert named(first.created_at - year, first.created_at - year + hour) == ["one"]
    assert named(second.created_at - hour, second.created_at - timedelta(seconds=1)) == ["one"]
    assert named(second.created_at - hour, second.created_at + hour) == ["one", "two"]
    assert named(second.created_at + hour) == ["two"]
    until = endpoint.call(endpoint.root, "ListPublicKeys", StartTime=first.created_at)["PublicKeyList"]
    assert [key.get("ValidityEndTime") for key in until] == [second.created_at.replace(microsecond=0), None]


@pytest.mark.parametrize(
    ("operation", "members", "refusal"),
    [
        ("GetTrail", {"Name": "nothing"}, TrailNotFoundException),
        ("GetTrailStatus", {"Name": f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main"}, TrailNotFoundException),
        ("GetTrail", {"Name": "a"}, InvalidTrailNameException),
        ("GetTrailStatus", {"Name": f"arn:aws:s3:::{ACCOUNT}"}, CloudTrailARNInvalidException),
        ("DescribeTrails", {"trailNameList": ["no name"]}, InvalidTrailNameException),
        ("ListTrails", {"NextToken": "x"}, ValidationError),
        ("ListPublicKeys", {"NextToken": "x"}, InvalidTokenException),
        (
            "ListPublicKeys",
            {"StartTime": datetime(2026, 1, 2, tzinfo=UTC), "EndTime": datetime(2026, 1, 1, tzinfo=UTC)},
            InvalidTimeRangeException,
        ),
        ("ListPublicKeys", {"StartTime": datetime(1, 1, 1, tzinfo=UTC)}, ValidationError),
    ],
)
def test_what_is_refused(
    endpoint: Endpoint, operation: str, members: dict[str, object], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        endpoint.call(endpoint.root, operation, **members)


def test_an_account_without_trails() -> None:
    endpoint = Endpoint()
    assert endpoint.call(endpoint.root, "DescribeTrails") == {"trailList": []}
    assert endpoint.call(endpoint.root, "ListPublicKeys") == {"PublicKeyList": []}
    with pytest.raises(TrailNotFoundException, match=f"Unknown trail: main for the user: {ACCOUNT}"):
        endpoint.call(endpoint.root, "GetTrail", Name="main")


def test_each_needs_its_permission(endpoint: Endpoint) -> None:
    ann = endpoint.user("ann", allow("cloudtrail:GetTrail", f"{ARN}other"))
    named: tuple[tuple[str, dict[str, object]], ...] = (("DescribeTrails", {}), ("GetTrail", {"Name": "main"}))
    for operation, members in (*named, ("ListPublicKeys", {})):
        with pytest.raises(AccessDenied, match=f"cloudtrail:{operation}"):
            endpoint.call(ann, operation, **members)
