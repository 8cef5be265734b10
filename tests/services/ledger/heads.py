"""Moves heads as rounds do, for tests that write entries by themselves."""

from datetime import datetime

import psycopg

from domain.evidence.merkle import Frontier
from services.ledger.recorder import SQL
from services.ledger.trees import grow_tree


def move_head(cursor: psycopg.Cursor, account_id: str, position: int, last_change: int, at: datetime) -> None:
    """To a position up to which the entries are there."""
    found = "select tree_size, tree from ledger.heads where account_id = %s for update"
    row = cursor.execute(found, (account_id,)).fetchone()
    assert row is not None
    moved = {
        "accounts": [account_id],
        "positions": [position],
        "last_changes": [last_change],
        "trees": [grow_tree(cursor, account_id, Frontier.unpack(*row), position).packed],
        "at": at,
    }
    cursor.execute(SQL["move_heads"], moved)
