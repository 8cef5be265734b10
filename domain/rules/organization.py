"""What an organization may look like, and what setting or removing one means for each of its accounts (docs/adr/0017).

Quotas are those of the AWS Organizations User Guide, "Quotas and service limits for AWS Organizations", as of May 2026.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from domain.account import Account
from domain.families.lifecycle_profiles import LifecycleProfile
from domain.families.organization import (
    FULL_AWS_ACCESS,
    ORGANIZATION_MEMBERSHIP,
    RCP_FULL_AWS_ACCESS,
    ControlPolicy,
    Level,
    Organization,
    OrganizationLeft,
    OrganizationMembership,
    OrganizationNode,
    OrganizationPoliciesApplied,
    PolicyKind,
)
from domain.foundation.errors import LimitExceeded, MalformedPolicyDocument, NoSuchEntity, ValidationError
from domain.foundation.events import Change
from domain.foundation.identifiers import ACCOUNT_ID
from domain.foundation.nearest import nearest
from domain.installation import Installation, OrganizationRemoved, OrganizationSet
from domain.policy import RCP_CHARACTERS_MAX, SCP_CHARACTERS_MAX, Effect, PolicyType, compiled, parse_new
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES
from domain.rules.lifecycle_profiles import refuse_unfit as refuse_unfit_profile

T = TypeVar("T", bound=Hashable)

UNIT_LEVELS_MAX = 5
"""Of units below the root."""

# Shapes of ids as the API Reference has them: "Organization", "Root", "OrganizationalUnit", "PolicySummary".
ORGANIZATION_ID = re.compile(r"o-[a-z0-9]{10,32}")
ROOT_ID = re.compile(r"r-[0-9a-z]{4,32}")
UNIT_ID = re.compile(r"ou-(?P<root>[0-9a-z]{4,32})-[a-z0-9]{8,32}")
POLICY_ID = re.compile(r"p-[0-9a-zA-Z_]{8,128}")


@dataclass(frozen=True, slots=True)
class _Quotas:
    grammar: PolicyType
    characters_max: int
    """White space included: it is kept as it was given."""
    attached_max: int
    """To one root, unit or account, the one that AWS attaches included."""


_QUOTAS: Mapping[PolicyKind, _Quotas] = {
    "SERVICE_CONTROL_POLICY": _Quotas(PolicyType.SCP, SCP_CHARACTERS_MAX, 10),
    "RESOURCE_CONTROL_POLICY": _Quotas(PolicyType.RCP, RCP_CHARACTERS_MAX, 5),
}
_MAINTAINED_BY_AWS = {managed.policy.id: managed for managed in (FULL_AWS_ACCESS, RCP_FULL_AWS_ACCESS)}


def refuse_unfit(organization: Organization) -> None:
    """What is wrong with it in itself, whatever accounts there are.

    Raises ValidationError, LimitExceeded, NoSuchEntity and MalformedPolicyDocument.
    """
    if not ORGANIZATION_ID.fullmatch(organization.id):
        raise ValidationError(
            f"An organization id is o- and 10 to 32 lower-case letters and digits; got {organization.id!r}."
        )
    _refuse_unfit_policies(organization.policies)
    _refuse_unfit_tree(organization.nodes)
    policies = {listed.policy.id: listed for listed in organization.policies}
    for node in organization.nodes:
        _refuse_unfit_attachments(node, node.scps, "SERVICE_CONTROL_POLICY", policies)
        _refuse_unfit_attachments(node, node.rcps, "RESOURCE_CONTROL_POLICY", policies)
    refuse_unfit_profiles(organization.nodes)
    if organization.management_account_id not in organization.account_ids:
        raise NoSuchEntity(f"The management account {organization.management_account_id} is not in the tree.")
    _refuse_malformed(organization.policies)  # Last, for it is the dearest.


def _refuse_unfit_policies(policies: Sequence[ControlPolicy]) -> None:
    for listed in policies:
        policy, quotas = listed.policy, _QUOTAS[listed.type]
        if listed == _MAINTAINED_BY_AWS.get(policy.id):
            continue
        if policy.id in _MAINTAINED_BY_AWS:
            raise ValidationError(f"The policy {policy.name}: the id {policy.id} is that of one that AWS maintains.")
        if not POLICY_ID.fullmatch(policy.id):
            raise ValidationError(
                f"The policy {policy.name}: expected an id of p- and 8 to 128 letters, digits and underscores; "
                f"got {policy.id!r}."
            )
        if len(policy.document) > quotas.characters_max:
            raise LimitExceeded(
                f"The policy {policy.name}: expected at most {quotas.characters_max} characters; "
                f"got {len(policy.document)}."
            )
    for what, named in (("id", [listed.policy.id for listed in policies]), ("name", [p.policy.name for p in policies])):
        for twice in _repeated(named):
            raise ValidationError(f"Two policies have the {what} {twice}.")


def _refuse_malformed(policies: Sequence[ControlPolicy]) -> None:
    for listed in policies:
        if listed.policy.id in _MAINTAINED_BY_AWS:
            continue
        try:
            parse_new(listed.policy.document, _QUOTAS[listed.type].grammar)
        except MalformedPolicyDocument as malformed:
            raise MalformedPolicyDocument(
                malformed.sentence, f"the policy {listed.policy.name}: {malformed.detail}"
            ) from malformed


def _refuse_unfit_tree(nodes: Sequence[OrganizationNode]) -> None:
    root = nodes[0]
    if not ROOT_ID.fullmatch(root.id):
        raise ValidationError(f"A root id is r- and 4 to 32 lower-case letters and digits; got {root.id!r}.")
    depths = {root.id: 0}
    for node in nodes[1:]:
        _refuse_unfit_id(node, root)
        if node.id in depths:
            raise ValidationError(f"{str(node).capitalize()} appears twice in the tree.")
        assert node.parent_id is not None
        depths[node.id] = depths[node.parent_id] + 1
        if node.kind == "unit" and depths[node.id] > UNIT_LEVELS_MAX:
            raise LimitExceeded(f"Units may be nested {UNIT_LEVELS_MAX} levels deep; {node} is one level deeper.")
    for parent_id, name in _repeated([(node.parent_id, node.name) for node in nodes if node.kind == "unit"]):
        raise ValidationError(f"Two units in {parent_id} have the name {name}.")


def refuse_unfit_profiles(nodes: Sequence[OrganizationNode]) -> None:
    """Raises ValidationError: a name and a version are one set of rules."""
    known = dict(_profiles(BUILT_IN_PROFILES.values()))
    for node in nodes:
        if node.lifecycle_profile is not None:
            refuse_unfit_profile(node.lifecycle_profile)
            _refuse_other_rules(node, known)
            known |= _profiles([node.lifecycle_profile])


def _profiles(profiles: Iterable[LifecycleProfile]) -> Mapping[tuple[str, int], LifecycleProfile]:
    return {(each.name, each.version): each for each in profiles}


def _refuse_other_rules(node: OrganizationNode, known: Mapping[tuple[str, int], LifecycleProfile]) -> None:
    profile = node.lifecycle_profile
    assert profile is not None
    if profile.name in BUILT_IN_PROFILES and profile != BUILT_IN_PROFILES[profile.name]:
        raise ValidationError(
            f"The lifecycle profile of {node}: {profile.name} is a built-in profile; expected another name for other "
            "rules."
        )
    if known.get((profile.name, profile.version), profile) != profile:
        raise ValidationError(
            f"The lifecycle profile of {node}: there is a {profile} with other rules; expected another version for "
            "these."
        )


def _refuse_unfit_id(node: OrganizationNode, root: OrganizationNode) -> None:
    if node.kind == "account":
        if not ACCOUNT_ID.fullmatch(node.id):
            raise ValidationError(f"An account id is twelve digits; got {node.id!r}.")
        return
    found = UNIT_ID.fullmatch(node.id)
    if found is None or f"r-{found['root']}" != root.id:
        raise ValidationError(
            f"The unit {node.name}: expected an id of ou-, what follows r- in the root's id ({root.id}), a dash, and "
            f"8 to 32 lower-case letters and digits; got {node.id!r}."
        )


def _refuse_unfit_attachments(
    node: OrganizationNode, attached: Sequence[str], kind: PolicyKind, policies: Mapping[str, ControlPolicy]
) -> None:
    quotas = _QUOTAS[kind]
    for policy_id in attached:
        if policy_id not in policies:
            raise NoSuchEntity(f"There is no policy {policy_id} to be attached to {node}.")
        if (listed := policies[policy_id]).type != kind:
            raise ValidationError(
                f"The policy {listed.policy.name} is attached to {node} as a {kind}; it is a {listed.type}."
            )
    for twice in _repeated(attached):
        raise ValidationError(f"The policy {policies[twice].policy.name} is attached twice to {node}.")
    # "DetachPolicy" in the API Reference has the one, "RCP evaluation" in the User Guide the other.
    if not attached:
        raise ValidationError(f"There is no {kind} attached to {node}; expected at least one, such as FullAWSAccess.")
    if kind == "RESOURCE_CONTROL_POLICY" and RCP_FULL_AWS_ACCESS.policy.id not in attached:
        raise ValidationError(f"RCPFullAWSAccess is not attached to {node}, from which it cannot be detached.")
    if len(attached) > quotas.attached_max:
        raise LimitExceeded(
            f"A {kind} more than can be attached to {node}: expected at most {quotas.attached_max}, with the one that "
            f"AWS attaches; got {len(attached)}."
        )


def _repeated(values: Sequence[T]) -> Iterator[T]:
    return (value for value, count in Counter(values).items() if count > 1)


def refuse_unknown_accounts(installation: Installation, organization: Organization) -> None:
    """Raises NoSuchEntity for an account that was never opened, and ValidationError for one that is closed."""
    for node in organization.nodes:
        if node.kind != "account":
            continue
        opened = installation.accounts.get(node.id)
        if opened is None:
            raise NoSuchEntity(f"There is no account {node.id}.")
        if opened.retired_at is not None:
            raise ValidationError(f"The account {node.id} was closed at {opened.retired_at.isoformat()}.")


def _refuse_other_partitions(accounts: Mapping[str, Account], organization: Organization) -> None:
    expected = accounts[organization.management_account_id].partition
    for account_id in sorted(organization.account_ids):
        if (partition := accounts[account_id].partition) != expected:
            raise ValidationError(
                f"The account {account_id} is of the partition {partition}, the management account of {expected}: "
                "an organization is of one partition."
            )


def memberships(organization: Organization) -> Mapping[str, OrganizationMembership]:
    """By account id: what each account's ledger has to say, if the organization is in force."""
    policies = {listed.policy.id: listed.policy for listed in organization.policies}
    paths: dict[str, tuple[Level, ...]] = {}
    for node in organization.nodes:
        level = Level(
            node.id,
            node.name,
            tuple(policies[policy_id] for policy_id in node.scps),
            tuple(policies[policy_id] for policy_id in node.rcps),
            node.lifecycle_profile,
        )
        above = () if node.parent_id is None else paths[node.parent_id]
        paths[node.id] = (*above, level)
    return {
        account_id: OrganizationMembership(organization.id, organization.management_account_id, paths[account_id])
        for account_id in sorted(organization.account_ids)
    }


