"""What questions that go through recorded calls have in common: the span, and how far one answer comes in it."""

from abc import ABC
from collections.abc import Iterable
from datetime import datetime
from typing import Generic, TypeVar

from domain.foundation.moments import AsOf, Moment, NamedMoment
from services.api.contract.question import Answer, MomentText, Question

PartT_co = TypeVar("PartT_co", bound="ReplayedPart", covariant=True)


class ContainedCalls(Answer):
    """Calls of a credential that was contained, and of what it gave birth to, up to the containment."""

    credential: str
    """As the containment named it."""
    position: int
    """Of the containment."""
    at: datetime
    by: str
    calls: int
    """So many of those that the answer is about, or would be."""
    unknown: str | None
    """Why there may be more that cannot be told from others' calls. Null where all are known."""


class ReplayedPart(Answer):
    """How far an answer has come in the span."""

    account_id: str
    since_position: int
    """The first that was looked at."""
    until_position: int
    """The last of the whole span."""
    stopped_position: int | None
    """Where the answer ends before the span does: there is one more from the position behind it. Null at the end."""
    contained: tuple[ContainedCalls, ...]
    """By containments up to now that the account's ledger tells. A call of several is counted with the first."""
    clipped_to: Moment | None
    """Where the account began, if the span was to begin before: it begins there."""


class ReplayQuestion(Question[PartT_co], ABC, Generic[PartT_co]):
    """About the calls from one moment to another, both inclusive."""

    since: MomentText
    until: MomentText | None = None
    """The newest state, if not given."""

    @property
    def end(self) -> NamedMoment | None:
        """Of the span; None: the newest state."""
        return self.until

    @property
    def moment(self) -> NamedMoment:
        """The calls were decided on accounts of the past, always."""
        return self.since if self.end is None else self.end

    def existing_at(self, now: datetime) -> AsOf | None:
        """Before the account began there were no calls, which is an answer: a span may begin earlier, not end."""
        return None if self.end is None else self.end.as_of_end(now)


def merge_contained(parts: Iterable[ReplayedPart]) -> tuple[ContainedCalls, ...]:
    """Of all parts of a span."""
    merged: dict[int, ContainedCalls] = {}
    for found in (each for part in parts for each in part.contained):
        calls = found.calls + (merged[found.position].calls if found.position in merged else 0)
        merged[found.position] = found.model_copy(update={"calls": calls})
    return tuple(merged[position] for position in sorted(merged))
