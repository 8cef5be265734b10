"""All notification targets of all accounts and of the operator, as their ledgers say."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import psycopg
from eventsourcing.persistence import StoredEvent

from domain.families.notifications import (
    NotificationTargetAdded,
    NotificationTargetRemoved,
    NotificationTargetTested,
    TargetDefinition,
)
from domain.foundation.events import Entry, topics_of
from domain.foundation.identifiers import INSTALLATION
from domain.installation import OperatorTargetAdded, OperatorTargetRemoved, OperatorTargetTested
from domain.rules.notifications import topics_told
from projections.engine.sql_files import load_statements
from services.ledger.mapper import EntryMapper

SQL = load_statements("services.notifications", "notifications.sql")
FAREWELL_MAX = timedelta(days=1)
"""For which a target that was removed is told so, if it does not take it."""


@dataclass(frozen=True)
class DeliveryTarget:
    id: str
    name: str
    definition: TargetDefinition
    home: str
    """The account id of the ledger that it stands in."""
    scope: str | None
    """The account whose events it is told; None: all of them, and the installation."""
    position: int
    """From behind which it is told, in its home."""
    added_at: datetime
    test: str | None = None
    """The event id of the last test that somebody asked for."""
    farewell: Entry | None = None
    """By which it was removed: it is told this, and nothing else any more."""

    @cached_property
    def topics(self) -> frozenset[str]:
        if self.farewell is not None:
            return frozenset(topics_of(self.farewell.event.topic))
        return topics_told(self.definition, to_operator=self.home == INSTALLATION)


class TargetDirectory:
    """Reads what is new, where something has changed. Of one thread."""

    def __init__(self, mapper: EntryMapper) -> None:
        self._mapper = mapper
        self._counts: tuple[int, int] | None = None
        self._targets: Mapping[str, DeliveryTarget] = {}
        self._read_to: Mapping[str, int] = {}
        """Positions, by account id."""

    def current(self, connection: psycopg.Connection, at: datetime) -> Mapping[str, DeliveryTarget]:
        """By id. Each has a cursor in every ledger that it is told of. One that was removed stays until it was told so,
        or a day has passed. Raises CorruptEntry."""
        with connection.transaction(), connection.cursor() as cursor:
            [counts] = cursor.execute(SQL["counts"]).fetchall()
            is_read = self._counts is None or counts[0] != self._counts[0]
            targets, read_to = self._read(cursor) if is_read else (self._targets, self._read_to)
            kept = _without_ended(cursor, targets, at)
            if is_read or len(kept) < len(targets):
                _keep_cursors(cursor, kept.values())
            if counts != self._counts:
                _begin_cursors_everywhere(cursor, [each for each in _present(kept.values()) if each.scope is None])
        self._targets, self._read_to, self._counts = kept, read_to, counts
        return self._targets

    def _read(self, cursor: psycopg.Cursor) -> tuple[Mapping[str, DeliveryTarget], Mapping[str, int]]:
        targets, read_to = dict(self._targets), dict(self._read_to)
        known = {"accounts": list(read_to), "positions": list(read_to.values())}
        for row in cursor.execute(SQL["target_events"], known, binary=True).fetchall():
            entry = self._mapper.to_domain_event(StoredEvent(*row))
            read_to[entry.account_id] = entry.position
            match entry.event:
                case NotificationTargetAdded() as event:
                    targets[event.target_id] = _target(entry, event, entry.account_id)
                case OperatorTargetAdded() as event:
                    targets[event.target_id] = _target(entry, event, event.of_account_id)
                case NotificationTargetRemoved() | OperatorTargetRemoved() as event:
                    targets[event.target_id] = replace(targets[event.target_id], farewell=entry)
                case NotificationTargetTested() | OperatorTargetTested() as event:
                    targets[event.target_id] = replace(targets[event.target_id], test=entry.event_id)
        return targets, read_to


def _target(entry: Entry, event: NotificationTargetAdded | OperatorTargetAdded, scope: str | None) -> DeliveryTarget:
    return DeliveryTarget(
        event.target_id, event.target_name, event.definition, entry.account_id, scope, entry.position, entry.at
    )


def _without_ended(
    cursor: psycopg.Cursor, targets: Mapping[str, DeliveryTarget], at: datetime
) -> Mapping[str, DeliveryTarget]:
    """Without those that were told of their end, as their cursors say, or are not told any more."""
    leaving = {each.id: each.farewell for each in targets.values() if each.farewell is not None}
    if not leaving:
        return targets
    ends = {each: entry for each, entry in leaving.items() if at - entry.at < FAREWELL_MAX}
    asked = {"ids": list(ends), "accounts": [entry.account_id for entry in ends.values()]}
    rows = cursor.execute(SQL["cursors_of"], asked).fetchall()
    untold = {target_id for target_id, position in rows if position < ends[target_id].position}
    return {each: target for each, target in targets.items() if each not in leaving or each in untold}


def _present(targets: Iterable[DeliveryTarget]) -> list[DeliveryTarget]:
    return [each for each in targets if each.farewell is None]


def _keep_cursors(cursor: psycopg.Cursor, targets: Collection[DeliveryTarget]) -> None:
    """Of targets that are there, and of no others."""
    for name in ("forget_cursors", "forget_deliveries", "forget_mail"):
        cursor.execute(SQL[name], {"ids": [target.id for target in targets]})
    pairs = [(each, account_id) for each in _present(targets) for account_id in {each.home, each.scope or each.home}]
    cursor.execute(
        SQL["begin_cursors"],
        {
            "ids": [target.id for target, _ in pairs],
            "accounts": [account_id for _, account_id in pairs],
            "positions": [target.position if account_id == target.home else None for target, account_id in pairs],
            "times": [target.added_at for target, _ in pairs],
        },
    )


def _begin_cursors_everywhere(cursor: psycopg.Cursor, targets: Collection[DeliveryTarget]) -> None:
    """Those of the operator that are told of all accounts."""
    told = {"ids": [target.id for target in targets], "times": [target.added_at for target in targets]}
    cursor.execute(SQL["begin_cursors_everywhere"], told)
