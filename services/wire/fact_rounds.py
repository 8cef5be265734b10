"""Decisions that need facts no round has time for: those are found out beside it, and the decision is made again."""

import itertools
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from domain.calls import Facts, FactsQuery, NeedsFacts
from domain.foundation.errors import Refusal
from domain.time_travel import PastFacts
from services.ledger.pending_call import CommittedCall


class FoundFacts(NamedTuple):
    """What has been found out for a call until now."""

    facts: Facts | None = None
    past: PastFacts | None = None
    refusal: Refusal | None = None
    """Of a call for which facts could not be found: what it is to be refused with."""


NOTHING_FOUND = FoundFacts()


async def decide_with_facts(
    decide: Callable[[FoundFacts], Awaitable[CommittedCall]],
    find: Callable[[FactsQuery], Awaitable[Facts]],
    *,
    decisions_max: int | None = None,
) -> CommittedCall:
    """`decide` makes the decision in a round; it may raise NeedsFacts unless it has a refusal. Without `decisions_max`
    it is made until its facts hold, however fast the account moves on."""
    found = NOTHING_FOUND
    for decisions in itertools.count(1):
        try:
            return await decide(found)
        except NeedsFacts as needed:
            # Nothing was written. The caller may do this and nothing is wrong with it yet: it is worth the work.
            if decisions == decisions_max:
                found = found._replace(refusal=needed.unsettled)
                continue
            try:
                facts = await find(needed.wanted)
            except Refusal as refusal:
                found = found._replace(refusal=refusal.as_value())
                continue
            found = found._replace(past=facts) if isinstance(facts, PastFacts) else found._replace(facts=facts)
    raise AssertionError("A refused call needs no facts.")
