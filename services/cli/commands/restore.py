"""The command `restore`: makes a data directory of a backup, and records in its ledgers that it was one."""

import argparse
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg

from domain.account import CorruptLedger
from domain.calls import ApiCalled
from domain.foundation.identifiers import INSTALLATION
from services.accounts import operator_cause
from services.cli.lib.arguments import add_operator_table_arguments
from services.cli.lib.earlier_verification import read_earlier
from services.cli.lib.interrupts import terminable
from services.cli.lib.operator_database import database_failures, embedded_settings, ledger_without_master_key
from services.cli.lib.output import Column, exact_time, make_output, result_colour
from services.cli.lib.progress import Progress
from services.cli.lib.terminal import Failure, os_error_text, print_note
from services.ledger.backup_manifest import DATABASE, SQL, BackupManifest, digest_ledgers
from services.ledger.checkpoints import PARAMETER, Checkpoint, LedgerDigest, split_checkpoints
from services.ledger.database import Database, connect, patient_snapshot
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_backup import BaseBackup, DamagedBackup
from services.ledger.embedded_cluster import sync_directory
from services.ledger.embedded_directory import resolve_directory
from services.ledger.embedded_programs import EmbeddedError, EmbeddedInUse
from services.ledger.mapper import CorruptEntry
from services.ledger.pending_call import CallResult, LedgerAppend
from services.ledger.verification import VerificationResult, verify
from services.ledger_runtime import check_database, migrate_database
from services.secrets.master_key import InvalidMasterKey, copy_file, from_environment, load, previous_from_environment
from services.settings import Settings

OPERATION = "RestoreDatabase"
KEPT_BESIDE = ("aws-profile", "checkpoint", "master.key")
"""What may lie in a data directory before it has a database: the files of an installation that no backup has."""


