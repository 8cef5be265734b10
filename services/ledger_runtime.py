"""Storage, and what works on it without a server: for the server, its workers and the operator's commands."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from psycopg_pool import PoolClosed

from domain.account import Account
from domain.foundation.events import Use, event_classes
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.secret import Secret, SecretId
from projections.engine.runner import ProjectionRunner
from services.api.server.native_protocol import READERS
from services.bootstrap import LogRefused, start_log
from services.due_recorder import DueRecorder
from services.fair_pool import RESERVED_THREADS
from services.ledger.committer import Committer
from services.ledger.database import Database, ExternalDatabase, connect, connection_pool, migrate, refuse_unmigrated
from services.ledger.disk_guard import DiskGuard
from services.ledger.durability import refuse_unsafe_settings
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.ledger.growth import UNLIMITED, GrowthShares
from services.ledger.historical_states import HistoricalStates
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import LedgerRecorder
from services.ledger.round import Clock, RoundProcessor, system_clock
from services.ledger.snapshotter import Snapshotter
from services.ledger.storage_probe import StorageProbe
from services.randomness import Randomness
from services.scheduler import Scheduler
from services.secrets.authorization_messages import AuthorizationMessages
from services.secrets.envelope import Envelope
from services.secrets.master_key import MasterKeySource
from services.secrets.master_key_file import MasterKeyFile, provided_master_keys
from services.secrets.rewrapping import forget_ended
from services.secrets.session_credentials import SessionCredentials
from services.secrets.session_tokens import SessionTokens
from services.secrets.store import SecretStore
from services.settings import Settings
from services.transparency.checkpointer import Checkpointer
from services.transparency.cosigning import Cosigning
from services.transparency.hashing import hash_ledgers
from services.transparency.log_keys import LogKeys
from services.transparency.published import PublishedFile
from services.transparency.tiles import SQL as LOG_SQL
from services.wire.authentication import LOOKUP_THREADS
from services.wire.denial_messages import DenialMessages
from services.wire.fact_resolver import HASHING_THREADS, LOOKING_THREADS

log = logging.getLogger("muniment")
READER_CONNECTIONS_MAX = READERS + LOOKING_THREADS + 2 * RESERVED_THREADS + 2
"""One for each thread that reads while a caller waits, and for health: none waits for another's connection."""
WRITER_CONNECTIONS_MAX = HASHING_THREADS + LOOKUP_THREADS + 3
MONTH_AHEAD = timedelta(days=28)  # Never beyond the next month, and daily work gets there in time.


