"""Decisions that need facts no round has time for: those are found out beside it, and the decision is made again."""

import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from domain.calls import Facts, FactsQuery, NeedsFacts
from domain.foundation.errors import Refusal
from domain.time_travel import PastFacts
from services.ledger.pending_call import CommittedCall, LedgerUnavailable

log = logging.getLogger("muniment.wire")


class FoundFacts(NamedTuple):
    """What has been found out for a call until now."""

    facts: Facts | None = None
    past: PastFacts | None = None
    refusal: Refusal | None = None
    """Of a call for which facts could not be found: what it is to be refused with where it still needs some."""

    def with_facts(self, facts: Facts) -> "FoundFacts":
        return self._replace(past=facts) if isinstance(facts, PastFacts) else self._replace(facts=facts)


NOTHING_FOUND = FoundFacts()
Decide = Callable[[FoundFacts], Awaitable[CommittedCall]]
Find = Callable[[FactsQuery], Awaitable[Facts]]


async def decide_with_facts(decide: Decide, find: Find, *, decisions_max: int | None = None) -> CommittedCall:
    """`decide` makes the decision in a round; it may raise NeedsFacts unless it has a refusal. Without `decisions_max`
    it is made until its facts hold, however fast the account moves on.

    Where the call goes on after its commit (`Outcome.then`) and cannot, what it has come to by then is its answer.
    """
    first = await _decided(decide, find, NOTHING_FOUND, decisions_max)
    if first.then is None:
        return first
    try:
        found = NOTHING_FOUND.with_facts(await find(first.then.wanted))
        second = await _decided(decide, find, found, decisions_max)
    except (Refusal, LedgerUnavailable) as error:
        log.warning("A call does not go on after its commit: %s", error)
        return first
    # A refusal that is only counted has written nothing.
    return first if isinstance(second.result, Refusal) or not second.positions else second


async def _decided(decide: Decide, find: Find, found: FoundFacts, decisions_max: int | None) -> CommittedCall:
    for decisions in itertools.count(1):
        try:
            return await decide(found)
        except NeedsFacts as needed:
            needed.with_traceback(None)  # As `Refusal.as_value`: its frames hold the future that holds it.
            # Nothing was written. The caller may do this and nothing is wrong with it yet: it is worth the work.
            if decisions == decisions_max:
                found = found._replace(refusal=needed.unsettled)
                continue
            try:
                found = found.with_facts(await find(needed.wanted))
            except Refusal as refusal:
                found = found._replace(refusal=refusal.as_value())
    raise AssertionError("A refused call needs no facts.")
