"""Reports about an account: that somebody has asked for one, and where in the ledger. What it says is read at that
position, whenever it is asked for: the same report tells the same each time (docs/adr/0052)."""

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

from immutables import Map

from domain.account import Account, Bookkeeping, Component
from domain.entity_kinds import EntityNoun
from domain.foundation.events import Entry
from domain.foundation.personal import Personal
from domain.policy import Policy

CREDENTIAL_REPORT_KEPT = timedelta(hours=4)
"""So long the newest is handed out and no other generated (IAM User Guide, "Generate credential reports")."""
JOB_KEPT = timedelta(hours=24)
"""So long a job is known by its id; AWS does not say how long it keeps one."""
TRACKED = timedelta(days=400)
"""How far back last accessed information goes (API Reference, "GenerateServiceLastAccessedDetails")."""
Granularity = Literal["SERVICE_LEVEL", "ACTION_LEVEL"]


@dataclass(frozen=True, slots=True)
class CredentialReport:
    """The newest one of an account."""

    position: int
    """It says what was the case here."""
    generated_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceAccessJob:
    """What services somebody may use, and when they were last used."""

    id: str
    position: int
    created_at: datetime
    requester_id: str
    """The unique id of the user or role that may ask for it; root's account id."""
    entity_id: str
    """Of the user, group, role or policy that it is about."""
    granularity: Granularity


@dataclass(frozen=True, slots=True)
class OrganizationAccessJob:
    """What services the organization lets accounts use, and when they were last used there."""

    id: str
    position: int
    created_at: datetime
    entity_path: str
    policy_id: str | None


J = TypeVar("J", ServiceAccessJob, OrganizationAccessJob)


@dataclass(frozen=True, slots=True)
class Jobs(Generic[J]):
    by_id: Map[str, J] = field(default=Map())
    order: Map[int, str] = field(default=Map())
    """Their ids by number, without gaps."""
    first: int = 0
    """The number of the oldest."""

    @property
    def oldest(self) -> J | None:
        return self.by_id[self.order[self.first]] if self.order else None

    def add(self, job: J) -> "Jobs[J]":
        """Those that are over go, two for each that comes: they never become more than were alive at once."""
        by_id, order, first = self.by_id, self.order.set(self.first + len(self.order), job.id), self.first
        by_id = by_id.set(job.id, job)
        for _ in range(2):
            oldest = by_id[order[first]]
            if is_over(oldest, job.created_at):
                by_id, order, first = by_id.delete(oldest.id), order.delete(first), first + 1
        return Jobs(by_id, order, first)


def is_over(job: ServiceAccessJob | OrganizationAccessJob, at: datetime) -> bool:
    return at - job.created_at >= JOB_KEPT


ServiceAccessJobs = Jobs[ServiceAccessJob]
OrganizationAccessJobs = Jobs[OrganizationAccessJob]
CREDENTIAL_REPORT = Component[CredentialReport | None]("credential_report", None)
SERVICE_ACCESS_JOBS = Component[ServiceAccessJobs]("service_access_jobs", Jobs(), ids=lambda jobs: jobs.by_id)
ORGANIZATION_ACCESS_JOBS = Component[OrganizationAccessJobs](
    "organization_access_jobs", Jobs(), ids=lambda jobs: jobs.by_id
)


class ReportRequested(Bookkeeping, ABC):
    """What it adds has its place in it, which `fold_entry` knows alone."""

    def fold(self, account: Account, at: datetime) -> Account:
        return account


class CredentialReportGenerated(ReportRequested, topic="iam.credential_report.generated.v1"):
    sentence = "A credential report was generated."

    def fold_entry(self, account: Account, entry: Entry) -> Account:
        return account.put(CREDENTIAL_REPORT, CredentialReport(entry.position, entry.at))


class ServiceAccessRequested(ReportRequested, topic="iam.service_last_accessed.requested.v1"):
    job_id: str
    requester_id: str
    entity: EntityNoun
    entity_id: str
    entity_name: Personal[str]
    granularity: Granularity
    sentence = "Last accessed information of {entity} {entity_name} was asked for."

    def fold_entry(self, account: Account, entry: Entry) -> Account:
        job = ServiceAccessJob(
            self.job_id, entry.position, entry.at, self.requester_id, self.entity_id, self.granularity
        )
        return account.put(SERVICE_ACCESS_JOBS, account[SERVICE_ACCESS_JOBS].add(job))


class OrganizationAccessRequested(ReportRequested, topic="iam.organizations_access.requested.v1"):
    job_id: str
    entity_path: str
    organizations_policy_id: str | None = None
    sentence = "Last accessed information of {entity_path} was asked for."

    def fold_entry(self, account: Account, entry: Entry) -> Account:
        job = OrganizationAccessJob(
            self.job_id, entry.position, entry.at, self.entity_path, self.organizations_policy_id
        )
        return account.put(ORGANIZATION_ACCESS_JOBS, account[ORGANIZATION_ACCESS_JOBS].add(job))


@dataclass(frozen=True, slots=True)
class LastAccess:
    """The last use of a service, or of an action of it, by one user, role or account."""

    at: datetime
    by: str
    """The unique id of the user or role; of an organization's account the path."""
    region: str | None


@dataclass(frozen=True, slots=True)
class AccessedEntity:
    """A user or role that could use services."""

    noun: Literal["user", "role"]
    id: str
    name: str
    path: str
    arn: str


@dataclass(frozen=True, slots=True)
class AccessedService:
    """A service that is allowed."""

    namespace: str
    name: str
    last: LastAccess | None
    """None where nobody has used it while it was tracked."""
    users: int
    """How many entities have, or accounts of an organization."""
    actions: Mapping[str, LastAccess | None] | None = None
    """Of each tracked action that is allowed; None where no actions were asked for, or none is tracked."""


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What a job has come to."""

    services: tuple[AccessedService, ...]
    """In the order of their namespaces."""
    entities: tuple[AccessedEntity, ...] = ()
    """Who could use them; not of an organization."""
    last_by: Mapping[str, Mapping[str, LastAccess]] = field(default_factory=dict)
    """By namespace and the entity's id."""
    known: frozenset[str] = frozenset()
    """The namespaces of all services that there are."""


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """A report whose content is wanted: what only the past of ledgers, and tables, can tell."""

    account_id: str
    report: CredentialReport | ServiceAccessJob | OrganizationAccessJob


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """The past does not change: what was found once holds."""

    wanted: ReportQuery
    content: bytes | AccessReport | None
    """None while the tables have not come to where the report was asked for."""


@dataclass(frozen=True, slots=True)
class GrantsQuery:
    """Which policies grant any action of which services: with all actions that there are, long to find out."""

    policies: tuple[Policy, ...]
    namespaces: frozenset[str]

    @property
    def digests(self) -> frozenset[str]:
        return frozenset(policy.sha256 for policy in self.policies)


@dataclass(frozen=True, slots=True)
class GrantsFacts:
    """What texts say does not change."""

    wanted: GrantsQuery
    granting: frozenset[tuple[str, str]]
    """SHA-256 of a policy's text, and the namespace of a service that it grants something of."""
    unknown: frozenset[str]
    """Namespaces that no service has."""

    def cover(self, wanted: GrantsQuery) -> bool:
        return wanted.namespaces <= self.wanted.namespaces and wanted.digests <= self.wanted.digests
