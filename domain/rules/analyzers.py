"""Analyzers and archive rules: which there may be
(https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-quotas.html)."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from domain.account import Account
from domain.families.analyzers import (
    ANALYZERS,
    Analyzer,
    AnalyzerCreated,
    AnalyzerDeleted,
    AnalyzerTagged,
    AnalyzerType,
    AnalyzerUntagged,
    AnalyzerUpdated,
    ArchiveRule,
    ArchiveRuleApplied,
    ArchiveRuleCreated,
    ArchiveRuleDefinition,
    ArchiveRuleDeleted,
    ArchiveRuleUpdated,
    FindingsUpdated,
    UnusedAccess,
)
from domain.foundation.errors import AboutResource, ResourceNotFoundException, ValidationError
from domain.foundation.identifiers import arn
from domain.rules.quotas import TAGS_MAX

SERVICE = "access-analyzer"
ANALYZERS_MAX = 100
"""Of an account in all regions: one of each type in as many as there are, and some more."""
ARCHIVE_RULES_MAX = 100
"""Of one analyzer."""
EXCLUSIONS_MAX = 100
"""Of one analyzer; AWS does not say."""
MARKS_MAX = 10_000
"""Of one analyzer: so many findings may have been archived, or made active, one by one."""
_REGION = re.compile("[a-z0-9-]{1,32}")
_TAG_TEXT = re.compile(r"[\w\s./=+:@-]*")


class ConflictException(AboutResource): ...


class ServiceQuotaExceededException(AboutResource): ...


def analyzer_arn(account: Account, region: str | None, name: str) -> str:
    return arn(account.partition, SERVICE, account.id, f"analyzer/{name}", region or "")


def find_analyzer(account: Account, region: str | None, analyzer_arn: str) -> Analyzer:
    """In the region that is asked. Raises ResourceNotFoundException."""
    analyzer = account[ANALYZERS].get(analyzer_arn)
    if analyzer is None or analyzer.region != region:
        raise ResourceNotFoundException(
            "The specified resource could not be found.",
            f"there is no analyzer {analyzer_arn} in the region {region}",
            resource_id=analyzer_arn,
            resource_type="Analyzer",
        )
    return analyzer


def create(
    account: Account,
    region: str | None,
    *,
    name: str,
    type_: AnalyzerType,
    unused_access: UnusedAccess | None,
    tags: Mapping[str, str],
    rules: Sequence[ArchiveRuleDefinition],
) -> AnalyzerCreated:
    """Raises ConflictException, ServiceQuotaExceededException, ValidationError."""
    if region is None or not _REGION.fullmatch(region):
        raise ValidationError(
            f"An analyzer belongs to a region, such as eu-central-1; the call is signed for {region}."
        )
    analyzers, own = account[ANALYZERS], analyzer_arn(account, region, name)
    if own in analyzers:
        raise ConflictException(
            f"An analyzer with the name {name} already exists.", resource_id=own, resource_type="Analyzer"
        )
    former = next((each for each in analyzers.values() if (each.region, each.type) == (region, type_)), None)
    if former is not None or len(analyzers) >= ANALYZERS_MAX:
        detail = f"there is {former.arn}" if former else f"an account has at most {ANALYZERS_MAX} in all regions"
        raise ServiceQuotaExceededException(
            f"The maximum number of analyzers of the type {type_} in this region has been reached.",
            detail,
            resource_id=own,
            resource_type="Analyzer",
        )
    _refuse_unfit_tags(tags)
    if len(tags) > TAGS_MAX:
        raise ValidationError(f"tags: expected at most {TAGS_MAX}, got {len(tags)}.")
    if len({rule.name for rule in rules}) < len(rules):
        raise ValidationError("archiveRules: a name stands there twice.")
    if len(rules) > ARCHIVE_RULES_MAX:
        raise _too_many_rules(own)
    return AnalyzerCreated(
        analyzer_arn=own, type=type_, unused_access=unused_access, tags=tags, archive_rules=tuple(rules)
    )


def unused_access(days: int, exclusions: Sequence[Mapping[str, str]]) -> UnusedAccess:
    """Raises ValidationError."""
    if not 1 <= days <= 365:  # noqa: PLR2004  AWS's numbers
        raise ValidationError(f"unusedAccessAge: expected a number of days from 1 to 365, got {days}.")
    if len(exclusions) > EXCLUSIONS_MAX:
        raise ValidationError(f"exclusions: expected at most {EXCLUSIONS_MAX}, got {len(exclusions)}.")
    for tags in exclusions:
        _refuse_unfit_tags(tags)
        if not tags or len(tags) > TAGS_MAX:
            raise ValidationError(f"resourceTags: expected at least one tag and at most {TAGS_MAX}, got {len(tags)}.")
    return UnusedAccess(days=days, exclusions=tuple(dict(tags) for tags in exclusions))


def update(analyzer: Analyzer, wanted: UnusedAccess) -> tuple[AnalyzerUpdated, ...]:
    """No event where it goes by that already. Raises ValidationError."""
    require_unused_access(analyzer)
    if analyzer.unused_access == wanted:
        return ()
    return (AnalyzerUpdated(analyzer_arn=analyzer.arn, unused_access=wanted),)


def require_unused_access(analyzer: Analyzer) -> UnusedAccess:
    if analyzer.unused_access is None:
        raise ValidationError("This is not supported for analyzers of external access.")
    return analyzer.unused_access


def require_external(analyzer: Analyzer) -> None:
    if analyzer.type != "ACCOUNT":
        raise ValidationError("This is supported for analyzers of external access only.")


def delete(analyzer: Analyzer) -> AnalyzerDeleted:
    return AnalyzerDeleted(analyzer_arn=analyzer.arn)


def tag(analyzer: Analyzer, tags: Mapping[str, str]) -> tuple[AnalyzerTagged, ...]:
    """What it carries already is no error and no event. Raises ValidationError."""
    _refuse_unfit_tags(tags)
    news = {key: value for key, value in tags.items() if analyzer.tags.get(key) != value}
    if not news:
        return ()
    if (count := len({*analyzer.tags, *news})) > TAGS_MAX:
        raise ValidationError(f"tags: a resource has at most {TAGS_MAX}, and would have {count}.")
    return (AnalyzerTagged(analyzer_arn=analyzer.arn, tags=news),)


def untag(analyzer: Analyzer, keys: Iterable[str]) -> tuple[AnalyzerUntagged, ...]:
    gone = tuple(sorted({key for key in keys if key in analyzer.tags}))
    return (AnalyzerUntagged(analyzer_arn=analyzer.arn, keys=gone),) if gone else ()


def find_rule(analyzer: Analyzer, name: str) -> ArchiveRule:
    """Raises ResourceNotFoundException."""
    if name not in analyzer.rules:
        raise ResourceNotFoundException(
            "The specified resource could not be found.",
            f"{analyzer.arn} has no archive rule {name}",
            resource_id=name,
            resource_type="ArchiveRule",
        )
    return analyzer.rules[name]


def create_rule(analyzer: Analyzer, rule: ArchiveRuleDefinition) -> ArchiveRuleCreated:
    """Raises ConflictException and ServiceQuotaExceededException."""
    if rule.name in analyzer.rules:
        raise ConflictException(
            f"An archive rule with the name {rule.name} already exists.",
            resource_id=rule.name,
            resource_type="ArchiveRule",
        )
    if len(analyzer.rules) >= ARCHIVE_RULES_MAX:
        raise _too_many_rules(rule.name)
    return ArchiveRuleCreated(analyzer_arn=analyzer.arn, rule=rule)


def update_rule(analyzer: Analyzer, rule: ArchiveRuleDefinition) -> tuple[ArchiveRuleUpdated, ...]:
    if find_rule(analyzer, rule.name).definition == rule:
        return ()
    return (ArchiveRuleUpdated(analyzer_arn=analyzer.arn, rule=rule),)


def delete_rule(analyzer: Analyzer, name: str) -> ArchiveRuleDeleted:
    find_rule(analyzer, name)
    return ArchiveRuleDeleted(analyzer_arn=analyzer.arn, rule_name=name)


def apply_rule(analyzer: Analyzer, name: str) -> ArchiveRuleApplied:
    find_rule(analyzer, name)
    return ArchiveRuleApplied(analyzer_arn=analyzer.arn, rule_name=name)


def mark_findings(analyzer: Analyzer, finding_ids: Collection[str], *, archive: bool) -> tuple[FindingsUpdated, ...]:
    """Of those that it has. Raises ValidationError."""
    if len({*analyzer.marks, *finding_ids}) > MARKS_MAX:
        raise ValidationError(
            f"At most {MARKS_MAX} findings of an analyzer are archived, or made active, one by one; expected an "
            "archive rule."
        )
    if not finding_ids:
        return ()
    status = "ARCHIVED" if archive else "ACTIVE"
    return (FindingsUpdated(analyzer_arn=analyzer.arn, finding_ids=tuple(sorted(finding_ids)), status=status),)


def _too_many_rules(resource_id: str) -> ServiceQuotaExceededException:
    return ServiceQuotaExceededException(
        "The maximum number of archive rules has been reached.",
        f"an analyzer has at most {ARCHIVE_RULES_MAX}",
        resource_id=resource_id,
        resource_type="ArchiveRule",
    )


def _refuse_unfit_tags(tags: Mapping[str, str]) -> None:
    """(API Reference, "CreateAnalyzer", tags.) Raises ValidationError."""
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):  # noqa: PLR2004  AWS's numbers
            raise ValidationError(
                "tags: a key has 1 to 128 characters and does not begin with aws:, a value has at most 256; got "
                f"{key[:128]}."
            )
        if not (_TAG_TEXT.fullmatch(key) and _TAG_TEXT.fullmatch(value)):
            raise ValidationError(f"tags: expected letters, digits, white space and _./=+:@- in {key}.")
