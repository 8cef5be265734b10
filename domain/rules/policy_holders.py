"""What users, groups and roles hold alike: attached managed policies and inline policies."""

from domain.account import Account, AccountChange
from domain.authorization import identity_policies, inline_source_id
from domain.entity_kinds import EntityKind
from domain.families.aws_managed_policies import adoption, find_policy, is_attachable
from domain.families.containment import CONTAINED_POLICY_NAME
from domain.families.groups import GROUP, Group
from domain.families.policies import (
    ATTACHMENTS,
    INLINE_POLICIES,
    MANAGED_POLICIES,
    NO_INLINE_POLICIES,
    InlinePolicyDeleted,
    InlinePolicyPut,
    ManagedPolicy,
    PolicyAttached,
    PolicyDetached,
)
from domain.families.roles import ROLE, Role
from domain.families.users import USER, User
from domain.foundation.errors import LimitExceeded, NoSuchEntity, PolicyNotAttachable
from domain.foundation.identifiers import refuse_other_arn
from domain.policy import (
    GROUP_INLINE_POLICIES_CHARACTERS_MAX,
    ROLE_INLINE_POLICIES_CHARACTERS_MAX,
    USER_INLINE_POLICIES_CHARACTERS_MAX,
    PolicyType,
    SourcedPolicy,
    compiled,
    new_policy_size,
    parse_new,
    policy_size,
)
from domain.rules.policy_prices import refuse_unaffordable
from domain.rules.protected_roles import refuse_protected
from domain.rules.quotas import ATTACHED_POLICIES_MAX, refuse_beyond

Holder = User | Group | Role
HolderKind = EntityKind[Holder]
KINDS: tuple[HolderKind, ...] = (USER, GROUP, ROLE)
_INLINE_CHARACTERS_MAX: dict[HolderKind, int] = {
    USER: USER_INLINE_POLICIES_CHARACTERS_MAX,
    GROUP: GROUP_INLINE_POLICIES_CHARACTERS_MAX,
    ROLE: ROLE_INLINE_POLICIES_CHARACTERS_MAX,
}


def holder_of(account: Account, entity_id: str) -> tuple[HolderKind, Holder]:
    """The user, group or role with this unique id."""
    for kind in KINDS:
        holder = kind.by_id(account).get(entity_id)
        if holder is not None:
            return kind, holder
    raise LookupError(f"No user, group or role has the unique id {entity_id}.")


def attach(account: Account, kind: HolderKind, name: str, *, policy_arn: str) -> tuple[AccountChange, ...]:
    """Attaching twice is no error and no event."""
    holder = kind.named(account, name)
    refuse_protected(holder)
    policy = find_policy(account, policy_arn)
    if policy is None:
        refuse_other_arn(policy_arn, "policy")
        raise NoSuchEntity(f"Policy {policy_arn} does not exist or is not attachable.")
    if not is_attachable(policy):
        raise PolicyNotAttachable(f"Cannot attach a Service Role Policy to a Customer {kind.title}.")
    if (holder.id, policy_arn) in account[ATTACHMENTS]:
        return ()
    refuse_beyond(f"PoliciesPer{kind.title}", len(account[ATTACHMENTS].rights_of(holder.id)), ATTACHED_POLICIES_MAX)
    added = SourcedPolicy(compiled(policy.default.document, PolicyType.IDENTITY), policy.arn, "managed", None)
    refuse_unaffordable(f"{kind.noun} {holder.name}", (*identity_policies(account, holder.id), added))
    attached = PolicyAttached(**kind.naming(holder), policy_id=policy.id, policy_arn=policy.arn)
    return (*adoption(account, policy_arn), attached)


def detach(account: Account, kind: HolderKind, name: str, *, policy_arn: str) -> PolicyDetached:
    holder = kind.named(account, name)
    refuse_protected(holder)
    if (holder.id, policy_arn) not in account[ATTACHMENTS]:
        refuse_other_arn(policy_arn, "policy")
        raise NoSuchEntity(f"Policy {policy_arn} was not found.")
    policy_id = account[MANAGED_POLICIES][policy_arn].id
    return PolicyDetached(**kind.naming(holder), policy_id=policy_id, policy_arn=policy_arn)


def attached(account: Account, kind: HolderKind, name: str) -> list[ManagedPolicy]:
    holder = kind.named(account, name)
    return [account[MANAGED_POLICIES][arn] for arn in account[ATTACHMENTS].rights_of(holder.id)]


def put_inline(account: Account, kind: HolderKind, name: str, *, policy_name: str, document: str) -> InlinePolicyPut:
    """Replaces what the name held before. The limit is on all inline policies of the holder together."""
    holder = kind.named(account, name)
    refuse_protected(holder)
    others = account[INLINE_POLICIES].get(holder.id, NO_INLINE_POLICIES)
    size = new_policy_size(document) + sum(policy_size(text) for other, text in others.items() if other != policy_name)
    size_max = _INLINE_CHARACTERS_MAX[kind]
    if size > size_max:
        raise LimitExceeded(f"Maximum policy size of {size_max} bytes exceeded for {kind.noun} {holder.name}")
    parsed = parse_new(document, PolicyType.IDENTITY, account.partition)
    put = SourcedPolicy(parsed, inline_source_id(holder.id, policy_name), "inline", None)
    kept = (each for each in identity_policies(account, holder.id) if each.source_id != put.source_id)
    refuse_unaffordable(f"{kind.noun} {holder.name}", (*kept, put))
    return InlinePolicyPut(**kind.naming(holder), policy_name=policy_name, document=document)


def delete_inline(account: Account, kind: HolderKind, name: str, *, policy_name: str) -> InlinePolicyDeleted:
    holder = kind.named(account, name)
    if policy_name != CONTAINED_POLICY_NAME:
        refuse_protected(holder)
    inline(account, kind, name, policy_name=policy_name)
    return InlinePolicyDeleted(**kind.naming(holder), policy_name=policy_name)


def inline(account: Account, kind: HolderKind, name: str, *, policy_name: str) -> str:
    """The document."""
    holder = kind.named(account, name)
    document = account[INLINE_POLICIES].get(holder.id, NO_INLINE_POLICIES).get(policy_name)
    if document is None:
        raise NoSuchEntity(f"The {kind.noun} policy with name {policy_name} cannot be found.")
    return document


def inline_names(account: Account, kind: HolderKind, name: str) -> list[str]:
    return list(account[INLINE_POLICIES].get(kind.named(account, name).id, NO_INLINE_POLICIES))
