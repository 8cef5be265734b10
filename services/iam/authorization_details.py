"""IAM's operation on everything at once: users, groups, roles and managed policies, with what each of them holds."""

from collections.abc import Collection, Iterator, Mapping

from immutables import Map

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.aws_managed_policies import known_policies
from domain.families.boundaries import BOUNDARIES
from domain.families.groups import GROUPS, Group
from domain.families.policies import ATTACHMENTS, INLINE_POLICIES, MANAGED_POLICIES, ManagedPolicy
from domain.families.roles import ROLES, Role
from domain.families.users import USERS, User
from domain.rules import groups
from domain.rules.instance_profiles import profiles_of
from services.iam.entity_members import (
    EntityMembers,
    OtherAccounts,
    described_policy_members,
    group_members,
    listed_instance_profile_members,
    other_accounts,
    policy_sort_key,
    role_members_with_last_used,
    user_members,
    version_members,
)
from services.wire.operations import answers, any_resource
from services.wire.pagination import page_request

DetailedEntity = User | Group | Role | ManagedPolicy

_KINDS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")
"""The values of Filter."""
_LISTS: dict[type[DetailedEntity], str] = {
    User: "UserDetailList",
    Group: "GroupDetailList",
    Role: "RoleDetailList",
    ManagedPolicy: "Policies",
}
"""What an answer shows, in the order in which the pages go through it."""
_KIND_ORDER = {kind: place for place, kind in enumerate(_LISTS)}
_NOT_IN_DETAIL = ("Description", "MaxSessionDuration")
_NO_POLICIES: Map[str, str] = Map()


@answers("GetAccountAuthorizationDetails", on=any_resource, records="filter marker max_items")
def get_account_authorization_details(
    account: Account,
    call: Call,
    *,
    filter: list[str] | None = None,  # noqa: A002  AWS's name
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    """One page over all four lists together, handed out in four lists."""
    pages = page_request("AuthorizationDetails", marker, max_items)
    kinds = filter or _KINDS
    trusted = (arn for role in account[ROLES] for arn in role.trusted) if "Role" in kinds else ()
    others = other_accounts(account, call, trusted)

    def answer(after: Account) -> Mapping[str, object]:
        shown: dict[str, list[EntityMembers]] = {name: [] for name in _LISTS.values()}

        def render(entity: DetailedEntity) -> EntityMembers:
            details = _details(after, entity, others)
            shown[_LISTS[type(entity)]].append(details)
            return details

        page = pages.of(_of_kinds(after, kinds), key=_key, render=render)
        del page["AuthorizationDetails"]
        return page | shown

    return Outcome(answer)


def _of_kinds(account: Account, kinds: Collection[str]) -> Iterator[DetailedEntity]:
    if "User" in kinds:
        yield from account[USERS]
    if "Group" in kinds:
        yield from account[GROUPS]
    if "Role" in kinds:
        yield from account[ROLES]
    for policy in known_policies(account):
        if policy.is_aws_managed:
            if "AWSManagedPolicy" in kinds and _is_used(account, policy):
                yield policy
        elif "LocalManagedPolicy" in kinds:
            yield policy


def _is_used(account: Account, policy: ManagedPolicy) -> bool:
    """Of the policies that AWS maintains those are shown that say something about this account's permissions, of which
    the answer is a snapshot (API Reference, "GetAccountAuthorizationDetails"): a boundary does so, too."""
    return account[ATTACHMENTS].count_lefts(policy.arn) > 0 or account[BOUNDARIES].count_lefts(policy.arn) > 0


def _key(entity: DetailedEntity) -> str:
    name = policy_sort_key(entity) if isinstance(entity, ManagedPolicy) else entity.name
    return f"{_KIND_ORDER[type(entity)]} {name}"


def _details(account: Account, entity: DetailedEntity, others: OtherAccounts) -> EntityMembers:
    match entity:
        case User():
            return {
                **user_members(account, entity),
                "GroupList": sorted(group.name for group in groups.groups_of(account, entity.id)),
                "UserPolicyList": _inline(account, entity),
                "AttachedManagedPolicies": _attached(account, entity),
            }
        case Group():
            return {
                **group_members(account, entity),
                "GroupPolicyList": _inline(account, entity),
                "AttachedManagedPolicies": _attached(account, entity),
            }
        case Role():
            members = role_members_with_last_used(account, entity, others)
            return {
                **{name: value for name, value in members.items() if name not in _NOT_IN_DETAIL},
                "InstanceProfileList": [
                    listed_instance_profile_members(account, profile, others)
                    for profile in sorted(profiles_of(account, entity), key=lambda profile: profile.name)
                ],
                "RolePolicyList": _inline(account, entity),
                "AttachedManagedPolicies": _attached(account, entity),
            }
        case ManagedPolicy():
            versions = sorted(entity.versions.values(), key=lambda version: version.number, reverse=True)
            return {
                **described_policy_members(account, entity),
                "PolicyVersionList": [
                    version_members(entity, version) | {"Document": version.document} for version in versions
                ],
            }


def _inline(account: Account, holder: User | Group | Role) -> list[EntityMembers]:
    documents = account[INLINE_POLICIES].get(holder.id, _NO_POLICIES)
    return [{"PolicyName": name, "PolicyDocument": document} for name, document in sorted(documents.items())]


def _attached(account: Account, holder: User | Group | Role) -> list[EntityMembers]:
    attached = (account[MANAGED_POLICIES][arn] for arn in account[ATTACHMENTS].rights_of(holder.id))
    return [{"PolicyName": policy.name, "PolicyArn": policy.arn} for policy in sorted(attached, key=policy_sort_key)]
