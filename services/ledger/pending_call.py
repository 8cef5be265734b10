"""What is submitted to the committer, and what comes back."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.calls import NeedsFacts, NewSecret
from domain.foundation.events import Cause, Event
from domain.foundation.secret import SecretId
from domain.ledger_state import LedgerState
from domain.policy import Policy
from services.fair_queue import SERVER, Turn


@dataclass(frozen=True, slots=True)
class LedgerAppend:
    """Events for one ledger. The append stamps the cause on each of them."""

    account_id: str
    cause: Cause
    events: Sequence[Event]
    new_secrets: Sequence[NewSecret] = ()
    destroyed_secrets: Sequence[SecretId] = ()
    new_texts: Sequence[str] = ()

    @property
    def is_all_in_entries(self) -> bool:
        """Whether nothing of it lies beside the ledger."""
        return not (self.new_secrets or self.destroyed_secrets or self.new_texts)


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call came to. Nothing of it has happened until the round commits."""

    result: Any
    """Opaque to the ledger: it comes back in `CommittedCall`."""
    appends: Sequence[LedgerAppend]
    then: NeedsFacts | None = None
    """For what the call is decided once more afterwards."""


class LedgerNotLocked(LookupError):  # noqa: N818  says what there is not
    """A decision appends to a ledger that its round has not locked: nobody asked for it, or it does not exist."""


class LedgerUnavailable(Exception):  # noqa: N818  the database's state, not ours
    """The ledger cannot be written now. The answer is 503; whether the call was recorded may be unknown."""


@dataclass(frozen=True, slots=True)
class CommittedCall:
    result: Any
    values: Mapping[str, LedgerState]
    """The accounts as they were right after this call's own events."""
    positions: Mapping[str, int]
    """The position of this call's last event in each ledger it wrote to."""
    then: NeedsFacts | None = None
    """For what the call is decided once more."""


LedgerStates = Mapping[str, LedgerState]
DecideCall = Callable[[LedgerStates, datetime], CallResult]
"""A pure function of the newest values, empty ones where there is no ledger, and the round's time. It may raise
NeedsAccounts and NeedsPolicies; anything else that it raises fails this call alone."""
ReplyToCall = Callable[[CommittedCall | BaseException], None]


@dataclass(slots=True)
class PendingCall:
    """A call that waits for its round."""

    accounts: frozenset[str]
    decide: DecideCall
    reply: ReplyToCall
    turn: Turn = SERVER
    founding: bool = False
    """Whether it may begin ledgers that do not exist yet."""
    since: float = field(default_factory=time.monotonic, init=False)
    """When it was submitted, on the monotonic clock."""
    misses: int = field(default=0, init=False)
    """Rounds in which another process held one of its accounts."""
    rests_until: float = field(default=0.0, init=False)
    """Until then nobody waits for its accounts again, on the monotonic clock."""
    policies: tuple[Policy, ...] = field(default=(), init=False)
    """That a round found unread, held until the call is decided."""
    runs: int = field(default=0, init=False)
    """Rounds that failed as a whole before they were committed."""
