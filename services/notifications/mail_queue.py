"""Mail that waits: a digest a day and person, and at once what cannot wait (docs/adr/0055)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from domain.foundation.events import Change, Entry
from domain.rules.notifications import is_told_at_once
from services.ledger.mapper import timestamp
from services.notifications.targets import SQL, DeliveryTarget

ITEMS_MAX = 200
"""Events of one account that wait for one person; further ones are counted. What is told at once is counted by itself:
nothing else takes its place."""
ITEMS_OF_ALL_MAX = 2_000
"""Of all accounts, so that no account alone takes the places of the others."""
SENTENCE_CHARACTERS_MAX = 400
RECIPIENTS_A_TURN = 50


class DueRecipient(NamedTuple):
    address: str
    failures: int
    further: int
    """Events that were too many."""
    digest_is_due: bool


@dataclass(frozen=True, slots=True)
class DueMail:
    recipient: DueRecipient
    at_once: bool
    event_ids: Sequence[str]
    lines: Sequence[Mapping[str, Any]]
    """As `mail_line` has them."""
    today: date


def mail_line(entry: Entry) -> Jsonb:
    """What a mail says of an event."""
    event = entry.event
    assert isinstance(event, Change)
    due_at = getattr(event, "due_at", None)
    return Jsonb(
        {
            "at": timestamp(due_at if isinstance(due_at, datetime) else entry.at),
            "sentence": event.describe()[:SENTENCE_CHARACTERS_MAX],
            "event": type(event).__name__,
            "account_id": entry.account_id,
            "position": entry.position,
        }
    )


def hold_recipients(connection: psycopg.Connection, addresses: Iterable[str]) -> None:
    """In the transaction that queues mail for them, before it does."""
    connection.execute(SQL["add_recipients"], {"addresses": list(addresses)})


def queue_mail(
    connection: psycopg.Connection, target: DeliveryTarget, entry: Entry, address: str, at: datetime
) -> None:
    """In the transaction that moves the target's cursor: so each waits once."""
    at_once = is_told_at_once(entry.event)
    item = {
        "address": address,
        "event_id": entry.event_id,
        "target_id": target.id,
        "account_id": entry.account_id,
        "position": entry.position,
        "at_once": at_once,
        "queued_on": at.date(),
        "line": mail_line(entry),
    }
    [(of_all, of_account, waits)] = connection.execute(SQL["queued"], item).fetchall()
    if at_once:
        connection.execute(SQL["hurry"], {"address": address})
    if not waits and (of_account >= ITEMS_MAX or of_all >= ITEMS_OF_ALL_MAX):
        connection.execute(SQL["count_further"], {"address": address})
        return
    connection.execute(SQL["queue_mail"], item)


def due_mails(connection: psycopg.Connection, at: datetime) -> Sequence[DueMail]:
    """Of some people; the digest of a day goes out when the day has ended, in UTC."""
    wanted = {"today": at.date(), "at": at, "limit": RECIPIENTS_A_TURN}
    recipients = [DueRecipient(*row) for row in connection.execute(SQL["due_recipients"], wanted).fetchall()]
    mails = []
    for recipient in recipients:
        for at_once in (True, False) if recipient.digest_is_due else (True,):
            asked = {"address": recipient.address, "at_once": at_once, "today": at.date()}
            rows = connection.execute(SQL["due_items"], asked).fetchall()
            if rows:
                ids, lines = zip(*rows, strict=True)
                mails.append(DueMail(recipient, at_once, ids, lines, at.date()))
    return mails


def save_mailed(connection: psycopg.Connection, mail: DueMail) -> None:
    with connection.transaction():
        to = mail.recipient
        connection.execute(SQL["forget_items"], {"address": to.address, "event_ids": list(mail.event_ids)})
        told = {"address": to.address, "at_once": mail.at_once, "today": mail.today, "further": to.further}
        connection.execute(SQL["mailed"], told)


def save_mail_failure(
    connection: psycopg.Connection, mail: DueMail, error: str, at: datetime, again_at: datetime
) -> None:
    told = {"address": mail.recipient.address, "at": at, "error": error, "next": again_at}
    connection.execute(SQL["mail_failed"], told)


def forget_recipients(connection: psycopg.Connection, at: datetime) -> None:
    with connection.transaction():
        rows = connection.execute(SQL["forgettable_recipients"], {"today": at.date()}).fetchall()
        if rows:
            connection.execute(SQL["forget_recipients"], {"addresses": [address for (address,) in rows]})
