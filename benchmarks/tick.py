"""A tick of the scheduler over 100,000 credentials: with none due, and with one due in every account."""

import gc
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes

from benchmarks.report import circumstances, spread
from benchmarks.servers import NotMeasured, throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, opened, store
from domain.families.access_keys import AccessKeyCreated
from domain.families.users import USER, UserCreated
from domain.foundation.events import Event
from domain.foundation.identifiers import ACCESS_KEY, new_access_key_id, new_unique_id
from domain.rules.lifecycle_profiles import DEFAULT_PROFILE
from services import heap
from services.accounts import operator_cause
from services.ledger.database import connect
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime

ACCOUNTS, CREDENTIALS_AN_ACCOUNT = 1_000, 100
ACCOUNTS_A_ROUND = 2
IDLE_TICKS = 10
DAY = timedelta(days=1)
CATCHING_UP_SECONDS_MAX = 900
ABOUT = (
    "One of its own becomes due in every account, and is recorded. Cold: no value is in memory, and nobody leads yet. "
    "Medians, least and most in brackets, taken in turns."
)


class _Calendar:
    """The clock of the ledgers: it stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) - 100 * DAY

    def __call__(self) -> datetime:
        return self.now


def measured(directory: Path, size: Size) -> str:
    """Of the keys of an account, one is made a day, two for each repetition, and the rest after these: so one a day
    goes idle."""
    calendar, days = _Calendar(), 2 * size.repetitions
    began = calendar.now
    none_due: list[float] = []
    cold: list[float] = []
    warm: list[float] = []
    with throw_away(directory) as data, store(data) as place:
        where = circumstances(data)
        accounts = _filled(place, calendar, size.of(ACCOUNTS), days)
        heap.set_old_aside()  # As servers do.
        first = _first_look(place, calendar)
        calendar.now = began + timedelta(days=DEFAULT_PROFILE.rules["access_key"].max_idle_days or 0) + DAY / 2
        for _ in range(size.repetitions):
            ledger = place.ledger(calendar)
            _forget_the_former()
            with ledger.running():
                for due in (cold, warm):
                    due.append(_tick(ledger, len(accounts)))
                    _catch_up(place, ledger)
                    calendar.now += DAY
                calendar.now -= DAY
                none_due += [_tick(ledger, 0) for _ in range(IDLE_TICKS)]
                calendar.now += DAY
                ledger.scheduler.resign()
    credentials = len(accounts) * CREDENTIALS_AN_ACCOUNT
    lines = [
        where,
        f"{credentials:,} access keys in {len(accounts):,} accounts. {ABOUT}\n",
        "| a tick with | milliseconds | aim |",
        "|---|---:|---:|",
        f"| none due | {_milliseconds(none_due)} | 50 |",
        f"| {len(accounts):,} due, values warm | {_milliseconds(warm)} | 1,000 |",
        f"| {len(accounts):,} due, values cold | {_milliseconds(cold)} | 5,000 |",
        f"| everybody new, values cold | {first * 1e3:,.0f} | |",
    ]
    return "\n".join(lines) + "\n"


def _forget_the_former() -> None:
    """A runtime that has ended leaves all its values in cycles, which a process of its own would never have to look at:
    to free them takes seconds."""
    gc.unfreeze()
    gc.collect()


def _milliseconds(seconds: list[float]) -> str:
    return spread((each * 1e3 for each in seconds), ",.0f")


def _filled(place: Store, calendar: _Calendar, count: int, days: int) -> list[str]:
    """The accounts; the administrator's key, made when an account is opened, is the first of its keys. The projections
    have seen all."""
    ledger = place.ledger(calendar)
    with ledger.running():
        accounts = [opened(ledger).account_id for _ in range(count)]
        for day in range(1, days):
            calendar.now += DAY
            _make_keys(ledger, accounts, range(day, day + 1))
        calendar.now += DAY
        _make_keys(ledger, accounts, range(days, CREDENTIALS_AN_ACCOUNT))
        print(f"{count * CREDENTIALS_AN_ACCOUNT:,} keys", file=sys.stderr)
        _catch_up(place, ledger)
    return accounts


def _first_look(place: Store, calendar: _Calendar) -> float:
    """Seconds until everybody has been looked at once and it is known when each is to be looked at again."""
    ledger = place.ledger(calendar)
    with ledger.running():
        since = time.perf_counter()
        while (ticked := ledger.scheduler.tick()) is not None and ticked.accounts and not ticked.failed:
            pass
        seconds = time.perf_counter() - since
        ledger.scheduler.resign()
    if ticked is None or ticked.failed:
        raise NotMeasured(f"The first look failed: {ticked}.")
    return seconds


def _make_keys(ledger: LedgerRuntime, accounts: Sequence[str], numbers: range) -> None:
    """Without their secrets, which no tick looks at."""
    for first in range(0, len(accounts), ACCOUNTS_A_ROUND):
        some = accounts[first : first + ACCOUNTS_A_ROUND]
        cause = operator_cause("MakeKeys")
        appends = [LedgerAppend(account_id, cause, _keys(account_id, numbers)) for account_id in some]

        def decide(_values: LedgerStates, _at: datetime, appends: Sequence[LedgerAppend] = appends) -> CallResult:
            return CallResult(None, appends)

        ledger.committer.decide(frozenset(some), decide)


def _keys(account_id: str, numbers: range) -> list[Event]:
    events: list[Event] = []
    for number in numbers:
        user_id, name = new_unique_id(USER.id_prefix, token_bytes), f"user-{number}"
        key_id = new_access_key_id(ACCESS_KEY, account_id, token_bytes)
        events.append(UserCreated(user_id=user_id, user_name=name, path="/"))
        events.append(AccessKeyCreated(access_key_id=key_id, user_id=user_id, user_name=name))
    return events


def _tick(ledger: LedgerRuntime, expected: int) -> float:
    """Seconds. Raises NotMeasured when it did not record as many notices as are expected."""
    since = time.perf_counter()
    ticked = ledger.scheduler.tick()
    seconds = time.perf_counter() - since
    if ticked is None or ticked.failed or ticked.events != expected:
        raise NotMeasured(f"Expected a tick that records {expected} events, got {ticked}.")
    print(f"{expected:,} due: {seconds * 1e3:,.0f} ms", file=sys.stderr)
    return seconds


def _catch_up(place: Store, ledger: LedgerRuntime) -> None:
    """Waits for the projections."""
    with connect(place.database, "reader") as connection:
        heads = connection.execute("select account_id, position from ledger.heads").fetchall()
    for account_id, position in heads:
        if not ledger.runner.wait(account_id, position, CATCHING_UP_SECONDS_MAX):
            raise NotMeasured(f"The projections did not come to position {position} of {account_id}.")
