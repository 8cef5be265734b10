"""Decisions a second beside other engines, how they grow, and their share in a call."""

import gc
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks.policy import casbin_engine, cedar_engine, scaling, share_of_call, vakt_engine
from benchmarks.policy.engines import Answers, Engine, decided, muniment
from benchmarks.policy.workload import POLICIES, REQUESTS, requests
from benchmarks.report import circumstances, spread
from benchmarks.servers import NotMeasured
from benchmarks.servers import muniment as server
from benchmarks.size import Size
from domain.policy import Result
from services.heap import GARBAGE_OBJECTS_MIN

DECISIONS_A_SECOND = "100,000"
TIMES_THE_FASTEST = 3
PASSES = 10
"""Over all requests in one repetition, each with values of its own."""
RESULTS = (Result.ALLOWED, Result.IMPLICITLY_DENIED, Result.EXPLICITLY_DENIED)
EACH_RESULT_MIN = REQUESTS // 4


@dataclass(slots=True)
class Speeds:
    """Decisions a second in each repetition."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def measured(directory: Path, size: Size) -> str:
    """The text for the README. Raises NotMeasured, too, when the engines do not agree."""
    mix = _mix()
    others = (vakt_engine.engine(POLICIES), *cedar_engine.engines(POLICIES), casbin_engine.engine(POLICIES))
    speeds = _speeds((muniment(POLICIES), *others), size)
    grown = scaling.measured(size)
    with server(directory) as running:
        where = circumstances(running.data)
        shares = share_of_call.measured(running, size)
    packages = ", ".join(f"{name} {version(name)}" for name in ("vakt", "cedarpy", "casbin"))
    about = (
        f"{packages}.\n\n10 policies of 5 statements with 2 conditions each, {REQUESTS} requests: {mix}. All agreed on "
        f"all answers, each time. One core; medians of {size.repetitions} interleaved repetitions of {size.of(PASSES)} "
        "times all requests with fresh values, least and most in brackets.\n"
    )
    return f"{where}{about}\n{_table(speeds)}\n{grown}\n{shares}"


def _mix() -> str:
    """Raises NotMeasured where the requests are not what they are meant to be."""
    decisions = decided(POLICIES, requests(seed=0))
    results = Counter(decision.result for decision in decisions)
    touched = {(match.sourced.source_id, match.statement.index) for each in decisions for match in each.matched}
    statements = sum(map(len, POLICIES))
    if min(results[result] for result in RESULTS) < EACH_RESULT_MIN or len(touched) < statements:
        raise NotMeasured(
            f"{len(touched)} of {statements} statements apply to a request, with results {dict(results)}; expected "
            f"all, and {EACH_RESULT_MIN} requests of each result."
        )
    return ", ".join(f"{results[result]} {result.value}" for result in RESULTS)


def _speeds(engines: Sequence[Engine], size: Size) -> dict[str, Speeds]:
    speeds = {engine.name: Speeds() for engine in engines}
    expected = [decision.result is Result.ALLOWED for decision in decided(POLICIES, requests(seed=0))]
    for engine in engines:
        # This is also what an engine does only once, and is not measured.
        _check(engine, engine.asked(requests(seed=0))(), expected)
    # As in a server: what has been there before is not looked at, and few collections are made.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS_MIN)
    passes = size.of(PASSES)
    for repetition in range(size.repetitions):
        asked = [requests(seed=1 + repetition * passes + number) for number in range(passes)]
        for engine in engines:
            runs = [engine.asked(each) for each in asked]
            wall, processor = time.perf_counter(), time.process_time()
            answers = [run() for run in runs]
            processor, wall = time.process_time() - processor, time.perf_counter() - wall
            for each in answers:
                _check(engine, each, expected)
            speeds[engine.name].wall.append(passes * REQUESTS / wall)
            speeds[engine.name].processor.append(passes * REQUESTS / processor)
            print(f"{engine.name}: {speeds[engine.name].processor[-1]:,.0f} decisions a CPU second", file=sys.stderr)
    return speeds


def _check(engine: Engine, answers: Answers, expected: Answers) -> None:
    differing = [number for number, pair in enumerate(zip(answers, expected, strict=True)) if pair[0] != pair[1]]
    if differing:
        raise NotMeasured(
            f"{engine.name} answers requests {differing} otherwise than muniment; expected no difference."
        )


def _table(speeds: dict[str, Speeds]) -> str:
    ours, *others = speeds.items()
    fastest = max(others, key=lambda item: max(item[1].processor))[0]
    lines = [
        "| engine | decisions a second | a second of processor time | muniment is faster by | aim |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, speed in speeds.items():
        ratios = [our / their for our, their in zip(ours[1].processor, speed.processor, strict=True)]
        aim = DECISIONS_A_SECOND if name == ours[0] else TIMES_THE_FASTEST if name == fastest else ""
        faster = "" if name == ours[0] else spread(ratios, ".1f")
        lines.append(
            f"| {name} | {spread(speed.wall, ',.0f')} | {spread(speed.processor, ',.0f')} | {faster} | {aim} |"
        )
    return "\n".join(lines) + "\n"
