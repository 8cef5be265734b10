"""What an answer is read from: the tables, and accounts as their ledgers fold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from domain.account import Account
from domain.foundation.events import Entry
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.moments import AsOf
from domain.installation import Installation
from projections.queries.ledger_positions import position_at
from services.ledger.historical_states import HistoricalStates


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """For one answer, on a connection that reads."""

    cursor: psycopg.Cursor
    past: HistoricalStates
    account_id: str
    """Whose the question is."""
    as_of: AsOf
    """A moment that the tables of the account have reached."""
    everywhere: bool = False
    """Whether it is for the operator, who may see into all accounts."""
    behind: frozenset[str] = frozenset()
    """Accounts whose tables lag, of a question that reads everywhere."""
    decision_result: Mapping[str, object] = field(default_factory=dict)
    """What the decision in the round had to tell."""

    def account(self, account_id: str, position: int) -> Account:
        """As it was at the position; empty where there is no such ledger."""
        found = self.past.at(self.cursor, account_id, position)
        assert isinstance(found, Account)
        return found

    def own(self, position: int) -> Account:
        """The account that the question is about, as it was at the position."""
        return self.account(self.account_id, position)

    def installation(self, at: datetime) -> Installation:
        """As it was at the time."""
        found = self.past.at(self.cursor, INSTALLATION, position_at(self.cursor, INSTALLATION, at))
        assert isinstance(found, Installation)
        return found

    def changes(self, account_id: str, *, after: int, to: int) -> Iterator[Entry]:
        """Those behind one position and up to another, read as they are taken."""
        return self.past.changes(self.cursor, account_id, after=after, to=to)
