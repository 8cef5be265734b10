"""What a ledger folds into: an account, or the installation."""

from domain import account, installation
from domain.account import Account
from domain.foundation.events import Entry
from domain.foundation.identifiers import INSTALLATION
from domain.installation import Installation

LedgerState = Account | Installation


def empty(account_id: str) -> LedgerState:
    """The value before the first event."""
    return Installation() if account_id == INSTALLATION else Account(account_id)


def evolve(value: LedgerState, entry: Entry) -> LedgerState:
    """Folds one change into a value. Raises CorruptLedger where no legal history has led here."""
    if isinstance(value, Installation):
        return installation.evolve(value, entry)
    return account.evolve(value, entry)
