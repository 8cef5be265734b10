"""What rounds are tested with: a committer on a database, a clock in our hands, simple calls, and an oracle."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg

from domain.account import SCHEMA_VERSION, Account, AccountCreated
from domain.calls import ApiCalled
from domain.foundation.events import Cause, Change, Entry, Event, Use, event_classes
from domain.foundation.identifiers import Random
from domain.ledger_state import LedgerState, evolve
from domain.rules.users import create_user
from services.fair_queue import Turn
from services.ledger.committer import Committer, OpenConnection
from services.ledger.database import Database, connect
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import CallResult, CommittedCall, DecideCall, LedgerAppend, LedgerStates
from services.ledger.recorder import SQL, LedgerRecorder, select
from services.ledger.round import Clock, RoundProcessor
from services.secrets.envelope import Envelope
from services.secrets.master_key import MasterKey, MasterKeys
from services.secrets.store import SecretStore

ACCOUNT, OTHER = "123456789012", "210987654321"
BEGAN_AT = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
ANSWER_SECONDS_MAX = 60
"""No test waits so long unless an answer never comes."""
SECRETS = SecretStore(Envelope(MasterKeys(MasterKey(bytes(32)))))
USE_TOPICS = frozenset(topic for topic, event in event_classes().items() if issubclass(event, Use))


class SteppingClock:
    """A clock that moves by a millisecond whenever it is read: once a round, so that a time names its round."""

    def __init__(self, at: datetime = BEGAN_AT) -> None:
        self.at = at

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


def rounds(
    *,
    clock: Clock,
    random: Random = secrets.token_bytes,
    mapper: EntryMapper | None = None,
    database_clock_checked: bool = False,
) -> RoundProcessor:
    mapper = mapper or EntryMapper()

    def no_connection() -> psycopg.Connection:
        raise AssertionError("A round brings its own cursor.")

    return RoundProcessor(
        LedgerRecorder(no_connection, USE_TOPICS), mapper, SECRETS, random, clock, database_clock_checked
    )


def committer_on(
    database: Database,
    *,
    made_with: RoundProcessor | None = None,
    connected_by: OpenConnection | None = None,
    on_commit: Callable[[frozenset[str]], None] = lambda _accounts: None,
    on_snapshot_due: Callable[[LedgerState], None] = lambda _value: None,
) -> Committer:
    """Not started: what is submitted before it starts waits for one first round together."""
    return Committer(
        connected_by or (lambda: connect(database, "writer")),
        made_with or rounds(clock=SteppingClock()),
        on_commit=on_commit,
        on_snapshot_due=on_snapshot_due,
    )


@contextmanager
def running(committer: Committer) -> Iterator[Committer]:
    committer.start()
    try:
        yield committer
    finally:
        committer.stop()


def submit(
    committer: Committer, decide: DecideCall, *accounts: str, founding: bool = False, by: str = "somebody"
) -> Future[CommittedCall]:
    """Queues a call, by default one of ACCOUNT. A second answer to it is an error of its own (InvalidStateError)."""
    of = frozenset(accounts or {ACCOUNT})
    return committer.begin(of, decide, Turn(min(of), by), founding=founding)


def cause(operation: str = "Any") -> Cause:
    return Cause(origin="api", request_id=operation, shared_id=operation, service="iam", operation=operation)


def appending(*events: Event, to: str = ACCOUNT) -> DecideCall:
    """A call that just appends; its result is the round's time."""
    return lambda _values, at: CallResult(at, [LedgerAppend(to, cause(), events)])


def use(name: str = "") -> ApiCalled:
    return ApiCalled(read_only=True, parameters={"Name": name})


def creating(name: str, account_id: str = ACCOUNT) -> DecideCall:
    """A call that creates a user, and is recorded as doors record calls; its result is the round's time."""

    def decide(values: LedgerStates, at: datetime) -> CallResult:
        created = create_user(account_in(values, account_id), user_id=f"AIDA{name}", user_name=name, path="/")
        return CallResult(at, [LedgerAppend(account_id, cause(name), [created, use(name)])])

    return decide


def account_in(values: LedgerStates, account_id: str = ACCOUNT) -> Account:
    account = values[account_id]
    assert isinstance(account, Account)
    return account


def found(database: Database, *accounts: str) -> None:
    """Begins ledgers, ACCOUNT's by default, by a committer of its own that is gone afterwards."""
    with running(committer_on(database)) as committer:
        for account_id in accounts or (ACCOUNT,):
            created = AccountCreated(ledger_id="00", kind="live", partition="aws", schema_version=SCHEMA_VERSION)
            began = submit(committer, appending(created, to=account_id), account_id, founding=True)
            began.result(ANSWER_SECONDS_MAX)


def ledger(database: Database, account_id: str = ACCOUNT) -> list[Entry]:
    """The account's entries as they are stored, after the oracle has found them in order: positions dense over
    changes and uses, times never backwards, rows and head in agreement with the bytes."""
    with connect(database, "reader") as connection, connection.transaction(), connection.cursor() as cursor:
        head = cursor.execute(
            "select position, last_change, at from ledger.heads where account_id = %s", (account_id,)
        ).fetchone()
        rows = select(cursor, "select_events", account_id)
        changes = select(cursor, "select_changes", account_id)
        times = cursor.execute(
            "select at from ledger.changes where account_id = %(id)s union all"
            " select at from ledger.uses where account_id = %(id)s order by at",
            {"id": account_id},
        ).fetchall()
    entries = [EntryMapper().to_domain_event(row) for row in rows]
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    assert [at for (at,) in times] == [entry.at for entry in entries]
    last_changes = [entry.position for entry in entries if isinstance(entry.event, Change)]
    assert [row.originator_version for row in changes] == last_changes
    if entries:
        assert head == (len(entries), last_changes[-1], entries[-1].at)
    return entries


def folded(entries: Sequence[Entry]) -> Account:
    value: LedgerState = Account(ACCOUNT)
    for entry in entries:
        if isinstance(entry.event, Change):
            value = evolve(value, entry)
    assert isinstance(value, Account)
    return value


def operations(entries: Sequence[Entry]) -> list[str]:
    """Whose use was recorded, in order: an operation that stands twice was recorded twice."""
    return [str(entry.event.parameters["Name"]) for entry in entries if isinstance(entry.event, ApiCalled)]


def commits(database: Database) -> int:
    """How many transactions have written what is in the ledgers: PostgreSQL keeps it with every row."""
    with connect(database, "reader") as connection:
        row = connection.execute(
            "select count(distinct xmin::text) from (select xmin from ledger.changes"
            " union all select xmin from ledger.uses) as written"
        ).fetchone()
    assert row is not None
    return int(row[0])


def wait_until_somebody_waits(database: Database) -> None:
    """Until a transaction of this database waits for a row that another one has locked."""
    until = time.monotonic() + ANSWER_SECONDS_MAX
    with connect(database, "owner") as connection:
        while not connection.execute(
            "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        ).fetchall():
            assert time.monotonic() < until


@contextmanager
def locked(database: Database, account_id: str = ACCOUNT) -> Iterator[psycopg.Cursor]:
    """The account's head, held as another process would hold it in a round."""
    with connect(database, "owner") as other, other.transaction(), other.cursor() as cursor:
        assert cursor.execute(SQL["lock_waiting"], {"accounts": [account_id]}).fetchone()
        yield cursor
