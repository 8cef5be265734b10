"""Operations on the organization, its root, units and accounts."""

from collections.abc import Iterable, Iterator

from domain.account import Account
from domain.calls import Call, Outcome
from domain.families.organization import NodeKind, Organization, OrganizationNode
from domain.rules.managed_organization import (
    AccountNotFoundException,
    ChildNotFoundException,
    OrganizationalUnitNotFoundException,
    ParentNotFoundException,
    TargetNotFoundException,
    managed_organization,
    membership_of,
    require_node,
)
from services.organizations.elements import (
    NODE_TYPES,
    PAGES,
    POLICY_TYPES,
    SERVICE,
    Shown,
    element_arn,
    node_arn,
    node_members,
    on_node,
    on_policy,
    page,
)
from services.wire.operations import Parameters, TargetResource, answers, any_resource


@answers("DescribeOrganization", service=SERVICE, on=any_resource)
def describe_organization(account: Account, _call: Call) -> Outcome:
    """Of any account that is in one. All features are enabled here."""
    membership = membership_of(account)
    members = {
        "Id": membership.organization_id,
        "Arn": element_arn(account, "organization"),
        "FeatureSet": "ALL",
        "MasterAccountArn": node_arn(account, membership.management_account_id),
        "MasterAccountId": membership.management_account_id,
        "AvailablePolicyTypes": POLICY_TYPES,
    }
    return Outcome(lambda _after: {"Organization": members})


@answers("DescribeAccount", service=SERVICE, on=on_node("account_id"), records="account_id")
def describe_account(account: Account, call: Call, *, account_id: str) -> Outcome:
    organization = managed_organization(account, call)
    node = require_node(organization, account_id, AccountNotFoundException, "account")
    members = _account_members(account, call, node)
    return Outcome(lambda _after: {"Account": members})


@answers(
    "DescribeOrganizationalUnit",
    service=SERVICE,
    on=on_node("organizational_unit_id"),
    records="organizational_unit_id",
)
def describe_organizational_unit(account: Account, call: Call, *, organizational_unit_id: str) -> Outcome:
    organization = managed_organization(account, call)
    node = require_node(organization, organizational_unit_id, OrganizationalUnitNotFoundException, "unit")
    return Outcome(lambda _after: {"OrganizationalUnit": node_members(account, node)})


@answers("ListAccounts", service=SERVICE, on=any_resource, records=PAGES)
def list_accounts(
    account: Account, call: Call, *, max_results: int | None = None, next_token: str | None = None
) -> Outcome:
    nodes = (node for node in managed_organization(account, call).nodes if node.kind == "account")
    members = page("Accounts", _shown_accounts(account, call, nodes), max_results, next_token)
    return Outcome(lambda _after: members)


@answers("ListAccountsForParent", service=SERVICE, on=on_node("parent_id"), records=f"parent_id {PAGES}")
def list_accounts_for_parent(
    account: Account, call: Call, *, parent_id: str, max_results: int | None = None, next_token: str | None = None
) -> Outcome:
    nodes = _children(managed_organization(account, call), parent_id, "account")
    members = page("Accounts", _shown_accounts(account, call, nodes), max_results, next_token)
    return Outcome(lambda _after: members)


@answers("ListRoots", service=SERVICE, on=any_resource, records=PAGES)
def list_roots(
    account: Account, call: Call, *, max_results: int | None = None, next_token: str | None = None
) -> Outcome:
    root = managed_organization(account, call).nodes[0]
    shown = node_members(account, root) | {"PolicyTypes": POLICY_TYPES}
    members = page("Roots", [(root.id, shown)], max_results, next_token)
    return Outcome(lambda _after: members)


@answers("ListOrganizationalUnitsForParent", service=SERVICE, on=on_node("parent_id"), records=f"parent_id {PAGES}")
def list_organizational_units_for_parent(
    account: Account, call: Call, *, parent_id: str, max_results: int | None = None, next_token: str | None = None
) -> Outcome:
    children = _children(managed_organization(account, call), parent_id, "unit")
    shown = [(node.id, node_members(account, node)) for node in children]
    members = page("OrganizationalUnits", shown, max_results, next_token)
    return Outcome(lambda _after: members)


