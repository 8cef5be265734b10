"""Last accessed information: the services that policies allow, and when somebody last used them.

Of policies those count that grant permissions: no boundary, no organization, no policy of a resource (API Reference,
"GetServiceLastAccessedDetails").
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Protocol

from domain.account import Account
from domain.authorization import own_policies
from domain.families.groups import GROUPS, MEMBERSHIPS
from domain.families.policies import ATTACHMENTS, MANAGED_POLICIES
from domain.families.reports import (
    AccessedEntity,
    AccessedService,
    AccessReport,
    GrantsFacts,
    GrantsQuery,
    LastAccess,
    ServiceAccessJob,
)
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.policy import Layer, Layers, Policy, PolicyType, SourcedPolicy, compiled, granting_patterns, reachable
from domain.read_models.last_accesses import OperationUse

_ACTIONS = {("access-analyzer", "GetFindingV2"): "GetFinding", ("access-analyzer", "ListFindingsV2"): "ListFindings"}


class ServiceCatalogue(Protocol):
    """All services that there are, by the prefixes of their actions."""

    @property
    def actions(self) -> Mapping[str, Sequence[str]]:
        """With their prefixes."""

    @property
    def service_names(self) -> Mapping[str, str]:
        """What each is called."""

    @property
    def tracked(self) -> Collection[str]:
        """Those whose actions are tracked: of others nobody's use is seen."""


def service_access(
    account: Account, job: ServiceAccessJob, catalogue: ServiceCatalogue, uses: Iterable[OperationUse]
) -> AccessReport:
    """By the account as it was at the job's position; the uses are those of `entities_of`."""
    layers = _granting(account, job)
    by_service: dict[str, list[OperationUse]] = {}
    for use in uses:
        by_service.setdefault(use.service, []).append(use)
    services, last_by = [], {}
    for namespace in sorted(allowed_services(layers, catalogue)):
        used = by_service.get(namespace, [])
        last_by[namespace] = {use.entity_id: _access(use) for use in sorted(used, key=attrgetter("at"))}
        actions = None
        if job.granularity == "ACTION_LEVEL" and namespace in catalogue.tracked:
            actions = _actions(layers, catalogue.actions[namespace], used)
        name = catalogue.service_names[namespace]
        services.append(AccessedService(namespace, name, _last(used), len(last_by[namespace]), actions))
    return AccessReport(tuple(services), tuple(entities_of(account, job)), last_by, frozenset(catalogue.service_names))


def entities_of(account: Account, job: ServiceAccessJob) -> list[AccessedEntity]:
    """The users and roles who have the policies that the job is about: of a user or role itself, of a group its
    members, of a policy whoever it is attached to, with the members of groups."""
    holders = [job.entity_id]
    if job.entity_id in account[MANAGED_POLICIES]:
        holders = account[ATTACHMENTS].lefts_of(job.entity_id)
    found: dict[str, AccessedEntity] = {}
    for holder_id in holders:
        members = account[MEMBERSHIPS].lefts_of(holder_id) if holder_id in account[GROUPS].by_id else [holder_id]
        for entity_id in members:
            user, role = account[USERS].by_id.get(entity_id), account[ROLES].by_id.get(entity_id)
            entity = user or role
            assert entity is not None
            arn = account.arn(entity.resource)
            found[entity_id] = AccessedEntity(
                "role" if user is None else "user", entity.id, entity.name, entity.path, arn
            )
    return list(found.values())


def _granting(account: Account, job: ServiceAccessJob) -> Layers:
    policy = account[MANAGED_POLICIES].get(job.entity_id)
    if policy is not None:
        document = compiled(policy.default.document, PolicyType.IDENTITY)
        return _one_layer(SourcedPolicy(document, policy.arn, "managed", policy.default.id))
    holders = (job.entity_id, *account[MEMBERSHIPS].rights_of(job.entity_id))
    return _one_layer(*(policy for holder_id in holders for policy in own_policies(account, holder_id)))


def _one_layer(*policies: SourcedPolicy) -> Layers:
    return ((Layer.IDENTITY, policies),)


def allowed_services(layers: Layers, catalogue: ServiceCatalogue) -> Iterable[str]:
    """Those of which every layer allows some action."""
    for namespace, actions in catalogue.actions.items():
        if all(_names_service(layer, namespace) for layer in layers) and any(
            reachable(layers, (action,)) for action in actions
        ):
            yield namespace


def _names_service(layer: tuple[Layer, Sequence[SourcedPolicy]], namespace: str) -> bool:
    """Whether it is worth asking for every action."""
    return any(granting_patterns(((Layer.IDENTITY, layer[1]),), namespace))


def _actions(layers: Layers, actions: Sequence[str], used: Iterable[OperationUse]) -> Mapping[str, LastAccess | None]:
    by_operation: dict[str, list[OperationUse]] = {}
    for use in used:
        by_operation.setdefault(action_of(use).lower(), []).append(use)
    names = sorted(action.partition(":")[2] for action in reachable(layers, actions))
    return {name: _last(by_operation.get(name.lower(), ())) for name in names}


def action_of(use: OperationUse) -> str:
    """By which policies know the operation."""
    return _ACTIONS.get((use.service, use.operation), use.operation)


def _last(uses: Iterable[OperationUse]) -> LastAccess | None:
    last = max(uses, key=attrgetter("at", "entity_id"), default=None)
    return None if last is None else _access(last)


def _access(use: OperationUse) -> LastAccess:
    return LastAccess(use.at, use.entity_id, use.region)


def granted_services(wanted: GrantsQuery, catalogue: ServiceCatalogue) -> GrantsFacts:
    unknown = wanted.namespaces - catalogue.actions.keys()
    granting = {
        (policy.sha256, namespace)
        for policy in wanted.policies
        for namespace in wanted.namespaces - unknown
        if _grants(policy, catalogue.actions[namespace])
    }
    return GrantsFacts(wanted, frozenset(granting), unknown)


def _grants(policy: Policy, actions: Sequence[str]) -> bool:
    layers = _one_layer(SourcedPolicy(policy, policy.sha256, "", None))
    return any(reachable(layers, (action,)) for action in actions)
