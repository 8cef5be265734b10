"""Events delivered to webhooks whose receiver fails one time in ten: all of them, which twice, and how fast."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Any

from benchmarks.report import circumstances
from benchmarks.servers import NotMeasured, throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, opened, store
from domain.calls import NewSecret
from domain.families.notifications import NotificationTargetAdded, TargetDefinition, signing_secret
from domain.families.users import USER, UserCreated
from domain.foundation.identifiers import new_unique_id
from services.accounts import operator_cause
from services.ledger.database import connect
from services.ledger.pending_call import CallResult, LedgerAppend, LedgerStates
from services.ledger_runtime import LedgerRuntime
from services.notification_runtime import build_deliverer
from services.notifications.signatures import new_signing_secret
from services.settings import read_settings

EVENTS = 10_000
TARGETS = (1, 10)
"""Each of an account of its own."""
EVENTS_A_CALL = 250
DELIVERING_SECONDS_MAX = 900
ABOUT = (
    "Each target is of an account of its own, and told its events in order. The receiver is a process on the same "
    "machine; a tenth of its answers, by chance, are 503, half of "
    "them for what it has taken all the same. Each delivery is signed and has a connection of its own."
)


@dataclass(frozen=True, slots=True)
class _Run:
    targets: int
    events: int
    deliveries: int
    failed: int
    seconds: float


def measured(directory: Path, size: Size) -> str:
    runs = []
    with throw_away(directory) as data, store(data) as place:
        where = circumstances(data)
        for count in TARGETS:
            runs.append(_run(place, count, size.of(EVENTS)))
            print(f"{runs[-1]}", file=sys.stderr)
    lines = [
        where,
        f"{ABOUT}\n",
        "| targets | events | delivered | more than once | failed attempts | deliveries/s |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for run in runs:
        again = run.deliveries - run.events
        rate = run.events / run.seconds
        lines.append(f"| {run.targets} | {run.events:,} | {run.events:,} | {again:,} | {run.failed:,} | {rate:,.0f} |")
    return "\n".join(lines) + "\n"


def _run(place: Store, targets: int, events: int) -> _Run:
    ledger = place.ledger()
    settings = read_settings({"MUNIMENT_OUTBOUND_ALLOW": "127.0.0.1"}, data=str(place.data))
    with _receiver() as url:
        with ledger.recording():
            accounts = [opened(ledger).account_id for _ in range(targets)]
            for account_id in accounts:
                _add_target(ledger, account_id, url)
                _create_users(ledger, account_id, events // targets)
        expected = _expected(place, accounts)
        deliverer = build_deliverer(ledger, place.database, settings)
        since = time.perf_counter()
        with deliverer.running():
            while _told(url)["events"] < len(expected):
                if time.perf_counter() - since > DELIVERING_SECONDS_MAX:
                    raise NotMeasured(f"Only {_told(url)['events']} of {len(expected)} events were delivered.")
                time.sleep(0.05)
            seconds = time.perf_counter() - since
        told = _told(url)
        if set(_asked(url + "/ids")) != expected:
            raise NotMeasured("Other events were delivered than happened.")
    return _Run(targets, len(expected), told["deliveries"], told["failed"], seconds)


@contextmanager
def _receiver() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.webhook_receiver"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def _told(url: str) -> Mapping[str, int]:
    told: dict[str, int] = _asked(url)
    return told


def _asked(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310  ours, on loopback
        return json.load(answer)


def _add_target(ledger: LedgerRuntime, account_id: str, url: str) -> None:
    target_id = f"NTGT{account_id}"
    added = NotificationTargetAdded(
        target_id=target_id,
        target_name="receiver",
        definition=TargetDefinition("webhook", url, events=("UserCreated",)),
    )
    sealed = [
        NewSecret(each, account_id, new_signing_secret(token_bytes)) for each in signing_secret("webhook", target_id)
    ]
    _append(ledger, LedgerAppend(account_id, operator_cause("AddTarget"), [added], new_secrets=sealed))


def _create_users(ledger: LedgerRuntime, account_id: str, count: int) -> None:
    cause = operator_cause("MakeUsers")
    users = [
        UserCreated(user_id=new_unique_id(USER.id_prefix, token_bytes), user_name=f"user-{number}", path="/")
        for number in range(count)
    ]
    for first in range(0, count, EVENTS_A_CALL):
        _append(ledger, LedgerAppend(account_id, cause, users[first : first + EVENTS_A_CALL]))


def _append(ledger: LedgerRuntime, append: LedgerAppend) -> None:
    def decide(_values: LedgerStates, _at: object) -> CallResult:
        return CallResult(None, [append])

    ledger.committer.decide(frozenset({append.account_id}), decide)


def _expected(place: Store, accounts: Sequence[str]) -> set[str]:
    """The ids of the events that are to be told: those behind each target's beginning."""
    with connect(place.database, "owner") as connection:
        rows = connection.execute(
            "select convert_from(state, 'UTF8')::json ->> 'event_id' from ledger.changes"
            " where account_id = any(%s) and topic = %s and position > (select min(position) from ledger.changes as own"
            " where own.account_id = changes.account_id and own.topic = %s)",
            (list(accounts), UserCreated.topic, NotificationTargetAdded.topic),
        ).fetchall()
    return {event_id for (event_id,) in rows}
