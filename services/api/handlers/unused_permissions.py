"""What a credential and its descendants could have done and did not: actions by name, as the action catalogue has
them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.account import Account
from domain.families.sessions import Session, SessionIssued
from domain.foundation.moments import Moment
from domain.policy import Layers, granting_patterns, merge_reaches
from domain.queries.reach import ReachOverTime, reach_over_time
from domain.read_models.lineage import LineageNode
from projections.queries.credential_activity import CredentialIds, first_and_last_call
from projections.queries.lineage import Lineage
from services.api.action_catalogue import CATALOGUE, OWN_SERVICES
from services.api.contract.unused_permissions import UnusedAction, UnusedByCredential, UnusedPermissions, UnusedService
from services.api.handlers.handler import AnswerContext
from services.ledger.recorder import select
from services.wire.errors import ServiceFailure

CHANGES_MAX = 10_000
"""So many changes of the account are gone through."""

CREDENTIALS_MAX = 500
"""So many credentials of a lineage, the first ones, are asked whose permissions they have."""

ACTORS_MAX = 8
"""So many of these that differ in whose permissions they have, or in what their sessions were limited to, are looked
at: each may have had as many different permissions as are looked at."""


@dataclass(frozen=True, slots=True)
class _Actor:
    """The first of its nodes acts by the same permissions as the others."""

    nodes: tuple[LineageNode, ...]
    session: Session | None


def unused_permissions(context: AnswerContext, found: Lineage, used: Collection[str]) -> UnusedPermissions:
    """Less the actions that were used, in lower case. Raises ServiceFailure where a session's policies are gone, and
    what `HistoricalStates.at` raises."""
    every = [action for actions in CATALOGUE.actions.values() for action in actions]
    acting = [node for node in found.nodes if node is found.seed or node.kind in {"session", "access_key"}]
    actors = _actors(context, acting[:CREDENTIALS_MAX])[:ACTORS_MAX]
    could = [_unused_by(context, found, actor, every) for actor in actors]
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


def own_credentials(found: Lineage) -> list[LineageNode]:
    """What was asked about: a key or session itself, or all those of a principal."""
    seed = found.seed
    if not seed.owns_credentials:
        return [seed]
    return [node for node in found.nodes if (node.account_id, node.owner_id) == (seed.account_id, seed.owner_id)]


def credentials_of(nodes: Iterable[LineageNode]) -> CredentialIds:
    held = list(nodes)
    return CredentialIds(
        [node.subject_id for node in held if node.kind == "access_key"],
        [node.subject_id for node in held if node.kind == "session"],
    )


def _actors(context: AnswerContext, nodes: Iterable[LineageNode]) -> list[_Actor]:
    """In the order of the nodes."""
    alike: dict[object, _Actor] = {}
    for node in nodes:
        session = _session(context, node)
        # What of a session counts when it is asked what it could do.
        limits = session and (
            session.principal.type,
            session.principal.mfa_authenticated,
            session.principal.source_identity,
            session.policies,
            session.tags,
        )
        key = (node.account_id, node.owner_id, limits)
        others = alike[key].nodes if key in alike else ()
        alike[key] = _Actor((*others, node), session)
    return list(alike.values())


def _session(context: AnswerContext, node: LineageNode) -> Session | None:
    """With its policies, which stand in the ledger alone. Raises ServiceFailure where they are gone."""
    if node.kind != "session":
        return None
    after, to = node.position - 1, node.position
    for row in select(context.cursor, "select_events", node.account_id, after=after, to=to, limit=1):
        event = context.past.mapper.to_domain_event(row).event
        if isinstance(event, SessionIssued):
            return event.session
    raise ServiceFailure(f"The ledger of {node.account_id} does not tell at {to} how {node.subject_id} was issued.")


def _unused_by(
    context: AnswerContext, found: Lineage, actor: _Actor, actions: Sequence[str]
) -> tuple[UnusedByCredential, ReachOverTime]:
    node, *others = actor.nodes
    moment = found.moments[node.account_id]
    credentials = credentials_of(own_credentials(found) if node is found.seed else actor.nodes)
    calls = first_and_last_call(context.cursor, node.account_id, credentials, moment.position)
    first = Moment(node.position, node.at) if calls is None else Moment(calls[0].position, calls[0].at)
    last = moment if calls is None else Moment(calls[1].position, calls[1].at)
    values = _AccountVersions(context, node.account_id, first.position, last.position)
    could = reach_over_time(values, node.owner_id, actor.session, actions)
    told = UnusedByCredential(
        credential=node,
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

    def __init__(self, context: AnswerContext, account_id: str, first: int, last: int) -> None:
        self._values = context.past.throughout(context.cursor, account_id, first, last)
        self.stopped_position: int | None = None

    def __iter__(self) -> Iterator[Account]:
        for number, value in enumerate(self._values):
            assert isinstance(value, Account)
            if number == CHANGES_MAX:
                self.stopped_position = value.position
                return
            yield value
