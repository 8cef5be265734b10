"""`python -m benchmarks`: how fast it is, each part beside what it is to be compared with."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import (
    account_existence,
    append,
    call_replay,
    command,
    compliance,
    containment,
    evidence,
    fold,
    historical_states,
    history,
    large_answers,
    latency,
    processes,
    projection_lag,
    refusals,
    report,
    siege,
    startup,
    throughput,
    tick,
    webhooks,
)
from benchmarks.load import wrk
from benchmarks.policy import comparisons, decisions, prices
from benchmarks.profiling import profile
from benchmarks.servers import NotMeasured
from benchmarks.size import Size
from benchmarks.throughput import OPERATIONS

PARTS: Mapping[str, Callable[[Path, Size], str]] = {
    "calls": throughput.measured,
    "latency": latency.measured,
    "append": append.measured,
    "processes": processes.measured,
    "fold": fold.measured,
    "large": startup.measured,
    "answers": large_answers.measured,
    "tick": tick.measured,
    "past": historical_states.measured,
    "lag": projection_lag.measured,
    "history": history.measured,
    "policy": decisions.measured,
    "what-if": call_replay.measured,
    "command": command.measured,
    "containment": containment.measured,
    "prices": prices.measured,
    "comparisons": comparisons.measured,
    "siege": siege.measured,
    "existence": account_existence.measured,
    "refusals": refusals.measured,
    "webhooks": webhooks.measured,
    "compliance": compliance.measured,
    "evidence": evidence.measured,
}
"""Each gives the text that goes between its marks in the README."""
QUICK = Size(repetitions=1, seconds=1, share=0.02)


def main() -> int:
    chosen = _parser().parse_args()
    directory: Path = chosen.directory
    try:
        wrk()
        if chosen.operation is not None:
            profile(chosen.operation, directory, chosen.seconds)
            return 0
        size = QUICK if chosen.quick else Size(chosen.repetitions, chosen.seconds, share=1)
        for name in chosen.only or PARTS:
            print(f"\n{name}", file=sys.stderr)
            text = PARTS[name](directory, size)
            print(f"\n{text}", flush=True)
            if chosen.write:
                report.write(name, text)
    except NotMeasured as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="of each run (2)")
    parser.add_argument("--repetitions", type=int, default=5, help="of each measurement (5)")
    parser.add_argument("--quick", action="store_true", help="a fiftieth of everything: does it work?")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be given more than once")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/README.md")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="for the throw-away database, on a real disk (the system's temporary directory)",
    )
    commands = parser.add_subparsers(metavar="profile")
    profiling = commands.add_parser("profile", help="print where an operation's time goes")
    profiling.add_argument("operation", choices=[operation.name for operation in OPERATIONS])
    parser.set_defaults(operation=None)
    return parser


if __name__ == "__main__":
    sys.exit(main())
