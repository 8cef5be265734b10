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

from domain.account import Account, Corrupt
from domain.calls import ApiCalled, Facts, NeedsFacts
from domain.containment import LineageWanted
from domain.identifiers import INSTALLATION
from projections.views import MustBeRebuilt
from services.accounts import installation_in, operator_cause
from services.api.answers import Answer
from services.api.asker import Asker
from services.api.question import Question
from services.api.reading import Tables
from services.app import Ledger, opened_database
from services.cli.failures import Failure
from services.ledger.database import Database, MigrationRefused, YourDatabase, connect
from services.ledger.durability import UnsafeDatabaseError
from services.ledger.embedded import EmbeddedPostgres, EmbeddedPostgresError
from services.ledger.embedded_place import settled
from services.ledger.lineages import LineageFinder
from services.ledger.mapper import StoredBytesBroken
from services.ledger.waiting import Overloaded
from services.ledger.work import Append, Committed, Decided, Unavailable, Values
from services.secrets.master_key import KEY_BYTES, MasterKey, MasterKeys
from services.settings import Settings

A = TypeVar("A", bound=Answer)


class Operator:
    """Whoever may open the database. No policy is asked: it could not hold them anyway."""

    def __init__(self, ledger: Ledger, account_id: str) -> None:
        self._ledger = ledger
        self._account_id = account_id
        self._tables = Tables(ledger.runner, ledger.readers.connection, ledger.past, for_operator=True)
        self._lineages = LineageFinder(ledger.readers.connection, ledger.runner)

    def ask(self, question: Question[A]) -> A:
        """Raises refusals."""
        operation = type(question).__name__
        cause = operator_cause(operation, secrets.token_bytes)

        def decide(facts: Facts | None, values: Values, at: datetime) -> Decided:
            account = values[self._account_id]
            assert isinstance(account, Account)
            outcome = question.performed(account, Asker.operator(values, at, facts))
            called = ApiCalled(
                read_only=question.read_only, parameters=question.model_dump(mode="json", exclude_unset=True)
            )
            written = {account.id: outcome.events, **outcome.elsewhere}
            appends = [Append(other, cause, [*events, called]) for other, events in written.items()]
            return Decided((at, outcome.answer(account)), appends)

        committed = self._decided(decide)
        at, told = committed.result
        return self._tables.answer(question, self._account_id, committed.positions[self._account_id], at, told)

    def _decided(self, decide: Callable[[Facts | None, Values, datetime], Decided]) -> Committed:
        """Finds out what the decision wants to know, and has it made again."""
        facts: Facts | None = None
        while True:
            try:
                return self._ledger.committer.decide(frozenset({self._account_id}), partial(decide, facts))
            except NeedsFacts as needed:
                if not isinstance(needed.wanted, LineageWanted):
                    raise
                facts = self._lineages.found(needed.wanted)


@contextmanager
def opened(settings: Settings, account_id: str | None) -> Iterator[Operator]:
    """Raises Failure when there is no database, nobody serves it, or the account is not clear."""
    with failing():
        ledger = ledger_of(served(settings))
        with ledger.running():
            yield Operator(ledger, _account(ledger, account_id))


def served(settings: Settings) -> Database:
    """Yours, or the embedded one of a server that runs. Raises Failure where there is none."""
    database = _served(settings)
    if database is None:
        raise Failure(
            f"No server runs on {settings.data}, and the embedded database runs with it: start it with "
            f"`muniment serve --data {shlex.quote(str(settings.data))}` and ask again."
        )
    return database


@contextmanager
def reached(settings: Settings) -> Iterator[Database]:
    """The database, whether a server runs or not: the embedded one is started for as long as the block lasts.

    Raises Failure when there is none, and for whatever it cannot do within the block.
    """
    with failing():
        database = _served(settings)
        if database is not None:
            yield database
            return
        with opened_database(settings) as database:
            yield database


@contextmanager
def begun(settings: Settings) -> Iterator[Database]:
    """Like `reached`, but begins a database where there is none."""
    with failing():
        if settings.database_url is None and not (settings.data / "postgres").exists():
            settings.data.mkdir(mode=0o711, parents=True, exist_ok=True)
            with opened_database(settings) as database:
                yield database
            return
    with reached(settings) as database:
        yield database


@contextmanager
def failing() -> Iterator[None]:
    """What a database may come to is a Failure, not a defect."""
    try:
        yield
    except (psycopg.Error, PoolTimeout, EmbeddedPostgresError) as error:
        raise Failure(f"The database cannot be used: {error}".strip()) from error
    except (MustBeRebuilt, MigrationRefused, UnsafeDatabaseError, Unavailable, Overloaded) as error:
        raise Failure(str(error)) from error


def ledger_of(database: Database) -> Ledger:
    """For calls that seal nothing: the master key stays where it is. What this one seals, nobody could open."""
    return Ledger(database, MasterKeys(MasterKey(secrets.token_bytes(KEY_BYTES))))


def record(ledger: Ledger, operation: str, *, read_only: bool, parameters: Mapping[str, object]) -> None:
    """An act on the installation as a whole, in its ledger. The ledger must be recording. Raises Failure when the act
    cannot be recorded; then it must not be done."""
    cause = operator_cause(operation, secrets.token_bytes)
    called = ApiCalled(read_only=read_only, parameters=dict(parameters))

    def decide(values: Values, _at: datetime) -> Decided:
        if not values[INSTALLATION].exists:
            raise Failure("There is no installation in this database: no server was ever started on it.")
        return Decided(None, [Append(INSTALLATION, cause, [called])])

    try:
        ledger.committer.decide(frozenset({INSTALLATION}), decide)
    except (Corrupt, StoredBytesBroken) as error:
        raise Failure(
            f"The installation's ledger is broken, see `muniment verify`, and takes no act: {error}"
        ) from error


def _served(settings: Settings) -> Database | None:
    """Yours, or the embedded one if it runs."""
    if settings.database_url is not None:
        return YourDatabase(settings.database_url)
    place = settings.data / "postgres"
    if not place.exists():
        raise Failure(f"There is no database in {settings.data}: use --data, MUNIMENT_DATA or MUNIMENT_DATABASE_URL.")
    embedded = EmbeddedPostgres(settled(place))
    try:
        connect(embedded, "reader").close()
    except (psycopg.OperationalError, EmbeddedPostgresError):
        return None
    return embedded


def _account(ledger: Ledger, wanted: str | None) -> str:
    """The account that is meant: the one that there is, or the one named."""

    def decide(values: Values, _at: datetime) -> Decided:
        return Decided(sorted(installation_in(values).accounts), [])

    accounts: list[str] = ledger.committer.decide(frozenset({INSTALLATION}), decide).result
    if wanted is not None and wanted not in accounts:
        raise Failure(f"There is no account {wanted} here; there {_are(accounts)}.")
    if wanted is None and len(accounts) != 1:
        raise Failure(f"Which account is meant? There {_are(accounts)}: use --account-id.")
    return wanted or accounts[0]


def _are(accounts: list[str]) -> str:
    return f"is {accounts[0]}" if len(accounts) == 1 else f"are {', '.join(accounts) or 'none'}"
