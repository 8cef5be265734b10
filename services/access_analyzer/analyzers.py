"""Access Analyzer's operations on analyzers and their tags. An analyzer belongs to the region that it was created in
(docs/adr/0063)."""

from collections.abc import Mapping
from typing import Any

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.analyzers import ANALYZERS, Analyzer, UnusedAccess
from domain.foundation.errors import ValidationError
from domain.rules import analyzers
from services.access_analyzer import resources
from services.access_analyzer.filters import RuleMembers, rule_from_request
from services.access_analyzer.pages import page_request
from services.wire.operations import answers, any_resource

DAYS_DEFAULT = 90
Configuration = Mapping[str, Mapping[str, Any]]
_REFUSED_TYPES = {
    "ORGANIZATION": "an organization's analyzers are not answered here yet",
    "ORGANIZATION_UNUSED_ACCESS": "an organization's analyzers are not answered here yet",
    "ACCOUNT_INTERNAL_ACCESS": "the resources that internal access is about are held by other services",
    "ORGANIZATION_INTERNAL_ACCESS": "the resources that internal access is about are held by other services",
}


@answers(
    "CreateAnalyzer",
    service="access-analyzer",
    on=resources.analyzer,
    context=resources.request_tags,
    records="analyzer_name type archive_rules tags client_token configuration",
)
def create_analyzer(
    account: Account,
    call: Call,
    *,
    analyzer_name: str,
    type: str,  # noqa: A002  AWS's name
    archive_rules: list[RuleMembers] | None = None,
    tags: dict[str, str] | None = None,
    client_token: str | None = None,  # noqa: ARG001  a second analyzer of the name is refused in any case
    configuration: Configuration | None = None,
) -> Outcome:
    if type in _REFUSED_TYPES:
        raise ValidationError(f"type: expected ACCOUNT or ACCOUNT_UNUSED_ACCESS, got {type} ({_REFUSED_TYPES[type]}).")
    unused = None
    if type == "ACCOUNT_UNUSED_ACCESS":
        unused = _unused_access(configuration or {"unused_access": {}}, account, DAYS_DEFAULT)
    elif configuration is not None:
        raise ValidationError("configuration: there is none for an analyzer of external access.")
    event = analyzers.create(
        account,
        call.cause.region,
        name=analyzer_name,
        type_="ACCOUNT" if unused is None else "ACCOUNT_UNUSED_ACCESS",
        unused_access=unused,
        tags=tags or {},
        rules=[rule_from_request(rule["rule_name"], rule["filter"]) for rule in archive_rules or ()],
    )
    return Outcome(lambda _after: {"arn": event.analyzer_arn}, [event])


@answers("GetAnalyzer", service="access-analyzer", on=resources.analyzer, records="analyzer_name")
def get_analyzer(account: Account, call: Call, *, analyzer_name: str) -> Outcome:
    analyzer = resources.named_analyzer(account, call, analyzer_name)
    return Outcome(lambda _after: {"analyzer": _members(analyzer) | _configuration(analyzer.unused_access)})


@answers("ListAnalyzers", service="access-analyzer", on=any_resource, records="next_token max_results type")
def list_analyzers(
    account: Account,
    call: Call,
    *,
    next_token: str | None = None,
    max_results: int | None = None,
    type: str | None = None,  # noqa: A002  AWS's name
) -> Outcome:
    """Those of the region."""
    page = page_request("ListAnalyzers", call.cause.region, type, max_results=max_results, next_token=next_token)
    listed = [
        analyzer
        for analyzer in account[ANALYZERS].values()
        if analyzer.region == call.cause.region and type in {None, analyzer.type}
    ]
    return Outcome(lambda _after: page.of("analyzers", listed, key=lambda each: each.name, render=_members))


@answers("UpdateAnalyzer", service="access-analyzer", on=resources.analyzer, records="analyzer_name configuration")
def update_analyzer(
    account: Account, call: Call, *, analyzer_name: str, configuration: Configuration | None = None
) -> Outcome:
    """What the configuration leaves out stays as it is."""
    analyzer = resources.named_analyzer(account, call, analyzer_name)
    unused = analyzers.require_unused_access(analyzer)
    if configuration is not None:
        wanted = _unused_access(configuration, account, unused.days, unused)
        return Outcome(lambda _after: _configuration(wanted), analyzers.update(analyzer, wanted))
    return Outcome(lambda _after: _configuration(unused))


@answers(
    "DeleteAnalyzer",
    service="access-analyzer",
    on=resources.analyzer,
    records="analyzer_name client_token",
    ends_access=lambda _parameters: False,
)
def delete_analyzer(
    account: Account,
    call: Call,
    *,
    analyzer_name: str,
    client_token: str | None = None,  # noqa: ARG001  deleted twice it is gone
) -> Outcome:
    return done(analyzers.delete(resources.named_analyzer(account, call, analyzer_name)))


@answers(
    "TagResource",
    service="access-analyzer",
    on=resources.analyzer,
    context=resources.request_tags,
    records="resource_arn tags",
)
def tag_resource(account: Account, call: Call, *, resource_arn: str, tags: dict[str, str]) -> Outcome:
    return done(*analyzers.tag(resources.analyzer_of(account, call, resource_arn), tags))


@answers(
    "UntagResource",
    service="access-analyzer",
    on=resources.analyzer,
    context=resources.request_tag_keys,
    records="resource_arn tag_keys",
)
def untag_resource(account: Account, call: Call, *, resource_arn: str, tag_keys: list[str]) -> Outcome:
    return done(*analyzers.untag(resources.analyzer_of(account, call, resource_arn), tag_keys))


@answers("ListTagsForResource", service="access-analyzer", on=resources.analyzer, records="resource_arn")
def list_tags_for_resource(account: Account, call: Call, *, resource_arn: str) -> Outcome:
    tags = dict(resources.analyzer_of(account, call, resource_arn).tags)
    return Outcome(lambda _after: {"tags": tags})


def _unused_access(
    configuration: Configuration, account: Account, days: int, former: UnusedAccess | None = None
) -> UnusedAccess:
    """Raises ValidationError."""
    if "unused_access" not in configuration:
        raise ValidationError("configuration: expected unusedAccess, for an analyzer of unused access.")
    said = configuration["unused_access"]
    exclusions: list[dict[str, str]] = list(former.exclusions) if former else []
    if "analysis_rule" in said:
        exclusions = []
        for criteria in said["analysis_rule"].get("exclusions", ()):
            if criteria.get("account_ids"):
                raise ValidationError(
                    f"accountIds: only organizations' analyzers have them, and this one is of {account.id}."
                )
            exclusions.extend(criteria.get("resource_tags", ()))
    return analyzers.unused_access(said.get("unused_access_age", days), exclusions)


def _configuration(unused: UnusedAccess | None) -> dict[str, object]:
    if unused is None:
        return {}
    excluded = {"resourceTags": list(unused.exclusions)}
    rule = {"analysisRule": {"exclusions": [excluded]}} if unused.exclusions else {}
    return {"configuration": {"unusedAccess": {"unusedAccessAge": unused.days, **rule}}}


def _members(analyzer: Analyzer) -> dict[str, object]:
    """It is never behind: what it finds is found when it is asked."""
    return {
        "arn": analyzer.arn,
        "name": analyzer.name,
        "type": analyzer.type,
        "createdAt": analyzer.created_at,
        "status": "ACTIVE",
        "tags": dict(analyzer.tags),
    }
