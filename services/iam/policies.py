"""IAM's operations on managed policies and their versions."""

from collections.abc import Callable

from domain.account import Account
from domain.calls import Call, Outcome, done
from domain.families.aws_managed_policies import known_policies, known_policy
from domain.families.boundaries import BOUNDARIES
from domain.families.groups import GROUP
from domain.families.policies import ATTACHMENTS, MANAGED_POLICIES, POLICY, ManagedPolicy
from domain.families.roles import ROLE
from domain.families.users import USER
from domain.foundation.many_to_many import ManyToMany
from domain.rules import policies, tagging
from domain.rules.policy_holders import KINDS, HolderKind, holder_of
from services.iam import condition_keys, resources
from services.iam.entity_members import (
    created_policy_members,
    listed_policy_members,
    policy_members,
    policy_sort_key,
    version_members,
)
from services.iam.tags import TagList, authorized_tags
from services.wire.operations import answers
from services.wire.pagination import page_request


@answers(
    "CreatePolicy",
    on=resources.new_policy,
    records="policy_name path policy_document description tags",
    context=condition_keys.request_tags,
)
def create_policy(
    account: Account,
    call: Call,
    *,
    policy_name: str,
    policy_document: str,
    path: str = "/",
    description: str | None = None,
    tags: TagList | None = None,
) -> Outcome:
    arn = account.arn(f"policy{path}{policy_name}")
    given = authorized_tags(account, call, "iam:TagPolicy", arn, tags)
    created = policies.create_policy(
        account,
        policy_id=call.unique_id(POLICY.id_prefix),
        policy_name=policy_name,
        path=path,
        description=description,
        document=policy_document,
    )
    return Outcome(
        lambda after: {"Policy": created_policy_members(after, after[MANAGED_POLICIES][arn])},
        [created, *tagging.tags_on_create(POLICY, arn, policy_name, given)],
    )


@answers("GetPolicy", on=resources.policy, records="policy_arn")
def get_policy(account: Account, _call: Call, *, policy_arn: str) -> Outcome:
    policy = known_policy(account, policy_arn)
    return Outcome(lambda after: {"Policy": policy_members(after, policy)})


