"""The database itself, for the operator of the server's machine. Each act is recorded, with who it was."""

import argparse
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

import psycopg
from psycopg_pool import PoolTimeout

from domain.account import CorruptLedger
from domain.calls import ApiCalled
from domain.foundation.identifiers import INSTALLATION
from domain.foundation.suggested_commands import suggested_command
from services.accounts import operator_cause
from services.cli.lib.terminal import Failure
from services.compliance_checks import load_own_checks
from services.fair_queue import Overloaded
from services.ledger.database import Database, DatabaseUnfit, ExternalDatabase, connect, database_error_text
from services.ledger.durability import UnsafeDatabaseError
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.ledger.embedded_programs import EmbeddedError
from services.ledger.mapper import CorruptEntry
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates, LedgerUnavailable
from services.ledger_runtime import LedgerRuntime, check_database, load_master_keys, open_database
from services.managed_policies.catalogue import publish_catalogues
from services.secrets.master_key import KEY_BYTES, InvalidMasterKey, MasterKey, MasterKeys
from services.settings import InvalidSetting, Settings, read_settings


def operator_settings(args: argparse.Namespace) -> Settings:
    """Raises Failure."""
    try:
        settings = read_settings(os.environ, data=args.data)
        publish_catalogues(settings.managed_policies)
        load_own_checks(settings.compliance_checks)
    except InvalidSetting as error:
        raise Failure(str(error)) from error
    return settings


def embedded_settings(args: argparse.Namespace) -> Settings:
    """For what is done with the embedded database alone. Raises Failure where it is not the one that is meant."""
    settings = operator_settings(args)
    if settings.database_url is not None:
        raise Failure(
            "MUNIMENT_DATABASE_URL names your own PostgreSQL: back it up and restore it with PostgreSQL's programs, as "
            "docs/how-to/backup-and-restore.md says."
        )
    return settings


def running_database(settings: Settings) -> Database:
    """Yours, or the embedded one of a server that runs. Raises Failure where there is none."""
    database = _find_database(settings)
    if database is None:
        raise Failure(
            f"No server runs on {settings.data}, and the embedded database runs with it: start it with "
            f"`{suggested_command('muniment', 'serve', data=str(settings.data))}` and ask again."
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
    is_new = settings.database_url is None and not (settings.data / "postgres").exists()
    if is_new:
        settings.data.mkdir(mode=0o711, parents=True, exist_ok=True)
    with database_failures(), open_database(settings) if is_new else existing_database(settings) as database:
        yield database


@contextmanager
def database_failures() -> Iterator[None]:
    """What a database may come to is a Failure, not a defect."""
    try:
        yield
    except psycopg.Error as error:
        raise Failure(database_error_text(error)) from error
    except (PoolTimeout, EmbeddedError) as error:
        raise Failure(f"The database cannot be used: {error}".strip()) from error
    except (CorruptLedger, CorruptEntry) as error:
        raise Failure(f"A ledger is broken, see `muniment verify`: {error}") from error
    except (DatabaseUnfit, UnsafeDatabaseError, LedgerUnavailable, Overloaded) as error:
        raise Failure(str(error)) from error


def operator_database(args: argparse.Namespace) -> AbstractContextManager[Database]:
    """The database that is meant, for an act of the operator. Raises Failure."""
    return existing_database(operator_settings(args))


@contextmanager
def operator_ledger(args: argparse.Namespace) -> Iterator[LedgerRuntime]:
    """Its ledger, recording, for acts that seal nothing."""
    with operator_database(args) as database:
        refuse_without_room(database)
        ledger = ledger_without_master_key(database)
        with ledger.recording():
            yield ledger


@contextmanager
def recording_ledger(
    found: Settings, opens: Callable[[Settings], AbstractContextManager[Database]]
) -> Iterator[LedgerRuntime]:
    """With the real master key: what is sealed here, the server opens. Raises Failure."""
    try:
        keys = load_master_keys(found)
        with opens(found) as database:
            refuse_without_room(database)
            ledger = LedgerRuntime(database, keys)
            with ledger.recording():
                ledger.refuse_unknown_master_keys()
                yield ledger
    except (InvalidMasterKey, InvalidSetting) as error:
        raise Failure(str(error)) from error


def refuse_without_room(database: Database) -> None:
    """Before anything is written: what the operator does leaves the room that calls need. Raises Failure."""
    if short := find_shortage(database):
        raise Failure(short)


def find_shortage(database: Database, room_bytes: int = 0) -> str | None:
    """Why nothing that takes so much room should be written, as far as that can be seen from here."""
    try:
        return database.shortage(room_bytes)
    except OSError as error:
        return f"The database's disk cannot be looked at: {error.strerror}."


def ledger_without_master_key(database: Database) -> LedgerRuntime:
    """For calls that seal nothing: the master key stays where it is. What this one seals, nobody could open."""
    return LedgerRuntime(database, MasterKeys(MasterKey(secrets.token_bytes(KEY_BYTES))))


def record_operator_call(
    database: Database, operation: str, *, read_only: bool, parameters: Mapping[str, object]
) -> None:
    """An act on the installation as a whole, in its ledger. Raises Failure when it cannot be recorded; then it must not
    be done."""
    refuse_without_room(database)
    ledger = ledger_without_master_key(database)
    cause = operator_cause(operation, secrets.token_bytes)
    called = ApiCalled(read_only=read_only, parameters=dict(parameters))

    def decide(values: LedgerStates, _at: datetime) -> CallResult:
        if not values[INSTALLATION].exists:
            raise Failure("There is no installation in this database: no server was ever started on it.")
        return CallResult(None, [LedgerAppend(INSTALLATION, cause, [called])])

    try:
        with ledger.recording():
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
    except (psycopg.OperationalError, EmbeddedError):
        return None
    return embedded
