"""The event loop's way to the committer."""

import asyncio

from services.ledger.committer import Committer
from services.ledger.work import Committed, Decide, Unavailable, Work

ANSWER_SECONDS_MAX = 5
"""Longer than any round takes: the database ends statements and idle transactions after two seconds, as long as it
runs at all. One that was stopped, or that a network swallowed, ends nothing."""


async def decided(committer: Committer, accounts: frozenset[str], decide: Decide) -> Committed:
    """The call, decided and durable. Raises Unavailable, Overloaded, and whatever a defect raised.

    The committer has to deliver on this event loop (`Committer.deliver_through`).
    """
    answered: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()

    def reply(result: Committed | BaseException) -> None:
        if answered.done():  # The client has gone; what happened stands in the ledger.
            return
        if isinstance(result, BaseException):
            answered.set_exception(result)
        else:
            answered.set_result(result)

    committer.submit(Work(accounts, decide, reply))
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return await answered
    except TimeoutError:
        raise Unavailable(
            f"No round has ended in {ANSWER_SECONDS_MAX} s: whether the call is recorded is unknown."
        ) from None
