"""The command that tells what changed between two moments."""

import argparse
from collections.abc import Sequence

from services.api.diff import Change, Diff, DifferencesPage, ListChanges, ToldDifference
from services.api.question import moment
from services.cli.output import Column, say, time
from services.cli.spanning import actor, show_span
from services.cli.words import Commands, asking, understood


def add(commands: Commands) -> None:
    what = "what is not as it was, between two moments, and who made it so"
    parser = asking(commands, "diff", _diff, what)
    for name, which in (("since", "T1"), ("until", "T2")):
        parser.add_argument(
            name, metavar=which, type=understood(moment), help="a time (RFC 3339, in whole with offset) or pPOSITION"
        )
    parser.add_argument("--all", action="store_true", help="every change, also what was undone, and bookkeeping")


def _diff(chosen: argparse.Namespace) -> None:
    span = {"since": chosen.since, "until": chosen.until}
    if chosen.all:
        if not show_span(chosen, ListChanges, span, lambda page: page.changes, CHANGES):
            say("Nothing was changed.")
        return
    if not show_span(chosen, Diff, span, lambda page: page.differences, DIFFERENCES, _say_undone):
        say("Nothing differs.")


def _say_undone(page: DifferencesPage) -> None:
    if page.undone:
        were, are = ("was", "is as it was") if page.undone == 1 else ("were", "are as they were")
        say(f"{page.undone} more {were} changed and {are}: see --all.")


def _told(found: ToldDifference) -> str:
    """With the number of changes, where there was more than the last."""
    return found.sentence if len(found.events) == 1 else f"{found.sentence} ({len(found.events)} changes)"


DIFFERENCES: Sequence[Column[ToldDifference]] = (
    Column("WHAT CHANGED", _told, shrinks=True),
    Column("TIME", lambda found: time(found.events[0].at)),
    Column("POSITION", lambda found: str(found.events[0].position)),
    Column("OPERATION", lambda found: found.events[0].operation, shrinks=True),
    Column("BY", lambda found: actor(found.events[0]), shrinks=True),
)
CHANGES: Sequence[Column[Change]] = (
    Column("POSITION", lambda change: str(change.position)),
    Column("TIME", lambda change: time(change.at)),
    Column("WHAT HAPPENED", lambda change: change.event, shrinks=True),
    Column("OPERATION", lambda change: change.operation, shrinks=True),
    Column("BY", actor, shrinks=True),
)
