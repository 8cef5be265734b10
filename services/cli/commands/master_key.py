"""The command `master-key`: rotates the master key, as the operator on the database itself."""

import argparse
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psycopg

from services.cli.lib.arguments import add_command, add_operator_table_arguments, add_subcommands
from services.cli.lib.operator_database import (
    existing_database,
    operator_settings,
    record_operator_call,
    refuse_without_room,
)
from services.cli.lib.output import Column, make_output, short_time
from services.cli.lib.progress import Progress
from services.cli.lib.terminal import Failure, print_note
from services.ledger.database import Database, ExternalDatabase, connect
from services.ledger_runtime import load_master_keys
from services.secrets.envelope import Envelope, InvalidSeal
from services.secrets.master_key import (
    KEY_BYTES,
    InvalidMasterKey,
    MasterKey,
    MasterKeys,
    MasterKeySource,
    change,
    load,
)
from services.secrets.master_key_file import MasterKeyFile
from services.secrets.rewrapping import RotationRefused, await_earlier_transactions, rewrap_all, rotation_lock
from services.secrets.session_tokens import FORMER_KEY_OPENS
from services.secrets.store import SecretStore
from services.settings import InvalidSetting

OPERATION = "RotateMasterKey"
ELSEWHERE = (
    "Servers on other machines would not know a key that is made here, and answer 5xx. If every server of this "
    "database reads {path} itself, say so with --shared-file; otherwise see docs/how-to/rotate-the-master-key.md."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    rotate = add_command(commands, "rotate", "make a new master key, or go on with a rotation that was broken off")
    rotate.epilog = (
        "Servers go on meanwhile. Sessions that were issued before live on, for which the former key stays in the file "
        "for 48 hours. Backups that were taken before open with the former key only: keep it with them."
    )
    add_operator_table_arguments(rotate, _rotate)
    rotate.add_argument(
        "--end-sessions",
        action="store_true",
        help="for a master key that has leaked: keep no former key; all sessions end, access keys and passwords stay",
    )
    rotate.add_argument(
        "--shared-file",
        action="store_true",
        help="with your own PostgreSQL: every server reads this very file (others would not know the new key)",
    )
    add_operator_table_arguments(add_command(commands, "list", "list the master keys and what needs them"), _list)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What has come of one."""

    master_key_id: str
    former_master_key_ids: Sequence[str]
    data_keys: int
    """That were rewrapped."""
    sessions_until: str | None
    """When the last former key is taken away, where it lies in the file; RFC 3339."""


def _rotate(args: argparse.Namespace) -> None:
    """Raises Failure when it is not finished, or leaves something behind."""
    with _opened(args) as (database, keys, connection), rotation_lock(connection):
        refuse_without_room(database)
        if isinstance(keys, MasterKeyFile) and isinstance(database, ExternalDatabase) and not args.shared_file:
            raise Failure(ELSEWHERE.format(path=keys.path))
        former = _begin(database, connection, keys)
        # From here whoever seals anything asks for the key first, and gets the new one.
        store = SecretStore(Envelope(keys))
        await_earlier_transactions(connection, store)
        count, unopened = _rewrap(database, connection, store)
        done = {"done": True, "master_key_id": store.master_key_id, "former_master_key_ids": former}
        counts = {"data_keys": count} | ({"unopened": len(unopened)} if unopened else {})
        record_operator_call(database, OPERATION, read_only=False, parameters={**done, **counts})
        # Nothing is wrapped by a former key any more, but for what nobody can open.
        until = _finish(keys, connection, store, end_sessions=args.end_sessions)
    make_output(args, ROTATIONS).show([Rotation(store.master_key_id, former, count, until)])
    if not isinstance(keys, MasterKeyFile):
        print_note(
            "Sessions that were issued before need the former key: leave it in MUNIMENT_MASTER_KEY_PREVIOUS for 48 "
            "hours, unless it has leaked, then take it away everywhere."
        )
    for broken in unopened:
        print_note(str(broken))
    if unopened:
        raise Failure(
            f"{len(unopened)} of the data keys nobody can open, see above: what they sealed is lost, and their former "
            "master key stays for them, of no other use. Delete those access keys and passwords, and rotate again."
        )


def _rewrap(
    database: Database, connection: psycopg.Connection, store: SecretStore
) -> tuple[int, Sequence[InvalidSeal]]:
    """As `rewrap_all`, with progress. Raises Failure where the disk is nearly full."""
    progress = Progress()

    def tell(done: int, total: int) -> None:
        progress.tell("rewrapping", done, total, "data keys")
        refuse_without_room(database)

    try:
        return rewrap_all(connection, store, tell)
    finally:
        progress.clear()


def _begin(database: Database, connection: psycopg.Connection, keys: MasterKeySource) -> list[str]:
    """The new key is in its place afterwards. Gives the ids of those from which it is rotated. Raises Failure."""
    store, known = SecretStore(Envelope(keys)), keys.latest()
    with connection.cursor() as cursor:
        store.refuse_unknown_master_keys(cursor)
        former = {*store.master_key_uses(cursor)} - {known.current.key_id}
    if isinstance(keys, MasterKeyFile):
        # Under a key that has its end lies only what nobody can open, or came back with a backup: no rotation goes on.
        found = load(keys.path)
        former = {*found.rotating_from} | former - found.ends.keys()
    if former:
        print_note(f"Bringing what is under {', '.join(sorted(former))} under the master key {known.current.key_id}.")
        _record_begin(database, known.current, sorted(former))
        return sorted(former)
    if not isinstance(keys, MasterKeyFile):
        raise Failure(
            f"Every data key is under {known.current.key_id}, the key in MUNIMENT_MASTER_KEY. Provide a new one there, "
            "with this one in MUNIMENT_MASTER_KEY_PREVIOUS, to every server first: see "
            "docs/how-to/rotate-the-master-key.md."
        )
    new = MasterKey(secrets.token_bytes(KEY_BYTES))
    known.rotated(new)  # Refused before it is recorded, if at all.
    _record_begin(database, new, [known.current.key_id])
    # A crash here loses a key that has sealed nothing.
    change(keys.path, lambda found: found.rotated(new))
    return [known.current.key_id]


def _record_begin(database: Database, new: MasterKey, former: Sequence[str]) -> None:
    """An act that the installation's ledger does not take does not happen."""
    parameters = {"done": False, "master_key_id": new.key_id, "former_master_key_ids": list(former)}
    record_operator_call(database, OPERATION, read_only=False, parameters=parameters)


def _finish(
    keys: MasterKeySource, connection: psycopg.Connection, store: SecretStore, *, end_sessions: bool
) -> str | None:
    """Until when the former keys open tokens; None where they do not, or are not ours to take away."""
    if not isinstance(keys, MasterKeyFile):
        return None
    now = datetime.now(UTC).replace(microsecond=0)
    if not end_sessions:
        change(keys.path, lambda found: found.finished(now + FORMER_KEY_OPENS))
        return short_time(now + FORMER_KEY_OPENS)
    change(keys.path, lambda found: replace(found, ends={key.key_id: now for key in found.previous}))
    # From here no token of before is accepted. Behind this nobody holds what only a former key would open.
    await_earlier_transactions(connection, store)
    with connection.cursor() as cursor:
        needed = store.master_key_uses(cursor).keys()
    change(keys.path, lambda found: found.without(found.ends.keys() - needed))
    return None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A line of the list."""

    master_key_id: str
    state: str
    data_keys: int
    opens_until: str | None
    """RFC 3339."""


def _list(args: argparse.Namespace) -> None:
    with _opened(args) as (database, keys, connection), connection.cursor() as cursor:
        record_operator_call(database, "ListMasterKeys", read_only=True, parameters={})
        known = keys.latest()
        uses = SecretStore(Envelope(keys)).master_key_uses(cursor)
    rows = [_row(known, key.key_id, uses.get(key.key_id, 0)) for key in known.all]
    missing = sorted(uses.keys() - {key.key_id for key in known.all})
    rows += [KeyRow(key_id, "missing", uses[key_id], None) for key_id in missing]
    make_output(args, KEYS).show(rows)
    if missing:
        raise Failure(f"The master key {', '.join(missing)} is needed and was not provided: no server starts.")


def _row(keys: MasterKeys, key_id: str, data_keys: int) -> KeyRow:
    end = keys.ends.get(key_id)
    state = "current" if key_id == keys.current.key_id else "former"
    return KeyRow(key_id, state, data_keys, None if end is None else short_time(end))


@contextmanager
def _opened(args: argparse.Namespace) -> Iterator[tuple[Database, MasterKeySource, psycopg.Connection]]:
    """The database, the keys that the operator provides, and a connection of the writer's. Raises Failure."""
    try:
        settings = operator_settings(args)
        with existing_database(settings) as database:
            keys = load_master_keys(settings, creates=False)
            with connect(database, "writer") as connection:
                yield database, keys, connection
    except (InvalidMasterKey, InvalidSetting, RotationRefused) as error:
        raise Failure(str(error)) from error


ROTATIONS: Sequence[Column[Rotation]] = (
    Column("MASTER KEY", lambda done: done.master_key_id),
    Column("FORMER", lambda done: ", ".join(done.former_master_key_ids)),
    Column("DATA KEYS", lambda done: str(done.data_keys)),
    Column("SESSIONS OF BEFORE UNTIL", lambda done: done.sessions_until),
)
KEYS: Sequence[Column[KeyRow]] = (
    Column("MASTER KEY", lambda row: row.master_key_id),
    Column("STATE", lambda row: row.state),
    Column("DATA KEYS", lambda row: str(row.data_keys)),
    Column("OPENS UNTIL", lambda row: row.opens_until),
)
