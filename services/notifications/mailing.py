"""Mail is sent, one after the other, by one thread: a relay that hangs holds up nothing else."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol

import psycopg
from psycopg_pool import PoolTimeout

from domain.foundation.identifiers import Random
from services.ledger.recorder import ConnectionSource
from services.notifications.backoff import next_attempt
from services.notifications.mail_queue import DueMail, due_mails, forget_recipients, save_mail_failure, save_mailed
from services.notifications.mail_text import composed
from services.notifications.relay import MailFailed

RELAY_PAUSE = timedelta(seconds=30)
"""After which a relay that could not be reached is tried again, for whoever is due then."""
NO_RELAY = "MUNIMENT_SMTP_URL is not set, so no mail goes out."

log = logging.getLogger("muniment.notifications")


class Relay(Protocol):
    sender: str

    def send(self, message: EmailMessage, address: str) -> None:
        """Raises MailFailed."""
        ...


class Mailing:
    def __init__(
        self,
        connections: ConnectionSource,
        relay: Relay | None,
        *,
        clock: Callable[[], datetime],
        random: Random,
        stopping: threading.Event,
    ) -> None:
        self._connections = connections
        self._relay = relay
        self._clock = clock
        self._random = random
        self._stopping = stopping
        self._not_before: datetime | None = None

    def send_due(self) -> None:
        """What is due now, of some people. Raises nothing."""
        if self._not_before is not None and self._clock() < self._not_before:
            return
        self._not_before = None
        try:
            with self._connections() as connection:
                mails = due_mails(connection, self._clock())
                forget_recipients(connection, self._clock())
            for mail in mails:
                if self._stopping.is_set() or not self._send(mail):
                    return
        except (psycopg.OperationalError, PoolTimeout) as lost:
            log.warning("Mail waits for the database: %s", lost)
        except Exception:
            log.exception("Mail cannot be sent.")
            self._not_before = self._clock() + RELAY_PAUSE

    def _send(self, mail: DueMail) -> bool:
        """Whether others may be sent theirs."""
        try:
            if self._relay is None:
                raise MailFailed(NO_RELAY, is_of_recipient=True)  # noqa: TRY301  kept like other failures
            self._relay.send(composed(mail, self._relay.sender, self._clock()), mail.recipient.address)
        except MailFailed as failed:
            at = self._clock()
            again_at = next_attempt(mail.recipient.failures + 1, at, self._random)
            log.info("Mail to one recipient was not sent: %s", failed)
            with self._connections() as connection:
                save_mail_failure(connection, mail, str(failed), at, again_at)
            if not failed.is_of_recipient:
                self._not_before = at + RELAY_PAUSE
            return failed.is_of_recipient
        # The relay has taken it. A crash before the next line sends it again, with the same Message-ID.
        with self._connections() as connection:
            save_mailed(connection, mail)
        return True
