"""Moments: where in a ledger something was, and how somebody names a moment."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from domain.foundation.errors import ValidationError

_POSITION = re.compile(r"p([1-9][0-9]{0,17})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_TIME = re.compile(rf"{_DATE.pattern}[Tt ]{_CLOCK}(?P<offset>[Zz]|[+-][0-9]{{2}}:[0-9]{{2}})?")
_AGE = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_NOW = "now"
_MIN_TIME = datetime.min.replace(tzinfo=UTC)
MOMENT = (
    "now, an age such as 30m, 1h or 7d, a date, an RFC 3339 time such as 2025-01-31T12:00:00Z (UTC if it has no "
    "offset), or a position such as p42"
)
"""How a moment is written, for people."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in a ledger, and the time there: what has expired by then is decided by that time."""

    position: int
    """Of the last event at or before the moment; 0 where nothing had happened yet."""
    at: datetime


BEGINNING = Moment(0, _MIN_TIME)
"""Of every ledger, before anything had happened."""


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
    """A moment as a caller names it. Which one that is, and whether it has come, is told by now."""

    text: str
    position: int | None = None
    at: datetime | None = None
    age: timedelta | None = None
    """So long before now."""
    is_date: bool = False
    """`at` is the beginning of the day, in UTC."""

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Self:
        """From what MOMENT says; a time without an offset and a date are of UTC. Raises ValidationError."""
        if text == _NOW:
            return cls(text)
        if position := _POSITION.fullmatch(text):
            return cls(text, position=int(position[1]))
        if age := _AGE.fullmatch(text):
            return cls(text, age=timedelta(**{_UNITS[age[2]]: int(age[1])}))
        is_date = _DATE.fullmatch(text) is not None
        time = _TIME.fullmatch(text)
        try:
            if is_date or (time and time["offset"] is None):
                return cls(text, at=datetime.fromisoformat(text.upper()).replace(tzinfo=UTC), is_date=is_date)
            if time:
                return cls(text, at=datetime.fromisoformat(text.upper()).astimezone(UTC))
        except (ValueError, OverflowError):
            pass
        raise ValidationError(f"A moment is {MOMENT}; got {text!r}.")

    @property
    def is_now(self) -> bool:
        return self.text == _NOW

    def absolute(self, now: datetime) -> str:
        """The same moment, named by its time where it is named by its age."""
        return self.text if self.age is None else format_rfc3339(_before(now, self.age))

    def as_of(self, now: datetime) -> AsOf:
        """Raises ValidationError for a time after now."""
        if self.at is not None:
            return AsOf.time(self.at, now)
        return AsOf(now, position=self.position, at=None if self.age is None else _before(now, self.age))

    def as_of_end(self, now: datetime) -> AsOf:
        """As the end of a span, where a date means its whole day, as far as it has come."""
        begins = self.as_of(now)
        if not self.is_date or begins.at is None:
            return begins
        last = timedelta(days=1) - timedelta(microseconds=1)
        return AsOf(now) if now - begins.at <= last else AsOf(now, at=begins.at + last)


def _before(now: datetime, age: timedelta) -> datetime:
    """The first time that there is where that would be none."""
    return now - age if now - _MIN_TIME > age else _MIN_TIME


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