class LedgerRuntime:
    """Storage and the way into it, without a server: what the server and the operator's commands share."""

    def __init__(
        self,
        database: Database,
        master_keys: MasterKeySource,
        *,
        clock: Clock = system_clock,
        follower: Callable[..., ProjectionRunner] = ProjectionRunner,
        shares: GrowthShares = UNLIMITED,
    ) -> None:
        self.shares = shares
        mapper = EntryMapper(shares.charge)
        self.clock = clock
        self.random = Randomness()
        self._master_keys = master_keys
        self.sessions = SessionCredentials(SessionTokens(master_keys))
        self.secrets = SecretStore(Envelope(master_keys))
        self.writers = connection_pool(database, "writer", WRITER_CONNECTIONS_MAX)
        self.readers = connection_pool(database, "reader", READER_CONNECTIONS_MAX)
        self.past = HistoricalStates(mapper)
        self.denials = DenialMessages(AuthorizationMessages(master_keys), self.readers.connection, self.past)
        self.snapshotter = Snapshotter(lambda: connect(database, "writer"), database.shortage)
        self.runner = follower(
            lambda: connect(database, "projector"), shortage=database.shortage, value_at=self._past_value
        )
        self.space = DiskGuard(database.shortage, self._hold)
        use_topics = frozenset(topic for topic, event in event_classes().items() if issubclass(event, Use))
        self.committer = Committer(
            lambda: connect(database, "writer"),
            RoundProcessor(
                LedgerRecorder(self.writers.connection, use_topics),
                mapper,
                self.secrets,
                self.random,
                clock,
                database_clock_checked=clock is system_clock,
            ),
            on_commit=self._committed,
            on_snapshot_due=self.snapshotter.due,
        )
        self.log_keys: LogKeys | None = None
        """When the server signs checkpoints."""
        self._lost: list[str] = []
        self.checkpointer = Checkpointer(lambda: connect(database, "writer"))
        self.probe = StorageProbe(self.secrets, self.committer)
        ticks = DueRecorder(self.committer, clock=clock, random=self.random, connect=self.writers.connection)
        self.scheduler = Scheduler(lambda: connect(database, "reader"), ticks, clock=clock)

    def _committed(self, account_ids: frozenset[str]) -> None:
        self.runner.notify_changed(account_ids)
        self.checkpointer.notify_changed(account_ids)

    def _past_value(self, account_id: str, position: int) -> Account | None:
        try:
            with self.readers.connection() as connection, connection.cursor() as cursor:
                value = self.past.at(cursor, account_id, position)
        except (psycopg.OperationalError, PoolClosed) as error:
            log.warning("The account %s is folded from its beginning: %s", account_id, error)
            return None
        return value if isinstance(value, Account) else None

    def _hold(self, reason: str | None) -> None:
        self.committer.refusal_reason = reason

    def publish(self, origin: str | None, on_published: Callable[[str], object]) -> None:
        """Signs checkpoints from here on, under this name or the one that the log has. The installation is there, and
        its secrets can be opened. Raises LogRefused."""
        self.log_keys = start_log(self.committer, self._installation_secret, self.clock, origin, self._lost)
        with self.writers.connection() as connection:
            connection.execute(LOG_SQL["take_over"], {"origin": self.log_keys.origin})
        self.checkpointer.start(self.log_keys.origin, self.log_keys.sign, on_published)

    def refuse_lost_log(self, published: PublishedFile, cosigning: Cosigning | None, *, accept_loss: bool) -> None:
        """Compares the log of heads with what was published of it, before anything listens. With `accept_loss` another
        log begins, when it is published, where it is not the same. Raises LogRefused."""
        with self.writers.connection() as connection, connection.cursor() as cursor:
            contradiction = published.contradiction(cursor)
        lost = ([] if contradiction is None else [contradiction]) + ([] if cosigning is None else cosigning.compare())
        if lost and not accept_loss:
            raise LogRefused(
                f"This database is not the one of which checkpoints were published. {' '.join(lost)} Put the right one "
                "back. If what is missing is lost for good, as after a restore, start once with --accept-loss: another "
                "log begins then, and that is recorded."
            )
        if lost:
            log.warning("A loss is accepted, and recorded: %s", " ".join(lost))
        self._lost = lost

    def _installation_secret(self, secret_id: SecretId) -> Secret | None:
        with self.writers.connection() as connection, connection.cursor() as cursor:
            return self.secrets.get(cursor, INSTALLATION, secret_id)

    def open_months(self) -> None:
        """Makes room in the table of uses for this month and the next."""
        now = self.clock()
        with self.writers.connection() as connection:
            for moment in (now, now + MONTH_AHEAD):
                connection.execute("select ledger.open_month(%s)", (moment,))

    def refuse_unknown_master_keys(self) -> None:
        """Raises InvalidMasterKey when what lies sealed here needs another key than those provided."""
        with self.writers.connection() as connection, connection.cursor() as cursor:
            self.secrets.refuse_unknown_master_keys(cursor)
            self.secrets.open_canary(cursor)

    def forget_master_keys(self) -> None:
        """Takes those whose time is over out of the file. Raises InvalidMasterKey."""
        if isinstance(self._master_keys, MasterKeyFile):
            forget_ended(self._master_keys, self.secrets, self.writers.connection, self.clock())

    def hash_ledgers(self) -> None:
        """Gives Merkle trees to ledgers that were written without them."""
        with self.writers.connection() as connection:
            hash_ledgers(connection, _tell_hashing)

    @contextmanager
    def running(self) -> Iterator[None]:
        with self.readers, self._projecting(), self.recording():
            yield

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Calls are decided and recorded; no projection follows."""
        with self.writers:
            self.open_months()
            self.hash_ledgers()
            self.snapshotter.start()
            self.committer.start()
            try:
                yield
            finally:
                self.space.stop()
                self.checkpointer.stop()
                self.committer.stop()
                self.snapshotter.stop()

    @contextmanager
    def _projecting(self) -> Iterator[None]:
        self.runner.start()
        try:
            yield
        finally:
            self.runner.stop()


def _tell_hashing(account_id: str, done: int, total: int) -> None:
    log.warning("The ledger of %s gets its Merkle tree: %d of %d entries.", account_id, done, total)


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Yours, or the embedded one for as long as the block lasts, which its start migrates before anything listens. Of
    this program's version, and known to keep what it is given."""
    if settings.database_url is not None:
        yield check_database(ExternalDatabase(settings.database_url))
        return
    with EmbeddedPostgres(resolve_directory(settings.data / "postgres")) as embedded:
        migrate_database(embedded)
        yield check_database(embedded)


def migrate_database(database: Database, login: str | None = None) -> list[str]:
    """As its owner, whom nothing else in the program logs in as. Gives the names of what was applied."""
    with connect(database, "owner") as connection:
        refuse_unsafe_settings(connection)
    applied = migrate(database, login)
    for name in applied:
        log.info("Applied the migration %s.", name)
    return applied


def check_database(database: Database) -> Database:
    """Raises DatabaseUnfit and UnsafeDatabaseError where it is not fit for this program."""
    if isinstance(database, ExternalDatabase):
        database.refuse_unfit_login()
    refuse_unmigrated(database)
    with connect(database, "writer") as connection:
        refuse_unsafe_settings(connection)
    return database


def load_master_keys(settings: Settings, *, creates: bool = True) -> MasterKeySource:
    """Those that the operator provides; a first start makes one. Raises InvalidMasterKey and InvalidSetting."""
    settings.make_data_directory()
    is_first = settings.database_url is not None or not (settings.data / "postgres").exists()
    return provided_master_keys(settings.master_key_file, creates=creates and is_first)
