"""A target's turn: what its ledgers have for it is told, event by event, until there is nothing left, or it fails."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg_pool import PoolTimeout

from domain.account import Account
from domain.families.notifications import TargetKind
from domain.foundation.events import Entry
from domain.foundation.identifiers import Random
from domain.rules.notifications import owner_address, owner_id_of
from services.ledger.historical_states import HistoricalStates
from services.ledger.recorder import ConnectionSource
from services.notifications.backoff import next_attempt
from services.notifications.cloud_events import cloud_event
from services.notifications.deliveries import DeliveryState, ToldPage, TurnProgress, next_page, save, save_failure
from services.notifications.mail_queue import hold_recipients, queue_mail
from services.notifications.senders import DeliveryFailed, Sender, SendMessage
from services.notifications.targets import SQL, DeliveryTarget

EVENTS_A_SAVE = 20
"""So many are told again when the process is killed."""
TURN_SECONDS_MAX = 20.0
"""After which another target has its turn. What is under way then has its own time."""

SLOW_SECONDS = 2.0
"""For one event: a target that takes longer has its turns where those have theirs that fail."""

log = logging.getLogger("muniment.notifications")


@dataclass(frozen=True, slots=True)
class Turns:
    """What turns are made with. For all threads."""

    connections: ConnectionSource
    """That write."""
    past: HistoricalStates
    senders: Mapping[TargetKind, Sender]
    clock: Callable[[], datetime]
    random: Random
    stopping: threading.Event
    slow: set[str] = field(default_factory=set)
    """The ids of targets that took long over their last event."""

    def serve(self, target: DeliveryTarget, state: DeliveryState, account_ids: Collection[str]) -> bool:
        """Whether what came of it is kept, so that it is known what is due next. Raises nothing."""
        turn = _Turn(self, target, state.failures)
        until = time.monotonic() + TURN_SECONDS_MAX
        try:
            for account_id in account_ids:
                turn.serve_ledger(account_id, until)
        except DeliveryFailed as failed:
            return turn.fail(str(failed))
        except (psycopg.OperationalError, PoolTimeout) as lost:
            log.warning("Notification target %s of %s waits for the database: %s", target.name, target.home, lost)
            return False
        except Exception as defect:
            log.exception("Notification target %s of %s cannot be served.", target.name, target.home)
            return turn.fail(f"A defect of muniment: {type(defect).__name__}; see the server's log.")
        return True


@dataclass(slots=True)
class _Turn:
    by: Turns
    target: DeliveryTarget
    failures: int
    """In a row, until now."""
    send: SendMessage | None = None
    """To the target, from its first event on."""

    def serve_ledger(self, account_id: str, until: float) -> None:
        """Raises DeliveryFailed."""
        after: int | None = None
        while not self.by.stopping.is_set() and time.monotonic() < until:
            with self.by.connections() as connection:
                page = next_page(connection, self.by.past.mapper, self.target, account_id, after)
            if page is None:
                return
            if self.target.definition.kind in self.by.senders:
                self._send(account_id, page, until)
            else:
                self._queue(account_id, page)
            if page.is_last:
                return
            after = page.reached

    def _send(self, account_id: str, page: ToldPage, until: float) -> None:
        """Raises DeliveryFailed, when what was told before it is saved."""
        progress = TurnProgress(0)
        try:
            for entry in page.told:
                if self.by.stopping.is_set() or time.monotonic() > until:
                    return
                self._send_one(entry)
                progress.position, progress.delivered = entry.position, progress.delivered + 1
                if progress.delivered == EVENTS_A_SAVE:
                    self._save(account_id, progress)
                    progress = TurnProgress(0)
            progress.position = page.reached
        finally:
            if progress.position:
                self._save(account_id, progress)

    def _send_one(self, entry: Entry) -> None:
        if self.send is None:
            self.send = self.by.senders[self.target.definition.kind].to(self.target)
        message, since = cloud_event(entry), time.monotonic()
        try:
            self.send(entry, message, self.by.clock())
        except DeliveryFailed as failed:
            if not failed.may_repeat or self.failures:
                raise
            self.send(entry, message, self.by.clock())
        is_slow = time.monotonic() - since > SLOW_SECONDS
        (self.by.slow.add if is_slow else self.by.slow.discard)(self.target.id)

    def _save(self, account_id: str, progress: TurnProgress) -> None:
        with self.by.connections() as connection:
            save(connection, self.target, account_id, progress, self.by.clock())
        # From here on these are told. A crash before it tells them again, with the same ids.
        if progress.delivered:
            self.failures = 0

    def _queue(self, account_id: str, page: ToldPage) -> None:
        """All of the page and the cursor in one transaction: each mail waits once."""
        at = self.by.clock()
        with self.by.connections() as connection, connection.transaction():
            addresses = self._addresses(connection, account_id, page.told)
            hold_recipients(connection, {each for each in addresses if each is not None})
            progress = TurnProgress(page.reached)
            for entry, address in zip(page.told, addresses, strict=True):
                if address is None:
                    progress.unresolved.append(owner_id_of(entry.event) or type(entry.event).__name__)
                else:
                    queue_mail(connection, self.target, entry, address, at)
                    progress.delivered += 1
            save(connection, self.target, account_id, progress, at)

    def _addresses(
        self, connection: psycopg.Connection, account_id: str, told: Sequence[Entry]
    ) -> Sequence[str | None]:
        """Of owners as their tags are now."""
        definition = self.target.definition
        if definition.kind == "email" or not told:
            return [definition.destination] * len(told)
        with connection.cursor() as cursor:
            [(position,)] = cursor.execute(SQL["last_change"], {"account_id": account_id}).fetchall()
            account = self.by.past.at(cursor, account_id, position)
        if not isinstance(account, Account):
            return [None] * len(told)
        owners = [owner_id_of(entry.event) for entry in told]
        tag = definition.destination
        return [None if owner_id is None else owner_address(account, owner_id, tag) for owner_id in owners]

    def fail(self, error: str) -> bool:
        """Whether that is kept."""
        at, target = self.by.clock(), self.target
        again_at = next_attempt(self.failures + 1, at, self.by.random)
        log.info("Notification target %s of %s has failed: %s", target.name, target.home, error)
        try:
            with self.by.connections() as connection:
                save_failure(connection, target, error, at, again_at)
        except (psycopg.OperationalError, PoolTimeout) as lost:
            log.warning("That target %s of %s has failed cannot be kept: %s", target.name, target.home, lost)
            return False
        return True
