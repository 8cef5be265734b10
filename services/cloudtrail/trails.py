"""CloudTrail's operations on trails. An account's calls are recorded whether it has one or not."""

import re
from collections.abc import Iterable

from domain.account import Account
from domain.call_context import requested_region
from domain.calls import Call, Outcome
from domain.families.trails import TRAILS, Trail
from domain.foundation.errors import Refusal, constraint_violation
from domain.foundation.identifiers import arn
from services.wire.input_shapes import excerpt
from services.wire.operations import Parameters, TargetResource, answers, any_resource

SERVICE = "cloudtrail"
_ARN = re.compile(r"arn:[a-z-]+:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/[A-Za-z0-9._-]{3,128}")
_NAME = re.compile(r"[A-Za-z0-9._-]{3,128}")


class CloudTrailARNInvalidException(Refusal): ...


class InvalidTrailNameException(Refusal): ...


class TrailNotFoundException(Refusal): ...


@answers("DescribeTrails", service=SERVICE, on=any_resource, records="trail_name_list include_shadow_trails")
def describe_trails(
    account: Account,
    _call: Call,
    *,
    trail_name_list: list[str] | None = None,
    include_shadow_trails: bool = True,  # noqa: ARG001  there are none
) -> Outcome:
    """What is none of the account's is left out."""
    named = {_checked(account, each) for each in trail_name_list or ()}
    found = [trail for trail in _all(account) if not named or _trail_arn(account, trail.name) in named]
    return Outcome(lambda _after: {"trailList": [_members(account, trail) for trail in found]})


@answers("ListTrails", service=SERVICE, on=any_resource, records="next_token")
def list_trails(account: Account, _call: Call, *, next_token: str | None = None) -> Outcome:
    """All on one page, as many as an account can have. Raises ValidationError for a token: none is given."""
    if next_token is not None:
        raise constraint_violation("nextToken", "Member must be a token of this list")
    listed = [
        {"TrailARN": _trail_arn(account, trail.name), "Name": trail.name, "HomeRegion": _home_region(account)}
        for trail in _all(account)
    ]
    return Outcome(lambda _after: {"Trails": listed})


def _named_trail(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(_checked(account, parameters["name"]))


@answers("GetTrail", service=SERVICE, on=_named_trail, records="name")
def get_trail(account: Account, _call: Call, *, name: str) -> Outcome:
    trail = _found(account, name)
    return Outcome(lambda _after: {"Trail": _members(account, trail)})


@answers("GetTrailStatus", service=SERVICE, on=_named_trail, records="name")
def get_trail_status(account: Account, _call: Call, *, name: str) -> Outcome:
    """Of deliveries nothing is known here: `muniment export cloudtrail` makes them."""
    begins_at = _found(account, name).begins_at
    started = begins_at.isoformat().replace("+00:00", "Z")
    return Outcome(lambda _after: {"IsLogging": True, "StartLoggingTime": begins_at, "TimeLoggingStarted": started})


def _all(account: Account) -> Iterable[Trail]:
    return sorted(account[TRAILS].values(), key=lambda trail: trail.name)


def _found(account: Account, named: str) -> Trail:
    """Raises TrailNotFoundException, CloudTrailARNInvalidException and InvalidTrailNameException."""
    trail_arn = _checked(account, named)
    trail = account[TRAILS].get(trail_arn.rpartition("/")[2])
    if trail is None or _trail_arn(account, trail.name) != trail_arn:
        raise TrailNotFoundException(f"Unknown trail: {named} for the user: {account.id}")
    return trail


def _checked(account: Account, named: str) -> str:
    """The ARN of what is named by it or by its name, whether or not there is such a trail. Raises
    CloudTrailARNInvalidException and InvalidTrailNameException."""
    if named.startswith("arn:"):
        if _ARN.fullmatch(named) is None:
            raise CloudTrailARNInvalidException(
                f"The ARN of a trail is like {_trail_arn(account, 'main')}; got {excerpt(named)}."
            )
        return named
    if _NAME.fullmatch(named) is None:
        raise InvalidTrailNameException(
            f"A trail's name is 3 to 128 letters, digits, periods, underscores and dashes; got {excerpt(named)}."
        )
    return _trail_arn(account, named)


def _home_region(account: Account) -> str:
    region = requested_region(account.partition, "iam", None)
    assert region is not None
    return region


def _trail_arn(account: Account, name: str) -> str:
    return arn(account.partition, SERVICE, account.id, f"trail/{name}", _home_region(account))


def _members(account: Account, trail: Trail) -> dict[str, object]:
    members: dict[str, object] = {
        "Name": trail.name,
        "S3BucketName": trail.bucket,
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "HomeRegion": _home_region(account),
        "TrailARN": _trail_arn(account, trail.name),
        "LogFileValidationEnabled": True,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
        "IsOrganizationTrail": False,
    }
    return members if trail.prefix is None else members | {"S3KeyPrefix": trail.prefix}
