"""One call at a time: how long until the answer, beside a bare insert of one row with its commit."""

import itertools
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

import psycopg

from benchmarks import signing
from benchmarks.accounts import create_role, open_accounts
from benchmarks.client import Client
from benchmarks.entries import api_called
from benchmarks.report import circumstances
from benchmarks.servers import doing_nothing, muniment
from benchmarks.size import Size
from benchmarks.throughput import OPERATIONS
from services.ledger.database import connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory
from services.ledger.mapper import EntryMapper

CALLS, WARM_UP_CALLS = 1_000, 50
BARE = """create table public.bare
    (account_id text, position bigint, topic text, at timestamptz, state bytea, primary key (account_id, position))"""
INSERT = "insert into public.bare values (%s, %s, %s, %s, %b)"

ABOUT = (
    "One at a time over one connection; after each a bare insert of one row with its commit, of the bytes that such a "
    "call leaves in the ledger, and a call of the application that does nothing. Milliseconds; the ratio is that "
    "of the medians of call and insert."
)

Timed = Callable[[], float]
"""Does it once and gives the seconds."""


def measured(directory: Path, size: Size) -> str:
    """Call, insert, and a call of the application that does nothing take turns, so that the disk is the same to all."""
    with muniment(directory) as server, doing_nothing() as endpoint:
        [account] = open_accounts(server.data, 1)
        create_role(server.endpoint, account, signing.ROLE)
        database = EmbeddedPostgres(resolve_directory(server.data / "postgres"))
        with connect(database, "owner") as connection, Client(server.endpoint) as client, Client(endpoint) as nothing:
            connection.execute(BARE)
            insert = _insert(connection, account.account_id)
            lines = [
                circumstances(server.data),
                f"{size.of(CALLS):,} calls of each. {ABOUT}\n",
                "| operation | muniment, p50 | p99 | bare insert, p50 | p99 | doing nothing, p50 | p99 | ratio |",
                "|---|---:|---:|---:|---:|---:|---:|---:|",
            ]
            for operation in OPERATIONS:
                requests = list(itertools.islice(operation.requests(account), WARM_UP_CALLS + size.of(CALLS)))
                contestants = (_calls(client, requests), insert, _calls(nothing, requests))
                turns = _take_turns(contestants, size.of(CALLS))
                ratio = median(turns[0]) / median(turns[1])
                columns = " | ".join(f"{p:.2f}" for seconds in turns for p in percentiles(seconds))
                lines.append(f"| {operation.name} | {columns} | {ratio:.1f} |")
                print(f"{operation.name}: {columns} ms", file=sys.stderr)
            return "\n".join(lines) + "\n"


def _calls(client: Client, requests: Sequence[bytes]) -> Timed:
    """One after the other; where there are fewer than calls, from the beginning again."""
    coming = itertools.cycle(requests)
    return lambda: client.call(next(coming))


def _insert(connection: psycopg.Connection, account_id: str) -> Timed:
    """Of the bytes that a call leaves in the ledger, into a table like it; the statement is prepared."""
    positions = itertools.count(1)
    now = datetime.now(UTC)
    stored = EntryMapper().to_stored_event(api_called(account_id, 1, now, event_id="e" * 36, request_id="r" * 36))

    def insert() -> float:
        row = (account_id, next(positions), stored.topic, now, stored.state)
        since = time.perf_counter()
        connection.execute(INSERT, row, prepare=True)
        return time.perf_counter() - since

    return insert


def _take_turns(contestants: Sequence[Timed], times: int) -> list[list[float]]:
    for _, timed in itertools.product(range(WARM_UP_CALLS), contestants):
        timed()
    turns = [[timed() for timed in contestants] for _ in range(times)]
    return [list(column) for column in zip(*turns, strict=True)]


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th, in milliseconds."""
    return median(seconds) * 1e3, quantiles(seconds, n=100, method="inclusive")[98] * 1e3
