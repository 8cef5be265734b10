"""Two server processes against one, on one database."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from benchmarks import load, signing
from benchmarks.accounts import Account
from benchmarks.report import circumstances, spread
from benchmarks.servers import Muniment, serving, throw_away
from benchmarks.size import Size
from benchmarks.stores import Store, opened, store
from services.ledger.embedded_cluster import DATABASE
from services.ledger.embedded_programs import SystemUser, find_programs

ACCOUNTS = 64
CONNECTIONS = 64
"""Together, however many the processes are."""
WARM_UP_SECONDS = 1
GRANT = "grant muniment_projector, muniment_reader to muniment_writer;\n"
ABOUT = "Medians, least and most in brackets. PostgreSQL and wrk share the cores with the processes."


def measured(directory: Path, size: Size) -> str:
    """GetUser, of many accounts and of one. Both servers run all the time; in turns one of them gets all calls, and
    each one half."""
    with throw_away(directory) as data, _your_own(data) as place, tempfile.TemporaryDirectory() as requests:
        ledger = place.ledger()
        with ledger.recording():
            accounts = [opened(ledger) for _ in range(ACCOUNTS)]
        # They are told of the database, so that neither starts one.
        environment = {"MUNIMENT_DATABASE_URL": place.database.conninfo("writer")}
        with serving(data, environment=environment) as first, serving(data, environment=environment) as second:
            lines = [
                circumstances(data),
                f"{size.repetitions} interleaved runs of {size.seconds} s with {CONNECTIONS} connections. {ABOUT}\n",
                "| GetUser in | one process, calls/s | two processes, calls/s | ratio |",
                "|---|---:|---:|---:|",
            ]
            for some in (accounts, accounts[:1]):
                _write(Path(requests) / "requests", some)
                lines.append(_compared(first, second, Path(requests) / "requests", len(some), size))
    return "\n".join(lines) + "\n"


@contextmanager
def _your_own(data: Path) -> Iterator[Store]:
    """The writer of the embedded database may take on the other roles, as the servers' login in your own one does."""
    with store(data):
        pass
    postgres = data / "postgres"
    programs = find_programs(postgres, SystemUser.chosen())
    programs.run("postgres", "--single", f"-D{postgres / 'data'}", DATABASE, text=GRANT)
    with store(data) as place:
        yield place


def _write(path: Path, accounts: Sequence[Account]) -> None:
    """1,000 requests or so, one account after the other."""
    each = [islice(signing.get_user(account), signing.CYCLED // len(accounts)) for account in accounts]
    signing.write(path, (request for turn in zip(*each, strict=True) for request in turn))


def _compared(first: Muniment, second: Muniment, requests: Path, accounts: int, size: Size) -> str:
    _calls_a_second([first, second], requests, WARM_UP_SECONDS)
    one, two = [], []
    for _ in range(size.repetitions):
        one.append(_calls_a_second([first], requests, size.seconds))
        two.append(_calls_a_second([first, second], requests, size.seconds))
    ratios = [both / alone for alone, both in zip(one, two, strict=True)]
    what = "one account" if accounts == 1 else f"{accounts} accounts"
    columns = " | ".join([spread(one, ",.0f"), spread(two, ",.0f"), spread(ratios, ".2f")])
    print(f"{what}: {columns}", file=sys.stderr)
    return f"| {what} | {columns} |"


def _calls_a_second(servers: Sequence[Muniment], requests: Path, seconds: int) -> float:
    """Of all servers together, when the projections have caught up with what was before."""
    servers[0].catch_up()
    connections = CONNECTIONS // len(servers)

    def run(server: Muniment) -> float:
        done = load.run(server.endpoint, requests, connections=connections, seconds=seconds, cycle=True)
        return done.calls_a_second

    with ThreadPoolExecutor(len(servers)) as threads:
        return sum(threads.map(run, servers))
