"""Ledgers that were written before they had a Merkle tree, or by an older program since: their trees are made of the
entries that are there now. What was altered before, no later proof tells."""

from collections.abc import Callable

import psycopg

from domain.account import CorruptLedger
from domain.evidence.merkle import Frontier, frontier
from domain.evidence.tiles import TILE_WIDTH
from services.ledger.trees import grow_tree
from services.transparency.tiles import SQL, build_tiles, node_reader


def hash_ledgers(connection: psycopg.Connection, tell: Callable[[str, int, int], None] = lambda *_: None) -> None:
    """Brings every ledger's tree to its head, beside servers that go on; `connection` is in autocommit, as
    muniment_writer. `tell` hears of the account, and how many of how many entries are hashed. Broken off, it goes on
    where it was. Raises CorruptLedger."""
    for account_id, position in connection.execute(SQL["unhashed"]).fetchall():
        more, tiled = position > TILE_WIDTH, 0
        while more:
            with connection.transaction(), connection.cursor() as cursor:
                more = build_tiles(cursor, account_id, position)
                ((tiled,),) = cursor.execute(SQL["tiled_size"], {"log": account_id}).fetchall()
            tell(account_id, tiled, position)
        with connection.transaction(), connection.cursor() as cursor:
            _hash_rest(cursor, account_id, tiled)


def _hash_rest(cursor: psycopg.Cursor, account_id: str, tiled: int) -> None:
    ((position, tree_size, tree),) = cursor.execute(
        SQL["lock_tree"], {"account_id": account_id}, binary=True
    ).fetchall()
    begun, known = Frontier.unpack(tree_size, tree), node_reader(cursor, account_id, tiled)
    if begun.size <= tiled and begun != frontier(begun.size, known):
        raise CorruptLedger(f"Account {account_id}: the first {begun.size} entries are not those that were hashed.")
    grown = grow_tree(cursor, account_id, max(begun, frontier(tiled, known), key=lambda each: each.size), position)
    row = {"account_id": account_id, "size": grown.size, "tree": grown.packed}
    cursor.execute(SQL["put_tree"], row)
