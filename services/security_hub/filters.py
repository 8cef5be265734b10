"""Filters of findings and their order, as requests have them: only by what findings here have.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFindingFilters.html
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from domain.foundation.errors import ValidationError
from services.security_hub.control_findings import (
    ASSOCIATED,
    COMPANY,
    NORMALIZED,
    PRODUCT,
    TYPE,
    ControlFinding,
    Renderer,
)
from services.security_hub.hub import region, timestamp
from services.wire.input_shapes import excerpt

ATTRIBUTES_MAX, VALUES_MAX = 10, 20
"""Attributes that are filtered by, and values of each (API Reference, GetFindings)."""
DAYS_MAX = 36_500
SORT_CHARACTERS_MAX = 120
"""Of a value, by which is sorted: it has to fit into a token."""


class DateRange(TypedDict, total=False):
    value: int
    unit: str
    comparison: str


class ValueFilter(TypedDict, total=False):
    """Of texts: value and comparison; of times: start and end, or a range."""

    value: str
    comparison: str
    start: str
    end: str
    date_range: DateRange


class SortCriterion(TypedDict, total=False):
    field: str
    sort_order: str


Filters = Mapping[str, Sequence[ValueFilter]]
"""By the name of the attribute, in snake case."""
FindingTest = Callable[[Renderer, ControlFinding], bool]
Texts = Callable[[Renderer, ControlFinding], Sequence[str]]
Times = Callable[[Renderer, ControlFinding], datetime]


def _user_name(finding: ControlFinding) -> Sequence[str]:
    return (finding.resource.name,) if finding.resource is not None and finding.resource.noun == "user" else ()


TEXTS: Mapping[str, Texts] = {
    "aws_account_id": lambda where, _: (where.account.id,),
    "company_name": lambda _, __: (COMPANY,),
    "compliance_associated_standards_id": lambda _, each: (ASSOCIATED,) if each.control.is_of_standard else (),
    "compliance_security_control_id": lambda _, each: (each.control.control.id,),
    "compliance_status": lambda _, each: (each.status,),
    "description": lambda _, each: (each.description,),
    "finding_provider_fields_severity_label": lambda _, each: (each.severity,),
    "finding_provider_fields_severity_original": lambda _, each: (each.severity,),
    "finding_provider_fields_types": lambda _, __: (TYPE,),
    "note_text": lambda _, each: () if each.accepted is None else (each.accepted.reason,),
    "note_updated_by": lambda _, each: () if each.accepted is None else (each.accepted.by,),
    "generator_id": lambda _, each: (each.generator_id,),
    "id": lambda where, each: (where.finding_id(each),),
    "product_arn": lambda where, _: (where.product_arn,),
    "product_name": lambda _, __: (PRODUCT,),
    "recommendation_text": lambda _, each: () if each.recommendation is None else (each.recommendation,),
    "record_state": lambda _, each: (each.record_state,),
    "region": lambda where, _: (region(where.call),),
    "resource_aws_iam_user_user_name": lambda _, each: _user_name(each),
    "resource_id": lambda where, each: (where.resource_id(each),),
    "resource_partition": lambda where, _: (where.account.partition,),
    "resource_region": lambda where, _: (region(where.call),),
    "resource_type": lambda _, each: (each.resource_type,),
    "severity_label": lambda _, each: (each.severity,),
    "title": lambda _, each: (each.title,),
    "type": lambda _, __: (TYPE,),
    "workflow_status": lambda _, each: (each.workflow,),
}
"""What a finding has for an attribute, none or one."""
TIMES: Mapping[str, Times] = {
    "created_at": lambda _, each: each.since,
    "first_observed_at": lambda _, each: each.since,
    "last_observed_at": lambda where, each: where.last_observed_at(each),
    "updated_at": lambda _, each: each.until or each.since,
}
_NOW = "now"
"""Behind all times: of the next page it is another."""
_KNOWN = sorted((*TEXTS, *TIMES))


def read_filters(given: Filters, now: datetime) -> list[FindingTest]:
    """All of which a finding has to pass. Raises ValidationError, for an attribute that findings here do not have
    too: to filter by what is not there would find nothing."""
    if len(given) > ATTRIBUTES_MAX:
        raise ValidationError(f"Filters: expected at most {ATTRIBUTES_MAX} attributes, got {len(given)}.")
    return [_attribute(name, values, now) for name, values in given.items()]


def _attribute(name: str, values: Sequence[ValueFilter], now: datetime) -> FindingTest:
    if not 1 <= len(values) <= VALUES_MAX:
        raise ValidationError(f"Filters.{_aws(name)}: expected 1 to {VALUES_MAX} values, got {len(values)}.")
    if name in TEXTS:
        return _text_test(name, values)
    if name in TIMES:
        tests = [_time_test(name, each, now) for each in values]
        time_of = TIMES[name]
        return lambda where, finding: any(test(time_of(where, finding)) for test in tests)
    raise ValidationError(
        f"Filters.{_aws(name)}: findings are not filtered by that here; expected one of {', '.join(map(_aws, _KNOWN))}."
    )


def _text_test(name: str, given: Sequence[ValueFilter]) -> FindingTest:
    """One of the values that are asked for, and none of those that are not
    (https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StringFilter.html)."""
    by_comparison: dict[str, list[str]] = {"EQUALS": [], "PREFIX": [], "NOT_EQUALS": [], "PREFIX_NOT_EQUALS": []}
    for each in given:
        comparison, value = each.get("comparison"), each.get("value")
        if comparison not in by_comparison:
            raise ValidationError(
                f"Filters.{_aws(name)}: expected a Comparison of {', '.join(by_comparison)}, got {comparison}."
            )
        if value is None:
            raise ValidationError(f"Filters.{_aws(name)}: expected a Value.")
        by_comparison[comparison].append(value)
    equal, prefixes, unequal, not_prefixes = map(tuple, by_comparison.values())
    if equal and (unequal or not_prefixes):
        raise ValidationError(
            f"Filters.{_aws(name)}: EQUALS is not combined with NOT_EQUALS or PREFIX_NOT_EQUALS on one attribute."
        )
    texts_of = TEXTS[name]

    def test(where: Renderer, finding: ControlFinding) -> bool:
        texts = texts_of(where, finding)
        if (equal or prefixes) and not any(text in equal or text.startswith(prefixes) for text in texts):
            return False
        return not any(text in unequal or text.startswith(not_prefixes) for text in texts)

    return test


def _time_test(name: str, given: ValueFilter, now: datetime) -> Callable[[datetime], bool]:
    """Both ends are within."""
    days, texts = given.get("date_range"), (given.get("start"), given.get("end"))
    if (days is None) == (texts == (None, None)):
        raise ValidationError(f"Filters.{_aws(name)}: expected either Start and End, or one of them, or DateRange.")
    if days is None:
        start, end = (None if text is None else _time(name, text) for text in texts)
        return lambda at: (start is None or start <= at) and (end is None or at <= end)
    number = days.get("value", 0)
    if days.get("unit") != "DAYS" or not 1 <= number <= DAYS_MAX:
        raise ValidationError(f"Filters.{_aws(name)}: expected a DateRange of 1 to {DAYS_MAX} DAYS, got {number}.")
    since = now - timedelta(days=number)
    if days.get("comparison", "WITHIN") == "WITHIN":
        return lambda at: since <= at <= now
    return lambda at: at < since


def _time(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValidationError(
            f"Filters.{_aws(name)}: expected a time such as 2026-01-31T12:00:00Z, got {excerpt(text)}."
        )
    return at.astimezone(UTC)


def read_sort(given: Sequence[SortCriterion]) -> tuple[Callable[[Renderer, ControlFinding], str], bool]:
    """The key of a finding, and whether the last comes first. Raises ValidationError."""
    if not given:
        return lambda _, finding: finding.key, False
    fields = {_aws(name): name for name in _KNOWN}
    if len(given) > 1 or given[0].get("field") not in fields:
        asked = ", ".join(excerpt(each.get("field", "")) for each in given[:3])
        raise ValidationError(f"SortCriteria: expected one Field of {', '.join(fields)}, got {asked}.")
    name = fields[given[0]["field"]]

    def key(where: Renderer, finding: ControlFinding) -> str:
        return f"{_sorted_by(name, where, finding)[:SORT_CHARACTERS_MAX]} {finding.key}"

    return key, given[0].get("sort_order") == "desc"


def _sorted_by(name: str, where: Renderer, finding: ControlFinding) -> str:
    if name == "last_observed_at" and finding.until is None:
        return _NOW
    if name in TIMES:
        return timestamp(TIMES[name](where, finding))
    if name in {
        "severity_label",
        "finding_provider_fields_severity_label",
        "finding_provider_fields_severity_original",
    }:
        return f"{NORMALIZED[finding.severity]:03d}"
    return "".join(TEXTS[name](where, finding))


def _aws(name: str) -> str:
    """As AWS calls the attribute."""
    return "".join(part.capitalize() for part in name.split("_"))
