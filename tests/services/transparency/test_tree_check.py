"""Verifying against the trees: who rewrites entries into others that are as legal has to rewrite what was made of them,
and the log of heads."""

from collections.abc import Sequence

import psycopg
import pytest

from domain.foundation.events import Entry
from services.ledger.discrepancy import Discrepancy
from services.ledger.verification import verify
from services.transparency.tiles import build_tiles
from tests.services.ledger.rounds import ACCOUNT
from tests.services.ledger.whole_ledger import CALLED, HISTORY, LEDGER_ID, entry, finding, write_installation
from tests.services.ledger.whole_ledger import write as write_entries
from tests.services.transparency.test_head_log import publish

ALTERED = """update ledger.uses
set state = convert_to(replace(convert_from(state, 'UTF8'), '"tls":false', '"tls":true'), 'UTF8')
where account_id = %s and position = %s"""


@pytest.fixture
def history(writer: psycopg.Connection) -> Sequence[Entry]:
    """Of three hundred entries, published at two places."""
    write_installation(writer, LEDGER_ID)
    entries = [entry(ACCOUNT, position, event) for position, event in enumerate((HISTORY[0], *[CALLED] * 299), 1)]
    write_entries(writer, entries[:200])
    publish(writer)
    write_entries(writer, entries[200:])
    publish(writer)
    with writer.transaction(), writer.cursor() as cursor:
        build_tiles(cursor, ACCOUNT, 300)
    assert finding(verify(writer)) is None
    return entries


def test_an_entry_that_was_altered(writer: psycopg.Connection, owner: psycopg.Connection, history: object) -> None:
    """Is found by the first that covers it: what was published of the ledger, its tiles, its tree; and is found as long
    as one of them is left."""
    assert history
    owner.execute(ALTERED, (ACCOUNT, 150))
    assert finding(verify(writer)) == Discrepancy(200, "the entries that the log of heads has told of", "others")
    owner.execute("delete from log.heads where size = 200")
    assert finding(verify(writer)) == Discrepancy(150, "the entry whose hash is kept", "another")
    owner.execute("delete from log.tiles")
    hashed = Discrepancy(300, "the entries that were hashed when they were written", "others")
    assert finding(verify(writer)) == hashed
    owner.execute("update ledger.heads set tree_size = 0, tree = ''")
    assert finding(verify(writer)) == Discrepancy(300, "the entries that the log of heads has told of", "others")


def test_entries_that_were_cut(writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry]) -> None:
    owner.execute("delete from ledger.uses where position > 298")
    at = history[297].at
    owner.execute("update ledger.heads set position = 298, at = %s where account_id = %s", (at, ACCOUNT))
    assert finding(verify(writer)) == Discrepancy(299, "an event, for its Merkle tree has 300", "the end of the ledger")
    owner.execute("update ledger.heads set tree_size = 0, tree = '' where account_id = %s", (ACCOUNT,))
    expected = "an event, for the log of heads has told of 300"
    assert finding(verify(writer)) == Discrepancy(299, expected, "the end of the ledger")
