"""Managed policies (the account's own and those that AWS maintains), their attachments, and inline policies."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Literal

from immutables import Map

from domain.account import NOBODY, Account, AccountChange, AffectsNobody, Component
from domain.entity_kinds import EntityChange, EntityKind, entity_title, prevents_deletion
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.families.boundaries import BOUNDARIES
from domain.families.groups import with_members
from domain.foundation.errors import NoSuchEntity
from domain.foundation.events import Value
from domain.foundation.identifiers import refuse_other_arn
from domain.foundation.many_to_many import ManyToMany

HolderNoun = Literal["user", "group", "role"]
"""What holds policies."""


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
    def resource(self) -> str:
        return self.arn.split(":", 5)[5]

    @property
    def default(self) -> PolicyVersion:
        return self.versions[self.default_version]

    @property
    def is_aws_managed(self) -> bool:
        return self.arn.split(":")[4] == "aws"


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


ManagedPolicies = Map[str, ManagedPolicy]
MANAGED_POLICIES = Component[ManagedPolicies]("managed_policies", Map(), ids=lambda policies: policies)
"""By ARN: the account's own, and those of AWS that it has used."""
MANAGED_CATALOGUE = Component[str]("managed_catalogue", "")
"""The digest of the catalogue of AWS's policies that the account knows (domain/families/aws_managed_policies.py)."""
ATTACHMENTS = Component[ManyToMany]("attachments", ManyToMany())
"""Unique ids of users, groups and roles on the left, ARNs of managed policies on the right."""
InlinePolicies = Map[str, Map[str, str]]
INLINE_POLICIES = Component[InlinePolicies]("inline_policies", Map())
"""By the entity's unique id: documents by policy name."""
NO_INLINE_POLICIES: Map[str, str] = Map()
POLICY_FACT = FactKind("managed policy")
VERSION_FACT = FactKind("policy version")
_ADOPTED = "was adopted", "is not known any more"
"""Of a policy that AWS maintains: whoever uses it first in an account has not made it."""
AWS_POLICY_FACT = FactKind("managed policy", *_ADOPTED)
AWS_VERSION_FACT = FactKind("policy version", *_ADOPTED)
AWS_DEFAULT_VERSION_FACT = FactKind("default version", *_ADOPTED)
DEFAULT_VERSION_FACT = FactKind("default version")
ATTACHMENT_FACT = FactKind("attachment", "was made", "was ended")
INLINE_POLICY_FACT = FactKind("inline policy", "was written", "was deleted")
prevents_deletion(7, "delete policies", lambda account, holder_id: account[INLINE_POLICIES].get(holder_id))
prevents_deletion(8, "detach all policies", lambda account, holder_id: account[ATTACHMENTS].rights_of(holder_id))


def managed_policy(account: Account, arn: str) -> ManagedPolicy:
    policy = account[MANAGED_POLICIES].get(arn)
    if policy is None:
        refuse_other_arn(arn, "policy")
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def _facts(_account: Account, policy: ManagedPolicy) -> Iterator[tuple[Fact, FactValue]]:
    own, default_version, of_version = POLICY_FACT, DEFAULT_VERSION_FACT, VERSION_FACT
    if policy.is_aws_managed:
        own, default_version, of_version = AWS_POLICY_FACT, AWS_DEFAULT_VERSION_FACT, AWS_VERSION_FACT
    said = {"arn": policy.arn, "name": policy.name, "path": policy.path, "description": policy.description}
    yield Fact(own, policy.id), FactValue(policy.arn, said)
    default = FactValue(f"of {policy.arn}", {"version": policy.default.id}, policy.default.document)
    yield Fact(default_version, policy.id), default
    for version in policy.versions.values():
        state = FactValue(f"{version.id} of {policy.arn}", {"version": version.id}, version.document)
        yield Fact(of_version, f"{policy.id}/{version.id}"), state


