"""The findings of an analyzer, of whichever type it is."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from domain.account import Account
from domain.authorization import trust_policy
from domain.calls import Call, NeedsFacts, require_read
from domain.families.analyzers import Analyzer
from domain.families.roles import Role
from domain.families.unused_permissions import UnusedPermissionsFacts, UnusedPermissionsQuery, UnusedServicePermissions
from domain.families.users import User
from domain.foundation.errors import ResourceNotFoundException, Throttling, ValidationError
from domain.policy import Layer
from domain.queries.access_findings import (
    AccessFinding,
    analyzed_entities,
    digits_of,
    external_findings,
    resource_digits,
)
from domain.queries.unused_access import tracked_entities, unused_findings

ENTITIES_AT_ONCE_MAX = 500
"""Users and roles that are looked through for unused permissions in one call."""
Services = Mapping[str, tuple[UnusedServicePermissions, ...]]


def entities_of(account: Account, analyzer: Analyzer) -> list[User | Role]:
    """Whom it analyzes, in the order of the ids of their findings."""
    return analyzed_entities(account, analyzer) if analyzer.type == "ACCOUNT" else tracked_entities(account, analyzer)


def unused_services(account: Account, call: Call, analyzer: Analyzer, entities: Sequence[User | Role]) -> Services:
    """Nothing, for external access. Raises NeedsFacts as long as it is not known, and ValidationError."""
    if analyzer.unused_access is None or not entities:
        return {}
    if len(entities) > ENTITIES_AT_ONCE_MAX:
        raise ValidationError(
            f"At most {ENTITIES_AT_ONCE_MAX} users and roles are looked through in one call, and there are "
            f"{len(entities)}; expected ListFindingsV2 without sort, which goes page by page."
        )
    ids = tuple(entity.id for entity in entities)
    wanted = UnusedPermissionsQuery(account.id, call.at, analyzer.unused_access.days, ids)
    if not isinstance(call.facts, UnusedPermissionsFacts) or not call.facts.cover(wanted):
        raise NeedsFacts(wanted, unsettled=Throttling("Rate exceeded"))
    return call.facts.services


def findings_in_round(
    account: Account, call: Call, analyzer: Analyzer, entities: Sequence[User | Role]
) -> list[AccessFinding]:
    """Raises NeedsFacts, and NeedsPolicies where a round has no time to read their trust policies."""
    services = unused_services(account, call, analyzer, entities)
    if analyzer.unused_access is None:
        trusts = (trust_policy(entity) for entity in entities if isinstance(entity, Role))
        require_read(((Layer.TRUST, tuple(trusts)),))
    return list(findings_of(account, call, analyzer, entities, services))


def findings_of(
    account: Account, call: Call, analyzer: Analyzer, entities: Sequence[User | Role], services: Services
) -> Iterator[AccessFinding]:
    """Of these users and roles. What was found out of them is `services`."""
    for entity in entities:
        if analyzer.unused_access is not None:
            yield from unused_findings(account, analyzer, entity, call.at, services)
        elif isinstance(entity, Role):
            yield from external_findings(account, analyzer, entity)


def findings_with_ids(
    account: Account, call: Call, analyzer: Analyzer, finding_ids: Collection[str]
) -> list[AccessFinding]:
    """Raises NeedsFacts, and ResourceNotFoundException for an id that no finding has."""
    digits = {digits_of(finding_id) for finding_id in finding_ids}
    entities = [each for each in entities_of(account, analyzer) if resource_digits(analyzer, each.id) in digits]
    found = {each.id: each for each in findings_in_round(account, call, analyzer, entities)}
    if missing := sorted(set(finding_ids) - found.keys()):
        raise ResourceNotFoundException(
            "The specified resource could not be found.",
            f"{analyzer.arn} has no finding {missing[0][:100]}",
            resource_id=missing[0][:100],
            resource_type="Finding",
        )
    return [found[finding_id] for finding_id in sorted(set(finding_ids))]


def entity_with_arn(account: Account, analyzer: Analyzer, arn: str) -> User | Role:
    """Raises ResourceNotFoundException for what the analyzer does not analyze."""
    for entity in entities_of(account, analyzer):
        if account.arn(entity.resource) == arn:
            return entity
    raise ResourceNotFoundException(
        "The specified resource could not be found.",
        f"{analyzer.arn} analyzes no {arn[:200]}",
        resource_id=arn[:200],
        resource_type="Resource",
    )
