"""Findings of unused access: roles, access keys, passwords and permissions that nobody has used for so many days.

Only what has been there for all of these days is looked at (IAM User Guide, "Create an IAM Access Analyzer unused
access analyzer", Tracking period).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from domain.account import Account
from domain.authorization import own_policies
from domain.families.access_keys import ACCESS_KEYS
from domain.families.analyzers import Analyzer, UnusedAccess
from domain.families.credential_use import LAST_USES
from domain.families.groups import MEMBERSHIPS
from domain.families.passwords import LOGIN_PROFILES
from domain.families.roles import Role
from domain.families.tags import tag_id, tags_of
from domain.families.unused_permissions import UnusedPermissionsQuery, UnusedServicePermissions
from domain.families.users import User
from domain.policy import Layer, SourcedPolicy, reachable
from domain.queries.access_findings import AccessFinding, AccessFindingType, analyzed_entities, finding_id, judged
from domain.queries.service_access import ServiceCatalogue, action_of
from domain.read_models.last_accesses import OperationUse


def tracked_entities(account: Account, analyzer: Analyzer) -> list[User | Role]:
    """Those whose findings there may be, in the order of these."""
    unused = analyzer.unused_access
    assert unused is not None
    entities = analyzed_entities(account, analyzer)
    if not unused.exclusions:
        return entities
    return [each for each in entities if not _is_excluded(account, each, unused)]


def _is_excluded(account: Account, entity: User | Role, unused: UnusedAccess) -> bool:
    tags = tags_of(account, entity.id)

    def has(key: str, value: str) -> bool:
        tag = tags.get(tag_id(entity.noun, key))
        return tag is not None and tag.value == value

    return any(all(has(key, value) for key, value in wanted.items()) for wanted in unused.exclusions)


def unused_findings(
    account: Account,
    analyzer: Analyzer,
    entity: User | Role,
    at: datetime,
    services: Mapping[str, tuple[UnusedServicePermissions, ...]],
) -> Iterator[AccessFinding]:
    """By the account as it is at the time; `services` are the unused permissions that were found out, by entity."""
    unused = analyzer.unused_access
    assert unused is not None
    age = timedelta(days=unused.days)
    for type_, about, existed_since, last in _credentials(account, entity):
        unused_at = max(existed_since, last or existed_since) + age
        if unused_at <= at:
            yield _finding(account, analyzer, entity, type_, max(analyzer.created_at, unused_at), about, last)
    if found := services.get(entity.id, ()):
        last = max((each.last for each in found if each.last is not None), default=None)
        created_at = max(analyzer.created_at, entity.created_at + age)
        yield _finding(account, analyzer, entity, "UnusedPermission", created_at, "", last, found)


def _credentials(
    account: Account, entity: User | Role
) -> Iterator[tuple[AccessFindingType, str, datetime, datetime | None]]:
    """What somebody acts with or as, since when it has been there, and when it was used last."""
    uses = account[LAST_USES]

    def last_use(credential_id: str) -> datetime | None:
        return uses[credential_id].at if credential_id in uses else None

    if isinstance(entity, Role):
        yield "UnusedIAMRole", "", entity.created_at, last_use(entity.id)
        return
    for key in account[ACCESS_KEYS].of(entity.id):
        if key.status == "Active":
            yield "UnusedIAMUserAccessKey", key.id, key.created_at, last_use(key.id)
    password = account[LOGIN_PROFILES].get(entity.id)
    if password is not None:
        # There is no console here to sign in to: no password is ever used.
        yield "UnusedIAMUserPassword", "", password.created_at, None


def _finding(
    account: Account,
    analyzer: Analyzer,
    entity: User | Role,
    type_: AccessFindingType,
    created_at: datetime,
    about: str,
    last: datetime | None,
    services: tuple[UnusedServicePermissions, ...] = (),
) -> AccessFinding:
    found = AccessFinding(
        finding_id(analyzer, entity.id, type_, about),
        type_,
        entity,
        account.arn(entity.resource),
        created_at,
        created_at,
        access_key_id=about or None,
        last=last,
        services=services,
    )
    return judged(account, analyzer, found)


def unused_permissions(
    now: Account,
    former: Account,
    wanted: UnusedPermissionsQuery,
    catalogue: ServiceCatalogue,
    uses: Iterable[OperationUse],
) -> dict[str, tuple[UnusedServicePermissions, ...]]:
    """By the account at the time, and as it was at the beginning of the days: what was allowed at both. Only services
    whose use is recorded here: of another nothing is known, so nothing is said."""
    since = wanted.at - timedelta(days=wanted.days)
    by_entity: dict[str, list[OperationUse]] = {}
    for use in uses:
        by_entity.setdefault(use.entity_id, []).append(use)
    tracked = {namespace: catalogue.actions.get(namespace, ()) for namespace in sorted(catalogue.tracked)}
    # Many have the same policies, and mostly those that they had then.
    known: dict[frozenset[str], frozenset[str]] = {}

    def allowed(account: Account, entity_id: str) -> frozenset[str]:
        policies = tuple(_granting(account, entity_id))
        texts = frozenset(each.policy.text for each in policies)
        if texts not in known:
            every = (action for actions in tracked.values() for action in actions)
            known[texts] = frozenset(reachable(((Layer.IDENTITY, policies),), every))
        return known[texts]

    found = {}
    for entity_id in wanted.entity_ids:
        both = allowed(now, entity_id) & allowed(former, entity_id)
        of_services = {namespace: both.intersection(actions) for namespace, actions in tracked.items()}
        services = tuple(_unused(of_services, by_entity.get(entity_id, ()), since))
        if services:
            found[entity_id] = services
    return found


def _granting(account: Account, entity_id: str) -> Iterator[SourcedPolicy]:
    for holder_id in (entity_id, *account[MEMBERSHIPS].rights_of(entity_id)):
        yield from own_policies(account, holder_id)


def _unused(
    allowed: Mapping[str, Iterable[str]], uses: Sequence[OperationUse], since: datetime
) -> Iterator[UnusedServicePermissions]:
    for namespace, actions in allowed.items():
        last: dict[str, datetime] = {}
        for use in uses:
            if use.service == namespace:
                action = action_of(use).lower()
                last[action] = max(use.at, last.get(action, use.at))
        names = sorted(action.partition(":")[2] for action in actions)
        idle = [(name, at) for name in names if (at := last.get(name.lower())) is None or at < since]
        if not idle:
            continue
        used = max(last.values(), default=None)
        # Of a service that was not used at all no action is told apart.
        yield UnusedServicePermissions(namespace, used, () if used is None or used < since else tuple(idle))
