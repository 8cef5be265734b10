"""What was so from when to when, and what made it so and ended it: a value's history as intervals."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Generic, TypeVar

from domain.foundation.events import Entry

IntervalBound = Entry | datetime
"""What opens or closes an interval: an event, or time alone, by the time at which it did."""
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Interval(Generic[K, V]):
    """From the end that opened it on, up to and not including the one that closed it."""

    key: K
    value: V
    opened: IntervalBound | None
    """None: it was so when the span began."""
    closed: IntervalBound | None
    """None: it was so when the span ended."""


@dataclass(frozen=True, slots=True)
class Step(Generic[K, V]):
    """A point of the span, and what is so from there on."""

    at: datetime
    end: IntervalBound | None
    """None of the first, where the span begins."""
    news: Mapping[K, V | None]
    """Of every key whose value may be another than before; None: it has none any more."""
    work: int = 1
    """What it took to find out: the change folded, and each evaluation."""


@dataclass(frozen=True, slots=True)
class IntervalsResult(Generic[K, V]):
    intervals: tuple[Interval[K, V], ...]
    """Of each key together and in their order; the keys in that in which they appeared."""
    stopped_at: datetime | None
    """The work was bounded, and came to here: all of it is true up to and including this time, and nothing is known of
    what came later. None where it came to the span's end."""


@dataclass(slots=True)
class _IntervalBuilder(Generic[K, V]):
    alike: Callable[[V, V], bool]
    by_key: dict[K, list[Interval[K, V]]] = field(default_factory=dict)

    def tell(self, key: K, value: V | None, end: IntervalBound | None) -> None:
        rows = self.by_key.setdefault(key, [])
        if rows and rows[-1].closed is None:
            if value is not None and self.alike(rows[-1].value, value):
                return
            rows[-1] = replace(rows[-1], closed=end)
        if value is not None:
            rows.append(Interval(key, value, end, None))


def intervals(
    steps: Iterable[Step[K, V]], work_max: int, alike: Callable[[V, V], bool] = operator.eq
) -> IntervalsResult[K, V]:
    """Takes steps until there are no more or their work is done, and then stops between two times, never among the
    steps of one: whoever goes on from that time leaves nothing out. What it takes to find out what was so in the
    beginning does not count, so that whoever goes on comes further each time. Values that are `alike` make one
    interval."""
    told: _IntervalBuilder[K, V] = _IntervalBuilder(alike)
    work, at, stopped_at = 0, None, None
    for step in steps:
        if at is not None:
            if step.at > at and work >= work_max:
                stopped_at = at
                break
            work += step.work
        at = step.at
        for key, value in step.news.items():
            told.tell(key, value, step.end)
    return IntervalsResult(tuple(chain.from_iterable(told.by_key.values())), stopped_at)


def mapping_changes(before: Mapping[K, V], after: Mapping[K, V]) -> dict[K, V | None]:
    """The news that leads from one mapping to the other."""
    gone: Iterator[K] = (key for key in before if key not in after)
    return {**dict.fromkeys(gone), **{key: value for key, value in after.items() if before.get(key) != value}}
