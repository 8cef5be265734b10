"""The kinds of entities whose operations are alike, as IAM's requests and answers name them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

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
SORTED_KEPT_MAX = 16


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


_sorted: dict[int, tuple[Mapping[str, Any], list[Any]]] = {}
"""By the identity of the map, which is no other one's while it stands here."""


def _by_name(by_id: Mapping[str, E]) -> list[E]:
    """Of the last maps that were asked for it is known: page for page they are the same."""
    kept = _sorted.get(id(by_id))
    if kept is not None:
        return kept[1]
    in_order = sorted(by_id.values(), key=attrgetter("name"))
    if len(_sorted) >= SORTED_KEPT_MAX:
        _sorted.clear()
    _sorted[id(by_id)] = by_id, in_order
    return in_order


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
        lambda after: pages.of_sorted(
            _by_name(kind.by_id(after)),
            key=attrgetter("name"),
            render=lambda entity: render(after, entity),
            fits=lambda entity: entity.path.startswith(path_prefix),
        )
    )
