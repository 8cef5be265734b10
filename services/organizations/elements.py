"""What the organization consists of, as AWS names and shows it; and lists of it, page by page.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_Types.html. Of an account nobody knows an e-mail
address here, nor when and how it joined.
"""

from collections.abc import Iterable

from domain.account import Account
from domain.calls import Call
from domain.families.organization import (
    FULL_AWS_ACCESS,
    ORGANIZATION_MEMBERSHIP,
    RCP_FULL_AWS_ACCESS,
    ControlPolicy,
    OrganizationNode,
    is_managed_by,
)
from domain.foundation.errors import constraint_violation
from domain.foundation.identifiers import arn
from services.wire.operations import FindResource, Parameters, TargetResource
from services.wire.pagination import decode_token, encode_token

SERVICE = "organizations"
ITEMS_MAX = 20
"""On a page (API Reference, MaxResults of each list)."""
PAGES = "max_results next_token"
POLICY_TYPES = [
    {"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"},
    {"Type": "RESOURCE_CONTROL_POLICY", "Status": "ENABLED"},
]
"""Of the root: others are in no organization here."""
NODE_TYPES = {"account": "ACCOUNT", "root": "ROOT", "unit": "ORGANIZATIONAL_UNIT"}
_PREFIXES = {"r-": "root", "ou": "ou"}
_MAINTAINED_BY_AWS = frozenset({FULL_AWS_ACCESS.policy.id, RCP_FULL_AWS_ACCESS.policy.id})
Shown = dict[str, object]


def element_arn(account: Account, kind: str, element_id: str | None = None) -> str:
    """Of something in the organization that the account is in, which is the management account's; of the organization
    itself without an id."""
    membership = account[ORGANIZATION_MEMBERSHIP]
    assert membership is not None
    within = membership.organization_id if element_id is None else f"{membership.organization_id}/{element_id}"
    return arn(account.partition, SERVICE, membership.management_account_id, f"{kind}/{within}")


def node_arn(account: Account, node_id: str) -> str:
    return element_arn(account, _PREFIXES.get(node_id[:2], "account"), node_id)


def policy_arn(account: Account, listed: ControlPolicy) -> str:
    within = f"{listed.type.lower()}/{listed.policy.id}"
    if listed.policy.id in _MAINTAINED_BY_AWS:
        return arn(account.partition, SERVICE, "aws", f"policy/{within}")
    return element_arn(account, "policy", within)


def on_node(parameter: str) -> FindResource:
    """Who is in no organization has no ARNs in it: everything, then, which fewer may."""

    def find(account: Account, _call: Call, parameters: Parameters) -> TargetResource:
        in_one = account[ORGANIZATION_MEMBERSHIP] is not None
        return TargetResource.of_arn(node_arn(account, parameters[parameter]) if in_one else "*")

    return find


def on_policy(parameter: str) -> FindResource:
    """As `on_node`; of a policy that is not there, too."""

    def find(account: Account, call: Call, parameters: Parameters) -> TargetResource:
        managed = is_managed_by(account[ORGANIZATION_MEMBERSHIP], account.id)
        organization = call.installation().organization if managed else None
        for listed in () if organization is None else organization.policies:
            if listed.policy.id == parameters[parameter]:
                of_type = {"organizations:policytype": (listed.type,)}
                return TargetResource(policy_arn(account, listed), listed.policy.id, of_type)
        return TargetResource.of_arn("*")

    return find


def policy_type(_account: Account, parameters: Parameters) -> dict[str, tuple[str, ...]]:
    return {"organizations:policytype": (parameters["filter"],)}


def node_members(account: Account, node: OrganizationNode) -> Shown:
    return {"Id": node.id, "Arn": node_arn(account, node.id), "Name": node.name}


def policy_members(account: Account, listed: ControlPolicy) -> Shown:
    members: Shown = {
        "Id": listed.policy.id,
        "Arn": policy_arn(account, listed),
        "Name": listed.policy.name,
        "Type": listed.type,
        "AwsManaged": listed.policy.id in _MAINTAINED_BY_AWS,
    }
    return members if listed.description is None else members | {"Description": listed.description}


def page(name: str, items: Iterable[tuple[str, Shown]], max_results: int | None, next_token: str | None) -> Shown:
    """Of a list, in the order of ids, behind the one of which the token tells. Raises ValidationError."""
    try:
        after = "" if next_token is None else decode_token(next_token, name)
    except ValueError:
        raise constraint_violation("nextToken", "Member must be a token of this list") from None
    left = sorted((item for item in items if item[0] > after), key=lambda item: item[0])
    size = max_results or ITEMS_MAX
    members: Shown = {name: [item for _, item in left[:size]]}
    return members | ({"NextToken": encode_token(name, left[size - 1][0])} if len(left) > size else {})
