"""Managed policies (the account's own and those that AWS maintains), their attachments, and inline policies."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import filterfalse
from typing import Literal

from immutables import Map

from domain.account import NOBODY, Account, AccountChange, AffectsNobody, Component
from domain.entity_kinds import EntityChange, EntityKind, entity_title, prevents_deletion
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.families.boundaries import BOUNDARIES
from domain.families.groups import with_members
from domain.foundation.errors import NoSuchEntity
from domain.foundation.events import Value
from domain.foundation.many_to_many import ManyToMany
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta, brings_back
from domain.policy.statement_texts import document_of, is_allow, phrases, statement_texts

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
"""By ARN."""
ATTACHMENTS = Component[ManyToMany]("attachments", ManyToMany())
"""Unique ids of users, groups and roles on the left, ARNs of managed policies on the right."""
InlinePolicies = Map[str, Map[str, str]]
INLINE_POLICIES = Component[InlinePolicies]("inline_policies", Map())
"""By the entity's unique id: documents by policy name."""
NO_INLINE_POLICIES: Map[str, str] = Map()
POLICY_FACT = FactKind("managed policy")
VERSION_FACT = FactKind("policy version")
DEFAULT_VERSION_FACT = FactKind("default version")
ATTACHMENT_FACT = FactKind("attachment", "was made", "was ended")
INLINE_POLICY_FACT = FactKind("inline policy", "was written", "was deleted")


def _document_openings(delta: SettingDelta) -> Iterator[str]:
    yield from (f"allows {told}" for told in phrases(filter(is_allow, delta.introduced)))
    yield from (f"no longer denies {told}" for told in phrases(filterfalse(is_allow, delta.dropped)))


def _default_parts(account: Account, policy_arn: str, _subject: str) -> Parts:
    policy = account[MANAGED_POLICIES].get(policy_arn)
    return {} if policy is None else dict.fromkeys(statement_texts(policy.default.document), "")


def _last_version_parts(account: Account, policy_arn: str, _subject: str) -> Parts:
    policy = account[MANAGED_POLICIES].get(policy_arn)
    return {} if policy is None else dict.fromkeys(statement_texts(policy.versions[policy.last_version].document), "")


def _without_default(delta: SettingDelta, parts: Parts) -> Account:
    policies = delta.account[MANAGED_POLICIES]
    policy = policies[delta.owner_id]
    default = replace(policy.default, document=document_of(parts))
    policy = replace(policy, versions=policy.versions.set(default.number, default))
    return delta.account.put(MANAGED_POLICIES, policies.set(policy.arn, policy))


def _inline_parts(account: Account, holder_id: str, name: str) -> Parts:
    document = account[INLINE_POLICIES].get(holder_id, NO_INLINE_POLICIES).get(name)
    return {} if document is None else dict.fromkeys(statement_texts(document), "")


def _without_inline(delta: SettingDelta, parts: Parts) -> Account:
    every = delta.account[INLINE_POLICIES]
    documents = every.get(delta.owner_id, NO_INLINE_POLICIES).set(delta.subject_id, document_of(parts))
    return delta.account.put(INLINE_POLICIES, every.set(delta.owner_id, documents))


def _with_policy(delta: SettingDelta, policy_arn: str) -> Account:
    """The account with the policy that it was, where it is gone or another one has its ARN."""
    policies, former = delta.account[MANAGED_POLICIES], delta.former[MANAGED_POLICIES].get(policy_arn)
    now = policies.get(policy_arn)
    if former is None or (now is not None and now.id == former.id):
        return delta.account
    return delta.account.put(MANAGED_POLICIES, policies.set(policy_arn, former))


def _attachment_parts(account: Account, holder_id: str, policy_arn: str) -> Parts:
    """With the unique id: a policy that has the ARN of another one is not that."""
    if (holder_id, policy_arn) not in account[ATTACHMENTS]:
        return {}
    return {policy_arn: account[MANAGED_POLICIES][policy_arn].id}


def _without_attachment(delta: SettingDelta, parts: Parts) -> Account:
    account = _with_policy(delta, delta.subject_id) if parts else delta.account
    attachments, pair = account[ATTACHMENTS], (delta.owner_id, delta.subject_id)
    if bool(parts) == (pair in attachments):
        return account
    return account.put(ATTACHMENTS, attachments.add(*pair) if parts else attachments.remove(*pair))


def _attachment_openings(delta: SettingDelta) -> Iterator[str]:
    """What was taken away is asked of the policy as it was."""
    title = entity_title(delta.account, delta.owner_id)
    given, taken = (account[MANAGED_POLICIES].get(delta.subject_id) for account in (delta.account, delta.former))
    if delta.introduced and given is not None:
        allowing = filter(is_allow, statement_texts(given.default.document))
        yield from (f"allows {title} {told}" for told in phrases(allowing))
    if delta.dropped and taken is not None:
        denying = filterfalse(is_allow, statement_texts(taken.default.document))
        yield from (f"no longer denies {title} {told}" for told in phrases(denying))


