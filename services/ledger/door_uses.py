"""Who has used what a lineage has opened: calls of others that its changes alone made possible (docs/adr/0036)."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import psycopg

from domain.account import Account
from domain.altered_settings import AlteredSetting, without_lineage
from domain.authorization import ASSUME_ROOT
from domain.call_context import user_or_role_by_arn
from domain.calls import ApiCalled, DecisionRecord
from domain.entity_kinds import find_entity
from domain.families.boundaries import boundary_arn
from domain.foundation.events import Entry
from domain.foundation.moments import Moment
from domain.queries.open_doors import AlteredSettings, altered_settings
from domain.queries.what_if import CallReplayer, CallToReplay, ReplayOutcome
from domain.read_models.lineage import LineageNode, NodePosition
from domain.rules.root_sessions import is_enabled
from projections.queries.lineage import SQL, DoorUse, DoorUses
from services.ledger.historical_states import HistoricalStates
from services.ledger.recorder import select
from services.ledger.reevaluation import session_of

CALLS_MAX = 5_000
"""So many calls of others that have changed something are examined, the first since the lineage's first change."""
WORK_MAX = 500_000
"""So many settings are left out of accounts, of all calls together: a few seconds' work. What comes behind is told as
not examined, so that no thief delays a containment by altering much."""
ALONE_MAX = 25
"""So many settings are tried one by one for which of them has let a call in."""
ACCOUNTS_MAX = 64
EVENTS_A_SELECT = 4
"""A call that changes something seldom has more."""
_BOUNDARY = "iam:permissionsboundary"
AccountOf = Callable[[str, int], Account]
_DEFECTS = (LookupError, ValueError, TypeError, AssertionError)
"""What imagining an account may end with: it stops no containment, and is no all-clear."""
log = logging.getLogger("muniment.ledger")


class DoorUseFinder:
    """For one answer, on a connection that reads. Blocks for as long as it takes to fold and decide. What a lineage has
    altered it remembers: it is asked for several times over."""

    def __init__(self, cursor: psycopg.Cursor, past: HistoricalStates) -> None:
        self._cursor = cursor
        self._past = past
        self._accounts: dict[tuple[str, int], Account] = {}
        self._calls: dict[tuple[str, str], CallToReplay | None] = {}
        self._nodes = 0
        """Changes that were known when it was last looked."""
        self._unexamined = 0
        self._without: tuple[Account, Sequence[AlteredSetting], Account] | None = None
        self._altered: tuple[object, AlteredSettings] | None = None

    def account(self, account_id: str, position: int) -> Account:
        place = (account_id, position)
        if place not in self._accounts:
            found = self._past.at(self._cursor, account_id, position)
            assert isinstance(found, Account)
            if len(self._accounts) == ACCOUNTS_MAX:
                self._accounts.clear()
            self._accounts[place] = found
        return self._accounts[place]

    def altered(
        self, nodes: Sequence[LineageNode], moments: Mapping[str, Moment], since: datetime | None
    ) -> AlteredSettings:
        def changes(account_id: str, after: int, to: int) -> Iterator[Entry]:
            return self._past.changes(self._cursor, account_id, after=after, to=to)

        positions = {account_id: moment.position for account_id, moment in moments.items()}
        asked = ([node.place for node in nodes], positions, since)
        if self._altered is None or self._altered[0] != asked:
            self._altered = asked, altered_settings(nodes, positions, since, self.account, changes)
        return self._altered[1]

    def __call__(
        self,
        nodes: Sequence[LineageNode],
        moments: Mapping[str, Moment],
        since: datetime | None,
        until: datetime | None,
    ) -> DoorUses:
        changes = [node for node in nodes[1:] if not node.gives_access]
        if len(changes) == self._nodes:
            return DoorUses((), self._unexamined)
        self._nodes = len(changes)
        try:
            return self._looked(nodes, moments, since, until, min(node.at for node in changes))
        except _DEFECTS:
            log.exception("What others did with what a lineage has altered cannot be told")
            self._unexamined = max(1, self._unexamined)
            return DoorUses((), self._unexamined)

    def _looked(
        self,
        nodes: Sequence[LineageNode],
        moments: Mapping[str, Moment],
        since: datetime | None,
        until: datetime | None,
        first: datetime,
    ) -> DoorUses:
        altered, unexamined = self.altered(nodes, moments, since)
        keys = [node.access_key_id for node in nodes if node.access_key_id and node.kind != "activation"]
        parameters = {"keys": keys, "since": first, "until": until, "limit": CALLS_MAX + 1}
        rows = self._cursor.execute(SQL["by_others"], parameters).fetchall()
        known = [row for row in rows[:CALLS_MAX] if row[0] not in moments or row[1] <= moments[row[0]].position]
        uses, undecidable = self._uses(known, altered)
        self._unexamined = unexamined + undecidable + max(0, len(rows) - CALLS_MAX)
        return DoorUses(uses, self._unexamined)

    def _uses(self, rows: Sequence[tuple[str, int, str]], altered: list[AlteredSetting]) -> tuple[list[DoorUse], int]:
        uses, unexamined = list[DoorUse](), 0
        changed = {each.account_id for each in altered}
        for number, (account_id, position, request_id) in enumerate(rows):
            if number * len(altered) > WORK_MAX:
                return uses, unexamined + len(rows) - number
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
        """The setting that by itself makes the difference, or else the first of those that differed then."""
        differing = [each for each in altered if (step := each.step_at(call.at)) and (step.introduced or step.dropped)]
        tried = differing[:ALONE_MAX] or altered
        alone = (each for each in tried if self._outcome(call, [each]) is ReplayOutcome.REFUSED)
        setting = next(alone, tried[0])
        return NodePosition(setting.account_id, setting.named_before(call.at))

    def _outcome(self, call: CallToReplay, altered: Sequence[AlteredSetting]) -> ReplayOutcome:
        """Undecidable where an account cannot be imagined without the lineage."""

        def value_of(account_id: str, position: int) -> Account:
            account = self.account(account_id, position)
            if self._without is None or self._without[0] is not account or self._without[1] is not altered:
                self._without = account, altered, without_lineage(account, altered)
            return self._without[2]

        replayer = CallReplayer(value_of, lambda cause: session_of(self._cursor, self._past.mapper, cause))
        try:
            if any(_needs_feature(record, self.account, value_of) for record in call.decisions):
                return ReplayOutcome.REFUSED
            return replayer.of(self._as_if(call, altered, value_of)).outcome
        except _DEFECTS:
            log.exception("Call %s cannot be decided as if a lineage had not been", call.cause.request_id)
            return ReplayOutcome.UNDECIDABLE

    def _as_if(self, call: CallToReplay, altered: Sequence[AlteredSetting], value_of: AccountOf) -> CallToReplay:
        """With the names that users and groups would have, and with the boundary that the user or role whom it is about
        would have."""
        names, decisions = dict[str, str](), []
        for record in call.decisions:
            for account_id, position in record.positions.items():
                now, without = self.account(account_id, position), value_of(account_id, position)
                if now is not without:
                    names |= _names(now, without, altered)
            decisions.append(_decision_as_if(record, names, self.account, value_of))
        principal = call.cause.principal
        if principal is None or principal.arn not in names:
            return replace(call, decisions=tuple(decisions))
        arn = names[principal.arn]
        renamed = principal.model_copy(update={"arn": arn, "user_name": arn.rpartition("/")[2]})
        return replace(call, cause=call.cause.model_copy(update={"principal": renamed}), decisions=tuple(decisions))

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


