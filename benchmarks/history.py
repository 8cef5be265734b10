"""The access history of 1,000,000 and of 10,000,000 calls in 100 accounts: its first page, and how it is filled."""

import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import psycopg

from benchmarks.generated_calls import (
    ADDRESSES,
    AGENTS,
    BUSY_ADDRESS,
    BUSY_KEY,
    FAULTLESS,
    OPERATIONS,
    RARE_KEY,
    Trail,
    grow,
    trail_of,
)
from benchmarks.report import circumstances
from benchmarks.servers import NotMeasured, throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, opened, store
from domain.foundation.errors import NoSuchEntity
from domain.foundation.moments import AsOf
from projections.engine.apply import apply_or_halt
from projections.engine.definition import Projection, create_tables, load_projections
from projections.engine.rebuild import open_rebuild
from projections.engine.runner import POSITIONS_PER_BATCH_MAX
from projections.queries.history import search_history
from projections.queries.history_filters import HistoryFilters
from services.ledger.database import connect

ACCOUNTS, CALLS = 100, (1_000_000, 10_000_000)
PAGE = 100
PAGES = 1_000
PAGE_MS, RATIO, CALLS_A_SECOND = 20, 1.5, "20,000"
AGO = timedelta(days=400)
NOBODY = "AKIANOBODY", "192.0.2.255"
ABOUT = (
    "Each is asked {pages:,} times, in turns, of an account and for a value drawn at random. Milliseconds to the first "
    "page of 100 calls, and of these what processors did, PostgreSQL's and ours: what else runs on the machine adds to "
    "the former alone. The ratios are of the medians. The aim is a p99 below {page} and a ratio below {ratio}."
)
INGEST_ABOUT = (
    "By one connection, 1,000 positions of an account at a time. PostgreSQL's processor is the time of its backend: "
    "what else runs on the machine does not count."
)
INDEXES = "select count(*) from pg_indexes where schemaname = 'views' and tablename in ('trail', 'trail_resources')"
BYTES = """
select pg_table_size('views.trail'), pg_indexes_size('views.trail') + pg_total_relation_size('views.trail_resources')
"""

Draw = Callable[[random.Random, Trail], HistoryFilters]


def _at(time: datetime) -> AsOf:
    return AsOf(time, at=time)


def _key_of(draw: random.Random, trail: Trail) -> str:
    return draw.choice(trail.key_ids)


QUESTIONS: Mapping[str, Draw] = {
    "nothing asked": lambda _draw, _trail: HistoryFilters(),
    "a key": lambda draw, trail: HistoryFilters(access_key_id=_key_of(draw, trail)),
    "a user by name": lambda draw, trail: HistoryFilters(principal=draw.choice(trail.users).user_name),
    "a user by ARN": lambda draw, trail: HistoryFilters(principal=draw.choice(trail.users).arn),
    "a user by unique id": lambda draw, trail: HistoryFilters(principal=draw.choice(trail.users).principal_id),
    "a role by ARN": lambda _draw, trail: HistoryFilters(principal=trail.roles[0]),
    "a session of a role by ARN": lambda draw, trail: HistoryFilters(principal=draw.choice(trail.sessions).arn),
    "an address": lambda draw, _trail: HistoryFilters(source_address=f"198.51.100.{draw.randrange(ADDRESSES)}"),
    "a user agent": lambda draw, _trail: HistoryFilters(user_agent=draw.choice(AGENTS)),
    "an operation": lambda draw, _trail: HistoryFilters(operation=draw.choice(OPERATIONS)),
    "a resource": lambda draw, trail: HistoryFilters(resource=draw.choice(trail.users).arn),
    "refused with AccessDenied": lambda _draw, _trail: HistoryFilters(error_code="AccessDenied"),
    "a key that nobody used": lambda _draw, _trail: HistoryFilters(access_key_id=NOBODY[0]),
    "an address that nobody had": lambda _draw, _trail: HistoryFilters(source_address=NOBODY[1]),
    "a rare key and the commonest operation": lambda _draw, _trail: HistoryFilters(
        access_key_id=RARE_KEY, operation=OPERATIONS[0]
    ),
    "an address that nobody had and an operation": lambda _draw, _trail: HistoryFilters(
        source_address=NOBODY[1], operation=OPERATIONS[0]
    ),
    "a key, an operation and an hour": lambda draw, trail: HistoryFilters(
        access_key_id=_key_of(draw, trail),
        operation=OPERATIONS[0],
        since=_at(trail.began_at),
        until=_at(trail.began_at + timedelta(hours=1)),
    ),
    "a key and an address, each in a quarter of the calls, never both": lambda _draw, _trail: HistoryFilters(
        access_key_id=BUSY_KEY, source_address=BUSY_ADDRESS
    ),
}
NO_REFUSALS = "refused, where no call was"


