"""What a credential could have done and did not: actions by name, as the action catalogue has them."""

from collections.abc import Collection, Iterator

from domain.account import Account
from domain.policy import granting
from domain.reach import CouldDo, could_do
from domain.sessions import Session
from projections.asof import Moment
from projections.lineage import Node
from services.api.answers import Answer
from services.api.question import SERVICE
from services.api.reader import Reader

OWN_SERVICES = ("iam", "sts", "access-analyzer", SERVICE)
"""That are answered here, and whose actions are told one by one."""
CHANGES_MAX = 10_000
"""So many changes of the account are gone through."""


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


class CouldHave(Answer):
    """While it was used, from its first call to its last, under all permissions that there were between; where it never
    was, from its birth to the moment that was asked about. That a resource or a condition was missing for an action is
    not seen."""

    first: Moment
    last: Moment
    permissions: int
    """How many different ones there were."""
    actions: tuple[UnusedAction, ...]
    """Of the services that are answered here."""
    services: tuple[UnusedService, ...]
    """All others."""
    catalogue: str
    """The version of the action catalogue."""
    stopped_position: int | None
    """The position behind which permissions were not looked at any more; null where all were."""


def could_have(
    reader: Reader, seed: Node, session: Session | None, period: tuple[Moment, Moment], used: Collection[str]
) -> CouldHave:
    """Less the actions that were used, in lower case. Raises what `PastValues.at` raises."""
    # The catalogue knows the native questions, of which one asks this.
    from services.action_catalogue import CATALOGUE  # noqa: PLC0415

    first, last = period
    values = _Values(reader, seed.account_id, first.position, last.position)
    every = [action for actions in CATALOGUE.actions.values() for action in actions]
    found = could_do(values, seed.owner_id, session, every)
    unused = {action: conditional for action, conditional in found.reach.items() if action.lower() not in used}
    return CouldHave(
        first=first,
        last=last,
        permissions=len(found.layers),
        actions=tuple(
            UnusedAction(action=action, conditional=conditional)
            for action, conditional in sorted(unused.items())
            if action.partition(":")[0] in OWN_SERVICES
        ),
        services=tuple(_services(found, unused)),
        catalogue=CATALOGUE.version,
        stopped_position=values.stopped_position if found.stopped_position is None else found.stopped_position,
    )


def _services(found: CouldDo, unused: dict[str, bool]) -> Iterator[UnusedService]:
    by_service: dict[str, list[bool]] = {}
    for action, conditional in unused.items():
        service = action.partition(":")[0]
        if service not in OWN_SERVICES:
            by_service.setdefault(service, []).append(conditional)
    for service, of_service in sorted(by_service.items()):
        texts = (text for layers in found.layers for text in granting(layers, service))
        yield UnusedService(
            service=service,
            actions=len(of_service),
            conditional=sum(of_service),
            granted_by=tuple(dict.fromkeys(texts)),
        )


class _Values:
    """An account at a position and after each change up to another, as long as there are not too many."""

    def __init__(self, reader: Reader, account_id: str, first: int, last: int) -> None:
        self._values = reader.past.throughout(reader.cursor, account_id, first, last)
        self.stopped_position: int | None = None

    def __iter__(self) -> Iterator[Account]:
        for number, value in enumerate(self._values):
            assert isinstance(value, Account)
            if number == CHANGES_MAX:
                self.stopped_position = value.position
                return
            yield value