def nodes_allowing_nothing(organization: Organization) -> Iterator[OrganizationNode]:
    """Where no service control policy allows anything: in the accounts below nobody may do anything. That is legal, and
    seldom meant; the management account alone is not concerned."""
    documents = {listed.policy.id: listed.policy.document for listed in organization.policies}
    for node in organization.nodes:
        attached = [compiled(documents[policy_id], PolicyType.SCP) for policy_id in node.scps]
        allows = any(statement.effect is Effect.ALLOW for policy in attached for statement in policy.statements)
        if not allows and node.id != organization.management_account_id:
            yield node


def affected_accounts(installation: Installation, organization: Organization | None) -> frozenset[str]:
    """The accounts whose ledgers have to be read: those of the organization that is, and of the one that is to be."""
    return frozenset[str]().union(*(one.account_ids for one in (installation.organization, organization) if one))


def set_organization(
    installation: Installation, accounts: Mapping[str, Account], organization: Organization
) -> tuple[Sequence[Change], Mapping[str, Sequence[Change]]]:
    """The events of the installation's ledger, and by account id those of each account to which something changes.

    `accounts` are those that are `affected_accounts`, by id. The organization has been found fit. Raises what
    `refuse_unknown_accounts` does, and ValidationError for other rules under the version of a lifecycle profile that is
    in force, and for an account of another partition than the management account's.
    """
    refuse_unknown_accounts(installation, organization)
    _refuse_changed_profiles(installation.organization, organization)
    _refuse_other_partitions(accounts, organization)
    own: dict[str, Sequence[Change]] = {
        account_id: [OrganizationPoliciesApplied(membership=membership)]
        for account_id, membership in memberships(organization).items()
        if accounts[account_id][ORGANIZATION_MEMBERSHIP] != membership
    }
    own |= _leaving(accounts, organization.account_ids)
    is_set = installation.organization == organization
    return [] if is_set else [OrganizationSet(organization=organization)], own


