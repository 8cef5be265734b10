"""What an organization's accounts may know of it: the management account everything, the others that they are in it."""

from domain.account import Account
from domain.calls import Call
from domain.families.organization import (
    ORGANIZATION_MEMBERSHIP,
    ControlPolicy,
    NodeKind,
    Organization,
    OrganizationMembership,
    OrganizationNode,
    is_managed_by,
)
from domain.foundation.errors import AccessDenied, Refusal


class AWSOrganizationsNotInUseException(Refusal): ...


class AccountNotFoundException(Refusal): ...


class ChildNotFoundException(Refusal): ...


class OrganizationalUnitNotFoundException(Refusal): ...


class ParentNotFoundException(Refusal): ...


class PolicyNotFoundException(Refusal): ...


class TargetNotFoundException(Refusal): ...


_IN_NONE = "Your account is not a member of an organization."
_TITLES = {"account": "account", "root": "root", "unit": "organizational unit"}


def membership_of(account: Account) -> OrganizationMembership:
    """Raises AWSOrganizationsNotInUseException."""
    membership = account[ORGANIZATION_MEMBERSHIP]
    if membership is None:
        raise AWSOrganizationsNotInUseException(_IN_NONE)
    return membership


def managed_organization(account: Account, call: Call) -> Organization:
    """The one that the account manages; there are no delegated administrators. Raises
    AWSOrganizationsNotInUseException, AccessDenied for a member account, and NeedsAccounts."""
    membership = membership_of(account)
    if not is_managed_by(membership, account.id):
        raise AccessDenied(
            "You don't have permissions to access this resource.",
            f"only the management account of {membership.organization_id} has them",
        )
    organization = call.installation().organization
    if organization is None:  # Of a past to the microsecond in which it was removed.
        raise AWSOrganizationsNotInUseException(_IN_NONE)
    return organization


def require_node(
    organization: Organization, node_id: str, missing: type[Refusal], *kinds: NodeKind
) -> OrganizationNode:
    """That is of one of these kinds. Raises `missing`."""
    for node in organization.nodes:
        if node.id == node_id and node.kind in kinds:
            return node
    what = " or ".join(_TITLES[kind] for kind in kinds)
    raise missing(f"There is no {what} {node_id} in the organization {organization.id}.")


def require_policy(organization: Organization, policy_id: str) -> ControlPolicy:
    """Raises PolicyNotFoundException."""
    for listed in organization.policies:
        if listed.policy.id == policy_id:
            return listed
    raise PolicyNotFoundException(f"There is no policy {policy_id} in the organization {organization.id}.")
