"""Proofs about entries, from the logs' tiles: the entry in its account's checkpoint, and that in the log of heads."""

from dataclasses import dataclass

import psycopg

from domain.evidence.merkle import Frontier, consistency_proof, frontier, inclusion_proof
from services.transparency.head_log import PublishedCheckpoint, newest_head
from services.transparency.tiles import HEADS, SQL, node_reader


class NotPublished(Exception):  # noqa: N818  a state, which passes
    """No checkpoint has the entry yet: the next one, within a second, will."""


class NoSuchEntry(Exception):  # noqa: N818  an answer
    """The account's log has no entry there."""


@dataclass(frozen=True, slots=True)
class PublishedHead:
    """An account's checkpoint as an entry of the log of heads, in a signed checkpoint of that."""

    size: int
    """Of the account's log."""
    entry: str
    """The account's checkpoint, unsigned."""
    index: int
    """In the log of heads."""
    proof: tuple[bytes, ...]
    """That it is there."""
    checkpoint: PublishedCheckpoint


@dataclass(frozen=True, slots=True)
class EntryProof:
    position: int
    entry: bytes
    proof: tuple[bytes, ...]
    """That it is in the account's log as the head has it."""
    head: PublishedHead


@dataclass(frozen=True, slots=True)
class EntriesProof:
    """That entries are all that there are between two positions, and what they are."""

    before: Frontier
    """Of the account's log up to the first of them: grown by their hashes it is the tree at the last of them."""
    consistency: tuple[bytes, ...]
    """From that tree to the one of the head."""
    head: PublishedHead


def read_entries(cursor: psycopg.Cursor, account_id: str, first: int, last: int, bytes_max: int) -> list[bytes]:
    """The stored bytes of the entries from the first position up to the last, as many as fit into so many bytes, and at
    least one; fewer where the ledger ends."""
    parameters = {"log": account_id, "after": first - 1, "to": last}
    entries: list[bytes] = []
    room = bytes_max
    for (state,) in cursor.execute(SQL["entries"], parameters, binary=True):
        room -= len(state)
        if entries and room < 0:
            break
        entries.append(bytes(state))
    return entries


def published_size(cursor: psycopg.Cursor, account_id: str) -> int:
    """How many of the account's entries a checkpoint has."""
    head = newest_head(cursor, account_id)
    return 0 if head is None else head.size


def prove_head(cursor: psycopg.Cursor, account_id: str, position: int) -> PublishedHead:
    """Of the first checkpoint of the account that has the position. Raises NotPublished."""
    row = cursor.execute(SQL["covering_head"], {"account_id": account_id, "size": position}).fetchone()
    best = None if row is None else cursor.execute(SQL["best_checkpoint"], {"index": row[0]}).fetchone()
    if row is None or best is None:
        raise NotPublished(f"No checkpoint has position {position} of account {account_id} yet.")
    index, size, entry = row
    checkpoint = PublishedCheckpoint(*best)
    read = node_reader(cursor, HEADS, checkpoint.size)
    return PublishedHead(size, entry, index, tuple(inclusion_proof(index, checkpoint.size, read)), checkpoint)


def prove_entry(cursor: psycopg.Cursor, account_id: str, position: int) -> EntryProof:
    """Raises NotPublished and NoSuchEntry."""
    entries = read_entries(cursor, account_id, position, position, 0)
    if not entries:
        raise NoSuchEntry(f"Account {account_id} has no entry at position {position}.")
    head = prove_head(cursor, account_id, position)
    proof = inclusion_proof(position - 1, head.size, node_reader(cursor, account_id, head.size))
    return EntryProof(position, entries[0], tuple(proof), head)


def prove_entries(cursor: psycopg.Cursor, account_id: str, first: int, last: int) -> EntriesProof:
    """Of all entries from the first position up to the last. Raises NotPublished."""
    head = prove_head(cursor, account_id, last)
    read = node_reader(cursor, account_id, head.size)
    return EntriesProof(frontier(first - 1, read), tuple(consistency_proof(last, head.size, read)), head)
