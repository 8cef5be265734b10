"""All notification targets of all accounts and of the operator, as their ledgers say."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import psycopg
from eventsourcing.persistence import StoredEvent

from domain.families.notifications import (
    NotificationTargetAdded,
    NotificationTargetRemoved,
    NotificationTargetTested,
    TargetDefinition,
)
from domain.foundation.events import Entry
from domain.foundation.identifiers import INSTALLATION
from domain.installation import OperatorTargetAdded, OperatorTargetRemoved, OperatorTargetTested
from domain.rules.notifications import topics_told
from projections.engine.sql_files import load_statements
from services.ledger.mapper import EntryMapper

SQL = load_statements("services.notifications", "notifications.sql")


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

    @cached_property
    def topics(self) -> frozenset[str]:
        return topics_told(self.definition, to_operator=self.home == INSTALLATION)


class TargetDirectory:
    """Read anew only where something has changed. Of one thread."""

    def __init__(self, mapper: EntryMapper) -> None:
        self._mapper = mapper
        self._counts: tuple[int, int] | None = None
        self._targets: Mapping[str, DeliveryTarget] = {}

    def current(self, connection: psycopg.Connection) -> Mapping[str, DeliveryTarget]:
        """By id. Each has a cursor in every ledger that it is told of. Raises CorruptEntry."""
        with connection.transaction(), connection.cursor() as cursor:
            [counts] = cursor.execute(SQL["counts"]).fetchall()
            if self._counts is None or counts[0] != self._counts[0]:
                self._targets = self._read(cursor)
                _keep_cursors(cursor, self._targets.values())
            if counts != self._counts:
                _begin_cursors_everywhere(cursor, [each for each in self._targets.values() if each.scope is None])
            self._counts = counts
        return self._targets

    def _read(self, cursor: psycopg.Cursor) -> Mapping[str, DeliveryTarget]:
        targets: dict[str, DeliveryTarget] = {}
        for row in cursor.execute(SQL["target_events"], binary=True).fetchall():
            entry = self._mapper.to_domain_event(StoredEvent(*row))
            match entry.event:
                case NotificationTargetAdded() as event:
                    targets[event.target_id] = _target(entry, event, entry.account_id)
                case OperatorTargetAdded() as event:
                    targets[event.target_id] = _target(entry, event, event.of_account_id)
                case NotificationTargetRemoved() | OperatorTargetRemoved() as event:
                    del targets[event.target_id]
                case NotificationTargetTested() | OperatorTargetTested() as event:
                    targets[event.target_id] = replace(targets[event.target_id], test=entry.event_id)
        return targets


def _target(entry: Entry, event: NotificationTargetAdded | OperatorTargetAdded, scope: str | None) -> DeliveryTarget:
    return DeliveryTarget(
        event.target_id, event.target_name, event.definition, entry.account_id, scope, entry.position, entry.at
    )


def _keep_cursors(cursor: psycopg.Cursor, targets: Collection[DeliveryTarget]) -> None:
    """Of targets that are there, and of no others."""
    for name in ("forget_cursors", "forget_deliveries", "forget_mail"):
        cursor.execute(SQL[name], {"ids": [target.id for target in targets]})
    pairs = [(target, account_id) for target in targets for account_id in {target.home, target.scope or target.home}]
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