@dataclass(frozen=True, slots=True)
class Filled:
    calls: int
    seconds: float
    backend_seconds: float


@dataclass(slots=True)
class Pages:
    """Milliseconds of each."""

    elapsed: list[float] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)


def measured(directory: Path, size: Size) -> str:
    counts = [size.of(calls) for calls in CALLS]
    pages: list[Mapping[str, Pages]] = []
    ingested: list[Filled] = []
    with throw_away(directory) as data, store(data) as place:
        where = circumstances(data)
        trails = _opened(place)
        for count, more in zip(counts, (counts[0], counts[1] - counts[0]), strict=True):
            _grow(place, trails, more)
            ingested.append(_ingested(place, more))
            if count == counts[0]:
                rebuilt = _rebuilt(place)
            pages.append(_asked(place, trails, size.of(PAGES)))
        with connect(place.database, "projector") as connection:
            indexes = _row(connection, INDEXES)[0]
            table, besides = _row(connection, BYTES)
    about = ABOUT.format(pages=size.of(PAGES), page=PAGE_MS, ratio=RATIO)
    lines = [
        where,
        f"{counts[0]:,} and {counts[1]:,} calls in {ACCOUNTS} accounts. {about}\n",
        (
            f"| which calls | of {counts[0]:,}, p50 | p99 | processors, p50 | p99 "
            f"| of {counts[1]:,}, p50 | p99 | processors, p50 | p99 | ratio | of processors |"
        ),
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(_compared(what, pages[0][what], pages[1][what]) for what in pages[0]),
        "",
        (
            f"{INGEST_ABOUT} The trail has {indexes} indexes, of which two are primary keys. A call takes "
            f"{table / counts[1]:,.0f} bytes, and {besides / counts[1]:,.0f} in indexes and among the resources.\n"
        ),
        "| into the trail | calls/s | calls a second of PostgreSQL's processor | aim |",
        "|---|---:|---:|---:|",
        _filling(f"the first {ingested[0].calls:,}", ingested[0]),
        _filling(f"{ingested[1].calls:,} more", ingested[1]),
        _filling(f"rebuilding the first {rebuilt.calls:,}", rebuilt),
    ]
    return "\n".join(lines) + "\n"


def _compared(what: str, small: Pages, large: Pages) -> str:
    spreads = [
        f"{median(values):.1f} | {_p99(values):.1f}"
        for pages in (small, large)
        for values in (pages.elapsed, pages.processors)
    ]
    ratios = [
        f"{median(of_large) / median(of_small):.2f}"
        for of_small, of_large in ((small.elapsed, large.elapsed), (small.processors, large.processors))
    ]
    return f"| {' | '.join((what, *spreads, *ratios))} |"


def _p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[-1]


def _filling(what: str, filled: Filled) -> str:
    return (
        f"| {what} | {filled.calls / filled.seconds:,.0f} | {filled.calls / filled.backend_seconds:,.0f} "
        f"| {CALLS_A_SECOND} |"
    )


def _opened(place: Store) -> list[Trail]:
    began = datetime.now(UTC) - AGO
    ledger = place.ledger(lambda: began)
    with ledger.recording():
        accounts = [opened(ledger).account_id for _ in range(ACCOUNTS)]
    return [trail_of(account_id, number, began) for number, account_id in enumerate(accounts)]


