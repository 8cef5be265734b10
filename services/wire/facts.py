"""What decisions want to know and rounds have no time for, found out beside them (domain.calls.NeedsFacts)."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg

from domain.authorization_messages import MessageFacts, MessageWanted
from domain.calls import Facts, Wanted
from domain.containment import LineageWanted
from domain.errors import Throttling
from domain.past import PastWanted
from domain.secret import Secret, SecretId, SecretKind
from services.ledger.lineages import LineageFinder
from services.ledger.past import PastFinder
from services.ledger.recorder import Connections
from services.ledger.work import Unavailable
from services.secrets.passwords import PasswordHashes
from services.secrets.store import SecretStore
from services.wire.denials import Denials

IN_FLIGHT_MAX = 2
"""Calls for which facts are found at a time: hashing a password takes 64 MiB and a processor, folding a past too."""
WAITING_MAX = 16
"""Calls that wait for that, each for seconds where 24 passwords are to be compared."""


class FactFinder:
    """As many threads as hashes may be in flight. Whoever comes when all places in the line are taken is refused:
    hashing is the one thing here with which a caller could keep a server busy."""

    def __init__(
        self,
        connections: Connections,
        store: SecretStore,
        hashes: PasswordHashes,
        denials: Denials,
        pasts: PastFinder,
        lineages: LineageFinder,
    ) -> None:
        self._connections = connections
        self._store = store
        self._hashes = hashes
        self._denials = denials
        self._pasts = pasts
        self._lineages = lineages
        self._threads = ThreadPoolExecutor(IN_FLIGHT_MAX, thread_name_prefix="muniment-facts")
        self._places = threading.BoundedSemaphore(IN_FLIGHT_MAX + WAITING_MAX)

    async def find(self, account_id: str, wanted: Wanted) -> Facts:
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
            raise Unavailable(f"Facts cannot be read: {error!r}") from error

    def close(self) -> None:
        """Nothing new is begun; what is under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _found(self, account_id: str, wanted: Wanted) -> Facts:
        if isinstance(wanted, MessageWanted):
            return MessageFacts(self._denials.decoded(account_id, wanted.encoded))
        if isinstance(wanted, PastWanted):
            return self._pasts.found(wanted)
        if isinstance(wanted, LineageWanted):
            return self._lineages.found(wanted)

        def hash_of(password_id: str) -> Secret | None:
            with self._connections() as connection, connection.cursor() as cursor:
                return self._store.get(cursor, account_id, SecretId(SecretKind.PASSWORD, password_id))

        return self._hashes.found(wanted, hash_of)