POLICY = EntityKind(
    "policy",
    "ANPA",
    by_id=lambda account: account[MANAGED_POLICIES],
    named=managed_policy,
    facts=_facts,
    find=lambda account, arn: account[MANAGED_POLICIES].get(arn),
    resource_type="policy",
    subject=attrgetter("arn"),
    reference=attrgetter("arn"),
)


@tells_facts
def _held_facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    for arn in account[ATTACHMENTS].rights_of(subject):
        state = FactValue(f"of {arn} to {entity_title(account, subject)}", {"policy_arn": arn})
        yield Fact(ATTACHMENT_FACT, f"{subject}/{arn}"), state
    for name, document in account[INLINE_POLICIES].get(subject, NO_INLINE_POLICIES).items():
        state = FactValue(f"{name} of {entity_title(account, subject)}", {}, document)
        yield Fact(INLINE_POLICY_FACT, f"{subject}/{name}"), state


def held_by(account: Account, policy_arn: str) -> frozenset[str]:
    """Whoever the policy is attached to, or bounds."""
    holders = (with_members(account, holder_id) for holder_id in account[ATTACHMENTS].lefts_of(policy_arn))
    return frozenset(account[BOUNDARIES].lefts_of(policy_arn)).union(*holders)


class PolicyChange(AffectsNobody):
    """Of a policy that nobody holds yet, or any more."""

    policy_id: str
    policy_arn: str
    subject = "policy_arn"


class PolicyCreated(PolicyChange, topic="iam.policy.created.v1"):
    policy_name: str
    path: str
    description: str | None = None
    document: str
    sentence = "Policy {policy_arn} was created."

    def fold(self, account: Account, at: datetime) -> Account:
        policies = account[MANAGED_POLICIES]
        if self.policy_arn in policies:
            raise LookupError(f"There is a policy {self.policy_arn} already.")
        policy = _of_one_version(self, at, PolicyVersion(1, self.document, at))
        return account.put(MANAGED_POLICIES, policies.set(self.policy_arn, policy))


class PolicyDeleted(PolicyChange, topic="iam.policy.deleted.v1"):
    sentence = "Policy {policy_arn} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(MANAGED_POLICIES, account[MANAGED_POLICIES].delete(self.policy_arn)).forget(self.policy_arn)


class PolicyVersionChange(AccountChange):
    policy_arn: str
    version: int
    subject = "policy_arn"

    def fold(self, account: Account, at: datetime) -> Account:
        policies = account[MANAGED_POLICIES]
        changed = self.change(policies[self.policy_arn], at)
        return account.put(MANAGED_POLICIES, policies.set(self.policy_arn, changed))

    @abstractmethod
    def change(self, policy: ManagedPolicy, at: datetime) -> ManagedPolicy:
        """The policy afterwards. As `fold`."""


class PolicyVersionCreated(PolicyVersionChange, topic="iam.policy.version_created.v1"):
    document: str
    is_default: bool

    def change(self, policy: ManagedPolicy, at: datetime) -> ManagedPolicy:
        if self.version <= policy.last_version:
            raise LookupError(f"{self.policy_arn} has had a version {self.version} already.")
        return replace(
            policy,
            versions=policy.versions.set(self.version, PolicyVersion(self.version, self.document, at)),
            default_version=self.version if self.is_default else policy.default_version,
            last_version=self.version,
            updated_at=at,
        )

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return held_by(after, self.policy_arn) if self.is_default else NOBODY

    def describe(self) -> str:
        default = ", which is the default" if self.is_default else ""
        return f"Policy {self.policy_arn} got version v{self.version}{default}."


class DefaultPolicyVersionSet(PolicyVersionChange, topic="iam.policy.default_version_set.v1"):
    sentence = "Version v{version} became the default version of {policy_arn}."

    def change(self, policy: ManagedPolicy, at: datetime) -> ManagedPolicy:
        return replace(policy, default_version=policy.versions[self.version].number)

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return held_by(after, self.policy_arn)