def _names(now: Account, without: Account, altered: Sequence[AlteredSetting]) -> dict[str, str]:
    """The ARNs that users and groups would have, by those that they have."""
    renamed = {}
    for owner_id in {each.owner_id for each in altered if each.account_id == now.id and each.setting.is_name}:
        is_, would_be = find_entity(now, owner_id), find_entity(without, owner_id)
        if is_ is not None and would_be is not None and is_[1].resource != would_be[1].resource:
            renamed[now.arn(is_[1].resource)] = now.arn(would_be[1].resource)
    return renamed


def _needs_feature(record: DecisionRecord, account_at: AccountOf, value_of: AccountOf) -> bool:
    """Whether it is a session of another account's root that only a feature of the lineage's has let somebody have."""
    if record.action != ASSUME_ROOT:
        return False
    place, tasks = next(iter(record.positions.items())), record.context.get("sts:taskpolicyarn", ())
    return is_enabled(account_at(*place), tasks) and not is_enabled(value_of(*place), tasks)


def _decision_as_if(
    record: DecisionRecord, names: Mapping[str, str], account_at: AccountOf, value_of: AccountOf
) -> DecisionRecord:
    (resource,) = record.resources
    context = {key: tuple(names.get(value, value) for value in values) for key, values in record.context.items()}
    account_id, position = next(iter(record.positions.items()))
    entity = user_or_role_by_arn(account_at(account_id, position), resource)
    if entity is not None and not record.action.endswith("PermissionsBoundary"):
        is_ = boundary_arn(account_at(account_id, position), entity.id)
        would_be = boundary_arn(value_of(account_id, position), entity.id)
        # What is asked for, of a new user or a new boundary, is the caller's own choice.
        if is_ != would_be and context.get(_BOUNDARY) == (None if is_ is None else (is_,)):
            context = {key: values for key, values in context.items() if key != _BOUNDARY}
            context |= {} if would_be is None else {_BOUNDARY: (would_be,)}
    return record.model_copy(update={"resources": (names.get(resource, resource),), "context": context})
