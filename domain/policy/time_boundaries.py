"""When the mere passing of time may change what a statement says: the instants that its conditions name."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor

from domain.policy.conditions import Condition, instant, number
from domain.policy.document import Statement

TIME_KEYS = frozenset({"aws:currenttime", "aws:epochtime"})
"""The condition keys whose values change while nothing happens. Both tell whole seconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_LIKE = ("StringLike", "StringNotLike")


@dataclass(frozen=True, slots=True)
class TimeBoundaries:
    """The times from which on a statement may apply where it did not, or the other way round. Between two of them that
    follow one another it says the same about any request that differs in its time alone."""

    instants: frozenset[datetime] = frozenset()
    """Whole seconds."""
    complete: bool = True
    """Whether there are no others. A pattern with wildcards for the text of a time, and the time as a policy variable,
    may turn with every second: which ones is not told."""


def time_boundaries(statement: Statement) -> TimeBoundaries:
    """Each condition on the time turns at the instant that it names, or at the second after: a request's time has no
    fractions, so that `Equals` holds for a second, and `LessThanEquals` ends with one."""
    instants, complete = set[datetime](), True
    for condition in statement.conditions:
        complete &= not any(variable.context_key in TIME_KEYS for variable in condition.variables)
        if condition.context_key in TIME_KEYS:
            complete &= _is_followed(condition)
            for seconds in _named(condition):
                instants |= set(_around(seconds))
    if statement.resources is not None:
        complete &= not any(variable.context_key in TIME_KEYS for variable in statement.resources.variables)
    return TimeBoundaries(frozenset(instants), complete)


def _is_followed(condition: Condition) -> bool:
    """Variables of other keys may fill in a time, too."""
    patterns = _bare(condition) in _LIKE and any("*" in text or "?" in text for text in condition.wanted)
    return not patterns and not condition.variables


def _named(condition: Condition) -> Iterator[float]:
    """The seconds since 1970 of what is compared with. What no text of a time can ever be equal to names none, and of
    other types than these no time is."""
    operator = _bare(condition)
    for text in condition.wanted:
        try:
            if operator.startswith(("Date", "String")):
                yield (instant(text.upper()) - _EPOCH).total_seconds()
            elif operator.startswith("Numeric"):
                yield float(number(text))
        except ValueError:
            continue


def _bare(condition: Condition) -> str:
    """Without what says how several values are taken, and what holds of none: a time is always there, and is one."""
    return condition.operator.rsplit(":", 1)[-1].removesuffix("IfExists")


def _around(seconds: float) -> Iterator[datetime]:
    for whole in (ceil(seconds), floor(seconds) + 1):
        try:
            yield _EPOCH + whole * _SECOND
        except OverflowError:
            # Beyond the years that there are: no request is ever made then.
            continue