def _refuse_changed_profiles(former: Organization | None, organization: Organization) -> None:
    """Raises ValidationError where a version that is in force would say something else from now on."""
    nodes = () if former is None else former.nodes
    known = _profiles(node.lifecycle_profile for node in nodes if node.lifecycle_profile is not None)
    for node in organization.nodes:
        if node.lifecycle_profile is not None:
            _refuse_other_rules(node, known)


def with_profile(installation: Installation, node_id: str, profile: LifecycleProfile | None) -> Organization:
    """The organization that is, but for the lifecycle profile of one root, unit or account. Raises NoSuchEntity."""
    organization = installation.organization
    if organization is None:
        raise NoSuchEntity("There is no organization.")
    known = [node.id for node in organization.nodes]
    if node_id not in known:
        raise NoSuchEntity(f"There is no root, unit or account {node_id} in the organization.{nearest(node_id, known)}")
    nodes = [replace(node, lifecycle_profile=profile) if node.id == node_id else node for node in organization.nodes]
    return replace(organization, nodes=tuple(nodes))


def remove_organization(
    installation: Installation, accounts: Mapping[str, Account]
) -> tuple[OrganizationRemoved, Mapping[str, Sequence[Change]]]:
    """As `set_organization`. Raises NoSuchEntity when there is none."""
    if installation.organization is None:
        raise NoSuchEntity("There is no organization.")
    return OrganizationRemoved(organization_id=installation.organization.id), _leaving(accounts, frozenset())


def _leaving(accounts: Mapping[str, Account], staying: frozenset[str]) -> dict[str, Sequence[Change]]:
    return {
        account_id: [OrganizationLeft(organization_id=membership.organization_id)]
        for account_id, account in sorted(accounts.items())
        if (membership := account[ORGANIZATION_MEMBERSHIP]) is not None and account_id not in staying
    }
