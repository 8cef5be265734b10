"""Findings of an analyzer, and those of external access: whom outside the account a role's trust policy lets in.

A finding is never kept. It is found in the account as it is, so that it can be neither late nor lost, and a past one is
found in the account as it was. Its id is made of what it is about (docs/adr/0063).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Literal

from domain.account import Account
from domain.families.analyzers import Analyzer
from domain.families.roles import ROLES, TRUST_HISTORIES, Role
from domain.families.unused_permissions import UnusedServicePermissions
from domain.families.users import USERS, User
from domain.policy import OutsideGrant, outside_grants
from domain.rules.finding_filters import CONDITION, FilterValues, fits
from domain.rules.protected_roles import is_service_linked

AccessFindingType = Literal[
    "ExternalAccess", "UnusedIAMRole", "UnusedIAMUserAccessKey", "UnusedIAMUserPassword", "UnusedPermission"
]
_RESOURCE_DIGITS, _DETAIL_DIGITS = 12, 18
_ANALYZERS_REMEMBERED = 256
_POSITIVE = ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress", "NumericEquals", "DateEquals", "Bool")


@dataclass(frozen=True, slots=True)
class AccessFinding:
    id: str
    type: AccessFindingType
    entity: User | Role
    resource: str
    """ARN."""
    created_at: datetime
    updated_at: datetime
    status: Literal["ACTIVE", "ARCHIVED"] = "ACTIVE"
    grant: OutsideGrant | None = None
    """Of external access."""
    access_key_id: str | None = None
    last: datetime | None = None
    """When what is not used was used last; None where no use is known."""
    services: tuple[UnusedServicePermissions, ...] = ()

    @property
    def resource_type(self) -> str:
        return "AWS::IAM::Role" if isinstance(self.entity, Role) else "AWS::IAM::User"

    @property
    def principal(self) -> dict[str, str]:
        return {} if self.grant is None else {self.grant.kind: self.grant.name}

    @property
    def condition(self) -> dict[str, str]:
        """Values by key. AWS's shape has no place for the operator: it stands before the values where it is not the
        plain one, or not alone."""
        if self.grant is None:
            return {}
        said: dict[str, list[str]] = {}
        for operator, key, values in self.grant.conditions:
            plain = operator in _POSITIVE and sum(each == key for _, each, _ in self.grant.conditions) == 1
            said.setdefault(key, []).append(("" if plain else f"{operator} ") + ",".join(values))
        return {key: "; ".join(texts) for key, texts in said.items()}

    def filter_values(self, account_id: str) -> FilterValues:
        values: dict[str, list[str]] = {
            "findingType": [self.type],
            "id": [self.id],
            "resource": [self.resource],
            "resourceOwnerAccount": [account_id],
            "resourceType": [self.resource_type],
            "status": [self.status],
        }
        if self.grant is not None:
            values["isPublic"] = [str(self.grant.is_public).lower()]
            values[f"principal.{self.grant.kind}"] = [self.grant.name]
            for _, key, texts in self.grant.conditions:
                values.setdefault(f"{CONDITION}{key.lower()}", []).extend(texts)
        return values


def analyzed_entities(account: Account, analyzer: Analyzer) -> list[User | Role]:
    """Roles, for unused access users too; in the order of the ids of their findings. Service-linked roles are not: whom
    they let in, and what they may do, their service decides."""
    users = () if analyzer.type == "ACCOUNT" else account[USERS].by_id.values()
    roles = (role for role in account[ROLES].by_id.values() if not is_service_linked(role))
    return sorted((*users, *roles), key=lambda entity: resource_digits(analyzer, entity.id))


def resource_digits(analyzer: Analyzer, entity_id: str) -> str:
    """With which the ids of all findings of a resource begin."""
    return _digits(analyzer, entity_id, count=_RESOURCE_DIGITS)


def finding_id(analyzer: Analyzer, entity_id: str, *about: str) -> str:
    """The same for as long as the analyzer stands; a UUID of version 8 (RFC 9562)."""
    resource = resource_digits(analyzer, entity_id)
    detail = _digits(analyzer, entity_id, *about, count=_DETAIL_DIGITS)
    return f"{resource[:8]}-{resource[8:]}-8{detail[:3]}-8{detail[3:6]}-{detail[6:]}"


def behind_findings_of(analyzer: Analyzer, entity_id: str) -> str:
    """What comes behind the ids of all findings of the resource, and before those of the next."""
    resource = resource_digits(analyzer, entity_id)
    return f"{resource[:8]}-{resource[8:]}-g"


def digits_of(finding_id: str) -> str:
    """Of the resource that a finding of this id is about."""
    return finding_id[:13].replace("-", "")


def _digits(analyzer: Analyzer, *about: str, count: int) -> str:
    of = _of_analyzer(analyzer.arn, analyzer.created_at).copy()
    of.update("\0".join(("", *about)).encode())
    return of.hexdigest()[:count]


@lru_cache(_ANALYZERS_REMEMBERED)
def _of_analyzer(arn: str, created_at: datetime) -> "hashlib._Hash":
    """A page looks at thousands of users and roles, in a round."""
    return hashlib.sha256(f"{arn}\0{created_at.isoformat()}".encode())


def external_findings(account: Account, analyzer: Analyzer, role: Role) -> Iterator[AccessFinding]:
    """One of each principal and condition. It began when the trust policy let the principal in, or with the analyzer.

    Sound: there is one wherever somebody outside the account can take on the role.
    """
    history = account[TRUST_HISTORIES].get(role.id)
    for grant in outside_grants(role.trust_policy, account.id):
        if grant.name in account[USERS].by_id or grant.name in account[ROLES].by_id:
            continue
        since = role.created_at if history is None else history.since_of(role, grant)
        changed_at = role.created_at if history is None else history.changed_at
        created_at = max(analyzer.created_at, since)
        yield judged(
            account,
            analyzer,
            AccessFinding(
                finding_id(analyzer, role.id, grant.key),
                "ExternalAccess",
                role,
                account.arn(role.resource),
                created_at,
                max(created_at, changed_at),
                grant=grant,
            ),
        )


def judged(account: Account, analyzer: Analyzer, finding: AccessFinding) -> AccessFinding:
    """With its status: what somebody said of it last, since it began; or else what archive rules say."""
    mark = analyzer.marks.get(finding.id)
    since = finding.created_at
    if mark is not None and mark.at >= since:
        finding = replace(
            finding, status="ARCHIVED" if mark.is_archived else "ACTIVE", updated_at=max(finding.updated_at, mark.at)
        )
    else:
        mark = None
    if finding.status == "ARCHIVED":
        return finding
    values = finding.filter_values(account.id)
    for rule in (*analyzer.rules.values(), *analyzer.retired):
        applied_at = rule.applied_at
        if mark is not None and (applied_at is None or applied_at <= mark.at):
            continue
        if rule.concerns(since) and fits(rule.definition.filter, values, archives=True):
            later = applied_at if applied_at is not None and rule.updated_at > since else since
            return replace(finding, status="ARCHIVED", updated_at=max(finding.updated_at, later))
    return finding
