"""What a credential and its descendants could have done and did not: actions by name, as the action catalogue has
them."""

from domain.foundation.moments import Moment
from domain.read_models.lineage import LineageNode
from services.api.contract.question import Answer


class UnusedAction(Answer):
    action: str
    conditional: bool
    """Whether it took a condition that held, or a resource that was not denied."""


class UnusedService(Answer):
    service: str
    actions: int
    conditional: int
    """So many of them, as with an `UnusedAction`."""
    granted_by: tuple[str, ...]
    """What the policies that granted them call the actions."""


class UnusedByCredential(Answer):
    """Credentials of the lineage that act by the same permissions, while they were used, from their first call to their
    last, under all permissions that there were between; where they never were, from the birth of the first to the
    moment that was asked about."""

    credential: LineageNode
    """The first of them."""
    same: tuple[str, ...]
    """The ids of the others."""
    first: Moment
    last: Moment
    permissions: int
    """How many different ones there were."""
    stopped_position: int | None
    """The position behind which permissions were not looked at any more; null where all were."""


class UnusedPermissions(Answer):
    """What any credential of the lineage could have done, and none did. That a resource or a condition was missing for
    an action is not seen."""

    whose: tuple[UnusedByCredential, ...]
    """By whose permissions: the credential's own first."""
    left: int
    """So many credentials of the lineage were not looked at for this."""
    actions: tuple[UnusedAction, ...]
    """Of the services that are answered here."""
    services: tuple[UnusedService, ...]
    """All others."""
    catalogue: str
    """The version of the action catalogue."""
