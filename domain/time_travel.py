"""Looking into the past: what a call needs of it, and who may look (docs/adr/0022).

A call about the past is made now, by a caller who is proved now. What it reads is of then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.ledger_state import LedgerState

TIME_TRAVEL = "muniment:TimeTravel"
"""The action that every look into the past takes, besides what it takes to look at the present."""
AS_OF_POSITION = "muniment:asofposition"
"""The condition key that a look into the past brings, and by which it is known again: the position of the last change
that is looked at, for Numeric operators."""


@dataclass(frozen=True, slots=True)
class PastQuery:
    """The values of accounts at a moment, to be folded beside the round."""

    moment: str
    """An RFC 3339 time, or p<position> of the first of the accounts."""
    asked_at: datetime
    """What comes after it is refused: it has not happened yet."""
    account_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PastFacts:
    """What was, as far as it was asked for. It never changes: it need not be looked at again."""

    at: datetime
    ledgers: Mapping[str, LedgerState]
    """By account id; empty ones of accounts that did not exist yet."""
