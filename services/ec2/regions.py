"""EC2's operation on Regions."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

from domain.account import Account
from domain.calls import Call, Outcome
from domain.foundation.errors import InvalidParameterValue, Refusal
from domain.foundation.regions import DEFAULT_REGIONS
from domain.policy.wildcards import wildcard
from services.wire.input_shapes import excerpt
from services.wire.operations import Parameters, TargetResource, answers

FILTER_VALUES_MAX, FILTER_CHARACTERS_MAX = 200, 255
"""Of all filters together, and of a value (Amazon EC2 User Guide, "Filter resources" has the first for each filter)."""
_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}
_MEMBERS = {"endpoint": "Endpoint", "opt-in-status": "OptInStatus", "region-name": "RegionName"}
"""What is compared, by the name of the filter."""
Region = Mapping[str, str]


class DryRunOperation(Refusal): ...


class RegionFilter(TypedDict, total=False):
    name: str
    values: Sequence[str]


def _in_region(_account: Account, call: Call, _parameters: Parameters) -> TargetResource:
    region = {} if call.cause.region is None else {"ec2:region": (call.cause.region,)}
    return TargetResource("*", "*", region)


@answers("DescribeRegions", service="ec2", on=_in_region, records="all_regions dry_run filters region_names")
def describe_regions(
    account: Account,
    _call: Call,
    *,
    all_regions: bool = False,  # noqa: ARG001  none is disabled (docs/adr/0061)
    dry_run: bool = False,
    filters: Sequence[RegionFilter] = (),
    region_names: Sequence[str] = (),
) -> Outcome:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html

    Raises InvalidParameterValue for a Region that this server does not list, and for a filter that EC2 does not have.
    """
    known = DEFAULT_REGIONS[account.partition]
    if unknown := [name for name in region_names if name not in known]:
        raise InvalidParameterValue(
            f"Invalid region name: {excerpt(unknown[0])}", f"expected one of {', '.join(known)}"
        )
    _refuse_unfit(filters)
    if dry_run:
        raise DryRunOperation("Request would have succeeded, but DryRun flag is set.")
    suffix = _SUFFIXES.get(account.partition, "amazonaws.com")
    regions: list[Region] = [
        {"RegionName": name, "Endpoint": f"ec2.{name}.{suffix}", "OptInStatus": "opt-in-not-required"}
        for name in known
        if not region_names or name in region_names
    ]
    return Outcome(lambda _after: {"Regions": _filtered(regions, filters)})


def _refuse_unfit(filters: Sequence[RegionFilter]) -> None:
    for each in filters:
        name = each.get("name", "")
        if name not in _MEMBERS:
            raise InvalidParameterValue(
                f"The filter '{excerpt(name)}' is invalid", f"expected one of {', '.join(_MEMBERS)}"
            )
        if not each.get("values"):
            raise InvalidParameterValue(f"The filter '{name}' has no values.")
    values = [value for each in filters for value in each["values"]]
    if len(values) > FILTER_VALUES_MAX or any(len(value) > FILTER_CHARACTERS_MAX for value in values):
        raise InvalidParameterValue(
            f"Filters have at most {FILTER_VALUES_MAX} values, of {FILTER_CHARACTERS_MAX} characters each."
        )


def _filtered(regions: Sequence[Region], filters: Sequence[RegionFilter]) -> list[Region]:
    """Those that have, for each filter, one of its values."""
    asked = [(_MEMBERS[each["name"]], [_test(value) for value in each["values"]]) for each in filters]
    return [region for region in regions if all(any(test(region[member]) for test in tests) for member, tests in asked)]


def _test(value: str) -> Callable[[str], bool]:
    # A backslash takes its meaning from a wildcard, and no Region has the characters that are wildcards.
    return wildcard(value) if "\\" not in value else lambda _text: False
