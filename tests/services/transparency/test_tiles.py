"""Trees of ledgers, in rounds, in tiles and made afterwards, beside the naive one."""

import psycopg
import pytest

from domain.account import CorruptLedger
from domain.evidence.merkle import Frontier, consistency_proof, frontier, hash_leaf, inclusion_proof, root_hash
from services.ledger.database import Database
from services.transparency.hashing import hash_ledgers
from services.transparency.tiles import SQL, build_tiles, node_reader
from tests.domain.evidence import naive_tree
from tests.services.ledger.rounds import (
    ACCOUNT,
    ANSWER_SECONDS_MAX,
    OTHER,
    committer_on,
    creating,
    found,
    running,
    submit,
)
from tests.services.transparency.conftest import Write


def tree(connection: psycopg.Connection, account_id: str = ACCOUNT) -> Frontier:
    found = "select tree_size, tree from ledger.heads where account_id = %s"
    (row,) = connection.execute(found, (account_id,)).fetchall()
    return Frontier.unpack(*row)


def states(connection: psycopg.Connection, account_id: str = ACCOUNT) -> list[bytes]:
    rows = connection.execute(SQL["entries"], {"log": account_id, "after": 0, "to": 2**62}, binary=True)
    return [state for (state,) in rows]


def keep_tiles(connection: psycopg.Connection, size: int, log: str = ACCOUNT) -> None:
    more = True
    while more:
        with connection.transaction(), connection.cursor() as cursor:
            more = build_tiles(cursor, log, size)


def test_rounds_grow_the_trees_of_the_accounts_that_they_write(database: Database, writer: psycopg.Connection) -> None:
    found(database, ACCOUNT, OTHER)
    with running(committer_on(database)) as committer:
        for number in range(40):
            calls = [submit(committer, creating(f"ann{number}", each), each) for each in (ACCOUNT, OTHER)]
            for call in calls:
                call.result(ANSWER_SECONDS_MAX)
    for account_id in (ACCOUNT, OTHER):
        entries = states(writer, account_id)
        assert len(entries) == 81
        grown = tree(writer, account_id)
        assert (grown.size, grown.root) == (81, naive_tree.mth(entries))


@pytest.mark.parametrize("size", [255, 256, 257, 700])
@pytest.mark.parametrize("kept", [True, False])
def test_the_tree_of_tiles(writer: psycopg.Connection, write: Write, size: int, *, kept: bool) -> None:
    """Of every size up to that of the ledger, whether tiles are kept or made."""
    entries = write(size)
    if kept:
        keep_tiles(writer, size)
    with writer.cursor() as cursor:
        for part in (1, 100, 255, 256, 257, 511, 512, 513, size):
            if part <= size:
                read = node_reader(cursor, ACCOUNT, part)
                assert root_hash(part, read) == naive_tree.mth(entries[:part])
                assert inclusion_proof(part // 2, part, read) == naive_tree.path(part // 2, entries[:part])
                proof = consistency_proof(part, size, node_reader(cursor, ACCOUNT, size))
                assert proof == naive_tree.proof(part, entries)


def test_tiles_above_tiles(writer: psycopg.Connection, write: Write) -> None:
    """Three levels: 256 full tiles of leaves, one above them, and what is not full yet."""
    size = 256 * 256 + 300
    entries = write(size)
    keep_tiles(writer, size)
    found = writer.execute("select level, count(*) from log.tiles group by level order by level").fetchall()
    assert found == [(0, 257), (1, 1)]
    leaves = [hash_leaf(entry) for entry in entries]
    with writer.cursor() as cursor:
        for part in (65_535, 65_536, 65_537, size):
            assert frontier(part, node_reader(cursor, ACCOUNT, part)) == Frontier().with_leaves(leaves[:part])


def test_a_ledger_without_a_tree_gets_one(writer: psycopg.Connection, write: Write) -> None:
    """Whatever was hashed before, by whomever: of nothing, of a part that tiles end in, or of one behind them."""
    heard: list[tuple[str, int, int]] = []
    for size, more in ((10, 5), (255, 2), (300, 1), (10, 600), (600, 10)):
        account_id = f"{size:06}{more:06}"
        write(size, account_id)
        if size == 600:
            keep_tiles(writer, size, account_id)
        entries = write(more, account_id, hashed=False)
        hash_ledgers(writer, lambda *told: heard.append(told))
        assert tree(writer, account_id) == Frontier().with_leaves(map(hash_leaf, entries))
    assert [(done, total) for _, done, total in heard] == [(256, 257), (256, 301), (512, 610), (512, 610)]
    hash_ledgers(writer, lambda *told: pytest.fail(f"{told}: nothing is left"))


def test_a_round_catches_up_with_what_an_older_program_wrote(database: Database, writer: psycopg.Connection) -> None:
    """Up to a thousand entries; more, the next start adds, and calls of that account are told so meanwhile."""
    found(database, ACCOUNT, OTHER)
    for account_id, count in ((ACCOUNT, 1_000), (OTHER, 1_001)):
        writer.execute(
            "insert into ledger.uses select %s, number, 'api.called.v1', now(), 'x'"
            " from generate_series(2, %s) as number",
            (account_id, 1 + count),
        )
        writer.execute("update ledger.heads set position = %s where account_id = %s", (1 + count, account_id))
    with running(committer_on(database)) as committer:
        assert submit(committer, creating("ann")).result(ANSWER_SECONDS_MAX).positions == {ACCOUNT: 1_003}
        refused = submit(committer, creating("ann", OTHER), OTHER)
        with pytest.raises(Exception, match="1001 entries are to be hashed first"):
            refused.result(ANSWER_SECONDS_MAX)
        hash_ledgers(writer)
        assert submit(committer, creating("ann", OTHER), OTHER).result(ANSWER_SECONDS_MAX)
    for account_id in (ACCOUNT, OTHER):
        assert tree(writer, account_id).root == naive_tree.mth(states(writer, account_id))


def test_what_was_altered_since_it_was_hashed(
    writer: psycopg.Connection, owner: psycopg.Connection, write: Write
) -> None:
    """Is not hashed once more as if it had been so."""
    write(300)
    write(300, hashed=False)
    owner.execute("update ledger.uses set state = 'other' where position = 33")
    with pytest.raises(CorruptLedger, match="the first 300 entries are not those that were hashed"):
        hash_ledgers(writer)
    assert tree(writer).size == 300


def test_a_missing_entry_is_not_passed_over(
    writer: psycopg.Connection, owner: psycopg.Connection, write: Write
) -> None:
    write(300, hashed=False)
    owner.execute("delete from ledger.uses where position = 33")
    with pytest.raises(CorruptLedger, match="positions 1 to 256 hold 255 entries"):
        hash_ledgers(writer)
