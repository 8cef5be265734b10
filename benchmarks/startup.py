"""An account with 1,000,000 calls behind it: its cold load, and a server that starts on it."""

import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from pathlib import Path

from benchmarks import largest_account, signing
from benchmarks.accounts import Account
from benchmarks.client import Client
from benchmarks.report import circumstances, spread
from benchmarks.servers import NotMeasured, serving, throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, fill_with_uses, opened, store
from domain.foundation.identifiers import INSTALLATION
from services.ledger.database import connect
from services.ledger.pending_call import CallResult
from services.ledger.verification import verify

EVENTS = 1_000_000
AIM_SECONDS = 2
AGO = timedelta(days=20)
CATCHING_UP_SECONDS_MAX = 900
SAMPLED = 2_000
"""So many calls that were made in the same way are verified, in an account that has no others."""
ABOUT = (
    "The other account has the same changes and no calls. Medians, least and most in brackets, taken in turns; what "
    "the disk holds is in the system's memory."
)
COUNT = "select (select count(*) from ledger.changes) + (select count(*) from ledger.uses)"


def measured(directory: Path, size: Size) -> str:
    with throw_away(directory) as data:
        with store(data) as place:
            where = circumstances(data)
            busy, idle = _filled(place, size)
            with connect(place.database, "reader") as connection:
                [(events,)] = connection.execute(COUNT).fetchall()
            cold = _cold_loads(place, busy, idle, size.repetitions)
        starts = _starts(data, busy, size.repetitions)
    ready, answered = zip(*starts, strict=True)
    lines = [
        where,
        f"{events:,} events, of which {size.of(EVENTS):,} are calls in the largest account. {ABOUT}\n",
        "| what | seconds | aim |",
        "|---|---:|---:|",
        *(f"| {what} | {spread(seconds, '.3f')} | |" for what, seconds in cold.items()),
        f"| from the start of the process to ready | {spread(ready, '.2f')} | |",
        f"| to the first answer in that account | {spread(answered, '.2f')} | {AIM_SECONDS} |",
    ]
    return "\n".join(lines) + "\n"


def _filled(place: Store, size: Size) -> tuple[Account, Account]:
    """The account with the calls, and its twin without. The projections have seen all."""
    began = datetime.now(UTC) - AGO
    ledger = place.ledger(lambda: began)
    with ledger.recording():
        busy, idle, sample = opened(ledger), opened(ledger), opened(ledger)
        for account in (busy, idle):
            largest_account.enlarge(ledger, account.account_id, size)
    print(f"{size.of(EVENTS):,} calls", file=sys.stderr)
    fill_with_uses(place.database, busy.account_id, size.of(EVENTS), datetime.now(UTC))
    fill_with_uses(place.database, sample.account_id, SAMPLED, datetime.now(UTC))
    with connect(place.database, "writer") as connection:
        for verdict in verify(connection, sample.account_id):
            if verdict.finding is not None:
                raise NotMeasured(f"Such a ledger would not stand: {verdict.finding}")
    return busy, idle


def _cold_loads(place: Store, busy: Account, idle: Account, repetitions: int) -> dict[str, list[float]]:
    """Of the first round of each account, in a ledger that has not seen it."""
    seconds: dict[str, list[float]] = {}
    for _ in range(repetitions):
        with connect(place.database, "owner") as connection:
            connection.execute("delete from ledger.snapshots")
        # The first of the two leaves a snapshot behind.
        for source, (what, account) in product(("changes", "a snapshot"), (("with", busy), ("without", idle))):
            taken = _first_round(place, account.account_id)
            seconds.setdefault(f"cold load from {source}, {what} the calls", []).append(taken)
    return seconds


def _first_round(place: Store, account_id: str) -> float:
    ledger = place.ledger()
    with ledger.recording():
        # Connecting and planning is no part of it.
        ledger.committer.decide(frozenset({INSTALLATION}), lambda _values, _at: CallResult(None, []))
        since = time.perf_counter()
        ledger.committer.decide(frozenset({account_id}), lambda _values, _at: CallResult(None, []))
        return time.perf_counter() - since


def _starts(data: Path, account: Account, repetitions: int) -> list[tuple[float, float]]:
    """Seconds to the line that says ready, and to the first answer."""
    with serving(data) as server:
        caught_up = server.catch_up(CATCHING_UP_SECONDS_MAX)
        print(f"the projections had caught up after {caught_up:.0f} s", file=sys.stderr)
    starts = []
    for _ in range(repetitions):
        [request] = islice(signing.get_user(account), 1)
        since = time.perf_counter()
        with serving(data) as server:
            ready = time.perf_counter() - since
            with Client(server.endpoint) as client:
                client.call(request)
            starts.append((ready, time.perf_counter() - since))
            print(f"ready after {ready:.2f} s, first answer after {starts[-1][1]:.2f} s", file=sys.stderr)
    return starts
