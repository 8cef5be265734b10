"""Permissions that users and roles have had for a while and have not used: long to find out, and of tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class UnusedServicePermissions:
    """What somebody may do with a service and has not done."""

    namespace: str
    last: datetime | None
    """When it was used last; None where never, as far back as that is kept."""
    actions: tuple[tuple[str, datetime | None], ...]
    """Those that were not used, with when they last were; none where nothing of the service was used."""


@dataclass(frozen=True, slots=True)
class UnusedPermissionsQuery:
    account_id: str
    at: datetime
    days: int
    entity_ids: tuple[str, ...]
    """Of users and roles."""


HELD_FOR = timedelta(minutes=1)
"""So long what was found out may be told: what was used since is not in it."""


@dataclass(frozen=True, slots=True)
class UnusedPermissionsFacts:
    wanted: UnusedPermissionsQuery
    services: Mapping[str, tuple[UnusedServicePermissions, ...]]
    """By entity id; none of those that have used all."""

    def cover(self, wanted: UnusedPermissionsQuery) -> bool:
        mine = self.wanted
        return (
            (mine.account_id, mine.days) == (wanted.account_id, wanted.days)
            and set(wanted.entity_ids) <= set(mine.entity_ids)
            and mine.at <= wanted.at < mine.at + HELD_FOR
        )
