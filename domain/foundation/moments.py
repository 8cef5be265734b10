"""Moments: where in a ledger something was, and how somebody names a moment."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from domain.foundation.errors import ValidationError

_POSITION = re.compile(r"p([1-9][0-9]{0,17})")
_LOCAL_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_TIME = re.compile(rf"{_LOCAL_TIME}([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})")
_TIME_WITHOUT_OFFSET = re.compile(_LOCAL_TIME)


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in a ledger, and the time there: what has expired by then is decided by that time."""

    position: int
    """Of the last event at or before the moment; 0 where nothing had happened yet."""
    at: datetime


@dataclass(frozen=True, slots=True)
class AsOf:
    """A position of the account, a time, or the newest state. The caller brings `now`; nothing here reads a clock."""

    now: datetime
    position: int | None = None
    at: datetime | None = None

    @classmethod
    def time(cls, at: datetime, now: datetime) -> Self:
        """Raises ValidationError for a time after now: what is not over yet has no settled answer."""
        if at > now:
            raise ValidationError(
                f"{format_rfc3339(at)} has not come yet; it is {format_rfc3339(now.replace(microsecond=0))}."
            )
        return cls(now, at=at)


@dataclass(frozen=True, slots=True)
class NamedMoment:
    """A moment as a caller names it. Whether it has come, `as_of` says."""

    text: str
    position: int | None = None
    at: datetime | None = None

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Self:
        """From p<position>, or an RFC 3339 time with its offset. Raises ValidationError."""
        if position := _POSITION.fullmatch(text):
            return cls(text, position=int(position[1]))
        try:
            at = datetime.fromisoformat(text.upper()).astimezone(UTC) if _TIME.fullmatch(text) else None
        except (ValueError, OverflowError):
            at = None
        if at is None and _TIME_WITHOUT_OFFSET.fullmatch(text):
            raise ValidationError(
                f"The offset from UTC is missing of {text!r}: a time ends with Z, or with an offset such as +02:00."
            )
        if at is None:
            raise ValidationError(
                f"A moment is p<position>, such as p42, or an RFC 3339 time, such as 2025-01-31T12:00:00Z; "
                f"got {text!r}."
            )
        return cls(text, at=at)

    def as_of(self, now: datetime) -> AsOf:
        """Raises ValidationError for a time after now."""
        return AsOf(now, position=self.position) if self.at is None else AsOf.time(self.at, now)


def format_rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC, with a fraction if there is one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class EventRef:
    """The event that made something so."""

    position: int
    at: datetime
    by: str
    """The ARN of the principal, or `operator user@host`, or the origin of the event."""