def _grow(place: Store, trails: Sequence[Trail], calls: int) -> None:
    next_at = 0.0
    with connect(place.database, "owner") as connection:
        for done in grow(connection, trails, calls):
            if time.monotonic() > next_at:
                print(f"written {done:,} of {calls:,}", file=sys.stderr)
                next_at = time.monotonic() + 10
        # As the database does by itself, sooner or later: not while something is measured.
        connection.execute("vacuum (analyze) ledger.uses")


def _ingested(place: Store, calls: int) -> Filled:
    with connect(place.database, "projector") as connection:
        trail = Projection.load("trail")
        create_tables(connection, load_projections())
        accounts = [row[0] for row in connection.execute("select account_id from ledger.heads order by 1").fetchall()]
        since, before = time.perf_counter(), _backend_seconds(connection)
        for account_id in accounts:
            while True:
                followed = apply_or_halt(connection, trail, account_id, POSITIONS_PER_BATCH_MAX, _halted)
                assert followed is not None
                if followed.position == followed.head:
                    break
        filled = Filled(calls, time.perf_counter() - since, _backend_seconds(connection) - before)
        connection.execute("vacuum (analyze) views.trail, views.trail_resources")
    print(f"ingested: {_filling('', filled)}", file=sys.stderr)
    return filled


def _halted(reason: str) -> None:
    raise NotMeasured(reason)


def _rebuilt(place: Store) -> Filled:
    """Raises NotMeasured when the new tables are not the live ones."""
    projectors: list[psycopg.Connection] = []

    def opens() -> psycopg.Connection:
        connection = connect(place.database, "projector")
        projectors.append(connection)
        return connection

    with open_rebuild(opens, ["trail"]) as rebuild:
        [projector] = projectors
        since, before = time.perf_counter(), _backend_seconds(projector)
        rebuild.read()
        seconds, backend_seconds = time.perf_counter() - since, _backend_seconds(projector) - before
        comparison = rebuild.compare()
    if not comparison.is_equal:
        raise NotMeasured("The rebuilt trail is not the live one.")
    calls = sum(table.rows_rebuilt or 0 for table in comparison.tables if table.table == "trail")
    print(f"rebuilt: {calls:,} in {seconds:.0f} s", file=sys.stderr)
    return Filled(calls, seconds, backend_seconds)


def _asked(place: Store, trails: Sequence[Trail], pages: int) -> Mapping[str, Pages]:
    draw = random.Random(pages)  # noqa: S311  the same in every run
    taken: dict[str, Pages] = defaultdict(Pages)
    as_of = AsOf(datetime.now(UTC))
    with connect(place.database, "reader") as connection, connection.cursor() as cursor:
        for number in range(pages + 1):
            questions = {what: (draw.choice(trails), filters_of) for what, filters_of in QUESTIONS.items()}
            faultless = trails[draw.randrange(0, len(trails), FAULTLESS)]
            questions[NO_REFUSALS] = (faultless, lambda _draw, _trail: HistoryFilters(error_code="AccessDenied"))
            for what, (trail, filters_of) in questions.items():
                filters = filters_of(draw, trail)
                busy, since = _backend_seconds(connection) + time.process_time(), time.perf_counter()
                # That there never was one is an answer, too.
                with suppress(NoSuchEntity):
                    search_history(cursor, trail.account_id, filters, as_of, limit=PAGE)
                elapsed = time.perf_counter() - since
                if number > 0:  # The first of each is the connection's first, too.
                    taken[what].elapsed.append(elapsed * 1e3)
                    busy = _backend_seconds(connection) + time.process_time() - busy
                    taken[what].processors.append(busy * 1e3)
    for what, each in taken.items():
        told = f"{median(each.elapsed):.1f} ms, p99 {_p99(each.elapsed):.1f}, processors {_p99(each.processors):.1f}"
        print(f"{what}: {told}", file=sys.stderr)
    return taken


def _backend_seconds(connection: psycopg.Connection) -> float:
    """Of processor time, by the connection's process (the first of what Linux tells in schedstat, in nanoseconds)."""
    return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split(maxsplit=1)[0]) / 1e9


def _row(connection: psycopg.Connection, query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
