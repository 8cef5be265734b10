"""What questions that go through recorded calls have in common: the span, and how far one answer comes in it."""

from abc import ABC
from datetime import datetime
from typing import Generic, TypeVar

from domain.foundation.moments import AsOf, Moment, NamedMoment
from services.api.contract.question import Answer, MomentText, Question

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
    clipped_to: Moment | None
    """Where the account began, if the span was to begin before: it begins there."""


class ReplayQuestion(Question[PartT_co], ABC, Generic[PartT_co]):
    """About the calls from one moment to another, both inclusive."""

    since: MomentText
    until: MomentText | None = None
    """The newest state, if not given."""

    @property
    def moment(self) -> NamedMoment:
        """The calls were decided on accounts of the past, always."""
        return self.since if self.until is None else self.until

    def existing_at(self, now: datetime) -> AsOf | None:
        return None if self.until is None else self.until.as_of_end(now)
