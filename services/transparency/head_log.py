"""The log of heads: what every account's log had come to, second by second, and its checkpoints (docs/adr/0066)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from domain.evidence.checkpoints import LogCheckpoint
from domain.evidence.merkle import Frontier, hash_leaf
from services.ledger.arrays import bigint_array, text_array
from services.transparency.tiles import SQL

CHECKPOINT_INTERVAL = timedelta(seconds=1)
HEADS_A_CHECKPOINT_MAX = 10_000

SignCheckpoint = Callable[[LogCheckpoint], str]
"""Gives the signed note."""


class LogReplaced(Exception):  # noqa: N818  a state of the database
    """Another log was started in this database: this process would sign under a name that is no more."""


class NotNow(Exception):  # noqa: N818  a state, which passes
    """Another process is at it, or has been within the second."""


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    size: int
    at: datetime
    note: str


def account_origin(origin: str, account_id: str) -> str:
    """Of the account's own log."""
    return f"{origin}/{account_id}"


def publish_heads(
    cursor: psycopg.Cursor, origin: str, sign: SignCheckpoint, accounts: Collection[str] | None
) -> PublishedCheckpoint | None:
    """Tells the log of heads how far these accounts have come, or all, and signs its checkpoint, in the transaction of
    the caller: nobody has seen a signature before it is committed. None where nothing has moved. Raises NotNow and
    LogReplaced."""
    state = cursor.execute(SQL["lock_state"], binary=True).fetchone()
    if state is None:
        raise NotNow
    published, size, tree, age = state
    if published not in (None, origin):
        raise LogReplaced(f"The log of this database is {published}; this server signs for {origin}. Start it anew.")
    if age < CHECKPOINT_INTERVAL:
        raise NotNow
    wanted = {"accounts": None if accounts is None else list(accounts), "limit": HEADS_A_CHECKPOINT_MAX}
    moved = cursor.execute(SQL["unpublished"], wanted, binary=True).fetchall()
    if not moved:
        return None
    account_ids = [account_id for account_id, _, _ in moved]
    sizes = [account_size for _, account_size, _ in moved]
    entries = [
        LogCheckpoint(account_origin(origin, account_id), account_size, Frontier.unpack(account_size, packed).root).body
        for account_id, account_size, packed in moved
    ]
    grown = Frontier.unpack(size, tree).with_leaves(hash_leaf(entry.encode()) for entry in entries)
    rows = {"accounts": text_array(account_ids), "sizes": bigint_array(sizes), "entries": text_array(entries)}
    cursor.execute(SQL["put_heads"], {**rows, "indexes": bigint_array(range(size, grown.size))})
    cursor.execute(SQL["put_published"], rows)
    note = sign(LogCheckpoint(origin, grown.size, grown.root))
    moved_state = {"origin": origin, "size": grown.size, "tree": grown.packed}
    ((at,),) = cursor.execute(SQL["move_state"], moved_state).fetchall()
    cursor.execute(SQL["put_checkpoint"], {"size": grown.size, "at": at, "note": note})
    return PublishedCheckpoint(grown.size, at, note)


def newest_checkpoint(cursor: psycopg.Cursor) -> PublishedCheckpoint | None:
    row = cursor.execute(SQL["newest_checkpoint"]).fetchone()
    return None if row is None else PublishedCheckpoint(*row)


@dataclass(frozen=True, slots=True)
class AccountHead:
    """An account's checkpoint as the log of heads has it."""

    index: int
    size: int
    """Of the account's log."""
    entry: str


def newest_head(cursor: psycopg.Cursor, account_id: str) -> AccountHead | None:
    row = cursor.execute(SQL["newest_head"], {"account_id": account_id}).fetchone()
    return None if row is None else AccountHead(*row)
