"""Roles: identities without credentials of their own, taken on for a while by whom the trust policy names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from immutables import Map

from domain.account import NOBODY, Account, AccountChange, Component
from domain.entity_kinds import kind_of_index
from domain.facts import Fact, FactKind, FactValue
from domain.foundation.entity_index import EntityIndex
from domain.lineage_kinds import LineageKind


@dataclass(frozen=True, slots=True)
class Role:
    id: str
    name: str
    path: str
    created_at: datetime
    description: str | None
    session_seconds_max: int
    trust_policy: str
    trusted: Map[str, str]
    """The ARNs of users and roles in the trust policy, each with the unique id it meant when the policy was written:
    whoever gets that ARN later is somebody else."""

    @property
    def resource(self) -> str:
        return f"role{self.path}{self.name}"


Roles = EntityIndex[Role]
ROLES = Component[Roles]("roles", EntityIndex("role"), ids=lambda roles: roles.by_id)
ROLE_FACT = FactKind("role")
TRUST_POLICY_FACT = FactKind("trust policy")


def _facts(_account: Account, role: Role) -> Iterator[tuple[Fact, FactValue]]:
    said = {"name": role.name, "path": role.path, "description": role.description}
    yield Fact(ROLE_FACT, role.id), FactValue(role.name, {**said, "session_seconds_max": role.session_seconds_max})
    meant = tuple(f"{arn} {unique_id}" for arn, unique_id in sorted(role.trusted.items()))
    yield Fact(TRUST_POLICY_FACT, role.id), FactValue(f"of role {role.name}", {"trusted": meant}, role.trust_policy)


ROLE = kind_of_index("role", "AROA", ROLES, _facts)
LineageKind("role", gives_access=True, owns_credentials=True)
LineageKind("trust_policy", "trust of role {name}")


class RoleChange(AccountChange):
    """Of a role itself. What it may do is what its policies say: whether anybody may take it on is asked of it as of a
    resource."""

    role_id: str
    role_name: str
    subject = "role_id"

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return NOBODY


class RoleCreated(RoleChange, topic="iam.role.created.v1"):
    path: str
    description: str | None = None
    session_seconds_max: int
    trust_policy: str
    trusted: Mapping[str, str]
    sentence = "Role {role_name} was created with path {path}."

    def fold(self, account: Account, at: datetime) -> Account:
        role = Role(
            self.role_id,
            self.role_name,
            self.path,
            at,
            self.description,
            self.session_seconds_max,
            self.trust_policy,
            Map(self.trusted),
        )
        return account.put(ROLES, account[ROLES].add(role))

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return frozenset({self.role_id})


class RoleUpdated(RoleChange, topic="iam.role.updated.v1"):
    description: str | None = None
    session_seconds_max: int

    def fold(self, account: Account, at: datetime) -> Account:
        roles = account[ROLES]
        role = roles.by_id[self.role_id]
        updated = replace(role, description=self.description, session_seconds_max=self.session_seconds_max)
        return account.put(ROLES, roles.put(updated))

    def describe(self) -> str:
        described = "no description" if self.description is None else f'the description "{self.description}"'
        return f"Role {self.role_name} now has {described} and sessions of at most {self.session_seconds_max} seconds."


class TrustPolicyReplaced(RoleChange, topic="iam.role.trust_policy_replaced.v1"):
    trust_policy: str
    trusted: Mapping[str, str]
    sentence = "Role {role_name} got another trust policy."

    def fold(self, account: Account, at: datetime) -> Account:
        roles = account[ROLES]
        role = roles.by_id[self.role_id]
        trusting = replace(role, trust_policy=self.trust_policy, trusted=Map(self.trusted))
        return account.put(ROLES, roles.put(trusting))


class RoleDeleted(RoleChange, topic="iam.role.deleted.v1"):
    sentence = "Role {role_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(ROLES, account[ROLES].without(self.role_id)).forget(self.role_id)

    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        return frozenset({self.role_id})
