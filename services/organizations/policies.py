"""Operations on the policies of the organization."""

from domain.account import Account
from domain.calls import Call, Outcome
from domain.rules.managed_organization import (
    TargetNotFoundException,
    managed_organization,
    require_node,
    require_policy,
)
from services.organizations.elements import (
    NODE_TYPES,
    PAGES,
    SERVICE,
    Shown,
    node_arn,
    on_node,
    on_policy,
    page,
    policy_members,
    policy_type,
)
from services.wire.operations import answers, any_resource


@answers("DescribePolicy", service=SERVICE, on=on_policy("policy_id"), records="policy_id")
def describe_policy(account: Account, call: Call, *, policy_id: str) -> Outcome:
    listed = require_policy(managed_organization(account, call), policy_id)
    members = {"PolicySummary": policy_members(account, listed), "Content": listed.policy.document}
    return Outcome(lambda _after: {"Policy": members})


@answers("ListPolicies", service=SERVICE, on=any_resource, context=policy_type, records=f"filter {PAGES}")
def list_policies(
    account: Account,
    call: Call,
    *,
    filter: str,  # noqa: A002  AWS's name
    max_results: int | None = None,
    next_token: str | None = None,
) -> Outcome:
    """Of other types than service and resource control policies there are none."""
    of_type = [listed for listed in managed_organization(account, call).policies if listed.type == filter]
    shown = [(listed.policy.id, policy_members(account, listed)) for listed in of_type]
    members = page("Policies", shown, max_results, next_token)
    return Outcome(lambda _after: members)


@answers(
    "ListPoliciesForTarget",
    service=SERVICE,
    on=on_node("target_id"),
    context=policy_type,
    records=f"filter target_id {PAGES}",
)
def list_policies_for_target(
    account: Account,
    call: Call,
    *,
    target_id: str,
    filter: str,  # noqa: A002  AWS's name
    max_results: int | None = None,
    next_token: str | None = None,
) -> Outcome:
    """Those that are attached just there."""
    organization = managed_organization(account, call)
    node = require_node(organization, target_id, TargetNotFoundException, "root", "unit", "account")
    attached = [require_policy(organization, each) for each in (*node.scps, *node.rcps)]
    shown = [(each.policy.id, policy_members(account, each)) for each in attached if each.type == filter]
    members = page("Policies", shown, max_results, next_token)
    return Outcome(lambda _after: members)


@answers("ListTargetsForPolicy", service=SERVICE, on=on_policy("policy_id"), records=f"policy_id {PAGES}")
def list_targets_for_policy(
    account: Account, call: Call, *, policy_id: str, max_results: int | None = None, next_token: str | None = None
) -> Outcome:
    organization = managed_organization(account, call)
    require_policy(organization, policy_id)
    shown: list[tuple[str, Shown]] = [
        (
            node.id,
            {"TargetId": node.id, "Arn": node_arn(account, node.id), "Name": node.name, "Type": NODE_TYPES[node.kind]},
        )
        for node in organization.nodes
        if policy_id in {*node.scps, *node.rcps}
    ]
    members = page("Targets", shown, max_results, next_token)
    return Outcome(lambda _after: members)
