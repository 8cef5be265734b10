"""Asking the database itself, as the operator of the server's machine. That is recorded, with who it was."""

import secrets
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from domain.account import Account, CorruptLedger
from domain.calls import ApiCalled, Facts, NeedsFacts
from domain.families.containment import LineageQuery
from domain.foundation.identifiers import INSTALLATION
from services.accounts import installation_in, operator_cause
from services.api.answer_runner import AnswerRunner
from services.api.answers import Answer
from services.api.question import Question
from services.api.requester import Requester
from services.app import LedgerRuntime, check_database, open_database
from services.cli.lib.failures import Failure
from services.ledger.call_queue import Overloaded
from services.ledger.database import Database, DatabaseUnfit, ExternalDatabase, connect
from services.ledger.durability import UnsafeDatabaseError
from services.ledger.embedded import EmbeddedPostgres, EmbeddedPostgresError
from services.ledger.embedded_directory import resolve_directory
from services.ledger.lineage_resolver import LineageResolver
from services.ledger.mapper import CorruptEntry
from services.ledger.pending_call import CallResult, CommittedCall, LedgerAppend, LedgerStates, LedgerUnavailable
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys
from services.settings import Settings

A = TypeVar("A", bound=Answer)


class LocalClient:
    """Whoever may open the database. No policy is asked: it could not hold them anyway."""

    def __init__(self, ledger: LedgerRuntime, account_id: str) -> None:
        self._ledger = ledger
        self._account_id = account_id
        self._tables = AnswerRunner(ledger.runner, ledger.readers.connection, ledger.past, for_operator=True)
        self._lineages = LineageResolver(ledger.readers.connection, ledger.runner)

    def ask(self, question: Question[A]) -> A:
        """Raises refusals."""
        operation = type(question).__name__
        cause = operator_cause(operation, secrets.token_bytes)

        def decide(facts: Facts | None, values: LedgerStates, at: datetime) -> CallResult:
            account = values[self._account_id]
            assert isinstance(account, Account)
            outcome = question.perform(account, Requester.operator(values, at, facts))
            called = ApiCalled(
                read_only=question.read_only, parameters=question.model_dump(mode="json", exclude_unset=True)
            )
            written = {account.id: outcome.events, **outcome.elsewhere}
            appends = [LedgerAppend(other, cause, [*events, called]) for other, events in written.items()]
            return CallResult((at, outcome.answer(account)), appends)

        committed = self._decided(decide)
        at, told = committed.result
        return self._tables.answer(question, self._account_id, committed.positions[self._account_id], at, told)

    def _decided(self, decide: Callable[[Facts | None, LedgerStates, datetime], CallResult]) -> CommittedCall:
        """Finds out what the decision wants to know, and has it made again."""
        facts: Facts | None = None
        while True:
            try:
                return self._ledger.committer.decide(frozenset({self._account_id}), partial(decide, facts))
            except NeedsFacts as needed:
                if not isinstance(needed.wanted, LineageQuery):
                    raise
                facts = self._lineages.found(needed.wanted)


@contextmanager
def open_local_client(settings: Settings, account_id: str | None) -> Iterator[LocalClient]:
    """Raises Failure when there is no database, nobody serves it, or the account is not clear."""
    with database_failures():
        ledger = ledger_without_master_key(running_database(settings))
        with ledger.running():
            yield LocalClient(ledger, _chosen_account(ledger, account_id))


def running_database(settings: Settings) -> Database:
    """Yours, or the embedded one of a server that runs. Raises Failure where there is none."""
    database = _find_database(settings)
    if database is None:
        raise Failure(
            f"No server runs on {settings.data}, and the embedded database runs with it: start it with "
            f"`muniment serve --data {shlex.quote(str(settings.data))}` and ask again."
        )
    return check_database(database)


@contextmanager
def existing_database(settings: Settings, *, check: bool = True) -> Iterator[Database]:
    """The database, whether a server runs or not: the embedded one is started for as long as the block lasts. One that
    runs is not `check`ed by whoever is about to migrate it.

    Raises Failure when there is none, and for whatever it cannot do within the block.
    """
    with database_failures():
        database = _find_database(settings)
        if database is not None:
            yield check_database(database) if check else database
            return
        with open_database(settings) as database:
            yield database


@contextmanager
def open_or_create_database(settings: Settings) -> Iterator[Database]:
    """Like `existing_database`, but begins a database where there is none."""
    with database_failures():
        if settings.database_url is None and not (settings.data / "postgres").exists():
            settings.data.mkdir(mode=0o711, parents=True, exist_ok=True)
            with open_database(settings) as database:
                yield database
            return
    with existing_database(settings) as database:
        yield database


@contextmanager
def database_failures() -> Iterator[None]:
    """What a database may come to is a Failure, not a defect."""
    try:
        yield
    except (psycopg.Error, PoolTimeout, EmbeddedPostgresError) as error:
        raise Failure(f"The database cannot be used: {error}".strip()) from error
    except (DatabaseUnfit, UnsafeDatabaseError, LedgerUnavailable, Overloaded) as error:
        raise Failure(str(error)) from error


def ledger_without_master_key(database: Database) -> LedgerRuntime:
    """For calls that seal nothing: the master key stays where it is. What this one seals, nobody could open."""
    return LedgerRuntime(database, MasterKeys(MasterKey(secrets.token_bytes(KEY_BYTES))))


def record_operator_call(
    ledger: LedgerRuntime, operation: str, *, read_only: bool, parameters: Mapping[str, object]
) -> None:
    """An act on the installation as a whole, in its ledger. The ledger must be recording. Raises Failure when the act
    cannot be recorded; then it must not be done."""
    cause = operator_cause(operation, secrets.token_bytes)
    called = ApiCalled(read_only=read_only, parameters=dict(parameters))

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        if not values[INSTALLATION].exists:
            raise Failure("There is no installation in this database: no server was ever started on it.")
        return CallResult(None, [LedgerAppend(INSTALLATION, cause, [called])])

    try:
        ledger.committer.decide(frozenset({INSTALLATION}), decide)
    except (CorruptLedger, CorruptEntry) as error:
        raise Failure(
            f"The installation's ledger is broken, see `muniment verify`, and takes no act: {error}"
        ) from error


def _find_database(settings: Settings) -> Database | None:
    """Yours, or the embedded one if it runs."""
    if settings.database_url is not None:
        return ExternalDatabase(settings.database_url)
    place = settings.data / "postgres"
    if not place.exists():
        raise Failure(f"There is no database in {settings.data}: use --data, MUNIMENT_DATA or MUNIMENT_DATABASE_URL.")
    embedded = EmbeddedPostgres(resolve_directory(place))
    try:
        connect(embedded, "reader").close()
    except (psycopg.OperationalError, EmbeddedPostgresError):
        return None
    return embedded


def _chosen_account(ledger: LedgerRuntime, wanted: str | None) -> str:
    """The account that is meant: the one that there is, or the one named."""

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        return CallResult(sorted(installation_in(values).accounts), [])

    accounts: list[str] = ledger.committer.decide(frozenset({INSTALLATION}), decide).result
    if wanted is not None and wanted not in accounts:
        raise Failure(f"There is no account {wanted} here; there {_there_are(accounts)}.")
    if wanted is None and len(accounts) != 1:
        raise Failure(f"Which account is meant? There {_there_are(accounts)}: use --account-id.")
    return wanted or accounts[0]


def _there_are(accounts: list[str]) -> str:
    return f"is {accounts[0]}" if len(accounts) == 1 else f"are {', '.join(accounts) or 'none'}"