@brings_back
def _held(account: Account, former: Account, holder_id: str) -> Account:
    if (inline := former[INLINE_POLICIES].get(holder_id)) is not None:
        account = account.put(INLINE_POLICIES, account[INLINE_POLICIES].set(holder_id, inline))
    for policy_arn in former[ATTACHMENTS].rights_of(holder_id):
        policy = account[MANAGED_POLICIES].get(policy_arn, former[MANAGED_POLICIES][policy_arn])
        account = account.put(MANAGED_POLICIES, account[MANAGED_POLICIES].set(policy_arn, policy))
        account = account.put(ATTACHMENTS, account[ATTACHMENTS].add(holder_id, policy_arn))
    return account


def _boundary_parts(account: Account, entity_id: str, _subject: str) -> Parts:
    return {arn: account[MANAGED_POLICIES][arn].id for arn in account[BOUNDARIES].rights_of(entity_id)}


def _without_boundary(delta: SettingDelta, parts: Parts) -> Account:
    account = delta.account.put(BOUNDARIES, delta.account[BOUNDARIES].without(delta.owner_id))
    for policy_arn in parts:
        account = _with_policy(replace(delta, account=account), policy_arn)
        account = account.put(BOUNDARIES, account[BOUNDARIES].add(delta.owner_id, policy_arn))
    return account


def _boundary_openings(delta: SettingDelta) -> Iterator[str]:
    title = entity_title(delta.account, delta.owner_id)
    yield from (f"no longer limits {title} to {policy_arn}" for policy_arn in delta.dropped)
    if delta.introduced and delta.is_asked_for("iam:permissionsboundary"):
        yield f"bounds {title} by {', '.join(delta.introduced)}, and policies ask about that"


DEFAULT_VERSION = Setting(_default_parts, _without_default, _document_openings, is_versioned=True)
INLINE_POLICY = Setting(_inline_parts, _without_inline, _document_openings)
BOUNDARY = Setting(_boundary_parts, _without_boundary, _boundary_openings)
ATTACHMENT = Setting(_attachment_parts, _without_attachment, _attachment_openings)
LineageKind("policy", setting=DEFAULT_VERSION)
LineageKind("policy_version", "{version} of policy {name}", setting=DEFAULT_VERSION, writes=_last_version_parts)
LineageKind("policy_default", "default {version} of policy {name}", setting=DEFAULT_VERSION)
LineageKind("inline_policy", "inline policy {subject} of {name}", setting=INLINE_POLICY)
LineageKind("inline_policy_removed", "inline policy {subject} taken from {name}", setting=INLINE_POLICY)
LineageKind("attachment", "{policy} attached to {name}", setting=ATTACHMENT)
LineageKind("detachment", "{policy} detached from {name}", setting=ATTACHMENT)
LineageKind("boundary", "boundary of {name}", setting=BOUNDARY)
LineageKind("boundary_removed", "boundary taken from {name}", setting=BOUNDARY)
prevents_deletion(7, "delete policies", lambda account, holder_id: account[INLINE_POLICIES].get(holder_id))
prevents_deletion(8, "detach all policies", lambda account, holder_id: account[ATTACHMENTS].rights_of(holder_id))


def managed_policy(account: Account, arn: str) -> ManagedPolicy:
    policy = account[MANAGED_POLICIES].get(arn)
    if policy is None:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def _facts(_account: Account, policy: ManagedPolicy) -> Iterator[tuple[Fact, FactValue]]:
    said = {"arn": policy.arn, "name": policy.name, "path": policy.path, "description": policy.description}
    yield Fact(POLICY_FACT, policy.id), FactValue(policy.arn, said)
    default = FactValue(f"of {policy.arn}", {"version": policy.default.id}, policy.default.document)
    yield Fact(DEFAULT_VERSION_FACT, policy.id), default
    for version in policy.versions.values():
        state = FactValue(f"{version.id} of {policy.arn}", {"version": version.id}, version.document)
        yield Fact(VERSION_FACT, f"{policy.id}/{version.id}"), state


POLICY = EntityKind("policy", "ANPA", lambda account: account[MANAGED_POLICIES], managed_policy, _facts)


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
    """From here the account knows these AWS-managed policies. A later catalogue is a later event, so that it changes
    no answer about the past; it carries the versions that differ, so that a ledger folds with nothing beside it."""

    digest: str
    """SHA-256 of the whole catalogue, as the installation ledger names it."""
    versions: tuple[CatalogueVersion, ...]

    def fold(self, account: Account, at: datetime) -> Account:
        adopted = {
            each.policy_arn: _of_one_version(
                each, each.created_at, PolicyVersion(each.version, each.document, each.updated_at)
            )
            for each in self.versions
        }
        return account.put(MANAGED_POLICIES, account[MANAGED_POLICIES].update(adopted))

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return NOBODY.union(*(held_by(after, version.policy_arn) for version in self.versions))

    def changed_subjects(self, account_id: str) -> Iterable[str]:
        return (version.policy_arn for version in self.versions)

    def describe(self) -> str:
        return f"{len(self.versions)} versions of AWS managed policies were adopted."


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
