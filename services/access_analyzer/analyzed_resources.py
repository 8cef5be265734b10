"""Access Analyzer's operations on the resources that an analyzer looks at, and statistics of what it has found."""

from collections import Counter

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.roles import Role
from domain.foundation.errors import ValidationError
from domain.rules import analyzers
from services.access_analyzer import resources
from services.access_analyzer.found_findings import entities_of, entity_with_arn, findings_of, unused_services
from services.access_analyzer.pages import page_request
from services.wire.operations import answers


@answers(
    "ListAnalyzedResources",
    service="access-analyzer",
    on=resources.analyzer,
    records="analyzer_arn resource_type next_token max_results",
)
def list_analyzed_resources(
    account: Account,
    call: Call,
    *,
    analyzer_arn: str,
    resource_type: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Outcome:
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    page = page_request(
        "ListAnalyzedResources", analyzer_arn, resource_type, max_results=max_results, next_token=next_token
    )
    listed = [
        (entity.id, account.arn(entity.resource), kind)
        for entity in entities_of(account, analyzer)
        for kind in ["AWS::IAM::Role" if isinstance(entity, Role) else "AWS::IAM::User"]
        if resource_type in {None, kind}
    ]

    def render(each: tuple[str, str, str]) -> dict[str, object]:
        return {"resourceArn": each[1], "resourceOwnerAccount": account.id, "resourceType": each[2]}

    return Outcome(lambda _after: page.of("analyzedResources", listed, key=lambda each: each[0], render=render))


@answers("GetAnalyzedResource", service="access-analyzer", on=resources.analyzer, records="analyzer_arn resource_arn")
def get_analyzed_resource(account: Account, call: Call, *, analyzer_arn: str, resource_arn: str) -> Outcome:
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    analyzers.require_external(analyzer)
    entity = entity_with_arn(account, analyzer, resource_arn)

    def answer(_after: Account) -> dict[str, object]:
        found = list(findings_of(account, call, analyzer, [entity], {}))
        grants = [finding.grant for finding in found if finding.grant is not None]
        began = max(analyzer.created_at, entity.created_at)
        status = {"status": min(finding.status for finding in found)} if found else {}
        return {
            "resource": {
                "resourceArn": resource_arn,
                "resourceType": "AWS::IAM::Role",
                "resourceOwnerAccount": account.id,
                "createdAt": min((finding.created_at for finding in found), default=began),
                "updatedAt": max((finding.updated_at for finding in found), default=began),
                "analyzedAt": call.at,
                "isPublic": any(grant.is_public for grant in grants),
                "actions": sorted({action for grant in grants for action in grant.actions}),
                **status,
            }
        }

    return Outcome(answer)


@answers(
    "StartResourceScan",
    service="access-analyzer",
    on=resources.analyzer,
    records="analyzer_arn resource_arn resource_owner_account",
)
def start_resource_scan(
    account: Account, call: Call, *, analyzer_arn: str, resource_arn: str, resource_owner_account: str | None = None
) -> Outcome:
    """There is nothing to start: whoever asks for findings is told those of that moment."""
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    analyzers.require_external(analyzer)
    if resource_owner_account not in {None, account.id}:
        raise ValidationError(f"resourceOwnerAccount: expected {account.id}, of which the analyzer is.")
    entity_with_arn(account, analyzer, resource_arn)
    return done()


@answers("GetFindingsStatistics", service="access-analyzer", on=resources.analyzer, records="analyzer_arn")
def get_findings_statistics(account: Account, call: Call, *, analyzer_arn: str) -> Outcome:
    """Without those that are resolved, which are not kept."""
    analyzer = resources.analyzer_of(account, call, analyzer_arn)
    entities = entities_of(account, analyzer)
    services = unused_services(account, call, analyzer, entities)

    def answer(_after: Account) -> dict[str, object]:
        found = list(findings_of(account, call, analyzer, entities, services))
        active = [finding for finding in found if finding.status == "ACTIVE"]
        totals: dict[str, object] = {
            "totalActiveFindings": len(active),
            "totalArchivedFindings": len(found) - len(active),
        }
        if analyzer.unused_access is None:
            public = sum(finding.grant is not None and finding.grant.is_public for finding in active)
            of_roles = {"totalActivePublic": public, "totalActiveCrossAccount": len(active) - public}
            totals["resourceTypeStatistics"] = {"AWS::IAM::Role": of_roles | {"totalActiveErrors": 0}}
            statistics = {"externalAccessFindingsStatistics": totals}
        else:
            types = Counter[str](finding.type for finding in active)
            totals["unusedAccessTypeStatistics"] = [
                {"unusedAccessType": type_, "total": count} for type_, count in sorted(types.items())
            ]
            statistics = {"unusedAccessFindingsStatistics": totals}
        return {"findingsStatistics": [statistics], "lastUpdatedAt": call.at}

    return Outcome(answer)
