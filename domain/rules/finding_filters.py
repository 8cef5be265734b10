"""Filters of findings: which keys there are, and what fits
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html)."""

from collections.abc import Mapping, Sequence

from domain.families.analyzers import Filter, FilterCriterion
from domain.foundation.errors import ValidationError

ARCHIVE_KEYS = (
    "error",
    "findingType",
    "isPublic",
    "principal.AWS",
    "principal.CanonicalUser",
    "principal.Federated",
    "resource",
    "resourceOwnerAccount",
    "resourceType",
)
LIST_KEYS = (*ARCHIVE_KEYS, "id", "status")
CONDITION = "condition."
"""Before any condition key, of which the case does not count."""
CRITERIA_MAX = 20
VALUE_CHARACTERS_MAX = 2_048

FilterValues = Mapping[str, Sequence[str]]
"""What a finding has under each filter key: the same value in several spellings, or the values of a condition."""


def read_filter(given: Mapping[str, Mapping[str, object]], keys: Sequence[str]) -> dict[str, FilterCriterion]:
    """As requests have it. How many values there may be, the model says. Raises ValidationError."""
    if len(given) > CRITERIA_MAX:
        raise ValidationError(f"filter: expected at most {CRITERIA_MAX} criteria, got {len(given)}.")
    return {key: _criterion(key, said, keys) for key, said in given.items()}


def _criterion(key: str, said: Mapping[str, object], keys: Sequence[str]) -> FilterCriterion:
    if key not in keys and not (key.startswith(CONDITION) and key != CONDITION):
        raise ValidationError(
            f"filter: {key[:100]} is no filter key; expected one of {', '.join(keys)}, or {CONDITION} and a condition "
            "key."
        )
    criterion = FilterCriterion.model_validate(said)
    if criterion == FilterCriterion():
        raise ValidationError(f"filter.{key[:100]}: expected at least one of eq, neq, contains and exists.")
    values = (*criterion.eq, *criterion.neq, *criterion.contains)
    if any(len(value) > VALUE_CHARACTERS_MAX for value in values) or len(key) > VALUE_CHARACTERS_MAX:
        raise ValidationError(f"filter.{key[:100]}: a value has at most {VALUE_CHARACTERS_MAX} characters.")
    if key == "status" and "RESOLVED" in (*criterion.eq, *criterion.contains):
        raise ValidationError(
            "filter.status: findings that are resolved are not kept; those of a past moment are listed under /as-of/."
        )
    return criterion


def fits(wanted: Filter, values: FilterValues, *, archives: bool) -> bool:
    """An archive rule hides nothing by what a finding does not have; a list shows it."""
    return all(_fits(criterion, _values(values, key), archives=archives) for key, criterion in wanted.items())


def _values(values: FilterValues, key: str) -> Sequence[str]:
    return values.get(CONDITION + key.removeprefix(CONDITION).lower() if key.startswith(CONDITION) else key, ())


def _fits(criterion: FilterCriterion, present: Sequence[str], *, archives: bool) -> bool:
    if criterion.exists is not None and criterion.exists != bool(present):
        return False
    if criterion.eq and not any(value in criterion.eq for value in present):
        return False
    if criterion.contains and not any(text in value for text in criterion.contains for value in present):
        return False
    if criterion.neq and not present:
        return not archives
    return not any(value in criterion.neq for value in present)
