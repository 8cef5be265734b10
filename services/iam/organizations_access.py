"""IAM's operations on last accessed information of the organization (docs/adr/0052)."""

from collections.abc import Iterable, Sequence

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.reports import AccessedService
from domain.foundation.identifiers import new_uuid
from domain.rules import reports
from services.iam.entity_members import EntityMembers
from services.wire.operations import Parameters, TargetResource, answers, any_resource
from services.wire.pagination import page_request


def _access_report(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(account.arn(f"access-report/{parameters['entity_path']}"))


def _policy_id(_account: Account, parameters: Parameters) -> dict[str, tuple[str, ...]]:
    policy_id = parameters.get("organizations_policy_id")
    return {} if policy_id is None else {"iam:organizationspolicyid": (policy_id,)}


@answers(
    "GenerateOrganizationsAccessReport",
    on=_access_report,
    context=_policy_id,
    records="entity_path organizations_policy_id",
)
def generate_organizations_access_report(
    account: Account, call: Call, *, entity_path: str, organizations_policy_id: str | None = None
) -> Outcome:
    job_id = new_uuid(call.random)
    requested = reports.request_organization_access(
        account, call, entity_path=entity_path, policy_id=organizations_policy_id, job_id=job_id
    )
    return Outcome(lambda _after: {"JobId": job_id}, [requested])


@answers("GetOrganizationsAccessReport", on=any_resource, records="job_id marker max_items sort_key")
def get_organizations_access_report(
    account: Account,
    call: Call,
    *,
    job_id: str,
    marker: str | None = None,
    max_items: int | None = None,
    sort_key: str = "SERVICE_NAMESPACE_ASCENDING",
) -> Outcome:
    """By time, what was never used is the oldest."""
    job, pages = reports.organization_access_job(account, call, job_id), page_request(sort_key, marker, max_items)
    report = reports.access_report(account, call, job)
    status: EntityMembers = {"JobCreationDate": job.created_at}
    if report is None:
        return Outcome(lambda _after: status | {"JobStatus": "IN_PROGRESS"})
    unused = sum(service.last is None for service in report.services)
    status |= {
        "JobStatus": "COMPLETED",
        "JobCompletionDate": job.created_at,
        "NumberOfServicesAccessible": len(report.services),
        "NumberOfServicesNotAccessed": unused,
    }

    def answer(_after: Account) -> EntityMembers:
        page = pages.of(
            enumerate(_sorted(report.services, sort_key)),
            key=lambda numbered: f"{numbered[0]:09d}",
            render=lambda numbered: _service_members(numbered[1]),
        )
        return status | {"AccessDetails": page.pop(sort_key)} | page

    return Outcome(answer)


def _sorted(services: Sequence[AccessedService], sort_key: str) -> Iterable[AccessedService]:
    by, _, direction = sort_key.rpartition("_")
    if by == "LAST_AUTHENTICATED_TIME":
        services = sorted(services, key=lambda service: 0.0 if service.last is None else service.last.at.timestamp())
    return reversed(services) if direction == "DESCENDING" else services


def _service_members(service: AccessedService) -> EntityMembers:
    members: EntityMembers = {
        "ServiceName": service.name,
        "ServiceNamespace": service.namespace,
        "TotalAuthenticatedEntities": service.users,
    }
    if service.last is not None:
        members |= {"LastAuthenticatedTime": service.last.at, "EntityPath": service.last.by}
        members |= {"Region": service.last.region} if service.last.region else {}
    return members
