"""Access Analyzer's operations on findings, which are found when they are asked for (docs/adr/0063)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypedDict

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.analyzers import Analyzer
from domain.foundation.errors import ValidationError
from domain.queries.access_findings import AccessFinding, behind_findings_of
from domain.rules import analyzers
from domain.rules.finding_filters import LIST_KEYS, fits, read_filter
from services.access_analyzer import finding_members, resources
from services.access_analyzer.filters import FilterMembers
from services.access_analyzer.found_findings import (
    entities_of,
    entity_with_arn,
    findings_in_round,
    findings_of,
    findings_with_ids,
    unused_services,
)
from services.access_analyzer.pages import page_request
from services.wire.list_pages import ListPage
from services.wire.operations import answers

ENTITIES_A_PAGE_MAX = 100
"""Users and roles that are looked through for a page of unused access. It ends early behind them, be it empty."""
IDS_MAX = 100
"""That are updated in one call."""
SORT_CHARACTERS_MAX = 120
"""Of a value, by which is sorted: it has to fit into a token."""
Render = Callable[[Account, datetime, AccessFinding], Mapping[str, object]]
_ATTRIBUTES: Mapping[str, Callable[[AccessFinding], str]] = {
    "createdAt": lambda finding: finding.created_at.isoformat(),
    "findingType": lambda finding: finding.type,
    "id": lambda finding: finding.id,
    "resource": lambda finding: finding.resource,
    "resourceType": lambda finding: finding.resource_type,
    "status": lambda finding: finding.status,
    "updatedAt": lambda finding: finding.updated_at.isoformat(),
}


class Sort(TypedDict, total=False):
    attribute_name: str
    order_by: str


@answers(
    "ListFindings",
    service="access-analyzer",
    on=resources.analyzer,
    records="analyzer_arn filter sort next_token max_results",
)
def list_findings(
    account: Account,
    call: Call,
    *,
    analyzer_arn: str,
    filter: FilterMembers | None = None,  # noqa: A002  AWS's name
    sort: Sort | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Outcome:
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    analyzers.require_external(analyzer)
    page = page_request("ListFindings", analyzer_arn, filter, sort, max_results=max_results, next_token=next_token)
    return _listed(account, call, analyzer, page, finding_members.external, filter or {}, sort or {})


@answers(
    "ListFindingsV2",
    service="access-analyzer",
    on=resources.analyzer,
    records="analyzer_arn filter max_results next_token sort",
    allowed_as="ListFindings",
)
def list_findings_v2(
    account: Account,
    call: Call,
    *,
    analyzer_arn: str,
    filter: FilterMembers | None = None,  # noqa: A002  AWS's name
    max_results: int | None = None,
    next_token: str | None = None,
    sort: Sort | None = None,
) -> Outcome:
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    page = page_request("ListFindingsV2", analyzer_arn, filter, sort, max_results=max_results, next_token=next_token)
    return _listed(account, call, analyzer, page, finding_members.summary, filter or {}, sort or {})


def _listed(
    account: Account, call: Call, analyzer: Analyzer, page: ListPage, render: Render, given: FilterMembers, sort: Sort
) -> Outcome:
    wanted, entities, last = read_filter(given, LIST_KEYS), entities_of(account, analyzer), None
    by = sort.get("attribute_name", "id")
    if by not in _ATTRIBUTES:
        raise ValidationError(f"sort.attributeName: expected one of {', '.join(_ATTRIBUTES)}, got {by[:100]}.")
    if analyzer.unused_access is not None and not sort:
        # In the order of ids, so that no more have to be looked through than are shown.
        entities = [each for each in entities if behind_findings_of(analyzer, each.id) > (page.after or "")]
        if len(entities) > ENTITIES_A_PAGE_MAX:
            entities = entities[:ENTITIES_A_PAGE_MAX]
            last = behind_findings_of(analyzer, entities[-1].id)
    services = unused_services(account, call, analyzer, entities)

    def answer(_after: Account) -> dict[str, object]:
        found = findings_of(account, call, analyzer, entities, services)
        return page.of(
            "findings",
            [each for each in found if fits(wanted, each.filter_values(account.id), archives=False)],
            key=lambda each: each.id if not sort else f"{_ATTRIBUTES[by](each)[:SORT_CHARACTERS_MAX]} {each.id}",
            render=lambda each: render(account, call.at, each),
            descending=sort.get("order_by") == "DESC",
            go_on_behind=last,
        )

    return Outcome(answer)


@answers("GetFinding", service="access-analyzer", on=resources.analyzer, records="analyzer_arn id")
def get_finding(account: Account, call: Call, *, analyzer_arn: str, id: str) -> Outcome:  # noqa: A002  AWS's name
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    analyzers.require_external(analyzer)
    (finding,) = findings_with_ids(account, call, analyzer, [id])
    return Outcome(lambda _after: {"finding": finding_members.external(account, call.at, finding)})


@answers(
    "GetFindingV2",
    service="access-analyzer",
    on=resources.analyzer,
    records="analyzer_arn id max_results next_token",
    allowed_as="GetFinding",
)
def get_finding_v2(
    account: Account,
    call: Call,
    *,
    analyzer_arn: str,
    id: str,  # noqa: A002  AWS's name
    max_results: int | None = None,
    next_token: str | None = None,
) -> Outcome:
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    page = page_request("GetFindingV2", analyzer_arn, id, max_results=max_results, next_token=next_token)
    (finding,) = findings_with_ids(account, call, analyzer, [id])
    details = list(enumerate(finding_members.details(finding)))

    def answer(_after: Account) -> dict[str, object]:
        told = page.of("findingDetails", details, key=lambda each: f"{each[0]:05d}", render=lambda each: each[1])
        return finding_members.summary(account, call.at, finding) | told

    return Outcome(answer)


@answers(
    "UpdateFindings",
    service="access-analyzer",
    on=resources.analyzer,
    records="analyzer_arn status ids resource_arn client_token",
)
def update_findings(
    account: Account,
    call: Call,
    *,
    analyzer_arn: str,
    status: str,
    ids: list[str] | None = None,
    resource_arn: str | None = None,
    client_token: str | None = None,  # noqa: ARG001  updated twice they are what they are
) -> Outcome:
    """Those that have the status already are left alone."""
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    if (ids is None) == (resource_arn is None):
        raise ValidationError("Expected either ids or resourceArn.")
    if ids is not None and len(ids) > IDS_MAX:
        raise ValidationError(f"ids: expected at most {IDS_MAX}, got {len(ids)}.")
    if resource_arn is None:
        found = findings_with_ids(account, call, analyzer, ids or [])
    else:
        entities = [entity_with_arn(account, analyzer, resource_arn)]
        found = findings_in_round(account, call, analyzer, entities)
    others = [finding.id for finding in found if finding.status != status]
    return done(*analyzers.mark_findings(analyzer, others, archive=status == "ARCHIVED"))
