"""Who asks a question that is decided in the round, and what the round lets it see."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from domain.account import Account
from domain.authorization import authorize
from domain.call_context import NO_VALUES
from domain.callers import Caller
from domain.calls import Call, Facts, NeedsAccounts
from domain.foundation.errors import AccessDenied
from domain.foundation.identifiers import INSTALLATION, Random
from domain.installation import Installation
from domain.ledger_state import LedgerState


class Denied(Protocol):
    def __call__(self, action: str, resource: str, context: Mapping[str, tuple[str, ...]] = NO_VALUES, /) -> str | None:
        """Of an action and an ARN, with the condition keys that the operation brings: why policies do not allow it;
        None where they do. The check is recorded."""


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
    random: Random
    denied: Denied
    call: Call | None = None
    """None of the operator, for whom nothing is sealed."""

    @classmethod
    def of(cls, account: Account, call: Call) -> Self:
        def denied(action: str, resource: str, context: Mapping[str, tuple[str, ...]] = NO_VALUES) -> str | None:
            try:
                authorize(account, call, action, resource, context)
            except AccessDenied as refusal:
                return refusal.message
            return None

        return cls(call.ledgers, call.at, call.facts, call.caller, call.random, denied, call)

    @classmethod
    def operator(cls, ledgers: Mapping[str, LedgerState], at: datetime, facts: Facts | None, random: Random) -> Self:
        return cls(ledgers, at, facts, None, random, lambda _action, _resource, _context=NO_VALUES: None)

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
