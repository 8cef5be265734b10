"""What decisions want to know and rounds have no time for, found out beside them (docs/adr/0013)."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg

from domain.calls import Facts, FactsQuery
from domain.families.authorization_messages import MessageFacts, MessageQuery
from domain.families.containment import LineageQuery
from domain.families.credential_owners import OwnerQuery
from domain.foundation.errors import Throttling
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.time_travel import PastQuery
from services.ledger.historical_states import HistoricalStateResolver
from services.ledger.lineage_resolver import LineageResolver
from services.ledger.pending_call import LedgerUnavailable
from services.ledger.recorder import ConnectionSource
from services.secrets.passwords import PasswordHashes
from services.secrets.store import SecretStore
from services.wire.denial_messages import DenialMessages

IN_FLIGHT_MAX = 2
"""Calls for which facts are found at a time: hashing a password takes 64 MiB and a processor, folding a past too."""
QUEUED_MAX = 16
"""Calls that wait for that, each for seconds where 24 passwords are to be compared."""


class FactResolver:
    """As many threads as hashes may be in flight. Whoever comes when all places in the line are taken is refused:
    hashing is the one thing here with which a caller could keep a server busy."""

    def __init__(
        self,
        connections: ConnectionSource,
        store: SecretStore,
        hashes: PasswordHashes,
        denials: DenialMessages,
        pasts: HistoricalStateResolver,
        lineages: LineageResolver,
    ) -> None:
        self._connections = connections
        self._store = store
        self._hashes = hashes
        self._denials = denials
        self._pasts = pasts
        self._lineages = lineages
        self._threads = ThreadPoolExecutor(IN_FLIGHT_MAX, thread_name_prefix="muniment-facts")
        self._places = threading.BoundedSemaphore(IN_FLIGHT_MAX + QUEUED_MAX)

    async def find(self, account_id: str, wanted: FactsQuery) -> Facts:
        """Raises Throttling when too many wait, Unavailable when the database cannot be read, and refusals of what is
        asked for."""
        if not self._places.acquire(blocking=False):
            raise Throttling("Rate exceeded: too many passwords, messages and past moments are being looked into.")
        found = self._threads.submit(self._found, account_id, wanted)
        # Not when the caller stops waiting: until then the thread is busy, or the place in the line taken.
        found.add_done_callback(lambda _found: self._places.release())
        try:
            return await asyncio.wrap_future(found)
        except psycopg.OperationalError as error:
            raise LedgerUnavailable(f"Facts cannot be read: {error!r}") from error

    def close(self) -> None:
        """Nothing new is begun; what is under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _found(self, account_id: str, wanted: FactsQuery) -> Facts:
        if isinstance(wanted, MessageQuery):
            return MessageFacts(self._denials.decoded(account_id, wanted.encoded))
        if isinstance(wanted, PastQuery):
            return self._pasts.found(wanted)
        if isinstance(wanted, LineageQuery):
            return self._lineages.found(wanted)
        if isinstance(wanted, OwnerQuery):
            return self._lineages.owners(wanted)

        def hash_of(password_id: str) -> Secret | None:
            with self._connections() as connection, connection.cursor() as cursor:
                return self._store.get(cursor, account_id, SecretId(SecretKind.PASSWORD, password_id))

        return self._hashes.found(wanted, hash_of)
