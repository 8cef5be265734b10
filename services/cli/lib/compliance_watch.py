"""What opens and closes of a framework's violations, as it comes."""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from domain.foundation.suggested_commands import suggested_command
from services.api.contract.compliance import ListViolations, ShownViolation, ViolationsPage
from services.api.contract.question import Answer
from services.cli.lib.client import QuestionClient, build_question, open_client
from services.cli.lib.compliance_output import violation_columns
from services.cli.lib.output import Column, Output, make_output, short_time
from services.cli.lib.terminal import print_note

WATCH_SECONDS = 2.0
_SHOWN = {"CONTROLS", "SUBJECT", "OF", "POSITIONS"}
"""Of the columns of violations."""


class WatchedTurn(Answer):
    turn: Literal["opened", "closed"]
    at: datetime
    shown: ShownViolation


class _Seen(NamedTuple):
    """Up to where all is known: changes by their positions, and what time does by the time."""

    position: int
    at: datetime

    def is_before(self, position: int | None, at: datetime) -> bool:
        return self.at < at if position is None else self.position < position


def watch(args: argparse.Namespace) -> None:
    """Until it is interrupted."""
    given = {"framework": args.framework, "control": args.control, "subject": args.subject}
    showing: Output[WatchedTurn] | None = None
    with open_client(args) as client:
        now = _pages(client, {**given, "limit": 1})
        first = next(now)
        seen = _Seen(first.until.position, first.until.at)
        going_on = suggested_command("muniment", "compliance", "violations", "--framework", args.framework)
        print_note(f"From p{seen.position} on; Ctrl-C ends it. What goes on now: {going_on}")
        while True:
            time.sleep(WATCH_SECONDS)
            pages = list(_pages(client, {**given, "since": f"p{seen.position}", "turned": True}))
            showing = showing or make_output(args, _columns(pages[0].account_id))
            showing.show(sorted(turns((each for page in pages for each in page.violations), seen), key=_order))
            sys.stdout.flush()
            seen = _Seen(pages[0].until.position, pages[0].until.at)


def turns(violations: Iterable[ShownViolation], seen: _Seen) -> Iterator[WatchedTurn]:
    """Those that are new."""
    for shown in violations:
        opened, closed = shown.violation.opened, shown.violation.closed
        if seen.is_before(None if shown.violation.by_time else opened.position, opened.at):
            yield WatchedTurn(turn="opened", at=opened.at, shown=shown)
        if closed is not None and seen.is_before(closed.position, closed.at):
            yield WatchedTurn(turn="closed", at=closed.at, shown=shown)


def _order(turn: WatchedTurn) -> tuple[datetime, bool, str]:
    return turn.at, turn.turn == "closed", turn.shown.violation.subject_id


def _pages(client: QuestionClient, parameters: dict[str, object]) -> Iterator[ViolationsPage]:
    marker = None
    while True:
        page = client.ask(build_question(ListViolations, {**parameters, "marker": marker}))
        yield page
        marker = page.marker
        if marker is None:
            return


def _columns(account_id: str) -> Sequence[Column[WatchedTurn]]:
    return (
        Column("TIME", lambda turn: short_time(turn.at)),
        Column("TURN", lambda turn: turn.turn),
        *(_of_turn(column) for column in violation_columns(account_id) if column.title in _SHOWN),
    )


def _of_turn(column: Column[ShownViolation]) -> Column[WatchedTurn]:
    return Column(column.title, lambda turn: column.of(turn.shown), wraps=column.wraps, least=column.least)
