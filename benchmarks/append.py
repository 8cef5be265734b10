"""The ledger's append beside psycopg inserting the same bytes."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psycopg

from benchmarks.entries import api_called
from benchmarks.report import circumstances, spread
from benchmarks.servers import NotMeasured, throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, store
from domain.evidence.merkle import Frontier, hash_leaf
from domain.foundation.events import Entry, Use, event_classes
from domain.foundation.identifiers import new_uuid
from services.ledger.arrays import bigint_array, bytea_array, text_array
from services.ledger.database import connect
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import SQL, LedgerRecorder
from services.randomness import Randomness

EVENTS = 10_000
ROUNDS_OF = (1, 16, 256)
TURNS = 10
"""Ours and psycopg's take turns with a tenth of the events each."""
AIM = 0.8
USE_TOPICS = frozenset(topic for topic, event in event_classes().items() if issubclass(event, Use))
RANDOM = Randomness()
ACCOUNT = "123456789012"
BARE = """
    drop table if exists public.bare_many, public.bare_unnested;
    create table public.bare_many (like ledger.uses including all);
    create table public.bare_unnested (like ledger.uses including all)
"""
MANY = "insert into public.bare_many (account_id, position, topic, at, state) values (%s, %s, %s, %s, %b)"
UNNESTED = """
    insert into public.bare_unnested (account_id, position, topic, at, state)
    select * from unnest(%s::text[], %s::bigint[], %s::text[], %s::timestamptz[], %b::bytea[])
"""
IN_THE_LEDGER = """
    select account_id, position, topic, at, state from ledger.uses
    where (account_id, position) in (select account_id, position from public.bare_many)
"""
IN_BOTH_OTHERS = f"""
    select count(*) from ({IN_THE_LEDGER}
        intersect select account_id, position, topic, at, state from public.bare_many
        intersect select account_id, position, topic, at, state from public.bare_unnested) as same
"""  # noqa: S608  of our own parts
T = TypeVar("T")
ABOUT = (
    "Ours: lock the head, write the entries down as JSON and insert them, move the head, commit. psycopg: "
    "`executemany` of the bytes as they are into a table like the ledger's, commit; with one event, one `execute` in "
    "autocommit. `unnest`: one insert from arrays, dumped by psycopg. Medians of the turns, least and most in "
    "brackets; the ratio is to `executemany`."
)
Row = tuple[str, int, str, datetime, bytes]


def measured(directory: Path, size: Size) -> str:
    with throw_away(directory) as data, store(data) as place:
        lines = [
            circumstances(data),
            f"{size.of(EVENTS):,} events of about 1,200 bytes in {TURNS} turns. {ABOUT}\n",
            "| events a round | muniment, events/s | executemany, events/s | unnest, events/s | ratio | aim |",
            "|---:|---:|---:|---:|---:|---:|",
        ]
        lines += [_compared(place, events_a_round, size.of(EVENTS)) for events_a_round in ROUNDS_OF]
    return "\n".join(lines) + "\n"


def _compared(place: Store, events_a_round: int, count: int) -> str:
    a_turn = max(count // TURNS, events_a_round)
    ours, many, unnested, ratios = [], [], [], []
    with connect(place.database, "owner") as connection:
        connection.execute(BARE)
        last = _begun(connection)
        for _ in range(TURNS):
            now = datetime.now(UTC)
            entries = [_entry(last + number, now) for number in range(1, a_turn + 1)]
            last += a_turn
            ours.append(a_turn / _append(connection, entries, events_a_round))
            rows = [_row(entry) for entry in entries]
            many.append(a_turn / _insert_many(connection, rows, events_a_round))
            unnested.append(a_turn / _insert_unnested(connection, rows, events_a_round))
            ratios.append(ours[-1] / many[-1])
        _refuse_difference(connection, TURNS * a_turn)
    columns = " | ".join([spread(ours, ",.0f"), spread(many, ",.0f"), spread(unnested, ",.0f"), spread(ratios, ".2f")])
    print(f"append, {events_a_round} a round: {columns}", file=sys.stderr)
    return f"| {events_a_round} | {columns} | {AIM} |"


def _begun(connection: psycopg.Connection) -> int:
    """The head is there; its position."""
    connection.execute(SQL["found"], {"accounts": text_array([ACCOUNT])})
    row = connection.execute("select position from ledger.heads where account_id = %s", (ACCOUNT,)).fetchone()
    assert row is not None
    return int(row[0])


def _entry(position: int, at: datetime) -> Entry:
    return api_called(ACCOUNT, position, at, event_id=new_uuid(RANDOM), request_id=new_uuid(RANDOM))


def _row(entry: Entry) -> Row:
    stored = EntryMapper().to_stored_event(entry)
    return entry.account_id, entry.position, stored.topic, entry.at, stored.state


def _append(connection: psycopg.Connection, entries: Sequence[Entry], events_a_round: int) -> float:
    """As services/ledger/round.py writes a round that has been decided. Seconds."""
    recorder = LedgerRecorder(lambda: nullcontext(connection), USE_TOPICS)
    mapper, tree = EntryMapper(), Frontier()
    since = time.perf_counter()
    for portion in _portions(entries, events_a_round):
        at, accounts = portion[-1].at, text_array([ACCOUNT])
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute(SQL["lock"], {"accounts": accounts}, binary=True).fetchall()
            stored = [mapper.to_stored_event(entry) for entry in portion]
            recorder.insert_events(stored, cursor=cursor, at=at)
            tree = tree.with_leaves([hash_leaf(event.state) for event in stored])
            moved = {"positions": bigint_array([portion[-1].position]), "last_changes": bigint_array([0])}
            trees = bytea_array([tree.packed])
            cursor.execute(SQL["move_heads"], {"accounts": accounts, **moved, "trees": trees, "at": at})
    return time.perf_counter() - since


def _insert_many(connection: psycopg.Connection, rows: Sequence[Row], rows_a_commit: int) -> float:
    since = time.perf_counter()
    for portion in _portions(rows, rows_a_commit):
        if len(portion) == 1:
            connection.execute(MANY, portion[0])
        else:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.executemany(MANY, portion)
    return time.perf_counter() - since


def _insert_unnested(connection: psycopg.Connection, rows: Sequence[Row], rows_a_commit: int) -> float:
    since = time.perf_counter()
    for portion in _portions(rows, rows_a_commit):
        connection.execute(UNNESTED, [list(column) for column in zip(*portion, strict=True)])
    return time.perf_counter() - since


def _portions(all_of_them: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for first in range(0, len(all_of_them), size):
        yield all_of_them[first : first + size]


def _refuse_difference(connection: psycopg.Connection, count: int) -> None:
    """Raises NotMeasured when it was not the same bytes that all three have written."""
    [(same,)] = connection.execute(IN_BOTH_OTHERS).fetchall()
    if same != count:
        raise NotMeasured(f"Of {count} entries, the ledger and both tables beside it have {same} in common.")
