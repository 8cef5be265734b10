"""The worst decisions: as many policies as are decided still, and what that takes of a processor."""

import time
from pathlib import Path

from benchmarks.report import machine
from benchmarks.size import Size
from domain.policy import BUDGET_STEPS, Layer, Layers, PolicyType, SourcedPolicy, evaluate, parse
from domain.policy.prices import price_of
from tests.domain.policy.expensive import ATTACKS, POLICIES_MAX, Attack

MILLISECONDS_MAX = 20
ABOUT = (
    "Of each attack as many policies as a user can have and the budget allows. Processor time of one process; "
    "remembered: asked about before."
)
TIMES = 5


def measured(_directory: Path, size: Size) -> str:
    lines = [
        machine(),
        f"{ABOUT} The least of {max(1, size.of(TIMES))}.\n",
        "| attack | policies | steps | ms, first | ms, remembered | ns a step | to read a policy, ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_line(name, attack, max(1, size.of(TIMES))) for name, attack in ATTACKS.items()]
    return "\n".join(lines) + f"\n\nThe aim is below {MILLISECONDS_MAX} ms.\n"


def _line(name: str, attack: Attack, times: int) -> str:
    one = _steps(_layers(attack, 1), attack)
    count = min(POLICIES_MAX, BUDGET_STEPS // one)
    if not count:
        return f"| {name} | refused with one | {one:,} | | | | |"
    first: list[float] = []
    remembered: list[float] = []
    reading: list[float] = []
    for _ in range(times):
        since = time.process_time()
        layers = _layers(attack, count)
        reading.append((time.process_time() - since) / count)
        for seconds in (first, remembered):
            since = time.process_time()
            evaluate(layers, attack.request)
            seconds.append(time.process_time() - since)
    steps = _steps(layers, attack)
    return (
        f"| {name} | {count} | {steps:,} | {min(first) * 1e3:.1f} | {min(remembered) * 1e3:.1f} "
        f"| {min(first) * 1e9 / steps:.1f} | {min(reading) * 1e3:.1f} |"
    )


def _layers(attack: Attack, count: int) -> Layers:
    policies = [parse(attack.document, PolicyType.IDENTITY) for _ in range(count)]
    return [(Layer.IDENTITY, [SourcedPolicy(policy, "p", "managed", "v1") for policy in policies])]


def _steps(layers: Layers, attack: Attack) -> int:
    policies = tuple(sourced.policy for _, listed in layers for sourced in listed)
    return price_of("iam:getuser", policies).weigh(attack.request.resource, attack.request.context)[0]