@dataclass(frozen=True, slots=True)
class RestoredLedger:
    account_id: str
    positions: int
    """That are there, before the restore itself was recorded."""
    gone_to: int | None
    """The last position that somebody has seen and that is not there; None where nobody has."""
    gone_says: str | None
    """Who has seen it."""
    finding: str | None
    """What else is not as it should be."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_operator_table_arguments(parser, run)
    parser.add_argument("directory", metavar="DIR", help="what `muniment backup` has written")
    what = "put the database that is there aside, where there is one; it is kept, and its ledgers tell what is gone"
    parser.add_argument("--replace", action="store_true", help=what)
    what = "what an earlier `verify --output json` has printed: it tells which positions are gone"
    parser.add_argument("--earlier", metavar="FILE", help=what)


def run(args: argparse.Namespace) -> None:
    """Raises Failure when nothing was restored, and when what was is not as it should be."""
    settings = embedded_settings(args)
    earlier = {} if args.earlier is None else read_earlier(args.earlier)
    source = Path(args.directory).absolute()
    with terminable(), _failures():
        manifest = BackupManifest.read(source)
        later = [earlier, *_replaced_heads(settings, replace=args.replace)]
        progress = Progress()
        with _beside(settings) as place:
            backup = BaseBackup(source / DATABASE, manifest.files, partial(progress.tell, unit="kB"))
            with EmbeddedPostgres(resolve_directory(place), backup) as embedded:
                migrate_database(embedded)
                ledgers = _verified(check_database(embedded), manifest, later, progress)
                _record(embedded, source, manifest, ledgers)
            replaced = _put_in_place(settings, place)
        progress.clear()
    make_output(args, LEDGERS).show(ledgers)
    _tell(settings, source, manifest, replaced)
    if any(each.finding is not None for each in ledgers):
        raise Failure("The backup is restored as it was taken, and ledgers in it must not be relied on: see above.")


@contextmanager
def _failures() -> Iterator[None]:
    try:
        with database_failures():
            yield
    except DamagedBackup as damage:
        raise Failure(f"{damage} Nothing was restored.") from damage
    except OSError as error:
        raise Failure(f"Nothing was restored: {os_error_text(error)}.") from error


def _replaced_heads(settings: Settings, *, replace: bool) -> Iterator[Mapping[str, Checkpoint]]:
    """How far the ledgers have come that are about to be put aside. Raises Failure where nothing may be."""
    found = [each.name for each in settings.data.iterdir()] if settings.data.exists() else []
    others = sorted(name for name in found if not name.startswith((*KEPT_BESIDE, _beside_path(settings).name)))
    if others and not replace:
        raise Failure(
            f"{settings.data} is not empty ({', '.join(others[:3])}): choose another directory with --data, or put its "
            "database aside with --replace."
        )
    if "postgres" not in found:
        return
    try:
        with (
            EmbeddedPostgres(resolve_directory(settings.data / "postgres")) as replaced,
            connect(replaced, "reader") as connection,
        ):
            heads = connection.execute(SQL["heads"]).fetchall()
    except EmbeddedInUse:
        raise
    except (EmbeddedError, psycopg.Error) as error:
        print_note(f"The database that is put aside cannot be read, so nothing of it tells what is gone: {error}")
        return
    yield {account_id: Checkpoint(position, "", "the database before") for account_id, position in heads}


def _beside_path(settings: Settings) -> Path:
    return settings.data / "postgres.restoring"


@contextmanager
def _beside(settings: Settings) -> Iterator[Path]:
    """Where the database is made. What a restore that was broken off has left there is taken away, and what is there
    at the end as well."""
    place = _beside_path(settings)
    settings.data.mkdir(mode=0o711, parents=True, exist_ok=True)
    _remove(place)
    try:
        yield place
    finally:
        _remove(place)


def _remove(place: Path) -> None:
    if place.is_symlink():  # As root's, in a directory that PostgreSQL's user cannot enter.
        shutil.rmtree(place.resolve(), ignore_errors=True)
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)


def _put_in_place(settings: Settings, place: Path) -> Path | None:
    """Gives where the database from before is, if there was one."""
    database = settings.data / "postgres"
    if not database.exists():
        place.rename(database)
        sync_directory(settings.data)
        return None
    aside = database.with_name(f"postgres.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    with EmbeddedPostgres(resolve_directory(database)).held():  # a server may have been started on it meanwhile
        database.rename(aside)
        place.rename(database)
        sync_directory(settings.data)
    return aside


def _verified(
    database: Database, manifest: BackupManifest, later: Sequence[Mapping[str, Checkpoint]], progress: Progress
) -> list[RestoredLedger]:
    """Raises DamagedBackup when a ledger is not the one that was backed up."""
    backed_up = {account_id: position for account_id, (position, _) in manifest.ledgers.items()}
    with connect(database, "writer") as connection:
        with patient_snapshot(connection):
            found = digest_ledgers(connection, progress.tell, backed_up)
            heads: dict[str, int] = dict(connection.execute(SQL["heads"]).fetchall())
        for account_id, digest in manifest.ledgers.items():
            if found[account_id] != digest:
                raise DamagedBackup(f"The ledger of {account_id} is not the one that was backed up.")
        reached = {
            account_id: checkpoint
            for account_id, checkpoint in later[0].items()
            if checkpoint.position <= heads.get(account_id, 0)
        }
        verdicts = {each.account_id: each for each in verify(connection, None, progress.tell, reached)}
    known = sorted({*verdicts, *(account_id for seen in later for account_id in seen)})
    return [_ledger(account_id, verdicts.get(account_id), heads.get(account_id, 0), later) for account_id in known]


def _ledger(
    account_id: str, verdict: VerificationResult | None, head: int, later: Sequence[Mapping[str, Checkpoint]]
) -> RestoredLedger:
    farthest = max((seen[account_id] for seen in later if account_id in seen), default=None)
    gone = farthest if farthest is not None and farthest.position > head else None
    finding = None if verdict is None or verdict.finding is None else str(verdict.finding)
    return RestoredLedger(account_id, head, gone and gone.position, gone and gone.source, finding)


def _record(database: Database, source: Path, manifest: BackupManifest, ledgers: Sequence[RestoredLedger]) -> None:
    """In each account's own ledger, whose readers would take the gap for a time in which nothing happened; then, with
    all of them, in the installation's."""
    common = {
        "backup": str(source),
        "taken_at": manifest.taken_at.isoformat(),
        "taken_by": f"{manifest.user}@{manifest.host}",
    }
    cause = operator_cause(OPERATION, secrets.token_bytes)
    runtime = ledger_without_master_key(database)
    by_id = {each.account_id: each for each in ledgers}

    def append(account_id: str, parameters: Mapping[str, object]) -> None:
        called = ApiCalled(read_only=False, parameters={**common, **parameters})
        try:
            runtime.committer.decide(
                frozenset({account_id}),
                lambda _values, _at: CallResult(None, [LedgerAppend(account_id, cause, [called])]),
            )
        except (CorruptLedger, CorruptEntry, psycopg.DatabaseError) as error:
            print_note(f"The restore is not recorded in the ledger of {account_id}, which takes no act: {error}")

    nothing = (0, LedgerDigest().sha256)
    with runtime.recording():
        for each in ledgers:
            if each.account_id != INSTALLATION and each.positions:
                append(each.account_id, _positions(each))
        for chunk in split_checkpoints({each: manifest.ledgers.get(each, nothing) for each in by_id}):
            told = {name: _positions(by_id[name]) for name in chunk[PARAMETER]}
            append(INSTALLATION, {**chunk, "ledgers": told})


