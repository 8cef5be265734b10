"""The command `backup`: copies the embedded database, whether a server runs or not."""

import argparse
import getpass
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg_pool import PoolTimeout

from services.cli.lib.arguments import add_operator_arguments
from services.cli.lib.interrupts import terminable
from services.cli.lib.operator_database import embedded_settings, existing_database, record_operator_call
from services.cli.lib.output import count_noun, exact_time
from services.cli.lib.progress import Progress
from services.cli.lib.terminal import Failure, print_line, print_note
from services.fair_queue import Overloaded
from services.ledger.backup_manifest import DATABASE, FILE, SQL, BackupManifest, digest_ledgers
from services.ledger.database import Database, connect, patient_snapshot
from services.ledger.disk_guard import FREE_BYTES_MIN, free_bytes
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_backup import DamagedBackup, take_base_backup
from services.ledger.embedded_cluster import sync_directory, write_durably
from services.ledger.embedded_directory import resolve_directory
from services.ledger.embedded_programs import SystemUser, find_programs
from services.ledger.pending_call import LedgerUnavailable
from services.secrets.master_key import InvalidMasterKey, copy_file, load
from services.settings import Settings

OPERATION = "BackUpDatabase"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_operator_arguments(parser, run)
    parser.add_argument("directory", metavar="DIR", help="a new directory, which has the whole backup or is not there")
    what = "put the master key into it, too: then it opens every secret by itself (default: left out)"
    parser.add_argument("--with-master-key", action="store_true", help=what)


def run(args: argparse.Namespace) -> None:
    """Raises Failure when there is no backup."""
    settings = embedded_settings(args)
    target = Path(args.directory).absolute()
    with terminable(), existing_database(settings) as database, _written_whole(target) as place:
        _record(database, target)
        progress = Progress()
        manifest = _take(settings, database, place, progress)
        write_durably(place / FILE, manifest.model_dump_json(indent=1), mode=0o600)
        if args.with_master_key:
            _copy_master_key(settings, manifest, place)
        progress.clear()
    positions = sum(position for position, _ in manifest.ledgers.values())
    ledgers = count_noun(len(manifest.ledgers), "ledger")
    print_line(f"{target}: {ledgers} with {count_noun(positions, 'event')}, as of {exact_time(manifest.taken_at)}")
    _tell_of_master_key(args, settings, manifest)


@contextmanager
def _written_whole(target: Path) -> Iterator[Path]:
    """A directory beside the target, which takes its name when the block has come to its end, and is taken away when it
    has not. Raises Failure."""
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise Failure(f"{target} is there, and a backup overwrites nothing: choose another directory.")
    place = target.with_name(f"{target.name}.unfinished")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
    except FileExistsError:
        raise Failure(
            f"{place} is there: another backup writes it, or one was killed. Remove it, or choose another directory."
        ) from None
    except OSError as error:
        raise Failure(f"Cannot write {target}: {error.strerror}.") from error
    try:
        yield place
        sync_directory(place)
        place.rename(target)
        # From here it is a backup. Before, nothing has its name.
        sync_directory(target.parent)
    except OSError as error:
        raise Failure(f"Cannot write {target}: {error.strerror}.") from error
    except DamagedBackup as damage:  # Such as by a tablespace that somebody has made.
        raise Failure(str(damage)) from damage
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _record(database: Database, target: Path) -> None:
    """Before it is taken, so that it stands in it. A ledger that takes no act is all the more worth copying."""
    try:
        record_operator_call(database, OPERATION, read_only=True, parameters={"directory": str(target)})
    except (Failure, psycopg.Error, PoolTimeout, LedgerUnavailable, Overloaded) as error:
        print_note(f"This backup is not recorded: {error}")


def _take(settings: Settings, database: Database, place: Path, progress: Progress) -> BackupManifest:
    directory = resolve_directory(settings.data / "postgres")
    conninfo = EmbeddedPostgres(directory).conninfo("backup")
    with connect(database, "writer") as connection, patient_snapshot(connection):
        ((taken_at, size_bytes),) = connection.execute(SQL["state"]).fetchall()
        if free_bytes(place) < size_bytes + FREE_BYTES_MIN:
            needed = (size_bytes + FREE_BYTES_MIN) >> 20
            raise Failure(f"{place.parent} has {free_bytes(place) >> 20} MiB left, and the backup needs {needed}.")
        keys = connection.execute(SQL["master_keys"]).fetchall()
        ledgers = digest_ledgers(connection, progress.tell)
    programs = find_programs(directory, SystemUser.chosen())
    backup = take_base_backup(conninfo, programs, place / DATABASE, partial(progress.tell, unit="kB"))
    return BackupManifest(
        taken_at=taken_at,
        user=getpass.getuser(),
        host=socket.gethostname(),
        program=version("muniment"),
        master_key_ids=tuple(key_id for (key_id,) in keys),
        ledgers=ledgers,
        files=backup.files,
    )


def _copy_master_key(settings: Settings, manifest: BackupManifest, place: Path) -> None:
    """Raises Failure where there is not the one that is needed."""
    path = settings.master_key_file
    try:
        here = [key.key_id for key in load(path).all] if path.exists() else []
    except InvalidMasterKey as error:
        raise Failure(str(error)) from error
    if {*manifest.master_key_ids}.difference(here):
        raise Failure(
            f"The secrets are sealed under the master key {', '.join(manifest.master_key_ids)}, and {path} has "
            f"{', '.join(here) or 'none'}: back up without --with-master-key, and keep the key yourself."
        )
    copy_file(path, place / path.name)


def _tell_of_master_key(args: argparse.Namespace, settings: Settings, manifest: BackupManifest) -> None:
    if args.with_master_key:
        print_note("The master key is in it: whoever has this directory has every secret.")
        return
    where = "MUNIMENT_MASTER_KEY" if "MUNIMENT_MASTER_KEY" in os.environ else str(settings.master_key_file)
    print_note(
        f"The master key {', '.join(manifest.master_key_ids)} ({where}) is not in it, and without it no access key and "
        "no password of this backup opens: keep it in another place."
    )
