"""Verifying the log of heads: whatever is altered in it, a checkpoint was signed over what was there."""

from datetime import UTC, datetime

import psycopg
import pytest

from domain.foundation.secret import Secret
from domain.installation import TransparencyLogStarted
from services.ledger.discrepancy import Discrepancy
from services.transparency.head_log import publish_heads
from services.transparency.log_check import check_log
from services.transparency.log_keys import LogKeys
from tests.services.ledger.rounds import ACCOUNT, OTHER
from tests.services.ledger.whole_ledger import LEDGER_ID, entry, write_installation
from tests.services.ledger.whole_ledger import write as write_entries
from tests.services.transparency.conftest import Write

ORIGIN = "example.com/log"
UNKNOWN = "None of the signatures is of a known key; known are those of {}."
SWAPPED = """update log.heads set index = 9 - index where index < 2;
update log.heads set index = index - 8 where index > 7"""
NOW = datetime(2026, 12, 1, tzinfo=UTC)
KEYS = LogKeys(ORIGIN, LogKeys.new_secret(), lambda: NOW)


def publish(connection: psycopg.Connection, keys: LogKeys = KEYS) -> None:
    connection.execute("update log.state set at = 'epoch'")
    with connection.transaction(), connection.cursor() as cursor:
        assert publish_heads(cursor, ORIGIN, keys.sign, None)


@pytest.fixture
def published(writer: psycopg.Connection, write: Write) -> psycopg.Connection:
    """Five entries, in three checkpoints."""
    started = TransparencyLogStarted(origin=ORIGIN, verifier_keys=KEYS.verifier_keys, signing_key_id="SIGK")
    write_installation(writer, LEDGER_ID)
    write_entries(writer, [entry("000000000000", 3, started)])
    write(3)
    publish(writer)
    write(2, OTHER)
    write(1)
    publish(writer)
    write(4)
    publish(writer)
    found = check_log(writer)
    assert (found.positions, found.finding) == (5, None)
    return writer


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        (
            "update log.heads set entry = replace(entry, E'\\n3\\n', E'\\n4\\n') where index = 1",
            Discrepancy(1, f"the entry of account {ACCOUNT} with 3 entries", f"of ('{ACCOUNT}', 4)"),
        ),
        (
            "update log.heads set size = 7, entry = replace(entry, E'\\n3\\n', E'\\n7\\n') where index = 1",
            Discrepancy(1, "the entries that a checkpoint was signed over", "others"),
        ),
        ("delete from log.heads where index = 1", Discrepancy(1, "an entry", "the one behind it")),
        (
            "delete from log.heads where index = 4",
            Discrepancy(4, "the tree of 5 entries as it was published", "another, of 4"),
        ),
        (SWAPPED, Discrepancy(1, "the entries that a checkpoint was signed over", "others")),
        ("update log.state set size = 4", Discrepancy(5, "the tree of 4 entries as it was published", "another, of 5")),
        (
            "update log.checkpoints set note = replace(note, 'example.com/log', 'example.com/log2')",
            Discrepancy(
                1, "a signed checkpoint", "None of the signatures is of a known key; known are those of nobody."
            ),
        ),
        (
            "update log.checkpoints set note = (select note from log.checkpoints where size = 4) where size = 2",
            Discrepancy(1, "the entries that a checkpoint was signed over", "others"),
        ),
        ("update log.heads set entry = 'nothing' where index = 2", None),
    ],
)
def test_what_is_altered(
    published: psycopg.Connection, owner: psycopg.Connection, tampering: str, finding: Discrepancy | None
) -> None:
    owner.execute(tampering)
    found = check_log(published).finding
    assert found is not None
    assert finding in {found, None}


def test_who_signs_it_anew_has_no_known_key(
    published: psycopg.Connection, owner: psycopg.Connection, write: Write
) -> None:
    """A whole other log, signed by another key."""
    owner.execute("truncate log.heads, log.checkpoints, log.progress; update log.state set size = 0, tree = ''")
    publish(published, LogKeys(ORIGIN, Secret("A" * 86 + "=="), lambda: NOW))
    found = check_log(published).finding
    assert found is not None
    assert found.found == UNKNOWN.format(ORIGIN)
    assert write(1)


def test_entries_and_tree_that_were_cut(published: psycopg.Connection, owner: psycopg.Connection) -> None:
    """A checkpoint is left."""
    (tree,) = published.execute("select tree from log.state").fetchall()
    owner.execute("delete from log.heads where index >= 2")
    owner.execute("update log.state set size = 2, tree = %s", tree)
    found = check_log(published).finding
    assert found is not None
    assert found.expected.startswith("the tree of 2 entries")
