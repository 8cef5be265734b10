"""Reports about an account: who may have one, and when one is there."""

from collections.abc import Sequence
from datetime import datetime

from domain.account import Account, AccountChange
from domain.authorization import own_policies
from domain.calls import Call, NeedsFacts
from domain.entity_kinds import AnyKind, Entity
from domain.families.aws_managed_policies import adoption, known_policy
from domain.families.groups import GROUP, MEMBERSHIPS
from domain.families.organization import ORGANIZATION_MEMBERSHIP, is_managed_by
from domain.families.policies import POLICY
from domain.families.reports import (
    CREDENTIAL_REPORT,
    CREDENTIAL_REPORT_KEPT,
    JOB_KEPT,
    ORGANIZATION_ACCESS_JOBS,
    SERVICE_ACCESS_JOBS,
    AccessReport,
    CredentialReport,
    Granularity,
    OrganizationAccessJob,
    OrganizationAccessJobs,
    OrganizationAccessRequested,
    ReportFacts,
    ReportQuery,
    ServiceAccessJob,
    ServiceAccessJobs,
    ServiceAccessRequested,
    is_over,
)
from domain.families.roles import ROLE
from domain.families.users import USER
from domain.foundation.errors import AccessDenied, InvalidInput, NoSuchEntity, Refusal, Throttling, ValidationError
from domain.policy import SourcedPolicy
from domain.rules.organization_paths import node_at
from domain.rules.policy_holders import KINDS, Holder, holder_of


class ReportNotPresent(Refusal): ...


class ReportExpired(Refusal): ...


class ReportInProgress(Refusal): ...


class ReportGenerationLimitExceeded(Refusal): ...


JOBS_KEPT_MAX = 10_000
"""Of one kind in an account: so many can be asked for in the time for which a job is kept."""


def kept_credential_report(account: Account, at: datetime) -> CredentialReport | None:
    """The one that is handed out, if there is one."""
    report = account[CREDENTIAL_REPORT]
    return None if report is None or at - report.generated_at >= CREDENTIAL_REPORT_KEPT else report


def credential_report(account: Account, at: datetime) -> CredentialReport:
    report = kept_credential_report(account, at)
    if report is not None:
        return report
    if account[CREDENTIAL_REPORT] is None:
        raise ReportNotPresent("The credential report does not exist. To generate one, use GenerateCredentialReport.")
    raise ReportExpired("The most recent credential report has expired. To generate one, use GenerateCredentialReport.")


def request_service_access(
    account: Account, call: Call, *, arn: str, granularity: Granularity, job_id: str
) -> tuple[AccountChange, ...]:
    """About the user, group, role or managed policy that has the ARN. A policy of AWS that the account has not used is
    adopted, for the report is made from the account as it is now, whatever catalogue there is by then."""
    kind, entity = _found(account, arn, (USER, GROUP, ROLE, POLICY))
    if _are_too_many(account[SERVICE_ACCESS_JOBS], call.at):
        raise Throttling(f"Rate exceeded (the account has asked for {JOBS_KEPT_MAX} reports in {JOB_KEPT})")
    requested = ServiceAccessRequested(
        job_id=job_id, requester_id=call.caller.entity_id, granularity=granularity, **kind.naming(entity)
    )
    return (*(adoption(account, arn) if kind is POLICY else ()), requested)


def service_access_job(account: Account, call: Call, job_id: str) -> ServiceAccessJob:
    """For whoever has asked for it: the same user, or the same role whatever the session."""
    job = account[SERVICE_ACCESS_JOBS].by_id.get(job_id)
    if job is None or is_over(job, call.at) or job.requester_id != call.caller.entity_id:
        raise _no_job(job_id)
    return job


def request_organization_access(
    account: Account, call: Call, *, entity_path: str, policy_id: str | None, job_id: str
) -> OrganizationAccessRequested:
    _refuse_but_management(account)
    organization = call.installation().organization
    place = None if organization is None else node_at(organization, entity_path)
    if organization is None or place is None:
        raise ValidationError(f"The organization has no entity with the path {entity_path}.")
    controls = {control.policy.id for control in organization.policies if control.type == "SERVICE_CONTROL_POLICY"}
    if policy_id is not None and place.id != account.id and policy_id not in controls:
        raise ValidationError(f"The organization has no service control policy with the id {policy_id}.")
    if _are_too_many(account[ORGANIZATION_ACCESS_JOBS], call.at):
        raise ReportGenerationLimitExceeded("Maximum number of concurrent jobs exceeded")
    return OrganizationAccessRequested(job_id=job_id, entity_path=entity_path, organizations_policy_id=policy_id)


def organization_access_job(account: Account, call: Call, job_id: str) -> OrganizationAccessJob:
    _refuse_but_management(account)
    job = account[ORGANIZATION_ACCESS_JOBS].by_id.get(job_id)
    if job is None or is_over(job, call.at):
        raise _no_job(job_id)
    return job


def found(call: Call, wanted: ReportQuery, *, unsettled: Refusal) -> bytes | AccessReport | None:
    """What the report says; None while the tables have not come to it. Raises NeedsFacts as long as it is not known."""
    if not isinstance(call.facts, ReportFacts) or call.facts.wanted != wanted:
        raise NeedsFacts(wanted, unsettled=unsettled)
    return call.facts.content


def access_report(account: Account, call: Call, job: ServiceAccessJob | OrganizationAccessJob) -> AccessReport | None:
    """None while the job is in progress."""
    content = found(call, ReportQuery(account.id, job), unsettled=Throttling("Rate exceeded"))
    assert not isinstance(content, bytes)
    return content


def policy_holder(account: Account, arn: str) -> Holder:
    """The user, group or role that has the ARN."""
    _, holder = _found(account, arn, KINDS)
    assert isinstance(holder, Holder)
    return holder


def granting_policies(account: Account, holder: Holder) -> list[tuple[Holder, SourcedPolicy]]:
    """Those that grant permissions, of a user with those of its groups; with whoever has each."""
    holder_ids = (holder.id, *account[MEMBERSHIPS].rights_of(holder.id))
    return [(holder_of(account, each)[1], policy) for each in holder_ids for policy in own_policies(account, each)]


def _found(account: Account, arn: str, kinds: Sequence[AnyKind]) -> tuple[AnyKind, Entity]:
    resource = arn.split(":", 5)[-1]
    kind = next((kind for kind in kinds if resource.startswith(f"{kind.resource_type}/")), None)
    if kind is None or not arn.startswith(f"arn:{account.partition}:iam::"):
        expected = ", ".join(each.noun for each in kinds)
        raise InvalidInput(f"Invalid ARN: {arn} (expected that of one of: {expected})")
    if kind is POLICY:
        return kind, known_policy(account, arn)
    entity = kind.find(account, arn)
    if entity is not None:
        return kind, entity
    raise NoSuchEntity(f"The {kind.noun} with name {resource.rpartition('/')[2]} cannot be found.")


def _are_too_many(jobs: ServiceAccessJobs | OrganizationAccessJobs, at: datetime) -> bool:
    return len(jobs.order) >= JOBS_KEPT_MAX and jobs.oldest is not None and not is_over(jobs.oldest, at)


def _no_job(job_id: str) -> NoSuchEntity:
    return NoSuchEntity(f"Job with id {job_id} cannot be found.")


def _refuse_but_management(account: Account) -> None:
    if not is_managed_by(account[ORGANIZATION_MEMBERSHIP], account.id):
        raise AccessDenied(
            f"The account {account.id} is not the management account of an organization, which alone may ask for "
            "last accessed information of it."
        )
