"""Questions about a span of time: two moments, and what opened and closed between them."""

from abc import ABC
from datetime import UTC, datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

import psycopg

from domain.foundation.errors import ValidationError
from domain.foundation.events import Change, Entry
from domain.foundation.intervals import IntervalBound
from projections.queries.ledger_positions import AsOf, Moment, position_at, resolve_in_ledger
from services.api.answers import Answer, Page
from services.api.page_markers import make_marker
from services.api.question import MomentText, PagedQuestion

WORK_MAX = 20_000
"""So many changes are folded and answers made for one question, together; a few seconds of one core. What is left of
the span then has to be asked for again."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST_MICROSECOND = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


class TimeSpan(NamedTuple):
    since: Moment
    until: Moment


class Occurrence(Answer):
    """What opened or closed something, or made it another: a change, or time alone."""

    account_id: str | None
    """In whose ledger the change stands; null for time, like all that follows but `at` and the words."""
    position: int | None
    at: datetime
    event_id: str | None
    topic: str | None
    operation: str | None
    """That was called, such as iam:CreateUser; null where nobody called."""
    event: str
    """In an English sentence."""
    by: str
    """The ARN of the principal, `operator user@host`, or the origin of the event; `time` where time came."""

    @classmethod
    def of(cls, end: IntervalBound) -> "Occurrence":
        if isinstance(end, datetime):
            return cls(
                account_id=None,
                position=None,
                at=end,
                event_id=None,
                topic=None,
                operation=None,
                event="A time came that a condition names.",
                by="time",
            )
        return cls.of_entry(end)

    @classmethod
    def of_entry(cls, entry: Entry) -> "Occurrence":
        assert isinstance(entry.event, Change)
        called = f"{entry.cause.service}:{entry.cause.operation}".strip(":")
        return cls(
            account_id=entry.account_id,
            position=entry.position,
            at=entry.at,
            event_id=entry.event_id,
            topic=entry.event.topic,
            operation=called or None,
            event=entry.event.describe(),
            by=entry.cause.actor,
        )


class SpanPage(Page):
    since: Moment
    until: Moment
    stopped_at: Moment | None
    """The question took too much work: all pages are about the span up to and including this moment, from which the
    rest may be asked for. Null where they are about the whole span."""


PageT_co = TypeVar("PageT_co", bound=SpanPage, covariant=True)


class SpanQuestion(PagedQuestion[PageT_co], ABC, Generic[PageT_co]):
    """A question about everything from one moment to another. A page's place says, besides where it begins, where the
    span ends: the first page may have been asked about `now`."""

    place_numbers = 3

    since: MomentText
    until: MomentText | None = None
    """Now, if it is not given."""

    @property
    def moment(self) -> str | None:
        """Whoever asks about a span asks about the past."""
        return self.since

    @property
    def begins_at(self) -> int:
        """Behind so many rows, or behind a position: what the listing counts by."""
        return 0 if self.place is None else self.place[0]

    def span(self, cursor: psycopg.Cursor, account_id: str, as_of: AsOf) -> TimeSpan:
        """Raises ValidationError where it ends before it begins, or has not come yet."""
        since = resolve_in_ledger(cursor, account_id, as_of)
        if self.place is not None:
            _, position, microseconds = self.place
            if microseconds > _LAST_MICROSECOND:
                raise ValidationError(f"The marker is not one that {type(self).__name__} has given.")
            return TimeSpan(since, Moment(position, _EPOCH + microseconds * _MICROSECOND))
        ends = AsOf(as_of.now) if self.until is None else AsOf.parse(self.until, as_of.now)
        until = resolve_in_ledger(cursor, account_id, ends)
        if until.position < since.position or until.at < since.at:
            raise ValidationError(
                f"The span ends before it begins: from {self.since} (position {since.position}) "
                f"to {self.until or 'now'} (position {until.position})."
            )
        return TimeSpan(since, until)

    def following(self, after: int, span: TimeSpan) -> str:
        """The marker of the page that begins behind that."""
        return make_marker(type(self).__name__, after, span.until.position, (span.until.at - _EPOCH) // _MICROSECOND)


def stop_moment(cursor: psycopg.Cursor, account_id: str, at: datetime | None) -> Moment | None:
    """The moment of a time at which a question stopped; None where it did not."""
    return None if at is None else Moment(position_at(cursor, account_id, at), at)
