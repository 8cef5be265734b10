"""The organization that accounts stand in: its tree, the policies attached along it, and what of both an account has.

Shapes of ids and names of policies are those of AWS Organizations (API Reference, "Organization",
"OrganizationalUnit", "Root", "PolicySummary").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from pydantic import ConfigDict

from domain.account import Account, Component, OfWholeAccount
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.families.lifecycle_profiles import LifecycleProfile

PolicyKind = Literal["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
NodeKind = Literal["root", "unit", "account"]
_RECORDED = ConfigDict(extra="forbid")
"""These values ride in events as they stand in accounts: like the events, they refuse fields that they do not know."""


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    __pydantic_config__: ClassVar[ConfigDict] = _RECORDED
    id: str
    name: str
    document: str


@dataclass(frozen=True, slots=True)
class Level:
    """The root, a unit or the account itself, with the policies that are attached there, in the order of their ids."""

    __pydantic_config__: ClassVar[ConfigDict] = _RECORDED
    id: str
    name: str
    scps: tuple[OrganizationPolicy, ...]
    rcps: tuple[OrganizationPolicy, ...]
    lifecycle_profile: LifecycleProfile | None = None
    """Of the accounts below that have none of their own and none nearer."""


@dataclass(frozen=True, slots=True)
class OrganizationMembership:
    """Where in which organization an account stands. The management account has one too, although neither kind of
    policy concerns it: that it has no effect there is for whoever evaluates."""

    __pydantic_config__: ClassVar[ConfigDict] = _RECORDED
    organization_id: str
    management_account_id: str
    levels: tuple[Level, ...]
    """From the root down to the account."""


def is_managed_by(membership: OrganizationMembership | None, account_id: str) -> bool:
    """Whether that account manages the organization: it may look after the members."""
    return membership is not None and membership.management_account_id == account_id


ORGANIZATION_MEMBERSHIP = Component[OrganizationMembership | None]("organization", None)
"""Its place in an organization and the policies that limit it from there; None of an account that is in none."""
ORGANIZATION_FACT = FactKind("organization", "was joined", "was left")
LEVEL_FACT = FactKind("organization level", "came to be above the account", "is no longer above the account")
POLICY_FACT = FactKind("organization policy", "was attached", "was detached")


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    membership = account[ORGANIZATION_MEMBERSHIP]
    if subject != account.id or membership is None:
        return
    managed = {"organization_id": membership.organization_id, "management_account_id": membership.management_account_id}
    yield Fact(ORGANIZATION_FACT, account.id), FactValue(membership.organization_id, managed)
    for depth, level in enumerate(membership.levels):
        profile = {} if level.lifecycle_profile is None else level.lifecycle_profile.attributes
        yield Fact(LEVEL_FACT, level.id), FactValue(level.name, {"name": level.name, "depth": depth, **profile})
        for kind, controls in (("SERVICE_CONTROL_POLICY", level.scps), ("RESOURCE_CONTROL_POLICY", level.rcps)):
            for control in controls:
                said = {"type": kind, "name": control.name}
                state = FactValue(f"{control.name} at {level.name}", said, control.document)
                yield Fact(POLICY_FACT, f"{level.id}/{control.id}"), state


class OrganizationPoliciesApplied(OfWholeAccount, topic="account.organization_policies.applied.v1"):
    """From here these policies limit the account, and no others of an organization. All texts are in it, so that a
    ledger folds with nothing beside it."""

    membership: OrganizationMembership

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ORGANIZATION_MEMBERSHIP, self.membership)

    def describe(self) -> str:
        return f"The policies of organization {self.membership.organization_id} were applied to the account."


class OrganizationLeft(OfWholeAccount, topic="account.organization.left.v1"):
    """From here no organization limits the account."""

    organization_id: str
    sentence = "The account left organization {organization_id}."

    def fold(self, account: Account, at: datetime) -> Account:
        membership = account[ORGANIZATION_MEMBERSHIP]
        if membership is None or membership.organization_id != self.organization_id:
            raise LookupError(
                f"The account is in {membership and membership.organization_id}, not {self.organization_id}."
            )
        return account.put(ORGANIZATION_MEMBERSHIP, None)


@dataclass(frozen=True, slots=True)
class ControlPolicy:
    """A policy that may be attached."""

    __pydantic_config__: ClassVar[ConfigDict] = _RECORDED
    type: PolicyKind
    policy: OrganizationPolicy
    description: str | None = None


@dataclass(frozen=True, slots=True)
class OrganizationNode:
    """A place in the tree."""

    __pydantic_config__: ClassVar[ConfigDict] = _RECORDED
    kind: NodeKind
    id: str
    """Of an account its twelve digits."""
    name: str
    scps: tuple[str, ...]
    """Ids of the policies attached here, in order, and of each kind none twice."""
    rcps: tuple[str, ...]
    parent_id: str | None = None
    """None of the root alone."""
    lifecycle_profile: LifecycleProfile | None = None

    def __str__(self) -> str:
        return f"the account {self.id}" if self.kind == "account" else f"the {self.kind} {self.name} ({self.id})"


@dataclass(frozen=True, slots=True)
class Organization:
    __pydantic_config__: ClassVar[ConfigDict] = _RECORDED
    id: str
    management_account_id: str
    nodes: tuple[OrganizationNode, ...]
    """The root first, and parents before their children."""
    policies: tuple[ControlPolicy, ...]
    """In the order of their ids; those that AWS maintains too."""

    @property
    def account_ids(self) -> frozenset[str]:
        return frozenset(node.id for node in self.nodes if node.kind == "account")


FULL_AWS_ACCESS = ControlPolicy(
    "SERVICE_CONTROL_POLICY",
    OrganizationPolicy(
        "p-FullAWSAccess",
        "FullAWSAccess",
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    ),
    "Allows access to every operation",
)
"""Attached where nothing else is said (Organizations User Guide, "SCP evaluation")."""
RCP_FULL_AWS_ACCESS = ControlPolicy(
    "RESOURCE_CONTROL_POLICY",
    OrganizationPolicy(
        "p-RCPFullAWSAccess",
        "RCPFullAWSAccess",
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
    ),
    "Allows access to every resource",
)
"""Attached everywhere, and cannot be detached (Organizations User Guide, "RCP evaluation")."""
