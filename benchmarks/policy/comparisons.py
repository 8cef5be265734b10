"""CheckNoNewAccess: what it takes of a processor to compare the policies of the benchmark with changed ones."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

from benchmarks.policy.engines import document
from benchmarks.policy.rules import Rule
from benchmarks.policy.workload import POLICIES
from benchmarks.report import machine
from benchmarks.servers import NotMeasured
from benchmarks.size import Size
from domain.policy import PolicyType, parse
from domain.policy.comparison import Comparison, new_access

MILLISECONDS_MAX = 50
COMPARISONS = 200
TIMES = 5
_ABOUT = (
    f"Each statement of the {len(POLICIES)} policies changed in four ways, and compared with what it was: "
    f"{COMPARISONS} comparisons, both documents read anew each time. Processor time of one process, the least of "
    "{}.\n"
)


def _widened(rule: Rule) -> Rule:
    services = {action.partition(":")[0] for action in rule.actions if ":" in action}
    return replace(rule, actions=tuple(f"{service}:*" for service in sorted(services)) or rule.actions)


def _narrowed(rule: Rule) -> Rule:
    resources = (f"{each.rstrip('*')}kind/*" if each != "*" else "arn:aws:s3:::kind/*" for each in rule.resources)
    return replace(rule, resources=tuple(resources))


_CHANGES: Mapping[str, Callable[[Rule], Sequence[Rule]]] = {
    "a statement dropped": lambda _rule: (),
    "a condition dropped": lambda rule: (replace(rule, conditions=rule.conditions[1:]),),
    "all actions of a service": lambda rule: (_widened(rule),),
    "resources of one kind": lambda rule: (_narrowed(rule),),
}


def measured(_directory: Path, size: Size) -> str:
    times = max(1, size.of(TIMES))
    lines = [
        machine(),
        _ABOUT.format(times),
        "| change | passes | new access | cannot tell | ms, median | ms, 99 of 100 | ms, worst |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    everything: list[float] = []
    for name, change in _CHANGES.items():
        pairs = list(_pairs(change))
        told: Counter[str] = Counter()
        took: list[float] = []
        for new, existing in pairs:
            seconds, found = min((_compared(new, existing) for _ in range(times)), key=lambda each: each[0])
            told[_said(found)] += 1
            took.append(seconds * 1e3)
        everything += took
        lines.append(_line(name, told, took))
    if len(everything) != COMPARISONS:
        raise NotMeasured(f"expected {COMPARISONS} comparisons, made {len(everything)}.")
    lines.append(f"| all | | | | {_times(everything)} |")
    return "\n".join(lines) + f"\n\nThe aim is below {MILLISECONDS_MAX} ms each.\n"


def _pairs(change: Callable[[Rule], Sequence[Rule]]) -> Iterator[tuple[str, str]]:
    for policy in POLICIES:
        for at, rule in enumerate(policy):
            yield document([*policy[:at], *change(rule), *policy[at + 1 :]]), document(policy)


def _compared(new: str, existing: str) -> tuple[float, Comparison]:
    since = time.process_time()
    found = new_access(parse(new, PolicyType.IDENTITY), parse(existing, PolicyType.IDENTITY))
    return time.process_time() - since, found


def _said(found: Comparison) -> str:
    return "new access" if found.grants else "passes" if found.passes else "cannot tell"


def _line(name: str, told: Mapping[str, int], took: Sequence[float]) -> str:
    counts = " | ".join(str(told.get(each, 0)) for each in ("passes", "new access", "cannot tell"))
    return f"| {name} | {counts} | {_times(took)} |"


def _times(took: Sequence[float]) -> str:
    return f"{median(took):.1f} | {quantiles(took, n=100, method='inclusive')[-1]:.1f} | {max(took):.1f}"
