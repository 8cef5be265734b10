"""Interleaved runs: each operation at each number of connections, muniment and then nothing, again and again."""

import math
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, product
from pathlib import Path

from benchmarks import load, report, signing
from benchmarks.accounts import Account, create_role, open_accounts
from benchmarks.ledger_check import compare
from benchmarks.load import Run
from benchmarks.servers import Muniment, doing_nothing, muniment
from benchmarks.size import Size

CONNECTIONS = (1, 16, 64)
MOST_OF_NOTHING = 0.5
"""CreateUser is expected to stay below this share of what doing nothing reaches. Else its requests run out, loudly."""
WARM_UP_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    requests: Callable[[Account], Iterator[bytes]]
    aim: float
    """The share of what doing nothing reaches that is aimed at with 64 connections."""
    cycle: bool = True
    """Whether a request may be sent twice."""


OPERATIONS = (
    Operation("GetCallerIdentity", signing.get_caller_identity, 0.40),
    Operation("GetUser", signing.get_user, 0.40),
    Operation("AssumeRole", signing.assume_role, 0.25),
    Operation("CreateUser", signing.create_user, 0.25, cycle=False),
)


@dataclass(frozen=True, slots=True)
class Pair:
    muniment: Run
    nothing: Run
    processor_seconds: float
    """Of muniment's process, in its run."""

    @property
    def processor_microseconds_a_call(self) -> float:
        return 1e6 * self.processor_seconds / self.muniment.calls

    @property
    def ratio(self) -> float:
        return self.muniment.calls_a_second / self.nothing.calls_a_second


@dataclass(slots=True)
class Measured:
    pairs: dict[tuple[Operation, int], list[Pair]] = field(default_factory=lambda: defaultdict(list))
    """By operation and number of connections."""
    catching_up_seconds_max: float = 0.0
    """What the projections took after the worst run."""
    calls: int = 0
    """Answered by muniment, and no fewer in the ledger."""

    def every_pair(self) -> Iterator[Pair]:
        return chain.from_iterable(self.pairs.values())


class Measurement:
    """Raises NotMeasured wherever a call is not answered, or with an error."""

    def __init__(self, muniment: Muniment, nothing: str, requests: Path, seconds: int) -> None:
        self._muniment = muniment
        self._nothing = nothing
        self._requests = requests
        self._seconds = seconds
        self._answered: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._measured = Measured()
        [self._account] = open_accounts(muniment.data, 1)
        create_role(muniment.endpoint, self._account, signing.ROLE)

    def run(self, repetitions: int) -> Measured:
        """Raises NotMeasured, too, when the ledger holds fewer calls than were answered."""
        self._warm_up()
        for repetition, operation, connections in product(range(repetitions), OPERATIONS, CONNECTIONS):
            self._write_requests(operation, connections)
            pair = self._pair(operation, connections, self._seconds)
            self._measured.pairs[operation, connections].append(pair)
            print(
                f"{repetition + 1}/{repetitions} {operation.name:17} {connections:2} connections: "
                f"{pair.muniment.calls_a_second:6,.0f} calls/s, nothing {pair.nothing.calls_a_second:6,.0f}: "
                f"{pair.ratio:4.0%}",
                file=sys.stderr,
            )
        compare(self._muniment.data, self._answered, self._under_way)
        self._measured.calls = self._answered.total()
        return self._measured

    def _warm_up(self) -> None:
        """What a process does only once: importing, planning, reading a secret."""
        for operation in OPERATIONS[:2]:
            signing.write(self._requests, operation.requests(self._account))
            self._pair(operation, max(CONNECTIONS), WARM_UP_SECONDS)

    def _pair(self, operation: Operation, connections: int, seconds: int) -> Pair:
        def run(endpoint: str, *, cycle: bool) -> Run:
            return load.run(endpoint, self._requests, connections=connections, seconds=seconds, cycle=cycle)

        used = self._muniment.processor_seconds()
        ours = run(self._muniment.endpoint, cycle=operation.cycle)
        used = self._muniment.processor_seconds() - used
        self._answered[operation.name] += ours.calls
        # wrk does not wait for what it sent last: one call a connection.
        self._under_way[operation.name] += connections
        behind = self._muniment.catch_up()
        self._measured.catching_up_seconds_max = max(self._measured.catching_up_seconds_max, behind)
        return Pair(ours, run(self._nothing, cycle=True), used)

    def _write_requests(self, operation: Operation, connections: int) -> None:
        """Signed anew for each run. Where none may be sent twice, they go to fresh accounts, one after the other."""
        if operation.cycle:
            requests = operation.requests(self._account)
        else:
            fastest = self._measured.pairs[OPERATIONS[0], connections][-1].nothing.calls_a_second
            count = math.ceil(MOST_OF_NOTHING * fastest * self._seconds)
            accounts = open_accounts(self._muniment.data, math.ceil(count / signing.USERS_AN_ACCOUNT))
            requests = islice((request for account in accounts for request in operation.requests(account)), count)
        signing.write(self._requests, requests)


def measured(directory: Path, size: Size) -> str:
    """The text for the README."""
    with muniment(directory) as server, doing_nothing() as nothing, tempfile.TemporaryDirectory() as place:
        circumstances = report.circumstances(server.data)
        requests = Path(place) / "requests"
        found = Measurement(server, nothing, requests, size.seconds).run(size.repetitions)
    return f"{circumstances}{_outcome(found, size)}\n{_table(found)}"


def _outcome(found: Measured, size: Size) -> str:
    shares = [max(pair.muniment.generator_share, pair.nothing.generator_share) for pair in found.every_pair()]
    return (
        f"Medians of {size.repetitions} interleaved runs of {size.seconds} s, least and most in brackets.\n"
        f"{found.calls:,} calls were answered, and the ledger holds no fewer.\n"
        f"wrk took at most {max(shares):.0%} of a core, and the projections had caught up at most "
        f"{found.catching_up_seconds_max:.0f} s after a run.\n"
    )


def _table(found: Measured) -> str:
    lines = [
        "| operation | connections | muniment, calls/s | doing nothing, calls/s | ratio | aim | processor, µs a call |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    busiest = max(connections for _, connections in found.pairs)
    for (operation, connections), pairs in found.pairs.items():
        aim = f"{operation.aim:.0%}" if connections == busiest else ""
        lines.append(
            f"| {operation.name} | {connections} "
            f"| {report.spread((pair.muniment.calls_a_second for pair in pairs), ',.0f')} "
            f"| {report.spread((pair.nothing.calls_a_second for pair in pairs), ',.0f')} "
            f"| {report.spread((pair.ratio for pair in pairs), '.0%')} | {aim} "
            f"| {report.spread((pair.processor_microseconds_a_call for pair in pairs), ',.0f')} |"
        )
    return "\n".join(lines) + "\n"