@answers("ListChildren", service=SERVICE, on=on_node("parent_id"), records=f"child_type parent_id {PAGES}")
def list_children(
    account: Account,
    call: Call,
    *,
    parent_id: str,
    child_type: str,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Outcome:
    kind: NodeKind = "account" if child_type == "ACCOUNT" else "unit"
    children = _children(managed_organization(account, call), parent_id, kind)
    members = page("Children", [(node.id, _typed(node)) for node in children], max_results, next_token)
    return Outcome(lambda _after: members)


@answers("ListParents", service=SERVICE, on=on_node("child_id"), records=f"child_id {PAGES}")
def list_parents(
    account: Account, call: Call, *, child_id: str, max_results: int | None = None, next_token: str | None = None
) -> Outcome:
    """There is one."""
    organization = managed_organization(account, call)
    child = require_node(organization, child_id, ChildNotFoundException, "account", "unit")
    shown = [(node.id, _typed(node)) for node in organization.nodes if node.id == child.parent_id]
    members = page("Parents", shown, max_results, next_token)
    return Outcome(lambda _after: members)


def _delegated_to(_account: Account, parameters: Parameters) -> dict[str, tuple[str, ...]]:
    principal = parameters.get("service_principal")
    return {} if principal is None else {"organizations:serviceprincipal": (principal,)}


@answers(
    "ListDelegatedAdministrators",
    service=SERVICE,
    on=any_resource,
    context=_delegated_to,
    records=f"service_principal {PAGES}",
)
def list_delegated_administrators(
    account: Account,
    call: Call,
    *,
    service_principal: str | None = None,  # noqa: ARG001  there are none, of any service
    max_results: int | None = None,
    next_token: str | None = None,
) -> Outcome:
    managed_organization(account, call)
    members = page("DelegatedAdministrators", (), max_results, next_token)
    return Outcome(lambda _after: members)


def _tagged(account: Account, call: Call, parameters: Parameters) -> TargetResource:
    find = on_policy if parameters["resource_id"].startswith("p-") else on_node
    return find("resource_id")(account, call, parameters)


@answers("ListTagsForResource", service=SERVICE, on=_tagged, records="resource_id next_token")
def list_tags_for_resource(account: Account, call: Call, *, resource_id: str, next_token: str | None = None) -> Outcome:
    """Nothing in an organization has tags here."""
    organization = managed_organization(account, call)
    if resource_id not in {listed.policy.id for listed in organization.policies}:
        require_node(organization, resource_id, TargetNotFoundException, "root", "unit", "account")
    members = page("Tags", (), None, next_token)
    return Outcome(lambda _after: members)


def _children(organization: Organization, parent_id: str, kind: NodeKind) -> list[OrganizationNode]:
    """Raises ParentNotFoundException."""
    require_node(organization, parent_id, ParentNotFoundException, "root", "unit")
    return [node for node in organization.nodes if node.parent_id == parent_id and node.kind == kind]


def _typed(node: OrganizationNode) -> Shown:
    return {"Id": node.id, "Type": NODE_TYPES[node.kind]}


def _shown_accounts(account: Account, call: Call, nodes: Iterable[OrganizationNode]) -> Iterator[tuple[str, Shown]]:
    return ((node.id, _account_members(account, call, node)) for node in nodes)


def _account_members(account: Account, call: Call, node: OrganizationNode) -> Shown:
    """The status is what clients asked for until the state took its place: AWS calls a closed account suspended."""
    opened = call.installation().accounts.get(node.id)
    is_closed = opened is not None and opened.retired_at is not None
    state = {"Status": "SUSPENDED", "State": "CLOSED"} if is_closed else {"Status": "ACTIVE", "State": "ACTIVE"}
    return node_members(account, node) | state
