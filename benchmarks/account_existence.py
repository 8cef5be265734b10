"""Whether the time of a refused AssumeRole tells that there is such an account."""

import random
import sys
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean, median, variance

from benchmarks.accounts import Account, open_accounts
from benchmarks.client import Client
from benchmarks.report import circumstances
from benchmarks.servers import muniment
from benchmarks.signing import signed
from benchmarks.size import Size

CALLS, WARM_UP_CALLS = 2_000, 100
"""Of both together."""
FORBIDDEN = 403
AIM = 4.5
"""The bound on |t| beyond which a difference in time counts as found (test vector leakage assessment)."""
ABSENT = "999999999999"
ABOUT = (
    "An administrator assumes a role that is not there, in another account or in one that does not exist, one call at "
    "a time over one connection, the two in random order. Welch's t of the times."
)


def measured(directory: Path, size: Size) -> str:
    with muniment(directory) as server:
        caller, other = open_accounts(server.data, 2)
        seconds = _seconds(server.endpoint, caller, other.account_id, size.of(CALLS))
        about = circumstances(server.data)
    rows = [f"| {what} | {median(of) * 1e3:.3f} | {fmean(of) * 1e3:.3f} |" for what, of in seconds.items()]
    t = welch_t(*seconds.values())
    print(f"t = {t:.2f}", file=sys.stderr)
    table = ["| role of | median, ms | mean, ms |", "|---|---:|---:|", *rows]
    return (
        "\n".join([about, f"{size.of(CALLS):,} calls. {ABOUT}\n", *table, f"\nt = {t:.2f}; the aim is |t| < {AIM}."])
        + "\n"
    )


def _seconds(endpoint: str, caller: Account, other_id: str, calls: int) -> dict[str, list[float]]:
    accounts = {"an account": other_id, "no account": ABSENT}
    seconds: dict[str, list[float]] = {what: [] for what in accounts}
    turns = [what for what in accounts for _ in range(calls // 2)]
    random.Random(1).shuffle(turns)  # noqa: S311  an order, no secret
    requests = {what: _requests(caller, account_id) for what, account_id in accounts.items()}
    with Client(endpoint) as client:
        for _ in range(WARM_UP_CALLS // 2):
            for coming in requests.values():
                client.call(next(coming), FORBIDDEN)
        for what in turns:
            seconds[what].append(client.call(next(requests[what]), FORBIDDEN))
    return seconds


def _requests(caller: Account, account_id: str) -> Iterator[bytes]:
    parameters = {"Action": "AssumeRole", "RoleArn": f"arn:aws:iam::{account_id}:role/nobody", "RoleSessionName": "any"}
    while True:
        yield signed(caller, "sts", parameters)


def welch_t(one: Sequence[float], other: Sequence[float]) -> float:
    """The difference of the means in units of its standard error (B. L. Welch, Biometrika 34, 1947)."""
    return (fmean(one) - fmean(other)) / sqrt(variance(one) / len(one) + variance(other) / len(other))
