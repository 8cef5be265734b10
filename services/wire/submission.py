"""The event loop's way to the committer."""

import asyncio

from services.fair_queue import SERVER, Turn
from services.ledger.committer import Committer
from services.ledger.pending_call import CommittedCall, DecideCall, LedgerUnavailable, PendingCall

ANSWER_SECONDS_MAX = 5
"""Longer than any round takes: the database ends statements and idle transactions after two seconds, as long as it
runs at all. One that was stopped, or that a network swallowed, ends nothing."""


async def commit_and_wait(
    committer: Committer, accounts: frozenset[str], decide: DecideCall, turn: Turn = SERVER
) -> CommittedCall:
    """The call, decided and durable. Raises Unavailable, Overloaded, and whatever a defect raised.

    The committer has to deliver on this event loop (`Committer.deliver_through`).
    """
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[CommittedCall] = loop.create_future()

    def reply(result: CommittedCall | BaseException) -> None:
        if answered.done():  # The client has gone or was answered 503; what happened stands in the ledger.
            return
        if isinstance(result, BaseException):
            answered.set_exception(result)
        else:
            answered.set_result(result)

    def give_up() -> None:
        reply(LedgerUnavailable(f"No round ended in {ANSWER_SECONDS_MAX} s: whether the call was recorded is unknown."))

    committer.submit(PendingCall(accounts, decide, reply, turn))
    # Not asyncio.timeout, which costs every call three times as much.
    too_late = loop.call_later(ANSWER_SECONDS_MAX, give_up)
    try:
        return await answered
    finally:
        too_late.cancel()
