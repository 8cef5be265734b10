"""Last accessed information of an organization: the services that its control policies allow, and in which account each
was last used (API Reference, "GenerateOrganizationsAccessReport")."""

from collections.abc import Mapping, Sequence
from operator import attrgetter

from domain.families.organization import Organization, OrganizationNode
from domain.families.reports import AccessedService, AccessReport, LastAccess, OrganizationAccessJob
from domain.policy import Layer, Layers, PolicyType, SourcedPolicy, compiled
from domain.queries.service_access import ServiceCatalogue, allowed_services
from domain.read_models.last_accesses import ServiceUse
from domain.rules.organization_paths import line_to, node_at, path_of


def organization_access(
    organization: Organization,
    job: OrganizationAccessJob,
    catalogue: ServiceCatalogue,
    uses: Mapping[str, Sequence[ServiceUse]],
) -> AccessReport:
    """The uses are those of `reported_accounts`, by account id."""
    paths = {node.id: path_of(organization, node) for node in organization.nodes if node.id in uses}
    accesses: dict[str, list[LastAccess]] = {}
    for account_id, of_account in uses.items():
        for use in of_account:
            accesses.setdefault(use.service, []).append(LastAccess(use.at, paths[account_id], use.region))
    services = []
    for namespace in sorted(_allowed(organization, job, catalogue)):
        used = accesses.get(namespace, [])
        last = max(used, key=attrgetter("at", "by"), default=None)
        services.append(AccessedService(namespace, catalogue.service_names[namespace], last, len(used)))
    return AccessReport(tuple(services))


def reported_accounts(organization: Organization, job: OrganizationAccessJob) -> list[str]:
    """The accounts at or below the place, to which the policy applies if one is named. The management account, which
    none limits, is reported by itself alone."""
    place = _place(organization, job)
    management = organization.management_account_id
    if place.id == management:
        return [management]
    return [
        node.id
        for node in organization.nodes
        if node.kind == "account"
        and node.id != management
        and place in (line := line_to(organization, node))
        and (job.policy_id is None or any(job.policy_id in level.scps for level in line))
    ]


def _allowed(organization: Organization, job: OrganizationAccessJob, catalogue: ServiceCatalogue) -> Sequence[str]:
    place = _place(organization, job)
    if place.id == organization.management_account_id:
        return list(catalogue.actions)
    levels = [level.scps for level in line_to(organization, place)] if job.policy_id is None else [(job.policy_id,)]
    return list(allowed_services(_layers(organization, levels), catalogue))


def _layers(organization: Organization, levels: Sequence[Sequence[str]]) -> Layers:
    by_id = {control.policy.id: control.policy for control in organization.policies}

    def controlling(policy_id: str) -> SourcedPolicy:
        return SourcedPolicy(compiled(by_id[policy_id].document, PolicyType.SCP), policy_id, PolicyType.SCP.value, None)

    return [(Layer.SCP, tuple(map(controlling, level))) for level in levels]


def _place(organization: Organization, job: OrganizationAccessJob) -> OrganizationNode:
    """It was there when the job began, as the organization that is given is that of then."""
    place = node_at(organization, job.entity_path)
    assert place is not None
    return place
