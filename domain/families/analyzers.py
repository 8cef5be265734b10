"""IAM Access Analyzer's analyzers, their archive rules, and what was said of their findings. The findings themselves
are not kept: they are found in the account as it is (docs/adr/0063)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal

from immutables import Map
from pydantic import Field

from domain.account import Account, AffectsNobody, Component, OfAccount, forget_key
from domain.facts import AttributeValue, Fact, FactKind, FactValue, tells_facts
from domain.foundation.events import Value
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta

AnalyzerType = Literal["ACCOUNT_UNUSED_ACCESS", "ACCOUNT"]
RETIRED_MAX = 100
"""So many rules of an analyzer that were deleted or replaced go on hiding what they have archived; what older ones had
archived is active again."""


class FilterCriterion(Value):
    """All that it says has to hold; each list with one of its values."""

    eq: tuple[str, ...] = ()
    neq: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    exists: bool | None = None


Filter = Mapping[str, FilterCriterion]
"""By filter keys, such as principal.AWS; all of them have to hold."""


class ArchiveRuleDefinition(Value):
    name: str
    filter: dict[str, FilterCriterion]


class UnusedAccess(Value):
    """What an analyzer of unused access goes by."""

    days: Annotated[int, Field(ge=1, le=365)]
    exclusions: tuple[dict[str, str], ...] = ()
    """Tags, by key: users and roles that have all of one of these are left alone."""


@dataclass(frozen=True, slots=True)
class ArchiveRule:
    definition: ArchiveRuleDefinition
    created_at: datetime
    updated_at: datetime
    applied_at: datetime | None = None
    """Findings from before it was updated are archived, too, where they are not younger than this."""
    until: datetime | None = None
    """When it was deleted or replaced."""

    def concerns(self, created_at: datetime) -> bool:
        """Whether it has a say in a finding of that time."""
        is_new = self.updated_at <= created_at and (self.until is None or created_at < self.until)
        return is_new or (self.applied_at is not None and created_at <= self.applied_at)


@dataclass(frozen=True, slots=True)
class FindingMark:
    """What somebody has said of a finding."""

    is_archived: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Analyzer:
    arn: str
    type: AnalyzerType
    created_at: datetime
    unused_access: UnusedAccess | None
    tags: Map[str, str] = Map()
    rules: Map[str, ArchiveRule] = Map()
    """By name."""
    retired: tuple[ArchiveRule, ...] = ()
    """The newest come last."""
    marks: Map[str, FindingMark] = Map()
    """By the ids of findings."""

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]


Analyzers = Map[str, Analyzer]
ANALYZERS = Component[Analyzers]("analyzers", Map())
"""By ARN."""
ANALYZER_FACT, ARCHIVE_RULE_FACT = FactKind("analyzer"), FactKind("archive rule")
FINDING_FACT = FactKind("finding", "was marked", "is gone")


def _parts(account: Account, _account_id: str, arn: str) -> Parts:
    analyzer = account[ANALYZERS].get(arn)
    if analyzer is None:
        return {}
    unused = analyzer.unused_access
    goes_by = {} if unused is None else {"unused_access": unused.model_dump_json()}
    tags = {f"tag/{key}": value for key, value in analyzer.tags.items()}
    rules = {f"rule/{name}": rule.definition.model_dump_json() for name, rule in analyzer.rules.items()}
    marks = {f"finding/{each}": "archived" for each, mark in analyzer.marks.items() if mark.is_archived}
    return {"type": analyzer.type, **goes_by, **tags, **rules, **marks}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    analyzers, arn = delta.account[ANALYZERS], delta.subject_id
    if "type" not in parts:
        return delta.account.put(ANALYZERS, forget_key(analyzers, arn))
    known = [each for of in (delta.account, delta.lost, delta.former) if (each := of[ANALYZERS].get(arn))]
    rules = {name: rule for each in reversed(known) for name, rule in each.rules.items()}
    marks = {finding_id: mark for each in reversed(known) for finding_id, mark in each.marks.items()}
    unused, archived = parts.get("unused_access"), named_parts(parts, "finding")
    changed = replace(
        known[0],
        type="ACCOUNT" if parts["type"] == "ACCOUNT" else "ACCOUNT_UNUSED_ACCESS",
        unused_access=None if unused is None else UnusedAccess.model_validate_json(unused),
        tags=Map(named_parts(parts, "tag")),
        rules=Map(
            {
                name: replace(rules[name], definition=ArchiveRuleDefinition.model_validate_json(said))
                for name, said in named_parts(parts, "rule").items()
            }
        ),
        marks=Map({each: mark for each, mark in marks.items() if each in archived or not mark.is_archived}),
    )
    return delta.account.put(ANALYZERS, analyzers.set(arn, changed))


def named_parts(parts: Parts, kind: str) -> dict[str, str]:
    """Those of a kind, by name: tag, rule or finding."""
    return {key.partition("/")[2]: said for key, said in parts.items() if key.startswith(f"{kind}/")}


def _openings(delta: SettingDelta) -> Iterator[str]:
    """Nobody gets in by it, and what has let somebody in may be hidden by it."""
    for name in named_parts(delta.introduced, "rule"):
        yield f"archives findings by the rule {name}"
    if archived := len(named_parts(delta.introduced, "finding")):
        yield f"archives {archived} findings"


LineageKind("analyzer", "analyzer {name}", setting=Setting(_parts, _without, _openings, is_keyed=True))


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    if subject != account.id:
        return
    for analyzer in account[ANALYZERS].values():
        said: dict[str, AttributeValue] = {"type": analyzer.type}
        if analyzer.unused_access is not None:
            said["unused_access_days"] = analyzer.unused_access.days
            said["exclusions"] = tuple(json.dumps(tags, sort_keys=True) for tags in analyzer.unused_access.exclusions)
        said |= {f"tag.{key}": value for key, value in analyzer.tags.items()}
        yield Fact(ANALYZER_FACT, analyzer.arn), FactValue(analyzer.arn, said)
        for name, rule in analyzer.rules.items():
            said_of_rule: dict[str, AttributeValue] = {
                "filter": rule.definition.model_dump_json(include={"filter"}, exclude_defaults=True),
                "applied_at": rule.applied_at,
            }
            yield (
                Fact(ARCHIVE_RULE_FACT, f"{analyzer.arn}/archive-rule/{name}"),
                FactValue(f"{name} of {analyzer.arn}", said_of_rule),
            )
        for finding_id, mark in analyzer.marks.items():
            status: dict[str, AttributeValue] = {"status": "ARCHIVED" if mark.is_archived else "ACTIVE", "at": mark.at}
            yield Fact(FINDING_FACT, finding_id), FactValue(f"{finding_id} of {analyzer.arn}", status)


class AnalyzerChange(AffectsNobody, OfAccount):
    analyzer_arn: str

    def put(self, account: Account, analyzer: Analyzer) -> Account:
        return account.put(ANALYZERS, account[ANALYZERS].set(self.analyzer_arn, analyzer))


class AnalyzerCreated(AnalyzerChange, topic="access_analyzer.analyzer.created.v1"):
    """From here on what it looks for is found."""

    type: AnalyzerType
    unused_access: UnusedAccess | None = None
    tags: Mapping[str, str] = {}
    archive_rules: tuple[ArchiveRuleDefinition, ...] = ()
    sentence = "The analyzer {analyzer_arn} was created, of the type {type}."

    def fold(self, account: Account, at: datetime) -> Account:
        if self.analyzer_arn in account[ANALYZERS]:
            raise LookupError(f"There is an analyzer {self.analyzer_arn} already.")
        rules = Map({rule.name: ArchiveRule(rule, at, at) for rule in self.archive_rules})
        created = Analyzer(self.analyzer_arn, self.type, at, self.unused_access, Map(self.tags), rules)
        return self.put(account, created)


class AnalyzerUpdated(AnalyzerChange, topic="access_analyzer.analyzer.updated.v1"):
    unused_access: UnusedAccess

    def fold(self, account: Account, at: datetime) -> Account:
        return self.put(account, replace(account[ANALYZERS][self.analyzer_arn], unused_access=self.unused_access))

    def describe(self) -> str:
        exclusions = len(self.unused_access.exclusions)
        return (
            f"The analyzer {self.analyzer_arn} now finds access that was not used for {self.unused_access.days} days, "
            f"with {exclusions} exclusions."
        )


class AnalyzerDeleted(AnalyzerChange, topic="access_analyzer.analyzer.deleted.v1"):
    """With its archive rules, and with what was said of its findings."""

    sentence = "The analyzer {analyzer_arn} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ANALYZERS, account[ANALYZERS].delete(self.analyzer_arn))


class AnalyzerTagged(AnalyzerChange, topic="access_analyzer.analyzer.tagged.v1"):
    """Each tag in the place of the one that has its key."""

    tags: Mapping[str, str]

    def fold(self, account: Account, at: datetime) -> Account:
        analyzer = account[ANALYZERS][self.analyzer_arn]
        return self.put(account, replace(analyzer, tags=analyzer.tags.update(self.tags)))

    def describe(self) -> str:
        told = ", ".join(f"{key}={value}" for key, value in self.tags.items())
        return f"The analyzer {self.analyzer_arn} was tagged {told}."


class AnalyzerUntagged(AnalyzerChange, topic="access_analyzer.analyzer.untagged.v1"):
    keys: tuple[str, ...]

    def fold(self, account: Account, at: datetime) -> Account:
        analyzer = account[ANALYZERS][self.analyzer_arn]
        tags = analyzer.tags
        for key in self.keys:
            tags = tags.delete(key)
        return self.put(account, replace(analyzer, tags=tags))

    def describe(self) -> str:
        return f"The analyzer {self.analyzer_arn} lost the tags {', '.join(self.keys)}."


class ArchiveRuleCreated(AnalyzerChange, topic="access_analyzer.archive_rule.created.v1"):
    """Findings that begin from here on are archived where they fit."""

    rule: ArchiveRuleDefinition

    def fold(self, account: Account, at: datetime) -> Account:
        analyzer = account[ANALYZERS][self.analyzer_arn]
        if self.rule.name in analyzer.rules:
            raise LookupError(f"There is an archive rule {self.rule.name} already.")
        rule = ArchiveRule(self.rule, at, at)
        return self.put(account, replace(analyzer, rules=analyzer.rules.set(self.rule.name, rule)))

    def describe(self) -> str:
        return f"The archive rule {self.rule.name} of {self.analyzer_arn} was created."


class ArchiveRuleUpdated(AnalyzerChange, topic="access_analyzer.archive_rule.updated.v1"):
    """What it has archived so far stays archived."""

    rule: ArchiveRuleDefinition

    def fold(self, account: Account, at: datetime) -> Account:
        analyzer = account[ANALYZERS][self.analyzer_arn]
        former = analyzer.rules[self.rule.name]
        rules = analyzer.rules.set(self.rule.name, ArchiveRule(self.rule, former.created_at, at))
        return self.put(account, replace(analyzer, rules=rules, retired=_retired(analyzer, former, at)))

    def describe(self) -> str:
        return f"The archive rule {self.rule.name} of {self.analyzer_arn} was updated."


class ArchiveRuleApplied(AnalyzerChange, topic="access_analyzer.archive_rule.applied.v1"):
    """Findings from before it, too, are archived where they fit."""

    rule_name: str
    sentence = "The archive rule {rule_name} of {analyzer_arn} was applied to the findings that were there."

    def fold(self, account: Account, at: datetime) -> Account:
        analyzer = account[ANALYZERS][self.analyzer_arn]
        rules = analyzer.rules.set(self.rule_name, replace(analyzer.rules[self.rule_name], applied_at=at))
        return self.put(account, replace(analyzer, rules=rules))


class ArchiveRuleDeleted(AnalyzerChange, topic="access_analyzer.archive_rule.deleted.v1"):
    """What it has archived stays archived, unless it is active again."""

    rule_name: str
    unhides: bool = False
    """What it has archived is active again."""
    sentence = "The archive rule {rule_name} of {analyzer_arn} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        analyzer = account[ANALYZERS][self.analyzer_arn]
        rule, retired = analyzer.rules[self.rule_name], analyzer.retired
        if self.unhides:
            retired = tuple(each for each in retired if each.definition.name != self.rule_name)
        else:
            retired = _retired(analyzer, rule, at)
        return self.put(account, replace(analyzer, rules=analyzer.rules.delete(self.rule_name), retired=retired))


def _retired(analyzer: Analyzer, rule: ArchiveRule, at: datetime) -> tuple[ArchiveRule, ...]:
    return (*analyzer.retired[1 - RETIRED_MAX :], replace(rule, until=at))


class FindingsUpdated(AnalyzerChange, topic="access_analyzer.findings.updated.v1"):
    """Whatever archive rules say of them. It is about these findings as they are: one that begins anew is active."""

    finding_ids: tuple[str, ...]
    status: Literal["ARCHIVED", "ACTIVE"]

    def fold(self, account: Account, at: datetime) -> Account:
        analyzer = account[ANALYZERS][self.analyzer_arn]
        mark = FindingMark(self.status == "ARCHIVED", at)
        marks = analyzer.marks.update(dict.fromkeys(self.finding_ids, mark))
        return self.put(account, replace(analyzer, marks=marks))

    def describe(self) -> str:
        became = "archived" if self.status == "ARCHIVED" else "made active"
        return f"{len(self.finding_ids)} findings of {self.analyzer_arn} were {became}."
