"""What is said of analyzers where folding is measured."""

from collections.abc import Callable, Iterator

from domain.families.analyzers import ArchiveRuleDefinition, FilterCriterion
from domain.foundation.events import Change
from tests.domain.accounts import analyzer_arn


def archive_rule(name: object) -> ArchiveRuleDefinition:
    return ArchiveRuleDefinition(name=f"rule{name}", filter={"isPublic": FilterCriterion(eq=("false",))})


FIELDS: dict[str, object] = {
    "analyzer_arn": analyzer_arn(0),
    "archive_rules": (archive_rule(0),),
    "finding_ids": ("finding0",),
    "rule_name": "rule0",
    "status": "ARCHIVED",
    "type": "ACCOUNT_UNUSED_ACCESS",
    "unhides": False,
    "unused_access": {"days": 90},
}
RULE = "access_analyzer.archive_rule"
CASES: dict[str, dict[str, object]] = {
    "access_analyzer.analyzer.created.v1": {"analyzer_arn": analyzer_arn("new")},
    f"{RULE}.created.v1": {"rule": archive_rule("new")},
    f"{RULE}.updated.v1": {"rule": archive_rule(0)},
}


def analyzer_history(event: Callable[..., Change], i: object) -> Iterator[Change]:
    """One more, and one more of all that the first has."""
    yield event("access_analyzer.analyzer.created.v1", analyzer_arn=analyzer_arn(i))
    if i != 0:
        yield event(f"{RULE}.created.v1", rule=archive_rule(i))
    yield event("access_analyzer.analyzer.tagged.v1", tags={f"key{i}": "value"})
    yield event("access_analyzer.findings.updated.v1", finding_ids=(f"finding{i}",))
