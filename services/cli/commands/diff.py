"""The command that tells what changed between two moments."""

import argparse
from collections.abc import Sequence

from services.api.contract.diff import Diff, DifferencesPage, ListChanges, NetDifference, RecordedChange
from services.api.contract.time_span import Occurrence
from services.cli.lib.arguments import MOMENT, add_question_arguments
from services.cli.lib.interval_output import actor, show_span
from services.cli.lib.output import Column, short_time
from services.cli.lib.terminal import print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, which in (("since", "T1"), ("until", "T2")):
        parser.add_argument(name, metavar=which, help=MOMENT)
    parser.add_argument(
        "--all", action="store_true", help="every change, including those that were changed back, and bookkeeping"
    )
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    span = {"since": args.since, "until": args.until}
    if args.all:
        if not show_span(args, ListChanges, span, lambda page: page.changes, CHANGES):
            print_note("Nothing was changed.")
        return
    if not show_span(args, Diff, span, lambda page: page.differences, DIFFERENCES, _print_undone):
        print_note("Nothing differs.")


def _print_undone(page: DifferencesPage) -> None:
    if page.undone:
        were = "was" if page.undone == 1 else "were"
        print_note(f"{page.undone} more {were} changed and changed back: see --all.")


def _sentence(found: NetDifference) -> str:
    """With the number of changes, where there was more than one."""
    return found.sentence if len(found.events) == 1 else f"{found.sentence} ({len(found.events)} changes)"


def _named_change(found: NetDifference) -> Occurrence:
    """What the sentence says: of what was created its creation, whoever changed it since; else the last change."""
    return found.events[-1 if found.before is None else 0]


DIFFERENCES: Sequence[Column[NetDifference]] = (
    Column("WHAT CHANGED", _sentence, wraps=True),
    Column("TIME", lambda found: short_time(_named_change(found).at)),
    Column("POSITION", lambda found: str(_named_change(found).position)),
    Column("OPERATION", lambda found: _named_change(found).operation),
    Column("BY", lambda found: actor(_named_change(found))),
)
CHANGES: Sequence[Column[RecordedChange]] = (
    Column("POSITION", lambda change: str(change.position)),
    Column("TIME", lambda change: short_time(change.at)),
    Column("WHAT HAPPENED", lambda change: change.event, wraps=True),
    Column("OPERATION", lambda change: change.operation),
    Column("BY", actor),
)
