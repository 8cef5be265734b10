"""Who has used what a lineage has opened: calls of others that its changes alone made possible (docs/adr/0036)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import psycopg

from domain.account import Account
from domain.altered_settings import AlteredSetting, without_lineage
from domain.calls import ApiCalled
from domain.foundation.moments import Moment
from domain.queries.open_doors import altered_settings
from domain.queries.what_if import CallReplayer, CallToReplay, ReplayOutcome
from domain.read_models.lineage import LineageNode, NodePosition
from projections.queries.lineage import SQL, DoorUse, DoorUses
from services.ledger.historical_states import HistoricalStates
from services.ledger.recorder import select
from services.ledger.reevaluation import session_of

CALLS_MAX = 5_000
"""So many calls of others that have changed something are examined, the first since the lineage's first change."""
EVENTS_A_SELECT = 4
"""A call that changes something seldom has more."""


class DoorUseFinder:
    """For one answer, on a connection that reads. Blocks for as long as it takes to fold and decide."""

    def __init__(self, cursor: psycopg.Cursor, past: HistoricalStates) -> None:
        self._cursor = cursor
        self._past = past
        self._calls: dict[tuple[str, str], CallToReplay | None] = {}
        self._changes = 0
        """That were known when it was last looked."""
        self._unexamined = 0
        self._without: tuple[Account, Sequence[AlteredSetting], Account] | None = None

    def account(self, account_id: str, position: int) -> Account:
        found = self._past.at(self._cursor, account_id, position)
        assert isinstance(found, Account)
        return found

    def __call__(self, nodes: Sequence[LineageNode], moments: Mapping[str, Moment], until: datetime | None) -> DoorUses:
        altered = altered_settings(nodes[1:], self.account)
        changes = sum(len(each.changes) for each in altered)
        if changes == self._changes:
            return DoorUses((), self._unexamined)
        self._changes = changes
        keys = [node.access_key_id for node in nodes if node.access_key_id is not None]
        since = min(change.at for each in altered for change in each.changes)
        parameters = {"keys": keys, "since": since, "until": until, "limit": CALLS_MAX + 1}
        rows = self._cursor.execute(SQL["by_others"], parameters).fetchall()
        known = [row for row in rows[:CALLS_MAX] if row[0] not in moments or row[1] <= moments[row[0]].position]
        uses, undecidable = self._uses(known, altered)
        self._unexamined = undecidable + max(0, len(rows) - CALLS_MAX)
        return DoorUses(uses, self._unexamined)

    def _uses(self, rows: Sequence[tuple[str, int, str]], altered: list[AlteredSetting]) -> tuple[list[DoorUse], int]:
        uses, unexamined = [], 0
        changed = {each.account_id for each in altered}
        for account_id, position, request_id in rows:
            call = self._call(account_id, position, request_id)
            if call is None or not call.was_allowed or changed.isdisjoint(_accounts_read(call)):
                continue
            match self._outcome(call, altered):
                case ReplayOutcome.REFUSED:
                    uses.append(DoorUse(request_id, self._door(call, altered)))
                case ReplayOutcome.UNDECIDABLE:
                    unexamined += 1
        return uses, unexamined

    def _door(self, call: CallToReplay, altered: list[AlteredSetting]) -> NodePosition:
        """The setting that by itself makes the difference, or else the first."""
        alone = (each for each in altered if self._outcome(call, [each]) is ReplayOutcome.REFUSED)
        setting = next(alone, altered[0])
        before = [change.position for change in setting.changes if change.at <= call.at]
        return NodePosition(setting.account_id, (before or [setting.changes[-1].position])[-1])

    def _outcome(self, call: CallToReplay, altered: Sequence[AlteredSetting]) -> ReplayOutcome:
        def value_of(account_id: str, position: int) -> Account:
            account = self.account(account_id, position)
            if self._without is None or self._without[0] is not account or self._without[1] is not altered:
                self._without = account, altered, without_lineage(account, altered)
            return self._without[2]

        replayer = CallReplayer(value_of, lambda cause: session_of(self._cursor, self._past.mapper, cause))
        return replayer.of(call).outcome

    def _call(self, account_id: str, position: int, request_id: str) -> CallToReplay | None:
        """None where it has no record: what our own server did."""
        if (account_id, request_id) not in self._calls:
            self._calls[account_id, request_id] = next(self._records(account_id, position, request_id), None)
        return self._calls[account_id, request_id]

    def _records(self, account_id: str, position: int, request_id: str) -> Iterator[CallToReplay]:
        """A call's record stands behind its events."""
        while rows := select(self._cursor, "select_events", account_id, after=position, limit=EVENTS_A_SELECT):
            for row in rows:
                entry = self._past.mapper.to_domain_event(row)
                if entry.cause.request_id != request_id:
                    return
                if isinstance(entry.event, ApiCalled):
                    yield CallToReplay.of(entry, entry.event)
                position = entry.position


def _accounts_read(call: CallToReplay) -> set[str]:
    return {account_id for decision in call.decisions for account_id in decision.positions}
