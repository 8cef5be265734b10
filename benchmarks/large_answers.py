"""What answers about the largest account cost, and what others notice of the longest."""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from http import HTTPStatus
from itertools import count, cycle, islice
from pathlib import Path
from statistics import median
from threading import Event

from benchmarks import largest_account
from benchmarks.accounts import Account
from benchmarks.client import Client
from benchmarks.latency import percentiles
from benchmarks.report import circumstances
from benchmarks.servers import Muniment, NotMeasured, serving, throw_away
from benchmarks.signing import get_user, signed
from benchmarks.size import Size
from benchmarks.stores import opened, store

PAGES, WARM_UP_PAGES, CONNECTIONS, SECONDS = 200, 10, 16, 20
CATCHING_UP_SECONDS_MAX = 300
PAGE_MS_AIM, REPORT_MS_AIM, RISE_MS_AIM = 5, 1_000, 50
ABOUT = (
    f"{largest_account.USERS:,} users, {largest_account.ROLES} roles and {largest_account.POLICIES:,} policies. A page "
    "of ListUsers has a hundred, and costs the server's processor so much; the report is asked for and read. GetUser "
    f"is called over {CONNECTIONS} connections, alone and while one more reads GetAccountAuthorizationDetails to its "
    "end, again and again."
)
_MARKER = re.compile(rb"<Marker>([^<]*)</Marker>")


def measured(directory: Path, size: Size) -> str:
    with throw_away(directory) as data:
        with store(data) as place:
            ledger = place.ledger()
            with ledger.recording():
                account = opened(ledger)
                largest_account.enlarge(ledger, account.account_id, size)
        with serving(data) as server:
            server.catch_up(CATCHING_UP_SECONDS_MAX)
            page, report = _page_ms(server, account, size.of(PAGES)), _report_ms(server, account)
            alone, beside, read = _p99s_ms(server, account, size.of(SECONDS))
            about = circumstances(data)
    lines = [
        about,
        f"{ABOUT} GetAccountAuthorizationDetails was read {read} times. Milliseconds.\n",
        "| what | ms | aim |",
        "|---|---:|---:|",
        f"| page of 100 users, processor of the server | {page:.1f} | {PAGE_MS_AIM} |",
        f"| credential report, from the request to its last byte | {report:.0f} | {REPORT_MS_AIM} |",
        f"| GetUser, p99, alone | {alone:.1f} | |",
        f"| GetUser, p99, beside GetAccountAuthorizationDetails | {beside:.1f} | {alone + RISE_MS_AIM:.1f} |",
    ]
    return "\n".join(lines) + "\n"


def _page_ms(server: Muniment, account: Account, pages: int) -> float:
    asked = {"Action": "ListUsers", "MaxItems": "100"}
    with Client(server.endpoint) as client:
        _walk(client, account, asked, WARM_UP_PAGES)
        before = server.processor_seconds()
        _walk(client, account, asked, pages)
        return (server.processor_seconds() - before) * 1e3 / pages


def _report_ms(server: Muniment, account: Account) -> float:
    """Read as soon as it is there."""
    ask, read = (signed(account, "iam", {"Action": f"{verb}CredentialReport"}) for verb in ("Generate", "Get"))
    with Client(server.endpoint) as client:
        since = time.perf_counter()
        client.call(ask)
        while client.timed(read)[0] != HTTPStatus.OK:
            if time.perf_counter() - since > CATCHING_UP_SECONDS_MAX:
                raise NotMeasured("The credential report never came.")
        return (time.perf_counter() - since) * 1e3


def _p99s_ms(server: Muniment, account: Account, seconds: float) -> tuple[float, float, int]:
    """Alone and beside the longest answer, and how often that was read."""
    _called(server, account, seconds / 4)
    alone = percentiles(_called(server, account, seconds))[1]
    done = Event()

    def read_details() -> int:
        times = 0
        with Client(server.endpoint) as client:
            while not done.is_set():
                _walk(client, account, {"Action": "GetAccountAuthorizationDetails"})
                times += 1
        return times

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_details)
        beside = percentiles(_called(server, account, seconds))[1]
        done.set()
        return alone, beside, reading.result()


def _called(server: Muniment, account: Account, seconds: float) -> list[float]:
    requests = list(islice(get_user(account), CONNECTIONS * 10))
    until = time.monotonic() + seconds

    def calls(number: int) -> list[float]:
        coming, taken = cycle(requests[number::CONNECTIONS]), []
        with Client(server.endpoint) as client:
            while time.monotonic() < until:
                taken.append(client.call(next(coming)))
        return taken

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        found = [second for taken in pool.map(calls, range(CONNECTIONS)) for second in taken]
    print(f"{len(found) / seconds:,.0f} calls/s, median {median(found) * 1e3:.1f} ms", file=sys.stderr)
    return found


def _walk(client: Client, account: Account, parameters: dict[str, str], pages: int | None = None) -> None:
    """So many pages, from the beginning again behind the last; or all once."""
    marker: dict[str, str] = {}
    for _ in count() if pages is None else range(pages):
        found = _MARKER.search(client.answer(signed(account, "iam", parameters | marker)))
        marker = {} if found is None else {"Marker": unescape(found[1].decode())}
        if pages is None and not marker:
            return