@answers(
    "ListPolicies",
    on=resources.policies_under_path,
    records="scope only_attached path_prefix policy_usage_filter marker max_items",
)
def list_policies(
    _account: Account,
    _call: Call,
    *,
    scope: str = "All",
    only_attached: bool = False,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    pages = page_request("Policies", marker, max_items)

    def is_listed(account: Account, policy: ManagedPolicy) -> bool:
        return (
            scope in {"All", "AWS" if policy.is_aws_managed else "Local"}
            and policy.path.startswith(path_prefix)
            and (not only_attached or account[ATTACHMENTS].count_lefts(policy.arn) > 0)
            and (policy_usage_filter is None or _USES[policy_usage_filter](account).count_lefts(policy.arn) > 0)
        )

    return Outcome(
        lambda after: pages.of(
            (policy for policy in known_policies(after) if is_listed(after, policy)),
            key=policy_sort_key,
            render=lambda policy: listed_policy_members(after, policy),
        )
    )


@answers("DeletePolicy", on=resources.policy, records="policy_arn")
def delete_policy(account: Account, _call: Call, *, policy_arn: str) -> Outcome:
    return done(policies.delete_policy(account, policy_arn=policy_arn))


@answers("CreatePolicyVersion", on=resources.policy, records="policy_arn policy_document set_as_default")
def create_policy_version(
    account: Account, _call: Call, *, policy_arn: str, policy_document: str, set_as_default: bool = False
) -> Outcome:
    created = policies.create_policy_version(
        account, policy_arn=policy_arn, document=policy_document, set_as_default=set_as_default
    )

    def answer(after: Account) -> dict[str, object]:
        policy = after[MANAGED_POLICIES][policy_arn]
        return {"PolicyVersion": version_members(policy, policy.versions[created.version])}

    return Outcome(answer, [created])


@answers("GetPolicyVersion", on=resources.policy, records="policy_arn version_id")
def get_policy_version(account: Account, _call: Call, *, policy_arn: str, version_id: str) -> Outcome:
    policy = known_policy(account, policy_arn)
    version = policies.policy_version(policy, version_id)
    return Outcome(lambda _after: {"PolicyVersion": version_members(policy, version) | {"Document": version.document}})


@answers("ListPolicyVersions", on=resources.policy, records="policy_arn marker max_items")
def list_policy_versions(
    account: Account, _call: Call, *, policy_arn: str, marker: str | None = None, max_items: int | None = None
) -> Outcome:
    """The newest first, as in AWS (aws CLI, examples of list-policy-versions)."""
    policy, pages = known_policy(account, policy_arn), page_request("Versions", marker, max_items)
    return Outcome(
        lambda _after: pages.of(
            policy.versions.values(),
            key=lambda version: f"{_VERSIONS_MAX - version.number:09d}",
            render=lambda version: version_members(policy, version),
        )
    )


@answers("SetDefaultPolicyVersion", on=resources.policy, records="policy_arn version_id")
def set_default_policy_version(account: Account, _call: Call, *, policy_arn: str, version_id: str) -> Outcome:
    return done(*policies.set_default_policy_version(account, policy_arn=policy_arn, version_id=version_id))


@answers("DeletePolicyVersion", on=resources.policy, records="policy_arn version_id")
def delete_policy_version(account: Account, _call: Call, *, policy_arn: str, version_id: str) -> Outcome:
    return done(policies.delete_policy_version(account, policy_arn=policy_arn, version_id=version_id))


_VERSIONS_MAX = 10**9
"""A policy never comes to so many."""
_USES: dict[str, Callable[[Account], ManyToMany]] = {
    "PermissionsPolicy": lambda account: account[ATTACHMENTS],
    "PermissionsBoundary": lambda account: account[BOUNDARIES],
}
"""For what a policy may be used, by the values of PolicyUsageFilter."""
_ENTITY_LISTS = {"user": "PolicyUsers", "group": "PolicyGroups", "role": "PolicyRoles"}
_ENTITY_FILTERS: dict[str, tuple[HolderKind, ...]] = {"User": (USER,), "Group": (GROUP,), "Role": (ROLE,)}


@answers(
    "ListEntitiesForPolicy",
    on=resources.policy,
    records="policy_arn entity_filter path_prefix policy_usage_filter marker max_items",
)
def list_entities_for_policy(
    account: Account,
    _call: Call,
    *,
    policy_arn: str,
    entity_filter: str | None = None,
    path_prefix: str = "/",
    policy_usage_filter: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    """One page over users, groups and roles together, handed out in three lists. Filters by what is managed by AWS or
    locally name policies, not entities: with them no entity is found."""
    policy, pages = known_policy(account, policy_arn), page_request("Entities", marker, max_items)
    uses = tuple(_USES.values()) if policy_usage_filter is None else (_USES[policy_usage_filter],)
    kinds = KINDS if entity_filter is None else _ENTITY_FILTERS.get(entity_filter, ())

    def answer(after: Account) -> dict[str, object]:
        users_of_it = {entity_id for use in uses for entity_id in use(after).lefts_of(policy.arn)}
        found = (holder_of(after, entity_id) for entity_id in users_of_it)
        shown: dict[str, list[dict[str, object]]] = {name: [] for name in _ENTITY_LISTS.values()}
        page = pages.of(
            ((kind, holder) for kind, holder in found if kind in kinds and holder.path.startswith(path_prefix)),
            key=lambda pair: f"{pair[0].noun}/{pair[1].name}",
            render=lambda pair: shown[_ENTITY_LISTS[pair[0].noun]].append(
                {f"{pair[0].title}Name": pair[1].name, f"{pair[0].title}Id": pair[1].id}
            ),
        )
        del page["Entities"]
        return page | shown

    return Outcome(answer)
