"""The cache of values: bounded, least recently used out first, and never ahead of the ledger."""

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.account import Account, CorruptLedger
from services.ledger.database import Database, connect
from services.ledger.mapper import EntryMapper
from services.ledger.state_cache import CachedState, StateCache

BYTES_MAX = 1_000
ACCOUNTS = [f"{number:012d}" for number in range(1, 7)]


@pytest.fixture
def cursor(database: Database) -> Iterator[psycopg.Cursor]:
    with connect(database, "writer") as connection, connection.cursor() as cursor:
        yield cursor


def held(account_id: str, size: int) -> CachedState:
    return CachedState(Account(account_id), size, 0)


def kept(values: StateCache) -> list[str]:
    """Least recently used first."""
    return list(values._held)


@given(st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.integers(0, 2 * BYTES_MAX))))
def test_the_cache_is_bounded(uses: list[tuple[str, int]]) -> None:
    """After any uses: what is kept are the latest used accounts, as many as fit, and the very last one always."""
    values = StateCache(EntryMapper(), BYTES_MAX)
    model: dict[str, int] = {}
    for account_id, size in uses:
        values.keep(account_id, held(account_id, size))
        model = {other: bytes_ for other, bytes_ in model.items() if other != account_id} | {account_id: size}
        while sum(model.values()) > BYTES_MAX and len(model) > 1:
            del model[next(iter(model))]
        assert kept(values) == list(model)
        assert values._bytes == sum(model.values())


def test_a_value_grows_in_its_place(cursor: psycopg.Cursor) -> None:
    """A use makes an account the most recent; the value found is the one that was kept last."""
    values = StateCache(EntryMapper(), BYTES_MAX)
    first, second, third = ACCOUNTS[:3]
    for account_id in (first, second, first):
        values.keep(account_id, held(account_id, 400))
    newest = held(first, 401)
    values.keep(first, newest)
    values.keep(third, held(third, 400))
    assert kept(values) == [first, third]
    assert values.at_head(cursor, first, 0, 0) == (newest, 0)


def test_a_value_from_a_future_that_was_undone_is_forgotten(cursor: psycopg.Cursor) -> None:
    """When the ledger was restored to an earlier state beneath us, what is in memory has not happened."""
    values = StateCache(EntryMapper())
    values.keep(ACCOUNTS[0], CachedState(Account(ACCOUNTS[0], position=5), 400, 5))
    assert values.at_head(cursor, ACCOUNTS[0], 0, 0) == (held(ACCOUNTS[0], 0), 0)
    values.keep(ACCOUNTS[0], held(ACCOUNTS[0], 0))
    assert values.at_head(cursor, ACCOUNTS[0], 0, 0) == (held(ACCOUNTS[0], 0), 0)


def test_the_newest_value_stays(cursor: psycopg.Cursor) -> None:
    """Threads keep what they have committed in any order; the later position wins, and the bytes are counted once."""
    values = StateCache(EntryMapper())
    newer, older = (
        CachedState(Account(ACCOUNTS[0], position=5), 500, 5),
        CachedState(Account(ACCOUNTS[0], position=3), 300, 3),
    )
    for kept_now in (older, newer, older):
        values.keep(ACCOUNTS[0], kept_now)
    assert values.at_head(cursor, ACCOUNTS[0], 5, 0) == (newer, 0)
    assert values._bytes == newer.folded_bytes


def test_a_head_that_the_ledger_does_not_reach_is_corrupt(cursor: psycopg.Cursor) -> None:
    """A head that names a change which is not there is never served from what is there."""
    with pytest.raises(CorruptLedger, match="Account 000000000001: the head names change 3, the ledger ends at 0"):
        StateCache(EntryMapper()).at_head(cursor, ACCOUNTS[0], 3, 3)
