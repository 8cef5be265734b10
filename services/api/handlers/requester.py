"""Who asks a question that is decided in the round, and what the round lets it see."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_bytes
from typing import Self

from domain.account import Account
from domain.authorization import authorize
from domain.callers import Caller
from domain.calls import Call, Facts, NeedsAccounts
from domain.foundation.errors import AccessDenied
from domain.foundation.identifiers import INSTALLATION, Random
from domain.installation import Installation
from domain.ledger_state import LedgerState


@dataclass(frozen=True, slots=True)
class Requester:
    """A caller, or the operator, whom no policy is asked about."""

    ledgers: Mapping[str, LedgerState]
    """The newest values that the round has locked, by account id."""
    at: datetime
    facts: Facts | None
    """What was found out since the decision was first made."""
    caller: Caller | None
    """None of the operator."""
    denied: Callable[[str, str], str | None]
    """Of an action and an ARN, why policies do not allow it; None where they do. The check is recorded."""
    random: Random = token_bytes

    @classmethod
    def of(cls, account: Account, call: Call) -> Self:
        def denied(action: str, resource: str) -> str | None:
            try:
                authorize(account, call, action, resource)
            except AccessDenied as refusal:
                return refusal.message
            return None

        return cls(call.ledgers, call.at, call.facts, call.caller, denied, call.random)

    @classmethod
    def operator(cls, ledgers: Mapping[str, LedgerState], at: datetime, facts: Facts | None) -> Self:
        return cls(ledgers, at, facts, None, lambda _action, _resource: None)

    def accounts(self, account_ids: Collection[str]) -> dict[str, Account]:
        """As they are now; check `exists`. Raises NeedsAccounts when the round does not have them all yet."""
        if not self.ledgers.keys() >= set(account_ids):
            raise NeedsAccounts(frozenset(account_ids))
        return {other: account for other in account_ids if isinstance(account := self.ledgers[other], Account)}

    def installation(self) -> Installation:
        """Raises NeedsAccounts, too."""
        if INSTALLATION not in self.ledgers:
            raise NeedsAccounts(frozenset({INSTALLATION}))
        found = self.ledgers[INSTALLATION]
        assert isinstance(found, Installation)
        return found
