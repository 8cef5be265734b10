"""`python -m benchmarks`: calls per second, signed, authorised and recorded, beside one that does nothing."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.load import wrk
from benchmarks.measuring import OPERATIONS, measure
from benchmarks.profiling import profile
from benchmarks.servers import NotMeasured, doing_nothing, muniment


def main() -> int:
    chosen = _parser().parse_args()
    directory: Path = chosen.directory
    try:
        wrk()
        if chosen.operation is not None:
            profile(chosen.operation, directory, chosen.seconds)
        else:
            repetitions, seconds = (1, 1) if chosen.quick else (chosen.repetitions, chosen.seconds)
            _measure(directory, repetitions, seconds, write=chosen.write)
    except NotMeasured as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(directory: Path, repetitions: int, seconds: int, *, write: bool) -> None:
    with muniment(directory) as server, doing_nothing() as nothing:
        circumstances = report.circumstances(server.data)
        measured = measure(server, nothing, repetitions=repetitions, seconds=seconds)
    outcome = report.outcome(measured, repetitions=repetitions, seconds=seconds)
    text = f"{circumstances}{outcome}\n{report.table(measured)}"
    print(text)
    if write:
        report.write(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="of each run (2)")
    parser.add_argument("--repetitions", type=int, default=5, help="of each measurement (5)")
    parser.add_argument("--quick", action="store_true", help="one run of a second each: does it work?")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
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
