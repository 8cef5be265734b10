"""What verifying costs on ledgers that are large: memory and disk are bounded, whatever is in them."""

import tracemalloc
from collections.abc import Sequence
from functools import partial

import psycopg
import pytest
from pydantic_core import from_json

from domain.calls import ApiCalled
from domain.foundation.events import Entry
from services.ledger import verification
from services.ledger.database import Database, connect
from services.ledger.verification import VerificationResult, verify
from tests.services.ledger.rounds import ACCOUNT
from tests.services.ledger.whole_ledger import CALLED, MAPPER, entry, finding


def add_calls(owner: psycopg.Connection, after: int, last: int, event: ApiCalled = CALLED) -> None:
    """As uses of the account, by the shortest way."""
    copy = "copy ledger.uses (account_id, position, at, topic, state) from stdin"
    with owner.cursor() as cursor, cursor.copy(copy) as rows:
        for position in range(after + 1, last + 1):
            called = entry(ACCOUNT, position, event)
            rows.write_row((ACCOUNT, position, called.at, event.topic, MAPPER.to_stored_event(called).state))
    owner.execute(
        "update ledger.heads set (position, at) = (%s, %s) where account_id = %s",
        (last, entry(ACCOUNT, last, event).at, ACCOUNT),
    )


def peak_bytes(writer: psycopg.Connection, positions: int) -> int:
    tracemalloc.start()
    try:
        assert verify(writer)[1] == VerificationResult(ACCOUNT, positions, None)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_ledger(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times as many events, the same peak."""
    monkeypatch.setattr(verification, "EVENTS_A_FETCH", 100)
    # Its cache of strings has a bound, too, which the smaller ledger would not come to.
    monkeypatch.setattr("domain.foundation.events.from_json", partial(from_json, cache_strings=False))
    add_calls(owner, len(history), 1_500)
    smaller = peak_bytes(writer, 1_500)
    add_calls(owner, 1_500, 15_000)
    assert peak_bytes(writer, 15_000) < 1.2 * smaller


def test_long_events_are_fetched_alone(
    writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with all others of a fetch, however many there are; and they are compared like those."""
    long, last = ApiCalled(read_only=True, parameters={"text": "x" * 100_000}), len(history) + 40
    add_calls(owner, len(history), last, long)
    peak = peak_bytes(writer, last)
    assert peak < 20 * 100_000
    monkeypatch.setattr(verification, "FETCHED_BYTES_MAX", 1 << 20)
    assert peak_bytes(writer, last) > 2 * peak
    monkeypatch.undo()
    owner.execute(
        "update ledger.uses set state = overlay(state placing %s from 5000) where position = %s", (b'"', last - 1)
    )
    named = finding(verify(writer))
    assert named is not None
    assert named.position == last - 1


def test_a_ledger_is_read_without_files_of_its_own(
    database: Database, writer: psycopg.Connection, owner: psycopg.Connection, history: Sequence[Entry]
) -> None:
    """PostgreSQL neither sorts nor keeps it on its disk, whatever it believes of the tables, and however much a fetch
    is."""
    add_calls(owner, len(history), 5_000, ApiCalled(read_only=True, parameters={"text": "x" * 1_500}))
    writer.execute("set work_mem = '64kB'")
    for statement in ("select 1", "analyze ledger.uses"):
        owner.execute(statement)
        assert verify(writer)[1].finding is None
    writer.execute("select pg_stat_force_next_flush()")
    with connect(database, "reader") as reader:
        asked = "select temp_bytes from pg_stat_database where datname = current_database()"
        assert reader.execute(asked).fetchall() == [(0,)]
