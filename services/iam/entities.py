"""The kinds of entities whose operations are alike, as IAM's requests and answers name them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from domain import entity_kinds
from domain.account import Account
from domain.calls import Outcome
from domain.entity_kinds import EntityKind
from domain.families import groups, roles, users
from domain.families.groups import Group
from domain.families.roles import Role
from domain.families.users import User
from services.iam import condition_keys, resources
from services.wire.operations import FindConditionKeys, FindResource
from services.wire.pagination import page_request

E = TypeVar("E", bound=entity_kinds.Entity)


@dataclass(frozen=True, slots=True)
class IamEntity:
    kind: EntityKind[User | Group | Role]
    on: FindResource
    boundary: FindConditionKeys = lambda _account, _parameters: {}
    """The condition key that tells the permissions boundary it has, where it can have one."""

    @property
    def holder(self) -> str:
        """The parameter that names it."""
        return f"{self.kind.noun}_name"

    @property
    def member(self) -> str:
        """Of answers that name it."""
        return f"{self.kind.title}Name"


USER = IamEntity(users.USER, resources.user, condition_keys.boundary_of_user)
GROUP = IamEntity(groups.GROUP, resources.group)
ROLE = IamEntity(roles.ROLE, resources.role, condition_keys.boundary_of_role)


def list_under_path(
    kind: EntityKind[E],
    render: Callable[[Account, E], object],
    path_prefix: str,
    marker: str | None,
    max_items: int | None,
) -> Outcome:
    """A page of the entities whose paths begin so, by name."""
    pages = page_request(f"{kind.title}s", marker, max_items)
    return Outcome(
        lambda after: pages.of(
            (entity for entity in kind.by_id(after).values() if entity.path.startswith(path_prefix)),
            key=lambda entity: entity.name,
            render=lambda entity: render(after, entity),
        )
    )
