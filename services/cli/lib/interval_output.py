"""What commands about a span of time have in common: how they say what opened and closed something, and how far they
came."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from domain.foundation.moments import Moment, format_rfc3339
from services.api.contract.access_between import AccessIntervalsPage, HeldIntervalsPage
from services.api.contract.question import Question
from services.api.contract.time_span import Occurrence, SpanPage
from services.cli.lib.client import show_pages
from services.cli.lib.clipping import note_clipping
from services.cli.lib.output import Column, short_arn, short_time
from services.cli.lib.terminal import print_note

AT_THE_START, AT_THE_END = "at the start", "at the end"
"""Of the span: it was so then, and what opened or closed it lies outside."""

P = TypeVar("P", bound=SpanPage)
T = TypeVar("T")


class HasEnds(Protocol):
    """An interval, whatever it is of."""

    @property
    def opened(self) -> Occurrence | None: ...
    @property
    def closed(self) -> Occurrence | None: ...


def show_span(
    args: argparse.Namespace,
    question: type[Question[P]],
    parameters: Mapping[str, object],
    rows_of: Callable[[P], Sequence[T]],
    columns: Sequence[Column[T]],
    rest: Callable[[P], None] | None = None,
) -> int:
    """Shows page after page, then which span they are about, `rest` what else the last one has to say, and how far they
    came if not to the end. Gives the number of rows."""
    pages: list[P] = []

    def rows(page: P) -> Sequence[T]:
        pages[:] = [page]
        return rows_of(page)

    shown = show_pages(args, question, parameters, rows, columns)
    for page in pages:
        note_clipping(page.clipped_to)
        print_note(f"From {_place(page.since)} to {_place(page.until)}{'' if args.until else ', which was now'}.")
        if rest is not None:
            rest(page)
        if page.stopped_at is not None:
            print_note(
                f"Complete up to {_place(page.stopped_at)} only: the rest takes too much work at once. Continue with "
                f"--from {format_rfc3339(page.stopped_at.at)}."
            )
    return shown


def note_bearers(page: AccessIntervalsPage | HeldIntervalsPage) -> None:
    """Where the name was that of several, whose the rows are."""
    if len(page.called) > 1:
        told = (
            f"{each.kind} {each.entity_id} from p{each.valid_from} "
            + ("on" if each.valid_to is None else f"to p{each.valid_to - 1}")
            for each in page.called
        )
        print_note(f"Several were called so: {'; '.join(told)}. Ask by the unique id for one of them.")


def _place(moment: Moment) -> str:
    return f"p{moment.position} ({format_rfc3339(moment.at)})"


def actor(happened: Occurrence) -> str:
    return short_arn(happened.by, happened.account_id or "")


def _by(happened: Occurrence | None) -> str | None:
    """The operation without its service, which its name tells well enough in a narrow column."""
    if happened is None:
        return None
    operation = (happened.operation or "").rpartition(":")[2]
    return f"{operation} {actor(happened)}".lstrip()


END_COLUMNS: Sequence[Column[HasEnds]] = (
    Column("FROM", lambda interval: short_time(interval.opened.at) if interval.opened else AT_THE_START),
    Column("OPENED BY", lambda interval: _by(interval.opened), wraps=True),
    Column("TO", lambda interval: short_time(interval.closed.at) if interval.closed else AT_THE_END),
    Column("CLOSED BY", lambda interval: _by(interval.closed), wraps=True),
)
