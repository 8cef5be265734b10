"""Reads what calls read, a little at a time, so that a monitor learns of damage before callers do."""

import logging
import time
from datetime import datetime

import psycopg

from domain.foundation.identifiers import INSTALLATION
from domain.foundation.secret import SecretKind
from projections.engine.sql_files import load_statements
from services.fair_queue import Overloaded
from services.ledger.committer import Committer
from services.ledger.pending_call import CallResult, LedgerStates, LedgerUnavailable
from services.ledger.recorder import ConnectionSource
from services.secrets.envelope import InvalidSeal
from services.secrets.store import SecretStore

SQL = load_statements("services.ledger", "storage_probe.sql")
SECRETS_A_PROBE = 50
LEDGERS_A_PROBE = 20
LOADING_SECONDS = 0.25
UNREADABLE_MAX = 100
"""Accounts that are remembered: where there are more, these are enough."""

log = logging.getLogger("muniment.ledger")


class ReadOnlyDatabase(psycopg.OperationalError):
    """Such as a standby: it answers, and takes no call."""


class StorageProbe:
    """Goes round the sealed secrets and the ends of ledgers, and stays where something cannot be read until it can. The
    value of each account is loaded once in the life of a process: later it is in memory, or costs a call what it costs.
    """

    def __init__(self, store: SecretStore, committer: Committer) -> None:
        self._store = store
        self._committer = committer
        self._opened = dict.fromkeys(SecretKind, ("", ""))
        self._owner = self._ledger = ""
        self._ledgers = 0
        """How many there are."""
        self._loaded: str | None = ""
        """The last account whose value was loaded; None when all were."""
        self.unreadable: set[str] = set()
        """Accounts that no call can be decided for."""

    def read(self, connection: psycopg.Connection) -> None:
        """Raises ReadOnlyDatabase, and where something that was stored is not readable InvalidSeal or psycopg.Error:
        those whose calls need it are answered 5xx."""
        if connection.execute(SQL["writable"]).fetchone() != (True,):
            raise ReadOnlyDatabase("The database is read-only.")
        with connection.cursor() as cursor:
            for kind, after in self._opened.items():
                self._opened[kind] = self._store.probe(cursor, kind, after, SECRETS_A_PROBE)
            self._owner = self._store.probe_accounts_of_keys(cursor, self._owner, SECRETS_A_PROBE)
            rows = cursor.execute(SQL["ledgers"], {"after": self._ledger, "limit": LEDGERS_A_PROBE}).fetchall()
            self._ledger = rows[-1][0] if len(rows) == LEDGERS_A_PROBE else ""
            ((self._ledgers,),) = cursor.execute(SQL["count_ledgers"]).fetchall()

    def report(self, connections: ConnectionSource) -> None:
        """Says in the log, at the start, what would make a monitor red. Others may still be served."""
        try:
            with connections() as connection:
                self.read(connection)
        except (InvalidSeal, psycopg.DatabaseError) as error:
            log.error("Calls that need what is damaged are answered 5xx: %s", error)  # noqa: TRY400

    def load(self, connections: ConnectionSource) -> None:
        """Makes rounds that write nothing, of the next accounts for a short while, or of one that is `unreadable`."""
        until = time.monotonic() + LOADING_SECONDS
        while (account_id := self._next_account(connections)) is not None:
            self._load(account_id)
            if self._loaded is None or time.monotonic() > until:
                return

    def _next_account(self, connections: ConnectionSource) -> str | None:
        if self._loaded is not None:
            with connections() as connection:
                ((self._loaded,),) = connection.execute(SQL["next_account"], {"after": self._loaded}).fetchall()
        return self._loaded or min(self.unreadable, default=None)

    def _load(self, account_id: str) -> None:
        try:
            self._committer.decide(frozenset({account_id}), _nothing)
        except (LedgerUnavailable, Overloaded):
            return  # That is told elsewhere, and of no one account.
        except Exception:
            if account_id not in self.unreadable and len(self.unreadable) < UNREADABLE_MAX:
                log.exception("The ledger of %s cannot be read: see `muniment verify`.", account_id)
                self.unreadable.add(account_id)
        else:
            self.unreadable.discard(account_id)

    @property
    def serves_nobody(self) -> bool:
        """Whether the installation's ledger is unreadable, or every other, or as many as are remembered."""
        return INSTALLATION in self.unreadable or 0 < min(self._ledgers - 1, UNREADABLE_MAX) <= len(self.unreadable)


def _nothing(_values: LedgerStates, _at: datetime) -> CallResult:
    return CallResult(None, [])
