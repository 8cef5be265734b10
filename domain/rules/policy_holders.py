"""What users, groups and roles hold alike: attached managed policies and inline policies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from immutables import Map

from domain.account import Account
from domain.families.policies import (
    EntityKind,
    InlinePolicyDeleted,
    InlinePolicyPut,
    ManagedPolicy,
    PolicyAttached,
    PolicyDetached,
)
from domain.foundation.errors import DeleteConflict, LimitExceeded, NoSuchEntity
from domain.policy import (
    GROUP_INLINE_POLICIES_CHARACTERS_MAX,
    ROLE_INLINE_POLICIES_CHARACTERS_MAX,
    USER_INLINE_POLICIES_CHARACTERS_MAX,
    PolicyType,
    new_policy_size,
    parse,
    policy_size,
)
from domain.rules.quotas import ATTACHED_POLICIES_MAX, refuse_beyond


class Holder(Protocol):
    """A user, a group or a role."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def resource(self) -> str: ...


@dataclass(frozen=True, slots=True)
class HolderKind:
    """One of the three kinds, and what differs between them."""

    kind: EntityKind
    title: str
    """As AWS writes it in names of quotas: User, Group, Role."""
    named: Callable[[Account, str], Holder]
    by_id: Callable[[Account, str], Holder]
    inline_characters_max: int


USER = HolderKind(
    "user",
    "User",
    lambda account, name: account.users.named(name),
    lambda account, user_id: account.users.by_id[user_id],
    USER_INLINE_POLICIES_CHARACTERS_MAX,
)
GROUP = HolderKind(
    "group",
    "Group",
    lambda account, name: account.groups.named(name),
    lambda account, group_id: account.groups.by_id[group_id],
    GROUP_INLINE_POLICIES_CHARACTERS_MAX,
)
ROLE = HolderKind(
    "role",
    "Role",
    lambda account, name: account.roles.named(name),
    lambda account, role_id: account.roles.by_id[role_id],
    ROLE_INLINE_POLICIES_CHARACTERS_MAX,
)
KINDS = (USER, GROUP, ROLE)


def holder_of(account: Account, entity_id: str) -> tuple[HolderKind, Holder]:
    """The user, group or role with this unique id."""
    for kind, entities in ((USER, account.users), (GROUP, account.groups), (ROLE, account.roles)):
        if entity_id in entities.by_id:
            return kind, kind.by_id(account, entity_id)
    raise LookupError(f"No user, group or role has the unique id {entity_id}.")


def managed_policy(account: Account, arn: str) -> ManagedPolicy:
    policy = account.managed_policies.get(arn)
    if policy is None:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def attach(account: Account, kind: HolderKind, name: str, *, policy_arn: str) -> tuple[PolicyAttached, ...]:
    """Attaching twice is no error and no event."""
    holder = kind.named(account, name)
    policy = account.managed_policies.get(policy_arn)
    if policy is None:
        raise NoSuchEntity(f"Policy {policy_arn} does not exist or is not attachable.")
    if (holder.id, policy_arn) in account.attachments:
        return ()
    refuse_beyond(f"PoliciesPer{kind.title}", len(account.attachments.rights_of(holder.id)), ATTACHED_POLICIES_MAX)
    return (
        PolicyAttached(
            entity=kind.kind, entity_id=holder.id, entity_name=holder.name, policy_id=policy.id, policy_arn=policy.arn
        ),
    )


def detach(account: Account, kind: HolderKind, name: str, *, policy_arn: str) -> PolicyDetached:
    holder = kind.named(account, name)
    if (holder.id, policy_arn) not in account.attachments:
        raise NoSuchEntity(f"Policy {policy_arn} was not found.")
    return PolicyDetached(
        entity=kind.kind,
        entity_id=holder.id,
        entity_name=holder.name,
        policy_id=account.managed_policies[policy_arn].id,
        policy_arn=policy_arn,
    )


def attached(account: Account, kind: HolderKind, name: str) -> list[ManagedPolicy]:
    holder = kind.named(account, name)
    return [account.managed_policies[arn] for arn in account.attachments.rights_of(holder.id)]


def put_inline(account: Account, kind: HolderKind, name: str, *, policy_name: str, document: str) -> InlinePolicyPut:
    """Replaces what the name held before. The limit is on all inline policies of the holder together."""
    holder = kind.named(account, name)
    others = account.inline_policies.get(holder.id, _NO_POLICIES)
    size = new_policy_size(document) + sum(policy_size(text) for other, text in others.items() if other != policy_name)
    if size > kind.inline_characters_max:
        raise LimitExceeded(
            f"Maximum policy size of {kind.inline_characters_max} bytes exceeded for {kind.kind} {holder.name}"
        )
    parse(document, PolicyType.IDENTITY)
    return InlinePolicyPut(
        entity=kind.kind, entity_id=holder.id, entity_name=holder.name, policy_name=policy_name, document=document
    )


def delete_inline(account: Account, kind: HolderKind, name: str, *, policy_name: str) -> InlinePolicyDeleted:
    holder = kind.named(account, name)
    inline(account, kind, name, policy_name=policy_name)
    return InlinePolicyDeleted(entity=kind.kind, entity_id=holder.id, entity_name=holder.name, policy_name=policy_name)


def inline(account: Account, kind: HolderKind, name: str, *, policy_name: str) -> str:
    """The document."""
    holder = kind.named(account, name)
    document = account.inline_policies.get(holder.id, _NO_POLICIES).get(policy_name)
    if document is None:
        raise NoSuchEntity(f"The {kind.kind} policy with name {policy_name} cannot be found.")
    return document


def inline_names(account: Account, kind: HolderKind, name: str) -> list[str]:
    return list(account.inline_policies.get(kind.named(account, name).id, _NO_POLICIES))


def refuse_with_policies(account: Account, entity_id: str) -> None:
    """Before the entity is deleted. Raises DeleteConflict."""
    if account.inline_policies.get(entity_id):
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    if account.attachments.rights_of(entity_id):
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")


_NO_POLICIES: Map[str, str] = Map()
