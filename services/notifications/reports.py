"""How telling goes, target by target, for whoever lists them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from domain.families.notifications import NotificationTarget
from services.ledger.mapper import EntryMapper
from services.notifications.backoff import is_dead
from services.notifications.deliveries import next_page
from services.notifications.targets import SQL, DeliveryTarget

PAGES_COUNTED_MAX = 20
"""Of changes, to count what waits for one target in one listing."""


class TargetState(NamedTuple):
    """How telling a target goes."""

    delivered: int = 0
    last_delivered_at: datetime | None = None
    failing_since: datetime | None = None
    last_error: str | None = None
    next_attempt_at: datetime | None = None
    unresolved_owners: int = 0
    last_unresolved_owner: str | None = None
    waiting: int = 0
    """Events that it was not told yet."""
    more_waiting: bool = False
    dead: bool = False
    waiting_mail: int = 0
    """Events in mails that were not sent yet."""
    waiting_recipients: int = 0


class TargetReport(NamedTuple):
    target: NotificationTarget
    state: TargetState


def report(
    connection: psycopg.Connection, mapper: EntryMapper, targets: Iterable[NotificationTarget], home: str, at: datetime
) -> Iterator[TargetReport]:
    """By name, of the targets that stand in one ledger."""
    by_id = {target.id: target for target in targets}
    rows = connection.execute(SQL["told"], {"ids": list(by_id)}).fetchall()
    stored = {target_id: TargetState(*row) for target_id, *row in rows}
    for target in sorted(by_id.values(), key=lambda target: target.name):
        told = stored.get(target.id, TargetState())
        waiting, is_more = _count_waiting(connection, mapper, target, home)
        told = told._replace(waiting=waiting, more_waiting=is_more, **_mail_state(connection, target, told))
        yield TargetReport(target, told._replace(dead=is_dead(told.failing_since, at)))


def _count_waiting(
    connection: psycopg.Connection, mapper: EntryMapper, target: NotificationTarget, home: str
) -> tuple[int, bool]:
    """And whether there may be more."""
    delivery = DeliveryTarget(target.id, target.name, target.definition, home, None, 0, target.added_at)
    waiting, pages = 0, 0
    for account_id, position in connection.execute(SQL["lagging"], {"id": target.id}).fetchall():
        after, is_last = position, False
        while not is_last:
            if pages == PAGES_COUNTED_MAX:
                return waiting, True
            page = next_page(connection, mapper, delivery, account_id, after)
            assert page is not None
            waiting, after, is_last, pages = waiting + len(page.told), page.reached, page.is_last, pages + 1
    return waiting, False


def _mail_state(connection: psycopg.Connection, target: NotificationTarget, told: TargetState) -> dict[str, Any]:
    """What has failed is the target's failure too: nobody is told."""
    [(items, recipients, since, error)] = connection.execute(SQL["mail_waiting"], {"id": target.id}).fetchall()
    return {
        "waiting_mail": items,
        "waiting_recipients": recipients,
        "failing_since": told.failing_since or since,
        "last_error": told.last_error or error,
    }
