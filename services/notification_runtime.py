"""Where the delivery of notifications is constructed, for servers: it takes the master key."""

import threading

from domain.families.notifications import TargetKind
from domain.foundation.secret import Secret
from services.ledger.database import Database, connect, connection_pool
from services.ledger_runtime import LedgerRuntime
from services.notifications.deliverer import CONNECTIONS_MAX, Deliverer
from services.notifications.mailing import Mailing
from services.notifications.relay import MailRelay
from services.notifications.senders import CommandSender, FileSender, Sender, WebhookSender
from services.notifications.signing_secrets import SigningSecrets
from services.notifications.targets import DeliveryTarget, TargetDirectory
from services.notifications.turns import Turns
from services.outbound.fetcher import Fetcher
from services.settings import Settings


def build_deliverer(ledger: LedgerRuntime, database: Database, settings: Settings) -> Deliverer:
    """Its connections are its own: no call waits for one that tells."""
    pool = connection_pool(database, "writer", CONNECTIONS_MAX)
    stopping = threading.Event()
    signing = SigningSecrets(ledger.secrets)

    def secret_of(target: DeliveryTarget) -> Secret | None:
        with pool.connection() as connection:
            return signing.of(connection, target)

    senders: dict[TargetKind, Sender] = {
        "webhook": WebhookSender(Fetcher(settings.outbound_allow), secret_of),
        "file": FileSender(),
        "command": CommandSender(),
    }
    relay = None if settings.smtp is None else MailRelay(settings.smtp)
    return Deliverer(
        pool,
        lambda: connect(database, "writer"),
        TargetDirectory(ledger.past.mapper),
        Turns(pool.connection, ledger.past, senders, ledger.clock, ledger.random, stopping),
        Mailing(pool.connection, relay, clock=ledger.clock, random=ledger.random, stopping=stopping),
        signing,
    )
