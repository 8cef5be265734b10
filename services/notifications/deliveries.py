"""How far each target has been told, and how telling it goes: what is stored of it (docs/adr/0055)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg
from eventsourcing.persistence import StoredEvent

from domain.foundation.events import Entry
from domain.rules.notifications import is_own, is_told
from services.ledger.mapper import EntryMapper
from services.notifications.targets import SQL, DeliveryTarget

CHANGES_PASSED = 500
"""Of a ledger, that a turn passes over without reading them."""
CHANGES_A_PAGE = 100
"""That are read at a time: events may be long."""
LEDGERS_A_TURN = 50
"""Of one target, that a turn looks at."""
ERROR_CHARACTERS_MAX = 300


class DeliveryState(NamedTuple):
    failures: int
    """In a row."""
    failing_since: datetime | None
    next_attempt_at: datetime | None
    tested: str | None
    """The event id of the last test that was tried at once."""

    def pause(self, at: datetime) -> timedelta | None:
        """For how long the target is not tried; None where it may be."""
        return None if self.next_attempt_at is None or self.next_attempt_at <= at else self.next_attempt_at - at


NEVER_TRIED = DeliveryState(0, None, None, None)


class ToldPage(NamedTuple):
    told: Sequence[Entry]
    """What the target is told, in order."""
    reached: int
    """The position of the last change that was looked at."""
    is_last: bool


@dataclass(slots=True)
class TurnProgress:
    """What a target was told since it was last saved."""

    position: int
    delivered: int = 0
    unresolved: list[str] = field(default_factory=list)
    """Owners who have no address."""


def read_states(connection: psycopg.Connection) -> Mapping[str, DeliveryState]:
    """By target id."""
    return {target_id: DeliveryState(*row) for target_id, *row in connection.execute(SQL["states"]).fetchall()}


def nominated(
    connection: psycopg.Connection, targets: Iterable[DeliveryTarget]
) -> tuple[Mapping[str, Sequence[str]], bool]:
    """The ledgers, by target id, in which there may be something to tell. Where there is not, the cursors are moved on;
    and whether that has moved any, so that there may be more. A few statements, however many targets there are."""
    alike: dict[frozenset[str], list[str]] = {}
    for target in targets:
        alike.setdefault(target.topics, []).append(target.id)
    found: dict[str, list[str]] = {}
    passed: list[tuple[str, str, int]] = []
    for topics, ids in alike.items():
        wanted = {"ids": ids, "topics": list(topics), "ledgers": LEDGERS_A_TURN, "changes": CHANGES_PASSED}
        for target_id, account_id, reached, is_found in connection.execute(SQL["nominate"], wanted).fetchall():
            if is_found:
                found.setdefault(target_id, []).append(account_id)
            else:
                passed.append((target_id, account_id, reached))
    if passed:
        _move(connection, passed)
    return found, bool(passed)


def next_page(
    connection: psycopg.Connection, mapper: EntryMapper, target: DeliveryTarget, account_id: str, after: int | None
) -> ToldPage | None:
    """Behind a position, or behind the cursor. None where the target has no cursor there any more. Raises
    CorruptEntry."""
    if after is None:
        row = connection.execute(SQL["position"], {"id": target.id, "account_id": account_id}).fetchone()
        if row is None:
            return None
        after = row[0]
    wanted = {"account_id": account_id, "after": after, "topics": list(target.topics), "limit": CHANGES_A_PAGE}
    rows = connection.execute(SQL["next_changes"], wanted, binary=True).fetchall()
    entries = [mapper.to_domain_event(StoredEvent(*row)) for row in rows if row[3] is not None]
    told = [entry for entry in entries if _is_told(target, entry)]
    return ToldPage(told, rows[-1][1] if rows else after, len(rows) < CHANGES_A_PAGE)


def _is_told(target: DeliveryTarget, entry: Entry) -> bool:
    """One of the operator's for a single account learns of no other from the installation's ledger."""
    if target.scope not in (None, entry.account_id):
        return is_own(target.id, entry.event)
    return is_told(target.id, target.definition, entry.event)


def save(
    connection: psycopg.Connection, target: DeliveryTarget, account_id: str, progress: TurnProgress, at: datetime
) -> None:
    """In the transaction of the caller, or one of its own. A cursor never goes back: who no longer leads, and does not
    know it, can only tell something twice."""
    with connection.transaction():
        _move(connection, [(target.id, account_id, progress.position)])
        if progress.delivered or progress.unresolved:
            told = {
                "id": target.id,
                "delivered": progress.delivered,
                "at": at,
                "tested": target.test,
                "unresolved": len(progress.unresolved),
                "last_unresolved": progress.unresolved[-1] if progress.unresolved else None,
            }
            connection.execute(SQL["delivered"], told)


def save_failure(
    connection: psycopg.Connection, target: DeliveryTarget, error: str, at: datetime, again_at: datetime
) -> None:
    told = {"id": target.id, "at": at, "error": error[:ERROR_CHARACTERS_MAX], "next": again_at, "tested": target.test}
    connection.execute(SQL["failed"], told)


def count_dead(connection: psycopg.Connection, since: datetime) -> int:
    """Targets of which nothing was taken since then."""
    [(count,)] = connection.execute(SQL["dead"], {"since": since}).fetchall()
    return int(count)


def _move(connection: psycopg.Connection, moved: Collection[tuple[str, str, int]]) -> None:
    ids, accounts, positions = (list(column) for column in zip(*moved, strict=True))
    connection.execute(SQL["move_cursors"], {"ids": ids, "accounts": accounts, "positions": positions})
