"""What an account was at a random past moment: from the nearest snapshot and a fold, and from what is held."""

import gc
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.churn import SMALL, WHOLE, Furniture, changes
from benchmarks.latency import percentiles
from benchmarks.report import circumstances
from benchmarks.servers import NotMeasured, throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, opened, store
from domain.foundation.events import Change
from services.accounts import operator_cause
from services.heap import GARBAGE_OBJECTS_MIN
from services.ledger.database import connect
from services.ledger.historical_states import HistoricalStates
from services.ledger.mapper import EntryMapper
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime

SHORT, LONG = 10_000, 100_000
"""Changes of a ledger."""
MOMENTS = 200
"""Of each ledger, drawn anew."""
HELD = 2_000
"""So often the same one is asked for."""
EVENTS_A_ROUND = 100
FOUND = """
    select position, (select count(*) from ledger.snapshots where snapshots.account_id = heads.account_id)
    from ledger.heads where account_id = %s
"""
COLD_MS = {SMALL: 50, WHOLE: 300}
"""What the 99th percentile is to stay below."""
HELD_MS = 1
RATIO = 2
COLUMNS = "cold, p50 | p99 | aim | processor, p50 | p99 | held, p50 | p99 | aim | ratio | aim"
ABOUT = (
    "Random positions of each ledger at which all its entities were there already; it has the snapshots that a server "
    "has written on its way. Cold: nothing is held, and what the disk holds is in the system's memory; the two ledgers "
    "take turns. Held: the same account and position again and again. Milliseconds; processor time is that of the "
    "program, whatever else the machine does. The ratio is that of the medians of cold reads, the long ledger's to the "
    "short one's."
)


@dataclass(slots=True)
class Measured:
    account_id: str
    come: int
    """The position from which everybody is there."""
    last: int
    snapshots: int
    cold: list[float] = field(default_factory=list)
    """Seconds, like those below."""
    processor: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)


def measured(directory: Path, size: Size) -> str:
    with throw_away(directory) as data, store(data) as place:
        where = circumstances(data)
        # As in a server: what has been there before is not looked at, and few collections are made.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS_MIN)
        rows = [row for furniture in (SMALL, WHOLE) for row in _rows(place, furniture, size)]
    table = [
        where,
        f"{ABOUT} {size.of(MOMENTS):,} positions of each.\n",
        f"| users | entities | changes | snapshots | {COLUMNS} |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
    ]
    return "\n".join(table) + "\n"


def _rows(place: Store, furniture: Furniture, size: Size) -> Iterator[str]:
    ledgers = [_filled(place, furniture, size, size.of(count)) for count in (SHORT, LONG)]
    with connect(place.database, "reader") as connection, connection.cursor() as cursor:
        _time(cursor, ledgers, size)
    short, long = ledgers
    ratio = median(long.cold) / median(short.cold)
    for found, compared in ((short, "| |"), (long, f"| {ratio:.2f} | {RATIO} |")):
        cold, processor, held = (
            " | ".join(f"{each:.2f}" for each in percentiles(each))
            for each in (found.cold, found.processor, found.held)
        )
        print(f"{found.last:,} changes: cold {cold}, processor {processor}, held {held} ms", file=sys.stderr)
        yield (
            f"| {furniture.users:,} | {furniture.entities(size):,} | {found.last:,} | {found.snapshots} "
            f"| {cold} | {COLD_MS[furniture]} | {processor} | {held} | {HELD_MS} {compared}"
        )


def _filled(place: Store, furniture: Furniture, size: Size, count: int) -> Measured:
    ledger = place.ledger()
    with ledger.recording():
        account_id = opened(ledger).account_id
        coming = islice(changes(account_id, furniture, size), count)
        while events := list(islice(coming, EVENTS_A_ROUND)):
            _append(ledger, account_id, events)
    # Stopped, the ledger has written all its snapshots.
    with connect(place.database, "reader") as connection:
        [(last, snapshots)] = connection.execute(FOUND, (account_id,)).fetchall()
    return Measured(account_id, last - count + furniture.entities(size), last, snapshots)


def _append(ledger: LedgerRuntime, account_id: str, events: Sequence[Change]) -> None:
    append = LedgerAppend(account_id, operator_cause("Churn"), events)

    def decide(_values: LedgerStates, _at: object) -> CallResult:
        return CallResult(None, [append])

    ledger.committer.decide(frozenset({account_id}), decide)


def _time(cursor: psycopg.Cursor, ledgers: Sequence[Measured], size: Size) -> None:
    mapper = EntryMapper()
    drawn = random.Random(0)  # noqa: S311  which moments, is no secret
    for ledger in ledgers:
        # Connecting and planning is no part of it.
        HistoricalStates(mapper).at(cursor, ledger.account_id, ledger.last)
    for _, ledger in product(range(size.of(MOMENTS)), ledgers):
        position = drawn.randint(ledger.come, ledger.last)
        processor_since, since = time.process_time(), time.perf_counter()
        value = HistoricalStates(mapper).at(cursor, ledger.account_id, position)
        ledger.cold.append(time.perf_counter() - since)
        ledger.processor.append(time.process_time() - processor_since)
        if value.position != position:
            raise NotMeasured(f"The account at {position} is one at {value.position}.")
    for ledger in ledgers:
        values = HistoricalStates(mapper)
        values.at(cursor, ledger.account_id, ledger.come)
        for _ in range(size.of(HELD)):
            since = time.perf_counter()
            values.at(cursor, ledger.account_id, ledger.come)
            ledger.held.append(time.perf_counter() - since)