def _positions(ledger: RestoredLedger) -> Mapping[str, object]:
    gone = {} if ledger.gone_to is None else {"gone_to": ledger.gone_to}
    return {"last_position": ledger.positions, **gone}


def _tell(settings: Settings, source: Path, manifest: BackupManifest, replaced: Path | None) -> None:
    taken_at = exact_time(manifest.taken_at)
    print_note(f"{settings.data} has the database of the backup in {source}, taken at {taken_at}.")
    if replaced is not None:
        print_note(f"The database from before is kept in {replaced}.")
    print_note(
        "Nothing that was done since then is in it, and nothing was revoked for that. What was deactivated, deleted, "
        "revoked or contained since can be used again: do it again. Keys, passwords and users made since are gone. "
        "Sessions issued since are honoured until they expire, although no ledger has them."
    )
    _provide_master_key(settings, source, manifest)


def _provide_master_key(settings: Settings, source: Path, manifest: BackupManifest) -> None:
    path, backed_up = settings.master_key_file, source / settings.master_key_file.name
    try:
        if backed_up.exists() and not path.exists():
            copy_file(backed_up, path)
        current = from_environment("MUNIMENT_MASTER_KEY")
        here = {key.key_id for key in ((current,) if current is not None else load(path).all if path.exists() else ())}
        here |= {key.key_id for key in previous_from_environment()}
    except InvalidMasterKey as error:
        raise Failure(str(error)) from error
    missing = {*manifest.master_key_ids} - here
    if missing:
        print_note(
            f"Its secrets are sealed under the master key {', '.join(sorted(missing))}, which is not here: put it into "
            f"{path}, with mode 0400, before you start the server."
        )


def _gone(ledger: RestoredLedger) -> str | None:
    if ledger.gone_to is None:
        return None
    return f"p{ledger.positions + 1} to p{ledger.gone_to}, says {ledger.gone_says}"


LEDGERS: Sequence[Column[RestoredLedger]] = (
    Column("LEDGER", lambda ledger: ledger.account_id),
    Column("POSITIONS", lambda ledger: str(ledger.positions)),
    Column("GONE", _gone, wraps=True),
    Column(
        "RESULT",
        lambda ledger: ledger.finding or ("ok" if ledger.positions else "not in the backup"),
        wraps=True,
        colour=result_colour,
    ),
)
