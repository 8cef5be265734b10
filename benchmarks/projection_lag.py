"""How long after its commit an event stands in the tables of every projection, at half of the peak and at the peak."""

import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import psycopg

from benchmarks import load, signing
from benchmarks.accounts import Account, open_accounts
from benchmarks.latency import percentiles
from benchmarks.load import Run
from benchmarks.report import circumstances
from benchmarks.servers import Muniment, muniment
from benchmarks.size import Size
from projections.engine.definition import load_projections
from services.ledger.database import connect
from services.ledger.embedded import EmbeddedPostgres
from services.ledger.embedded_directory import resolve_directory

ACCOUNTS = 64
CONNECTIONS = 64
WARM_UP_SECONDS = 2
LOOK_SECONDS = 0.005
"""Between two looks: so exact the figures are."""
TRIES = 4
CLOSE_ENOUGH = 0.1
"""Of half of the peak."""
HALF_MS, PEAK_MS = 200, 2_000
ABOUT = (
    "GetUser over 64 connections. Half of the peak: each connection waits between an answer and its next request. An "
    "event is seen when the head of its ledger has come to it, and it stands in the tables when the cursors of all "
    f"projections have; somebody looks every {LOOK_SECONDS * 1e3:.0f} ms. Milliseconds."
)
LOOK = """
    select heads.account_id, heads.position, coalesce(min(cursors.position) filter (where halted_at is null), 0)
    from ledger.heads left join views.cursors on cursors.account_id = heads.account_id
        and cursors.projection = any(%(projections)s)
    where heads.account_id = any(%(accounts)s) group by 1, 2
"""


@dataclass(slots=True)
class Watched:
    """What somebody has seen who looked again and again."""

    seconds: list[float] = field(default_factory=list)
    """Of each step of a ledger that was seen, until the tables had come so far."""
    waiting: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    """By account: positions that the tables have not come to yet, and when they were first seen."""

    def look(self, connection: psycopg.Connection, accounts: Sequence[str]) -> None:
        names = [projection.name for projection in load_projections()]
        rows = connection.execute(LOOK, {"projections": names, "accounts": list(accounts)}).fetchall()
        now = time.monotonic()
        for account_id, head, reached in rows:
            waiting = self.waiting[account_id]
            if reached < head and (not waiting or waiting[-1][0] < head):
                waiting.append((head, now))
            come = [since for position, since in waiting if position <= reached]
            self.seconds += [now - since for since in come]
            del waiting[: len(come)]

    @property
    def has_seen_all(self) -> bool:
        return not any(self.waiting.values())


def measured(directory: Path, size: Size) -> str:
    with muniment(directory) as server, tempfile.TemporaryDirectory() as place:
        accounts = open_accounts(server.data, ACCOUNTS)
        requests = Path(place) / "requests"
        lines = [
            circumstances(server.data),
            f"{ABOUT} Runs of {size.seconds} s.\n",
            "| in | load | calls/s | lag, p50 | p99 | most | aim |",
            "|---|---|---:|---:|---:|---:|---:|",
        ]
        for some, called in ((accounts[:1], "one account"), (accounts, f"{ACCOUNTS} accounts")):
            lines += _rows(server, some, called, requests, size)
    return "\n".join(lines) + "\n"


def _rows(server: Muniment, accounts: Sequence[Account], called: str, requests: Path, size: Size) -> Iterator[str]:
    one_of_each = zip(*(signing.get_user(account) for account in accounts), strict=True)
    signing.write(requests, islice((each for turn in one_of_each for each in turn), signing.CYCLED))

    def run(seconds: int, pause_ms: int | None = None) -> Run:
        return load.run(
            server.endpoint, requests, connections=CONNECTIONS, seconds=seconds, cycle=True, pause_ms=pause_ms
        )

    run(WARM_UP_SECONDS)
    server.catch_up()
    with _watching(server, accounts) as at_peak:
        peak = run(size.seconds)
    server.catch_up()
    # At the peak each connection waits for its answer only; half as often means to rest as long again.
    pause_ms = round(1e3 * CONNECTIONS / peak.calls_a_second)
    for _ in range(TRIES):
        with _watching(server, accounts) as at_half:
            half = run(size.seconds, pause_ms)
        server.catch_up()
        off = half.calls_a_second / (peak.calls_a_second / 2)
        if abs(off - 1) < CLOSE_ENOUGH:
            break
        pause_ms = round(pause_ms + (1 - 1 / off) * 1e3 * CONNECTIONS / (peak.calls_a_second / 2))
    for what, found, watched, aim in (("half", half, at_half, HALF_MS), ("peak", peak, at_peak, PEAK_MS)):
        p50, p99 = percentiles(watched.seconds)
        figures = f"{found.calls_a_second:,.0f} | {p50:,.0f} | {p99:,.0f} | {max(watched.seconds) * 1e3:,.0f}"
        print(f"{called}, {what}: {figures}", file=sys.stderr)
        yield f"| {called} | {what} | {figures} | {aim:,} |"


@contextmanager
def _watching(server: Muniment, accounts: Sequence[Account]) -> Iterator[Watched]:
    """What is seen during the block, and behind it until everything of the block stands in the tables."""
    watched, over = Watched(), threading.Event()
    ids = [account.account_id for account in accounts]

    def watch() -> None:
        with connect(EmbeddedPostgres(resolve_directory(server.data / "postgres")), "reader") as connection:
            while not (over.is_set() and watched.has_seen_all):
                watched.look(connection, ids)
                time.sleep(LOOK_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield watched
    finally:
        over.set()
        watcher.join()
