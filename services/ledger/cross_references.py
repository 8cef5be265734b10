"""What ledgers say of each other: of two that one call has touched, neither can lose it alone."""

from collections import Counter
from collections.abc import Iterator, Mapping

from domain.account import Account
from domain.calls import ApiCalled
from domain.families.aliases import ACCOUNT_ALIAS
from domain.foundation.events import Entry
from domain.installation import OpenedAccount
from services.ledger.discrepancy import Discrepancy

_Pair = frozenset[str]
"""Of account ids."""


class CrossReferences:
    """Collected while ledgers are read, compared at the end. Counted, not kept: memory grows with the number of
    accounts that have had to do with each other, not with that of calls."""

    def __init__(self) -> None:
        self._last_changes: dict[str, int] = {}
        """Of the ledgers that were read to their end."""
        self._claims: dict[str, tuple[int, str, int]] = {}
        """By account id: the highest change of it that another ledger has decided by, and where it says so."""
        self._shared: Counter[tuple[str, _Pair]] = Counter()
        """Calls recorded in a ledger that belong into both of a pair."""

    def take(self, entry: Entry) -> None:
        """An entry of a ledger that is being read."""
        if not isinstance(entry.event, ApiCalled):
            return
        pairs = set[_Pair]()
        for decision in entry.event.decisions:
            for account_id, position in decision.positions.items():
                if account_id != entry.account_id and position > self._claims.get(account_id, (0,))[0]:
                    self._claims[account_id] = (position, entry.account_id, entry.position)
            # A record of the same call stands in the other's ledger too, unless there was no such account.
            if len(decision.positions) > 1 and all(decision.positions.values()):
                pairs.add(frozenset(decision.positions))
        self._shared.update((entry.account_id, pair) for pair in pairs)

    def end(self, account_id: str, last_change: int) -> None:
        """The ledger was read to its end."""
        self._last_changes[account_id] = last_change

    def findings(self) -> Iterator[tuple[str, Discrepancy]]:
        """By account id, of ledgers that were read to their end, and of what others that were say of them."""
        for account_id, (claimed, other, position) in self._claims.items():
            last = self._last_changes.get(account_id)
            if last is not None and last < claimed:
                expected = f"a change, by which position {position} of {other} was decided"
                yield account_id, Discrepancy(claimed, expected, f"{last} as the last one")
        for pair in {pair for _, pair in self._shared}:
            if not pair <= self._last_changes.keys():
                continue
            most = max(self._shared[account_id, pair] for account_id in pair)
            for account_id in pair:
                if (found := self._shared[account_id, pair]) < most:
                    others = ", ".join(sorted(pair - {account_id}))
                    expected = f"{most} calls that were recorded here and in the ledger of {others}, as there"
                    yield account_id, Discrepancy(None, expected, f"{found}")


def compare_claim(installation: Mapping[str, OpenedAccount], account: Account) -> Iterator[Discrepancy]:
    """What the installation's ledger holds of an account, against the account's own, where both were read."""
    opened = installation.get(account.id)
    claimed = opened.ledger_id if opened else ""
    if account.ledger_id != claimed:
        yield Discrepancy(
            1,
            f"the ledger {claimed}, which the installation has opened" if claimed else "no account",
            f"the ledger {account.ledger_id}" if account.exists else "nothing",
        )
    elif opened is not None:
        alias = account[ACCOUNT_ALIAS]
        if opened.alias != alias:
            yield Discrepancy(None, f"{_alias(opened.alias)}, as the installation has it", _alias(alias))
        retired, closed = opened.retired_at is not None, account.closed_at is not None
        if retired != closed:
            yield Discrepancy(None, f"{_state(retired)}, as the installation has it", _state(closed))


def _alias(alias: str | None) -> str:
    return "no alias" if alias is None else f"the alias {alias}"


def _state(closed: bool) -> str:  # noqa: FBT001  what it is about
    return "a closed account" if closed else "an open account"
