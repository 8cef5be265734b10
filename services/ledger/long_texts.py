"""The table of long texts, on the cursor and in the transaction of the caller (docs/adr/0051)."""

from collections.abc import Collection, Iterable
from typing import Any

import psycopg

from domain.foundation.long_texts import TextFacts
from projections.engine.sql_files import load_statements
from services.ledger.arrays import bytea_array, text_array

SQL = load_statements("services.ledger", "ledger.sql")


def put_texts(cursor: psycopg.Cursor[Any], account_id: str, texts: Iterable[str]) -> None:
    """One that is there already stays, with what names it."""
    encoded = bytea_array([text.encode() for text in texts])
    cursor.execute(SQL["put_texts"], {"account_id": account_id, "texts": encoded})


def get_texts(cursor: psycopg.Cursor[Any], account_id: str, sha256s: Collection[str]) -> TextFacts:
    """Raises LookupError where one is not there, as an event that names it promises."""
    parameters = {"account_id": account_id, "sha256s": text_array(list(sha256s))}
    found = {name: text.decode() for name, text in cursor.execute(SQL["get_texts"], parameters, binary=True)}
    if missing := sorted({*sha256s} - found.keys()):
        raise LookupError(f"Account {account_id}: the long text {missing[0]} is not there.")
    return TextFacts(found)
