"""Managed policies (the account's own and those that AWS maintains), their attachments, and inline policies."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from immutables import Map

from domain.foundation.events import Change, Value
from domain.foundation.many_to_many import ManyToMany

EntityKind = Literal["user", "group", "role"]


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    number: int
    document: str
    created_at: datetime

    @property
    def id(self) -> str:
        return f"v{self.number}"


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    id: str
    arn: str
    name: str
    path: str
    description: str | None
    created_at: datetime
    updated_at: datetime
    """When its newest version was created, as IAM answers it (API Reference, "Policy")."""
    versions: Map[int, PolicyVersion]
    default_version: int
    last_version: int
    """The highest number ever given: a version's id is never used again."""

    @property
    def default(self) -> PolicyVersion:
        return self.versions[self.default_version]

    @property
    def is_aws_managed(self) -> bool:
        return self.arn.split(":")[4] == "aws"


class PolicyCreated(Change, topic="iam.policy.created.v1"):
    policy_id: str
    policy_arn: str
    policy_name: str
    path: str
    description: str | None = None
    document: str


class PolicyVersionCreated(Change, topic="iam.policy.version_created.v1"):
    policy_arn: str
    version: int
    document: str
    is_default: bool


class DefaultPolicyVersionSet(Change, topic="iam.policy.default_version_set.v1"):
    policy_arn: str
    version: int


class PolicyVersionDeleted(Change, topic="iam.policy.version_deleted.v1"):
    policy_arn: str
    version: int


class PolicyDeleted(Change, topic="iam.policy.deleted.v1"):
    policy_id: str
    policy_arn: str


class CatalogueVersion(Value):
    """A version of a policy that AWS maintains, with the dates that AWS gives it."""

    policy_id: str
    policy_arn: str
    policy_name: str
    path: str
    description: str
    created_at: datetime
    version: int
    updated_at: datetime
    document: str


class ManagedCatalogueAdopted(Change, topic="iam.managed_catalogue.adopted.v1"):
    """From here the account knows these AWS-managed policies. A later catalogue is a later event, so that it changes
    no answer about the past; it carries the versions that differ, so that a ledger folds with nothing beside it."""

    digest: str
    """SHA-256 of the whole catalogue, as the installation ledger names it."""
    versions: tuple[CatalogueVersion, ...]


PolicyEvent = (
    PolicyCreated
    | PolicyVersionCreated
    | DefaultPolicyVersionSet
    | PolicyVersionDeleted
    | PolicyDeleted
    | ManagedCatalogueAdopted
)
ManagedPolicies = Map[str, ManagedPolicy]
"""By ARN."""


def evolve(policies: ManagedPolicies, event: PolicyEvent, at: datetime) -> ManagedPolicies:
    match event:
        case PolicyCreated(policy_arn=arn):
            if arn in policies:
                raise LookupError(f"There is a policy {arn} already.")
            first = PolicyVersion(1, event.document, at)
            return policies.set(
                arn,
                ManagedPolicy(
                    event.policy_id,
                    arn,
                    event.policy_name,
                    event.path,
                    event.description,
                    at,
                    at,
                    Map({1: first}),
                    1,
                    1,
                ),
            )
        case PolicyVersionCreated(policy_arn=arn, version=number):
            policy = policies[arn]
            if number <= policy.last_version:
                raise LookupError(f"{arn} has had a version {number} already.")
            return policies.set(
                arn,
                replace(
                    policy,
                    versions=policy.versions.set(number, PolicyVersion(number, event.document, at)),
                    default_version=number if event.is_default else policy.default_version,
                    last_version=number,
                    updated_at=at,
                ),
            )
        case DefaultPolicyVersionSet(policy_arn=arn):
            policy = policies[arn]
            return policies.set(arn, replace(policy, default_version=policy.versions[event.version].number))
        case PolicyVersionDeleted(policy_arn=arn):
            policy = policies[arn]
            if event.version == policy.default_version:
                raise LookupError(f"Version {event.version} is the default of {arn}.")
            return policies.set(arn, replace(policy, versions=policy.versions.delete(event.version)))
        case PolicyDeleted():
            return policies.delete(event.policy_arn)
        case ManagedCatalogueAdopted():
            return policies.update({version.policy_arn: _of_catalogue(version) for version in event.versions})


def _of_catalogue(version: CatalogueVersion) -> ManagedPolicy:
    only = PolicyVersion(version.version, version.document, version.updated_at)
    return ManagedPolicy(
        id=version.policy_id,
        arn=version.policy_arn,
        name=version.policy_name,
        path=version.path,
        description=version.description,
        created_at=version.created_at,
        updated_at=version.updated_at,
        versions=Map({version.version: only}),
        default_version=version.version,
        last_version=version.version,
    )


class PolicyAttached(Change, topic="iam.policy.attached.v1"):
    entity: EntityKind
    entity_id: str
    entity_name: str
    policy_id: str
    policy_arn: str


class PolicyDetached(Change, topic="iam.policy.detached.v1"):
    entity: EntityKind
    entity_id: str
    entity_name: str
    policy_id: str
    policy_arn: str


AttachmentEvent = PolicyAttached | PolicyDetached


def evolve_attachments(attachments: ManyToMany, event: AttachmentEvent) -> ManyToMany:
    """Unique ids of users, groups and roles on the left, ARNs of managed policies on the right."""
    match event:
        case PolicyAttached():
            return attachments.add(event.entity_id, event.policy_arn)
        case PolicyDetached():
            return attachments.remove(event.entity_id, event.policy_arn)


class InlinePolicyPut(Change, topic="iam.inline_policy.put.v1"):
    entity: EntityKind
    entity_id: str
    entity_name: str
    policy_name: str
    document: str


class InlinePolicyDeleted(Change, topic="iam.inline_policy.deleted.v1"):
    entity: EntityKind
    entity_id: str
    entity_name: str
    policy_name: str


InlinePolicyEvent = InlinePolicyPut | InlinePolicyDeleted
InlinePolicies = Map[str, Map[str, str]]
"""By the entity's unique id: documents by policy name."""


def evolve_inline(inline: InlinePolicies, event: InlinePolicyEvent) -> InlinePolicies:
    none: Map[str, str] = Map()
    match event:
        case InlinePolicyPut():
            return inline.set(event.entity_id, inline.get(event.entity_id, none).set(event.policy_name, event.document))
        case InlinePolicyDeleted():
            rest = inline[event.entity_id].delete(event.policy_name)
            return inline.set(event.entity_id, rest) if rest else inline.delete(event.entity_id)
