"""How fast an account's changes fold, how much memory the value takes, and what its snapshot does."""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
from eventsourcing.persistence import StoredEvent

from benchmarks import largest_account
from benchmarks.report import circumstances, spread
from benchmarks.servers import NotMeasured, throw_away
from benchmarks.size import Size
from benchmarks.stores import opened, store
from domain.account import Account
from domain.families.access_keys import ACCESS_KEYS
from domain.families.policies import MANAGED_POLICIES
from domain.families.roles import ROLES
from domain.families.users import USERS
from domain.ledger_state import LedgerState, empty, evolve
from services.heap import GARBAGE_OBJECTS_MIN
from services.ledger.database import connect
from services.ledger.mapper import EntryMapper
from services.ledger.recorder import select
from services.ledger.snapshots import restore_snapshot, take_snapshot

FOLDED_A_SECOND = "100,000"
LOADED_MS = "100"


@dataclass(slots=True)
class Seconds:
    folding: list[float]
    decoding: list[float]
    """Decoding and folding of rows that are in memory."""
    reading: list[float]
    """The same with the rows read from the database."""
    writing: list[float]
    """Of the snapshot's bytes."""
    restoring: list[float]


def measured(directory: Path, size: Size) -> str:
    with throw_away(directory) as data, store(data) as place:
        where = circumstances(data)
        ledger = place.ledger()
        with ledger.recording():
            account_id = opened(ledger).account_id
            largest_account.enlarge(ledger, account_id, size)
        with connect(place.database, "writer") as connection:
            return f"{where}{_described(connection, account_id, size)}"


def _described(connection: psycopg.Connection, account_id: str, size: Size) -> str:
    rows = _rows(connection, account_id)
    value = _folded(account_id, rows)
    snapshot = take_snapshot(value)
    if restore_snapshot(snapshot) != value or not isinstance(value, Account):
        raise NotMeasured("The snapshot is not the account.")
    memory = _bytes_of(lambda: _folded(account_id, rows))
    seconds = _timed(connection, account_id, rows, size.repetitions)

    def speed(of: list[float]) -> str:
        return spread((len(rows) / each for each in of), ",.0f")

    def milliseconds(of: list[float]) -> str:
        return spread((each * 1e3 for each in of), ",.0f")

    print(f"fold: {speed(seconds.folding)}, from bytes {speed(seconds.decoding)} events/s", file=sys.stderr)
    lines = [
        (
            f"The largest account: {len(value[USERS]):,} users, {len(value[ACCESS_KEYS].by_id):,} access keys, "
            f"{len(value[ROLES]):,} roles, {len(value[MANAGED_POLICIES]):,} managed policies, of {len(rows):,} "
            f"changes. Medians of {size.repetitions} runs, least and most in brackets.\n"
        ),
        "| what | measured | aim |",
        "|---|---:|---:|",
        f"| fold of entries, events/s | {speed(seconds.folding)} | {FOLDED_A_SECOND} |",
        f"| decoding and fold of stored bytes, events/s | {speed(seconds.decoding)} | |",
        f"| the same, read from the database, events/s | {speed(seconds.reading)} | |",
        f"| memory of the value, MB | {memory / 1e6:.1f} | |",
        f"| size of its snapshot, MB | {len(snapshot.state) / 1e6:.1f} | |",
        f"| making the snapshot, ms | {milliseconds(seconds.writing)} | |",
        f"| loading the snapshot, ms | {milliseconds(seconds.restoring)} | {LOADED_MS} |",
    ]
    return "\n".join(lines) + "\n"


def _timed(connection: psycopg.Connection, account_id: str, rows: list[StoredEvent], repetitions: int) -> Seconds:
    mapper = EntryMapper()
    entries = [mapper.to_domain_event(row) for row in rows]
    snapshot = take_snapshot(_folded(account_id, rows))
    seconds = Seconds([], [], [], [], [])
    # As in a server: what has been there before is not looked at, and few collections are made.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS_MIN)
    for _ in range(repetitions):
        value = empty(account_id)
        since = time.perf_counter()
        for entry in entries:
            value = evolve(value, entry)
        seconds.folding.append(time.perf_counter() - since)
        seconds.decoding.append(_seconds(partial(_folded, account_id, rows)))
        seconds.reading.append(_seconds(lambda: _folded(account_id, _rows(connection, account_id))))
        seconds.writing.append(_seconds(partial(take_snapshot, value)))
        seconds.restoring.append(_seconds(partial(restore_snapshot, snapshot)))
    return seconds


def _rows(connection: psycopg.Connection, account_id: str) -> list[StoredEvent]:
    with connection.cursor() as cursor:
        return select(cursor, "select_changes", account_id)


def _folded(account_id: str, rows: list[StoredEvent]) -> LedgerState:
    mapper, value = EntryMapper(), empty(account_id)
    for row in rows:
        value = evolve(value, mapper.to_domain_event(row))
    return value


def _seconds(done: Callable[[], object]) -> float:
    since = time.perf_counter()
    done()
    return time.perf_counter() - since


def _bytes_of(made: Callable[[], object]) -> int:
    """What is allocated and stays while somebody holds what was made."""
    gc.collect()
    tracemalloc.start()
    try:
        value = made()
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del value
    return held
