"""What a credential and its descendants could have done and did not: actions by name, as the action catalogue has
them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.account import Account
from domain.families.sessions import Session, SessionIssued
from domain.foundation.moments import Moment
from domain.policy import Layers, granting_patterns, merge_reaches
from domain.queries.reach import ReachOverTime, reach_over_time
from projections.queries.credential_activity import CredentialIds, first_and_last_call
from projections.queries.lineage import Lineage, LineageItem
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.lineage import LineageNode
from services.api.question import SERVICE
from services.ledger.recorder import select
from services.wire.errors import ServiceFailure

OWN_SERVICES = ("iam", "sts", "access-analyzer", SERVICE)
"""That are answered here, and whose actions are told one by one."""
CHANGES_MAX = 10_000
"""So many changes of the account are gone through."""
CREDENTIALS_MAX = 500
"""So many credentials of a lineage, the first ones, are asked whose permissions they have."""
ACTORS_MAX = 8
"""So many of these that differ in whose permissions they have, or in what their sessions were limited to, are looked
at: each may have had as many different permissions as are looked at."""


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


@dataclass(frozen=True, slots=True)
class _Actor:
    """The first of its nodes acts by the same permissions as the others."""

    nodes: tuple[LineageItem, ...]
    session: Session | None


def unused_permissions(reader: AnswerContext, found: Lineage, used: Collection[str]) -> UnusedPermissions:
    """Less the actions that were used, in lower case. Raises ServiceFailure where a session's policies are gone, and
    what `PastValues.at` raises."""
    # The catalogue knows the native questions, of which one asks this.
    from services.action_catalogue import CATALOGUE  # noqa: PLC0415

    every = [action for actions in CATALOGUE.actions.values() for action in actions]
    acting = [node for node in found.nodes if node is found.seed or node.kind in {"session", "access_key"}]
    actors = _actors(reader, acting[:CREDENTIALS_MAX])[:ACTORS_MAX]
    could = [_unused_by(reader, found, actor, every) for actor in actors]
    reach = merge_reaches(did.reach for _, did in could)
    unused = {action: conditional for action, conditional in reach.items() if action.lower() not in used}
    layers = [layers for _, did in could for layers in did.layers]
    return UnusedPermissions(
        whose=tuple(told for told, _ in could),
        left=len(acting) - sum(len(actor.nodes) for actor in actors),
        actions=tuple(
            UnusedAction(action=action, conditional=conditional)
            for action, conditional in sorted(unused.items())
            if action.partition(":")[0] in OWN_SERVICES
        ),
        services=tuple(_services(layers, unused)),
        catalogue=CATALOGUE.version,
    )


def own_credentials(found: Lineage) -> list[LineageItem]:
    """What was asked about: a key or session itself, or all those of a principal."""
    seed = found.seed
    if seed.kind in {"session", "access_key"}:
        return [seed]
    return [node for node in found.nodes if (node.account_id, node.owner_id) == (seed.account_id, seed.owner_id)]


def credentials_of(nodes: Iterable[LineageItem]) -> CredentialIds:
    held = list(nodes)
    return CredentialIds(
        [node.subject_id for node in held if node.kind == "access_key"],
        [node.subject_id for node in held if node.kind == "session"],
    )


def _actors(reader: AnswerContext, nodes: Iterable[LineageItem]) -> list[_Actor]:
    """In the order of the nodes."""
    alike: dict[object, _Actor] = {}
    for node in nodes:
        session = _session(reader, node)
        # What of a session counts when it is asked what it could do.
        limits = session and (session.principal.type, session.principal.mfa_authenticated, session.policies)
        key = (node.account_id, node.owner_id, limits)
        others = alike[key].nodes if key in alike else ()
        alike[key] = _Actor((*others, node), session)
    return list(alike.values())


def _session(reader: AnswerContext, node: LineageItem) -> Session | None:
    """With its policies, which stand in the ledger alone. Raises ServiceFailure where they are gone."""
    if node.kind != "session":
        return None
    after, to = node.position - 1, node.position
    for row in select(reader.cursor, "select_events", node.account_id, after=after, to=to, limit=1):
        event = reader.past.mapper.to_domain_event(row).event
        if isinstance(event, SessionIssued):
            return event.session
    raise ServiceFailure(f"The ledger of {node.account_id} does not tell at {to} how {node.subject_id} was issued.")


def _unused_by(
    reader: AnswerContext, found: Lineage, actor: _Actor, actions: Sequence[str]
) -> tuple[UnusedByCredential, ReachOverTime]:
    node, *others = actor.nodes
    moment = found.moments[node.account_id]
    credentials = credentials_of(own_credentials(found) if node is found.seed else actor.nodes)
    calls = first_and_last_call(reader.cursor, node.account_id, credentials, moment.position)
    first = Moment(node.position, node.at) if calls is None else Moment(calls[0].position, calls[0].at)
    last = moment if calls is None else Moment(calls[1].position, calls[1].at)
    values = _AccountVersions(reader, node.account_id, first.position, last.position)
    could = reach_over_time(values, node.owner_id, actor.session, actions)
    told = UnusedByCredential(
        credential=LineageNode.of(node),
        same=tuple(other.subject_id for other in others),
        first=first,
        last=last,
        permissions=len(could.layers),
        stopped_position=values.stopped_position if could.stopped_position is None else could.stopped_position,
    )
    return told, could


def _services(found: Sequence[Layers], unused: Mapping[str, bool]) -> Iterator[UnusedService]:
    by_service: dict[str, list[bool]] = {}
    for action, conditional in unused.items():
        service = action.partition(":")[0]
        if service not in OWN_SERVICES:
            by_service.setdefault(service, []).append(conditional)
    for service, of_service in sorted(by_service.items()):
        texts = (text for layers in found for text in granting_patterns(layers, service))
        yield UnusedService(
            service=service,
            actions=len(of_service),
            conditional=sum(of_service),
            granted_by=tuple(dict.fromkeys(texts)),
        )


class _AccountVersions:
    """An account at a position and after each change up to another, as long as there are not too many."""

    def __init__(self, reader: AnswerContext, account_id: str, first: int, last: int) -> None:
        self._values = reader.past.throughout(reader.cursor, account_id, first, last)
        self.stopped_position: int | None = None

    def __iter__(self) -> Iterator[Account]:
        for number, value in enumerate(self._values):
            assert isinstance(value, Account)
            if number == CHANGES_MAX:
                self.stopped_position = value.position
                return
            yield value
