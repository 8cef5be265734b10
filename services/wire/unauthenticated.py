"""Requests that authenticate nobody: the first of a source and minute is recorded before it is answered, the others as
a count, so that a stranger cannot fill a ledger."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from domain.calls import UnauthenticatedCalled
from domain.foundation.abridged import shorten
from domain.foundation.errors import Refusal
from domain.foundation.events import Cause, Event
from domain.foundation.identifiers import INSTALLATION, Random
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, LedgerAppend
from services.wire.call_record import MESSAGE_BYTES_MAX, storable_text
from services.wire.submission import commit_and_wait

SOURCES_A_MINUTE_MAX = 200
"""Recorded one by one; whoever comes after them is counted."""


class UnauthenticatedRecorder:
    """One event loop's. A crash loses at most one minute's counts."""

    def __init__(self, committer: Committer, random: Random) -> None:
        self._committer = committer
        self._random = random
        self._minute: datetime | None = None
        self._sources: set[str] = set()
        self._counts: Counter[str] = Counter()

    async def record(
        self, cause: Cause, refusal: Refusal, access_key_id: str | None, account_id: str | None, now: datetime
    ) -> None:
        """Returns when the refusal is in the installation ledger, or counted. The account is that of the key id."""
        await self.flush(now)
        source = cause.forwarded_address or cause.peer_address or ""
        if source in self._sources or len(self._sources) >= SOURCES_A_MINUTE_MAX:
            self._counts[refusal.code] += 1
            return
        self._sources.add(source)
        called = UnauthenticatedCalled(
            error_code=refusal.code,
            error_message=shorten(storable_text(refusal.message), MESSAGE_BYTES_MAX),
            # What is no account's may be no key id at all, but the secret in the wrong place.
            claimed_access_key_id=access_key_id if account_id else None,
            claimed_account_id=account_id,
            count=1,
        )
        await self._append(cause, [called])

    async def flush(self, now: datetime) -> None:
        """Records the counts of the minute before this one, if it is over. Called now and then besides."""
        minute = now.replace(second=0, microsecond=0)
        if minute == self._minute:
            return
        counts, self._counts = self._counts, Counter()
        self._minute = minute
        self._sources.clear()
        if counts:
            request_id = self._random(16).hex()
            cause = Cause(origin="api", request_id=request_id, shared_id=request_id, service="", operation="")
            counted = [
                UnauthenticatedCalled(error_code=code, error_message="Counted, not recorded one by one.", count=count)
                for code, count in sorted(counts.items())
            ]
            try:
                await self._append(cause, counted)
            except Exception:
                self._counts += counts  # The ledger cannot be written now; they come with the next minute's.
                raise

    async def _append(self, cause: Cause, events: Sequence[Event]) -> None:
        done = CallResult(None, [LedgerAppend(INSTALLATION, cause, events)])
        await commit_and_wait(self._committer, frozenset({INSTALLATION}), lambda _values, _at: done)
