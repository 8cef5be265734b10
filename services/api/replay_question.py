"""What questions that go through recorded calls have in common: the span, and how far one answer comes in it."""

from abc import ABC
from typing import Generic, NamedTuple, TypeVar

from domain.foundation.errors import ValidationError
from domain.foundation.moments import AsOf
from projections.queries.ledger_positions import position_before, resolve_in_ledger
from services.api.answer_context import AnswerContext
from services.api.answers import Answer
from services.api.question import MomentText, Question

POSITIONS_AN_ANSWER_MAX = 50_000
"""Of the ledger. Some seconds' work: whoever asks goes on behind it."""

PartT_co = TypeVar("PartT_co", bound="ReplayedPart", covariant=True)


class ReplayedPart(Answer):
    """How far an answer has come in the span."""

    account_id: str
    since_position: int
    """The first that was looked at."""
    until_position: int
    """The last of the whole span."""
    stopped_position: int | None
    """Where the answer ends before the span does: there is one more from the position behind it. Null at the end."""


class ReplayRange(NamedTuple):
    """Of a span what one answer goes through, at most."""

    after: int
    to: int
    until: int
    """The end of the span."""


class ReplayQuestion(Question[PartT_co], ABC, Generic[PartT_co]):
    """About the calls from one moment to another, both inclusive."""

    since: MomentText
    until: MomentText | None = None
    """The newest state, if not given."""

    @property
    def moment(self) -> str:
        """The calls were decided on accounts of the past, always."""
        return self.since if self.until is None else self.until

    @property
    def existing_at(self) -> str | None:
        """Before the account began there were no calls, which is an answer: a span may begin earlier, not end."""
        return self.until

    def part(self, reader: AnswerContext, account_id: str, now: AsOf) -> ReplayRange:
        """Raises ValidationError for moments that have not come, or come in the wrong order."""
        newest = AsOf(now.now)
        until = newest if self.until is None else AsOf.parse(self.until, now.now)
        end = resolve_in_ledger(reader.cursor, account_id, until).position
        since = AsOf.parse(self.since, now.now)
        if since.position is not None:
            after = since.position - 1
        else:
            assert since.at is not None
            after = position_before(reader.cursor, account_id, since.at)
        if after > end:
            raise ValidationError(f"A span begins before it ends; got {self.since} to {self.until or 'now'}.")
        return ReplayRange(after, min(end, after + POSITIONS_AN_ANSWER_MAX), end)
