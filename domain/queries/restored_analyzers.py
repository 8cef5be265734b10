"""How an analyzer, with its archive rules and what was said of its findings, is told and put back."""

from collections.abc import Iterator

from domain.account import Account, AccountChange
from domain.families.analyzers import (
    ANALYZERS,
    AnalyzerCreated,
    AnalyzerDeleted,
    AnalyzerTagged,
    AnalyzerUntagged,
    AnalyzerUpdated,
    ArchiveRuleCreated,
    ArchiveRuleDefinition,
    ArchiveRuleDeleted,
    FindingsUpdated,
    UnusedAccess,
    named_parts,
)
from domain.lineage_kinds import Parts, SettingDelta
from domain.queries.setting_rows import SettingRow


def _changes(delta: SettingDelta, _former: Account) -> Iterator[AccountChange]:
    """What its archive rules have hidden is active again."""
    arn, introduced, dropped = delta.subject_id, delta.introduced, delta.dropped
    is_there = arn in delta.account[ANALYZERS]
    if "type" in introduced or "type" in dropped:
        if is_there:
            yield AnalyzerDeleted(analyzer_arn=arn)
        if "type" in dropped:
            yield _created(arn, dropped)
        return
    if is_there:
        yield from _partly(arn, introduced, dropped)


def _partly(arn: str, introduced: Parts, dropped: Parts) -> Iterator[AccountChange]:
    if tags := named_parts(dropped, "tag"):
        yield AnalyzerTagged(analyzer_arn=arn, tags=tags)
    if keys := sorted(named_parts(introduced, "tag").keys() - named_parts(dropped, "tag").keys()):
        yield AnalyzerUntagged(analyzer_arn=arn, keys=tuple(keys))
    if "unused_access" in dropped:
        unused = UnusedAccess.model_validate_json(dropped["unused_access"])
        yield AnalyzerUpdated(analyzer_arn=arn, unused_access=unused)
    for name in named_parts(introduced, "rule"):
        yield ArchiveRuleDeleted(analyzer_arn=arn, rule_name=name, unhides=True)
    for said in named_parts(dropped, "rule").values():
        yield ArchiveRuleCreated(analyzer_arn=arn, rule=ArchiveRuleDefinition.model_validate_json(said))
    for parts, status in ((introduced, "ACTIVE"), (dropped, "ARCHIVED")):
        if ids := sorted(named_parts(parts, "finding")):
            yield FindingsUpdated(analyzer_arn=arn, finding_ids=tuple(ids), status=status)


def _created(arn: str, parts: Parts) -> AnalyzerCreated:
    unused = parts.get("unused_access")
    rules = named_parts(parts, "rule").values()
    return AnalyzerCreated(
        analyzer_arn=arn,
        type="ACCOUNT" if parts["type"] == "ACCOUNT" else "ACCOUNT_UNUSED_ACCESS",
        unused_access=None if unused is None else UnusedAccess.model_validate_json(unused),
        tags=named_parts(parts, "tag"),
        archive_rules=tuple(map(ArchiveRuleDefinition.model_validate_json, rules)),
    )


def _text(account: Account, _account_id: str, arn: str) -> str | None:
    analyzer = account[ANALYZERS].get(arn)
    if analyzer is None:
        return None
    unused = analyzer.unused_access
    days = "" if unused is None else f" of {unused.days} days with {len(unused.exclusions)} exclusions"
    rules = "".join(
        f", archive rule {name} {rule.definition.model_dump_json(include={'filter'}, exclude_defaults=True)}"
        for name, rule in sorted(analyzer.rules.items())
    )
    tags = "".join(f", tag {key}={value}" for key, value in sorted(analyzer.tags.items()))
    archived = sum(mark.is_archived for mark in analyzer.marks.values())
    return f"{analyzer.type}{days}{rules}{tags}, {archived} findings archived one by one"


def _lost(delta: SettingDelta) -> str | None:
    if "type" not in delta.dropped:
        return None
    return "it begins anew: what it had found has other ids, and what was archived is active again"


ANALYZER_ROWS = {"analyzer": SettingRow(lambda _account, _id, arn: f"analyzer {arn}", _text, _changes, _lost)}
