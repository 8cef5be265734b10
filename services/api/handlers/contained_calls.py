"""Calls that a contained credential made, or what it had given birth to: no example of what a principal needs (ADR
0034)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter

from domain.families.containment import CredentialContained, LineageContained
from domain.foundation.errors import InvalidInput, NoSuchEntity
from domain.foundation.events import Entry
from domain.foundation.moments import AsOf
from domain.queries.named import home_account_of
from domain.queries.what_if import CallToReplay
from projections.queries.lineage import Lineage, trace_lineage
from services.api.contract.replay import ContainedCalls
from services.api.handlers.handler import AnswerContext
from services.api.handlers.replay import entity_of
from services.ledger.door_uses import DoorUseFinder

CONTAINMENTS_MAX = 100
"""So many lineages are followed for one answer."""
_CREDENTIALS = frozenset({"access_key", "activation", "session"})


@dataclass(frozen=True, slots=True)
class TracedContainment:
    """As it was when it was contained, and what it did until then: whoever was given new credentials afterwards, or the
    old ones back, acts for themselves."""

    containment: Entry
    credentials: Mapping[str, int] = field(default_factory=dict)
    """Of the account: key ids and session ids, each with the position behind which it was of the lineage."""
    owners: Mapping[str, int] = field(default_factory=dict)
    """Unique ids of users and roles, whose every call is of it, whatever it was signed with."""
    unknown: str | None = None
    """Why not all of it is known."""
    since: datetime | None = None
    """The moment from which on its calls are not its owner's; None: all of them."""

    def made(self, call: CallToReplay) -> bool:
        """Whether the call is of it."""
        if call.position > self.containment.position or (self.since is not None and call.at < self.since):
            return False
        credential = call.cause.session_id or call.cause.access_key_id or ""
        begun = (self.credentials.get(credential), self.owners.get(entity_of(call) or ""))
        return any(position is not None and position < call.position for position in begun)


class ContainedCallCounter:
    """Tells which calls are of contained lineages, and counts them."""

    def __init__(self, context: AnswerContext, after: int) -> None:
        """Of containments behind the position, from which on calls are asked about. Raises ProjectionBehind."""
        self._lineages = tuple(_contained_lineages(context, after))
        self._calls: Counter[int] = Counter()

    def made(self, call: CallToReplay) -> TracedContainment | None:
        """The first containment's lineage that the call is of."""
        return next((lineage for lineage in self._lineages if lineage.made(call)), None)

    def add(self, lineage: TracedContainment | None, calls: int = 1) -> None:
        """Calls of the lineage or of none."""
        if lineage is not None:
            self._calls[lineage.containment.position] += calls

    def told(self) -> tuple[ContainedCalls, ...]:
        return tuple(
            ContainedCalls(
                credential=_event(lineage.containment).seed,
                position=lineage.containment.position,
                at=lineage.containment.at,
                by=lineage.containment.cause.actor,
                calls=self._calls[lineage.containment.position],
                unknown=lineage.unknown,
            )
            for lineage in self._lineages
            if self._calls[lineage.containment.position] or lineage.unknown is not None
        )


def _contained_lineages(context: AnswerContext, after: int) -> Iterator[TracedContainment]:
    found = _containments(context, after)
    for containment in found[:CONTAINMENTS_MAX]:
        try:
            lineage = _traced(context, containment)
        except (NoSuchEntity, InvalidInput) as error:
            yield TracedContainment(containment, unknown=f"it cannot be traced: {error.message}")
            continue
        own = [node for node in lineage.nodes if node.account_id == context.account_id]
        yield TracedContainment(
            containment,
            _earliest((node.subject_id, node.position) for node in own if node.kind in _CREDENTIALS),
            _earliest((node.owner_id, node.position) for node in own if node.owns_credentials),
            _unknown(lineage),
            lineage.compromised_since,
        )
    for containment in found[CONTAINMENTS_MAX:]:
        why = f"this containment and later ones were not examined, after {CONTAINMENTS_MAX} others"
        yield TracedContainment(containment, unknown=why)


def _containments(context: AnswerContext, after: int) -> list[Entry]:
    """One of each call: it may have ended credentials besides, or found none."""
    entries = [
        entry
        for topic in (LineageContained.topic, CredentialContained.topic)
        for entry in context.past.changes_of_topic(
            context.cursor, context.account_id, topic, after=after, limit=CONTAINMENTS_MAX + 1
        )
    ]
    by_call = {entry.cause.request_id: entry for entry in entries}
    return sorted(by_call.values(), key=lambda entry: entry.position)


def _unknown(lineage: Lineage) -> str | None:
    if lineage.stopped_after_nodes is not None:
        return f"only the first {lineage.stopped_after_nodes:,} nodes of its lineage were examined"
    if lineage.unexamined_calls:
        return f"at least {lineage.unexamined_calls:,} calls of others were not examined for using what it has altered"
    return None


def _earliest(places: Iterable[tuple[str, int]]) -> dict[str, int]:
    """A key may be of a lineage twice, created and activated."""
    return dict(sorted(places, key=itemgetter(1), reverse=True))


def _traced(context: AnswerContext, containment: Entry) -> Lineage:
    """As of the containment, in all accounts: of what it finds elsewhere nothing is told."""
    seed, principal = _event(containment).seed, containment.cause.principal
    contained_from = context.account_id if principal is None else principal.account_id
    home = home_account_of(seed, contained_from, context.installation(context.as_of.now))
    as_of = AsOf(context.as_of.now, position=containment.position)
    if home != context.account_id:
        as_of = AsOf.time(containment.at, context.as_of.now)
    since = _event(containment).compromised_since
    return trace_lineage(
        context.cursor,
        home,
        seed,
        as_of,
        compromised_since=None if since is None else AsOf.time(since, context.as_of.now),
        door_uses=DoorUseFinder(context.cursor, context.past),
    )


def _event(containment: Entry) -> CredentialContained | LineageContained:
    assert isinstance(containment.event, CredentialContained | LineageContained)
    return containment.event
