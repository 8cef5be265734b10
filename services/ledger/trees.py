"""The Merkle trees of the accounts' ledgers: leaf i is the bytes of the entry at position i + 1 (docs/adr/0066)."""

from collections.abc import Sequence

import psycopg

from domain.account import CorruptLedger
from domain.evidence.merkle import Frontier
from services.ledger.recorder import SQL

LEAVES_A_ROUND_MAX = 1_000
"""What a round adds, under its locks, of what older programs have written: some 10 ms. More, the next start adds."""


def read_leaves(cursor: psycopg.Cursor, account_id: str, after: int, to: int) -> Sequence[bytes]:
    """The leaves' hashes of the entries behind a position and up to another. Raises CorruptLedger where one is missing
    or twice there."""
    parameters = {"account_id": account_id, "after": after, "to": to}
    leaves = [leaf for (leaf,) in cursor.execute(SQL["leaves"], parameters, binary=True)]
    if len(leaves) != to - after:
        raise CorruptLedger(f"Account {account_id}: the positions {after + 1} to {to} hold {len(leaves)} entries.")
    return leaves


def grow_tree(cursor: psycopg.Cursor, account_id: str, tree: Frontier, to: int) -> Frontier:
    """With the entries up to a position. Raises CorruptLedger."""
    return tree if tree.size == to else tree.with_leaves(read_leaves(cursor, account_id, tree.size, to))
