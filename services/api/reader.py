"""What an answer is read from: the tables, and accounts as their ledgers fold."""

from dataclasses import dataclass

import psycopg

from domain.account import Account
from services.ledger.past import PastValues


@dataclass(frozen=True, slots=True)
class Reader:
    """For one answer, on a connection that reads."""

    cursor: psycopg.Cursor
    past: PastValues

    def account(self, account_id: str, position: int) -> Account:
        """As it was at the position; empty where there is no such ledger."""
        found = self.past.at(self.cursor, account_id, position)
        assert isinstance(found, Account)
        return found
