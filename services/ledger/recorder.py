"""The ledger's tables behind the eventsourcing library's recorder interface."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import AggregateRecorder, IntegrityError, StoredEvent

from projections.engine.sql_files import load_statements
from services.ledger.arrays import bigint_array, bytea_array, text_array

SQL = load_statements("services.ledger", "ledger.sql")
ConnectionSource = Callable[[], AbstractContextManager[psycopg.Connection]]
"""Gives a connection for the length of a `with` block, which ends in commit or rollback."""
_TO_THE_END = 2**63 - 1


class LedgerRecorder(AggregateRecorder):
    """Events of all ledgers: changes in one table, uses in another, one sequence of positions over both."""

    def __init__(self, connections: ConnectionSource, use_topics: frozenset[str]) -> None:
        super().__init__()
        self._connections = connections
        self._use_topics = use_topics

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        """Appends. A round passes its `cursor` and its time `at`; without them this is a transaction of its own.

        Raises IntegrityError when a position is taken; then nothing was written. (That no use takes the position of a
        change, or of a use at another time, is held by the head row that a round has locked.)
        """
        if not stored_events:
            return
        cursor: psycopg.Cursor | None = kwargs.get("cursor")
        at: datetime = kwargs.get("at") or datetime.now(UTC)
        if cursor is not None:
            self._append(cursor, stored_events, at)
            return
        try:
            # The connection is in autocommit: without the transaction, changes would stand when their uses fail.
            with self._connections() as connection, connection.transaction(), connection.cursor() as own:
                self._append(own, stored_events, at)
        except psycopg.errors.UniqueViolation as error:
            raise IntegrityError(str(error)) from error

    def _append(self, cursor: psycopg.Cursor, stored_events: Sequence[StoredEvent], at: datetime) -> None:
        uses = [event for event in stored_events if event.topic in self._use_topics]
        changes = [event for event in stored_events if event.topic not in self._use_topics]
        for name, events in (("append_changes", changes), ("append_uses", uses)):
            if events:
                cursor.execute(
                    SQL[name],
                    {
                        "accounts": text_array([str(event.originator_id) for event in events]),
                        "positions": bigint_array([event.originator_version for event in events]),
                        "topics": text_array([event.topic for event in events]),
                        "states": bytea_array([event.state for event in events]),
                        "at": at,
                    },
                )

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Changes and uses of one account in the order of their positions."""
        name = "select_events_descending" if desc else "select_events"
        with self._connections() as connection, connection.cursor() as cursor:
            return select(cursor, name, str(originator_id), after=gt, to=lte, limit=limit)


def select(
    cursor: psycopg.Cursor,
    name: str,
    account_id: str,
    *,
    after: int | None = None,
    to: int | None = None,
    limit: int | None = None,
) -> list[StoredEvent]:
    """The stored events that the named statement finds for an account."""
    parameters = {
        "account_id": account_id,
        "after": -1 if after is None else after,
        "to": _TO_THE_END if to is None else to,
        "limit": limit,
    }
    return [StoredEvent(*row) for row in cursor.execute(SQL[name], parameters, binary=True)]


def select_snapshot(
    cursor: psycopg.Cursor, account_id: str, topic: str, *, after: int = -1, to: int = _TO_THE_END
) -> StoredEvent | None:
    """The newest snapshot of an account under a topic, of those behind one position and up to another."""
    parameters = {"account_id": account_id, "topic": topic, "after": after, "to": to}
    row = cursor.execute(SQL["select_snapshot"], parameters, binary=True).fetchone()
    return StoredEvent(*row) if row else None
