"""Questions about a span of time: two moments, and what opened and closed between them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from domain.foundation.errors import ValidationError
from domain.foundation.events import Change, Entry
from domain.foundation.intervals import IntervalBound
from domain.foundation.moments import AsOf, Moment
from projections.queries.ledger_positions import clipped_to, position_at, resolve_in_ledger
from services.api.contract.page_markers import make_marker
from services.api.contract.question import Answer
from services.api.contract.time_span import Occurrence, SpanPage, SpanQuestion
from services.api.handlers.handler import AnswerContext

PAGE_BYTES_MAX = 4 << 20
"""Of the JSON of a page's rows, behind which it ends."""
WORK_MAX = 20_000
"""So many changes are folded and answers made for one question, together; a few seconds of one core. What is left of
the span then has to be asked for again."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)

_LAST_MICROSECOND = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


T = TypeVar("T")
A = TypeVar("A", bound=Answer)


class TimeSpan(NamedTuple):
    since: Moment
    until: Moment
    clipped: bool
    """Whether it was to begin before the account did."""


def occurrence(end: IntervalBound | None) -> Occurrence | None:
    """Null where the bound is outside of the span."""
    if end is None:
        return None
    if isinstance(end, datetime):
        return Occurrence(
            account_id=None,
            position=None,
            at=end,
            event_id=None,
            topic=None,
            operation=None,
            event="A time came that a condition names.",
            by="time",
        )
    return occurrence_of_entry(end)


def occurrence_of_entry(entry: Entry) -> Occurrence:
    assert isinstance(entry.event, Change)
    called = f"{entry.cause.service}:{entry.cause.operation}".strip(":")
    return Occurrence(
        account_id=entry.account_id,
        position=entry.position,
        at=entry.at,
        event_id=entry.event_id,
        topic=entry.event.topic,
        operation=called or None,
        event=entry.event.describe(),
        by=entry.cause.actor,
    )


def resolve_span(question: SpanQuestion[SpanPage], context: AnswerContext) -> TimeSpan:
    """Begins with the account at the earliest. Raises ValidationError where it ends before it begins, or has not come
    yet."""
    as_of = context.as_of
    began = clipped_to(context.cursor, context.account_id, as_of)
    # Before its first event, which is in the span.
    since = Moment(0, began.at) if began else resolve_in_ledger(context.cursor, context.account_id, as_of)
    if question.place is not None:
        _, *end = question.place
        return TimeSpan(since, moment_at_place(*end, listed=type(question).__name__), began is not None)
    ends = AsOf(as_of.now) if question.until is None else question.until.as_of_end(as_of.now)
    until = resolve_in_ledger(context.cursor, context.account_id, ends)
    if until.position < since.position or until.at < since.at:
        raise ValidationError(
            f"The span ends before it begins: from {question.since} (position {since.position}) "
            f"to {question.until or 'now'} (position {until.position})."
        )
    return TimeSpan(since, until, began is not None)


def place_of_moment(moment: Moment) -> tuple[int, int]:
    """By which a marker names it exactly: its position, and the microseconds of its time."""
    return moment.position, (moment.at - _EPOCH) // _MICROSECOND


def moment_at_place(position: int, microseconds: int, *, listed: str) -> Moment:
    """Of a marker that the listing has given. Raises ValidationError for a time that there is not."""
    if microseconds > _LAST_MICROSECOND:
        raise ValidationError(f"The marker is not one that {listed} has given.")
    return Moment(position, _EPOCH + microseconds * _MICROSECOND)


def stop_moment(context: AnswerContext, at: datetime | None) -> Moment | None:
    """The moment of a time at which a question stopped; None where it did not."""
    return None if at is None else Moment(position_at(context.cursor, context.account_id, at), at)


def page_envelope(
    question: SpanQuestion[SpanPage], account_id: str, span: TimeSpan, stopped_at: Moment | None, after: int | None
) -> dict[str, Any]:
    """What every page about a span has besides its rows. The next one begins behind `after`; None on the last."""
    marker, clipped_to = None, Moment(1, span.since.at) if span.clipped else None
    if after is not None:
        marker = make_marker(type(question).__name__, after, *place_of_moment(span.until))
    return {
        "account_id": account_id,
        "limit": question.limit,
        "marker": marker,
        "since": clipped_to or span.since,
        "clipped_to": clipped_to,
        "until": span.until,
        "stopped_at": stopped_at,
    }


def cut_page(
    question: SpanQuestion[SpanPage], rows: Sequence[T], render: Callable[[T], A]
) -> tuple[tuple[A, ...], int | None]:
    """Of all rows those of the page, and behind how many the next one begins; None on the last."""
    shown = fill_page(map(render, rows[question.begins_at :]), question.limit)
    ends_at = question.begins_at + len(shown)
    return shown, ends_at if len(rows) > ends_at else None


def fill_page(rendered: Iterable[A], limit: int) -> tuple[A, ...]:
    """The first ones: so many, or fewer where these are long."""
    shown, size_bytes = list[A](), 0
    for row in islice(rendered, limit):
        shown.append(row)
        size_bytes += len(row.model_dump_json())
        if size_bytes >= PAGE_BYTES_MAX:
            break
    return tuple(shown)
