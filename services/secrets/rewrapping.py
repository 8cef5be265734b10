"""All data keys brought under the current master key, beside servers that go on sealing and opening
(docs/adr/0048)."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Final

import psycopg

from services.secrets.envelope import InvalidSeal
from services.secrets.master_key import change
from services.secrets.master_key_file import MasterKeyFile
from services.secrets.store import SecretStore

DATA_KEYS_A_BATCH = 500
"""In a transaction of their own: so many a crash can take back."""
ROTATION_LOCK: Final = 0x6B657973
"""The advisory lock of whoever rotates, for as long as the connection lasts."""
_LOCK_WAIT: Final = "100ms"
"""So long those who come later wait for us while we wait for those before."""
_LOCK_ATTEMPTS_MAX = 300
_LOCK_RETRY_SECONDS = 0.1

RewrappingProgress = Callable[[int, int], None]
"""Hears how many data keys of how many are behind it."""


class RotationRefused(Exception):  # noqa: N818  said to a person
    """Somebody stands in the way; what was rewrapped until then stays so."""


@contextmanager
def rotation_lock(connection: psycopg.Connection) -> Iterator[None]:
    """One rotation at a time. Raises RotationRefused."""
    if connection.execute("select pg_try_advisory_lock(%s)", (ROTATION_LOCK,)).fetchone() != (True,):
        raise RotationRefused("Somebody else is rotating the master key of this database.")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", (ROTATION_LOCK,))


def await_earlier_transactions(connection: psycopg.Connection, store: SecretStore) -> None:
    """When this returns, whatever was sealed by the keys that a server had before is there to be seen, and nobody holds
    what it has read of it. Raises RotationRefused."""
    for _ in range(_LOCK_ATTEMPTS_MAX):
        try:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute("select set_config('lock_timeout', %s, true)", (_LOCK_WAIT,))
                store.await_earlier_transactions(cursor)
        except psycopg.errors.LockNotAvailable:
            time.sleep(_LOCK_RETRY_SECONDS)
        else:
            return
    raise RotationRefused(
        "Somebody goes on reading the sealed secrets, such as a dump or a verification: rotate again when that is over."
    )


def rewrap_all(
    connection: psycopg.Connection, store: SecretStore, tell: RewrappingProgress
) -> tuple[int, list[InvalidSeal]]:
    """Batch by batch, each committed. Gives how many were rewrapped, and of each that nobody can open what is wrong
    with it: it stays as it is. Broken off, it goes on with what is left."""
    done, after, unopened = 0, ("", ""), list[InvalidSeal]()
    with connection.cursor() as cursor:
        total = store.count_foreign(cursor)
        tell(0, total)
        while True:
            with connection.transaction():
                batch = store.rewrap(cursor, DATA_KEYS_A_BATCH, after)
            if not batch.found:
                return done, unopened
            # Committed: these open under the current key alone, whatever happens to the others.
            after = batch.last
            done += batch.found - len(batch.unopened)
            unopened += batch.unopened
            tell(done, total)


def forget_ended(
    keys: MasterKeyFile,
    store: SecretStore,
    connections: Callable[[], AbstractContextManager[psycopg.Connection]],
    at: datetime,
) -> None:
    """Takes the former keys whose time is over out of the file, unless something lies sealed under them all the same.
    Raises InvalidMasterKey."""
    if keys.latest().ended(at):
        with connections() as connection, connection.cursor() as cursor:
            needed = store.master_key_uses(cursor).keys()
        if ended := keys.latest().ended(at) - needed:
            change(keys.path, lambda found: found.without(ended))
