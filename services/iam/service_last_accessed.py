"""IAM's operations on last accessed information, and on the policies that grant access (docs/adr/0052)."""

from collections.abc import Sequence

from domain.account import Account
from domain.calls import Call, NeedsFacts, Outcome
from domain.families.policies import MANAGED_POLICIES
from domain.families.reports import (
    AccessedEntity,
    AccessedService,
    AccessReport,
    GrantsFacts,
    GrantsQuery,
    Granularity,
    LastAccess,
    ServiceAccessJob,
)
from domain.foundation.errors import InvalidInput, Throttling
from domain.foundation.identifiers import new_uuid
from domain.policy import SourcedPolicy
from domain.rules import reports
from domain.rules.policy_holders import Holder, holder_of
from services.iam.entity_members import EntityMembers
from services.wire.operations import Parameters, TargetResource, answers, any_resource
from services.wire.output_shapes import LEFT_OUT
from services.wire.pagination import page_request


def _by_arn(_account: Account, _call: Call, parameters: Parameters) -> TargetResource:
    return TargetResource.of_arn(parameters["arn"])


@answers("GenerateServiceLastAccessedDetails", on=_by_arn, records="arn granularity")
def generate_service_last_accessed_details(
    account: Account, call: Call, *, arn: str, granularity: Granularity = "SERVICE_LEVEL"
) -> Outcome:
    job_id = new_uuid(call.random)
    requested = reports.request_service_access(account, call, arn=arn, granularity=granularity, job_id=job_id)
    return Outcome(lambda _after: {"JobId": job_id}, requested)


@answers("GetServiceLastAccessedDetails", on=any_resource, records="job_id marker max_items")
def get_service_last_accessed_details(
    account: Account, call: Call, *, job_id: str, marker: str | None = None, max_items: int | None = None
) -> Outcome:
    job = reports.service_access_job(account, call, job_id)
    pages = page_request("ServicesLastAccessed", marker, max_items)
    report = reports.access_report(account, call, job)
    status = _status(job, report) | {"JobType": job.granularity}
    if report is None:
        return Outcome(lambda _after: status | {"ServicesLastAccessed": [], "IsTruncated": False})
    arns = {entity.id: entity.arn for entity in report.entities}

    def answer(_after: Account) -> EntityMembers:
        return status | pages.of(
            report.services,
            key=lambda service: service.namespace,
            render=lambda service: _service_members(service, arns),
        )

    return Outcome(answer)


@answers(
    "GetServiceLastAccessedDetailsWithEntities", on=any_resource, records="job_id service_namespace marker max_items"
)
def get_service_last_accessed_details_with_entities(
    account: Account,
    call: Call,
    *,
    job_id: str,
    service_namespace: str,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    """The last use comes first; who never used the service comes behind. Who could not use it is not listed."""
    job, pages = reports.service_access_job(account, call, job_id), page_request("EntityDetailsList", marker, max_items)
    report = reports.access_report(account, call, job)
    status = _status(job, report)
    if report is None:
        return Outcome(lambda _after: status | {"EntityDetailsList": [], "IsTruncated": False})
    if service_namespace not in report.known:
        raise _unknown_services([service_namespace])

    def answer(_after: Account) -> EntityMembers:
        last_by = report.last_by.get(service_namespace)
        listed = [] if last_by is None else [(entity, last_by.get(entity.id)) for entity in report.entities]
        listed.sort(key=lambda pair: (0.0 if pair[1] is None else -pair[1].at.timestamp(), pair[0].arn))
        return status | pages.of(
            enumerate(listed),
            key=lambda numbered: f"{numbered[0]:09d}",
            render=lambda numbered: _entity_members(*numbered[1]),
        )

    return Outcome(answer)


@answers("ListPoliciesGrantingServiceAccess", on=_by_arn, records="arn service_namespaces marker")
def list_policies_granting_service_access(
    account: Account, call: Call, *, arn: str, service_namespaces: list[str], marker: str | None = None
) -> Outcome:
    """A page ends early behind long lists of policies; AWS has no parameter for its size."""
    holder = reports.policy_holder(account, arn)
    pages = page_request("PoliciesGrantingServiceAccess", marker, None)
    held = reports.granting_policies(account, holder)
    wanted = GrantsQuery(tuple(sourced.policy for _, sourced in held), frozenset(service_namespaces))
    facts = call.facts
    if not isinstance(facts, GrantsFacts) or not facts.cover(wanted):
        raise NeedsFacts(wanted, unsettled=Throttling("Rate exceeded"))
    if facts.unknown:
        raise _unknown_services(sorted(facts.unknown))

    def entry(namespace: str) -> EntityMembers:
        granting = [
            _policy_members(account, of, sourced)
            for of, sourced in held
            if (sourced.policy.sha256, namespace) in facts.granting
        ]
        return {"ServiceNamespace": namespace, "Policies": granting}

    return Outcome(lambda _after: pages.of(sorted(wanted.namespaces), key=str, render=entry))


def _status(job: ServiceAccessJob, report: AccessReport | None) -> EntityMembers:
    """What it says was settled when it was asked for."""
    status: EntityMembers = {"JobCreationDate": job.created_at}
    if report is None:
        return status | {"JobStatus": "IN_PROGRESS", "JobCompletionDate": LEFT_OUT}
    return status | {"JobStatus": "COMPLETED", "JobCompletionDate": job.created_at}


def _service_members(service: AccessedService, arns: dict[str, str]) -> EntityMembers:
    members: EntityMembers = {
        "ServiceName": service.name,
        "ServiceNamespace": service.namespace,
        "TotalAuthenticatedEntities": service.users,
    }
    if service.last is not None:
        members |= {"LastAuthenticated": service.last.at, "LastAuthenticatedEntity": arns[service.last.by]}
        members |= _region("LastAuthenticatedRegion", service.last)
    if service.actions is not None:
        members["TrackedActionsLastAccessed"] = [
            _action_members(name, last, arns) for name, last in service.actions.items()
        ]
    return members


def _action_members(name: str, last: LastAccess | None, arns: dict[str, str]) -> EntityMembers:
    if last is None:
        return {"ActionName": name}
    used = {"LastAccessedEntity": arns[last.by], "LastAccessedTime": last.at}
    return {"ActionName": name} | used | _region("LastAccessedRegion", last)


def _region(member: str, last: LastAccess) -> EntityMembers:
    return {member: last.region} if last.region else {}


def _entity_members(entity: AccessedEntity, last: LastAccess | None) -> EntityMembers:
    named = {"Arn": entity.arn, "Name": entity.name, "Type": entity.noun.upper(), "Id": entity.id, "Path": entity.path}
    return {"EntityInfo": named} | ({} if last is None else {"LastAuthenticated": last.at})


def _policy_members(account: Account, holder: Holder, sourced: SourcedPolicy) -> EntityMembers:
    policy = account[MANAGED_POLICIES].get(sourced.source_id)
    if policy is not None:
        return {"PolicyName": policy.name, "PolicyType": "MANAGED", "PolicyArn": policy.arn}
    kind, _ = holder_of(account, holder.id)
    return {
        "PolicyName": sourced.source_id.removeprefix(f"{holder.id}/"),
        "PolicyType": "INLINE",
        "EntityType": kind.noun.upper(),
        "EntityName": holder.name,
    }


def _unknown_services(namespaces: Sequence[str]) -> InvalidInput:
    return InvalidInput(
        f"Invalid service namespace: {', '.join(namespaces)} (expected a prefix of actions, such as iam)"
    )
