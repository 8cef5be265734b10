"""The command that tells what changed between two moments."""

import argparse
from collections.abc import Sequence

from domain.foundation.moments import MOMENT
from services.api.contract.diff import Diff, DifferencesPage, FactChange, ListChanges, RecordedChange
from services.cli.lib.arguments import add_question_arguments, moment_text
from services.cli.lib.interval_output import actor, show_span
from services.cli.lib.output import Column, short_time
from services.cli.lib.terminal import UsageError, print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, which in (("since", "T1"), ("until", "T2")):
        parser.add_argument(name, type=moment_text, metavar=which, help=MOMENT)
    parser.add_argument(
        "--all", action="store_true", help="every change, including those that were changed back, and bookkeeping"
    )
    parser.add_argument(
        "--people",
        action="store_true",
        help="which users joined, moved or left: created, deleted, or given another name, group, policy or boundary; "
        "also what was changed back",
    )
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    span = {"since": args.since, "until": args.until}
    if args.people:
        if args.all:
            raise UsageError("--all lists every change, --people those of users: give one or the other.")
        people = {**span, "people": True}
        if not show_span(args, ListChanges, people, lambda page: page.changes, MOVEMENTS):
            print_note("No user joined, moved or left.")
        return
    if args.all:
        if not show_span(args, ListChanges, span, lambda page: page.changes, CHANGES):
            print_note("Nothing was changed.")
        return
    if args.output == "json":
        shown = show_span(args, Diff, span, lambda page: page.differences, (), _print_undone)
    else:
        found: list[FactChange] = []
        shown = show_span(args, Diff, span, lambda page: _changes(page, found), DIFFERENCES, _print_undone)
    if not shown:
        print_note("Nothing differs.")


def _print_undone(page: DifferencesPage) -> None:
    if page.undone:
        were = "was" if page.undone == 1 else "were"
        print_note(f"{page.undone} more {were} changed and changed back: see --all.")


def _changes(page: DifferencesPage, found: list[FactChange]) -> Sequence[FactChange]:
    """Of what differs every change, each with who made it: a creation is its creator's, whoever has changed since what
    was created. In the order of their positions, which pages are not: with the last page all of them."""
    found += [change for difference in page.differences for change in reversed(difference.events)]
    return sorted(found, key=lambda change: change.position or 0) if page.marker is None else ()


DIFFERENCES: Sequence[Column[FactChange]] = (
    Column("TIME", lambda change: short_time(change.at)),
    Column("POSITION", lambda change: str(change.position)),
    Column("BY", actor, least=10),
    Column("OPERATION", lambda change: change.operation, least=13),
    Column("WHAT CHANGED", lambda change: change.sentence, wraps=True),
)
CHANGES: Sequence[Column[RecordedChange]] = (
    Column("POSITION", lambda change: str(change.position)),
    Column("TIME", lambda change: short_time(change.at)),
    Column("WHAT HAPPENED", lambda change: change.event, wraps=True),
    Column("OPERATION", lambda change: change.operation, least=13),
    Column("BY", actor, least=10),
)
MOVEMENTS: Sequence[Column[RecordedChange]] = (
    Column("TIME", lambda change: short_time(change.at)),
    Column("POSITION", lambda change: str(change.position)),
    Column("MOVEMENT", lambda change: change.movement),
    *CHANGES[2:],
)
