"""Questions about a span of time: two moments, and what opened and closed between them."""

from abc import ABC
from datetime import datetime
from typing import Generic, TypeVar

from domain.foundation.moments import AsOf, Moment, NamedMoment
from services.api.contract.question import Answer, MomentText, Page, PagedQuestion


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


class SpanPage(Page):
    since: Moment
    clipped_to: Moment | None
    """Where the account began, if the span was to begin before: it begins there."""
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
    def moment(self) -> NamedMoment:
        """Whoever asks about a span asks about the past."""
        return self.since

    def existing_at(self, now: datetime) -> AsOf | None:
        return None if self.until is None else self.until.as_of_end(now)

    @property
    def begins_at(self) -> int:
        """Behind so many rows, or behind a position: what the listing counts by."""
        return 0 if self.place is None else self.place[0]
