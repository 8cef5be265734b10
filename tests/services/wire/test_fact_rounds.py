"""Decisions that need facts."""

import asyncio

from domain.calls import Facts, FactsQuery, NeedsFacts
from domain.families.authorization_messages import MessageFacts, MessageQuery
from domain.foundation.errors import ValidationError
from services.ledger.pending_call import CommittedCall
from services.wire.fact_rounds import FoundFacts, decide_with_facts


def test_what_was_needed_holds_no_frames() -> None:
    """What a decision raised, and the call is made of, is in no cycle that only garbage collection ends."""
    needed = NeedsFacts(MessageQuery("a"), unsettled=ValidationError("Moved on."))
    committed = CommittedCall(None, {}, {})

    async def decide(found: FoundFacts) -> CommittedCall:
        if found.facts is None:
            raise needed
        return committed

    async def find(_wanted: FactsQuery) -> Facts:
        return MessageFacts(None)

    assert asyncio.run(decide_with_facts(decide, find)) is committed
    assert needed.__traceback__ is None