class PolicyVersionDeleted(AffectsNobody, PolicyVersionChange, topic="iam.policy.version_deleted.v1"):
    sentence = "Version v{version} of {policy_arn} was deleted."

    def change(self, policy: ManagedPolicy, at: datetime) -> ManagedPolicy:
        if self.version == policy.default_version:
            raise LookupError(f"Version {self.version} is the default of {self.policy_arn}.")
        return replace(policy, versions=policy.versions.delete(self.version))


class ManagedCatalogueAdopted(AccountChange, topic="iam.managed_catalogue.adopted.v1"):
    """From here the account knows this catalogue of AWS-managed policies, and has these of them. A policy is had from
    its first use on; one that differs in a later catalogue comes in a later event, so that it changes no answer about
    the past. So a ledger folds with nothing beside it."""

    digest: str
    """SHA-256 of the whole catalogue, as the installation ledger names it."""
    versions: tuple[CatalogueVersion, ...]

    def fold(self, account: Account, at: datetime) -> Account:
        account = account.put(MANAGED_CATALOGUE, self.digest)
        adopted = {each.policy_arn: policy_of_version(each) for each in self.versions}
        return account.put(MANAGED_POLICIES, account[MANAGED_POLICIES].update(adopted)) if adopted else account

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return NOBODY.union(*(held_by(after, version.policy_arn) for version in self.versions))

    def changed_subjects(self, account_id: str) -> Iterable[str]:
        return (version.policy_arn for version in self.versions)

    def describe(self) -> str:
        match self.versions:
            case ():
                return f"The catalogue of AWS managed policies {self.digest[:12]} was adopted."
            case (version,):
                return f"Version v{version.version} of {version.policy_arn} was adopted."
        return f"{len(self.versions)} versions of AWS managed policies were adopted."


def policy_of_version(version: CatalogueVersion) -> ManagedPolicy:
    """The policy, with this version alone."""
    only = PolicyVersion(version.version, version.document, version.updated_at)
    return _of_one_version(version, version.created_at, only)


def _of_one_version(
    named: PolicyCreated | CatalogueVersion, created_at: datetime, version: PolicyVersion
) -> ManagedPolicy:
    return ManagedPolicy(
        id=named.policy_id,
        arn=named.policy_arn,
        name=named.policy_name,
        path=named.path,
        description=named.description,
        created_at=created_at,
        updated_at=version.created_at,
        versions=Map({version.number: version}),
        default_version=version.number,
        last_version=version.number,
    )


class HolderChange(EntityChange):
    """Of the policies of a user, group or role."""

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return with_members(after, self.entity_id)


class AttachmentChange(HolderChange):
    policy_id: str
    policy_arn: str


class PolicyAttached(AttachmentChange, topic="iam.policy.attached.v1"):
    sentence = "Policy {policy_arn} was attached to {entity} {entity_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ATTACHMENTS, account[ATTACHMENTS].add(self.entity_id, self.policy_arn))


class PolicyDetached(AttachmentChange, topic="iam.policy.detached.v1"):
    sentence = "Policy {policy_arn} was detached from {entity} {entity_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ATTACHMENTS, account[ATTACHMENTS].remove(self.entity_id, self.policy_arn))


class InlinePolicyPut(HolderChange, topic="iam.inline_policy.put.v1"):
    policy_name: str
    document: str
    sentence = "Inline policy {policy_name} of {entity} {entity_name} was written."

    def fold(self, account: Account, at: datetime) -> Account:
        every = account[INLINE_POLICIES]
        documents = every.get(self.entity_id, NO_INLINE_POLICIES).set(self.policy_name, self.document)
        return account.put(INLINE_POLICIES, every.set(self.entity_id, documents))


class InlinePolicyDeleted(HolderChange, topic="iam.inline_policy.deleted.v1"):
    policy_name: str
    sentence = "Inline policy {policy_name} of {entity} {entity_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        every = account[INLINE_POLICIES]
        rest = every[self.entity_id].delete(self.policy_name)
        return account.put(INLINE_POLICIES, every.set(self.entity_id, rest) if rest else every.delete(self.entity_id))
