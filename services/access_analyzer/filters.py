"""Filters of findings, as requests have them."""

from collections.abc import Mapping
from typing import TypedDict

from domain.families.analyzers import ArchiveRuleDefinition
from domain.foundation.errors import ValidationError
from domain.rules.finding_filters import ARCHIVE_KEYS, read_filter

FilterMembers = Mapping[str, Mapping[str, object]]
"""As requests have it, by filter key."""


class RuleMembers(TypedDict):
    rule_name: str
    filter: FilterMembers


def rule_from_request(name: str, given: FilterMembers) -> ArchiveRuleDefinition:
    """Raises ValidationError, for a rule without criteria too: it would hide everything."""
    if not given:
        raise ValidationError("filter: expected at least one criterion.")
    return ArchiveRuleDefinition(name=name, filter=read_filter(given, ARCHIVE_KEYS))
