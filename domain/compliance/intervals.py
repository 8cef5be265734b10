"""Intervals of violation: who violated what, from when to when, by which changes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from domain.account import Account, FoldStep
from domain.compliance.check import ROOT, CheckFinding
from domain.compliance.finding_changes import Criteria, FindingChange, KnownFindings
from domain.entity_kinds import entity_kinds
from domain.foundation.events import Entry
from domain.foundation.moments import Moment
from domain.read_models.compliance import ViolationBound, ViolationInterval

_NOTHING = CheckFinding("")


class ViolationKey(NamedTuple):
    criterion_id: str
    subject_id: str


class Violation(NamedTuple):
    """Half open: at `ends_at` it is over. One that begins and ends at the same time was there between two positions."""

    key: ViolationKey
    holder_id: str
    holder_name: str
    """As it was called at the beginning."""
    from_position: int
    """Of the change that it rests on: the one that began it, or the last one before time did."""
    from_at: datetime
    by_time: bool
    """Whether it began later than that change."""
    opened_by: str
    """Who has made the change, as people read it."""
    ends_at: datetime | None = None
    """Or will end by itself, unless something changes before."""
    to_position: int | None = None
    """Of the change that has ended it; None where time did, or nothing yet."""
    closed_by: str | None = None


@dataclass(slots=True)
class ViolationChanges:
    """What has become of violations since there was last nothing here: of those that were there before, the newest of
    each key; and of new ones."""

    vanished: list[ViolationKey] = field(default_factory=list)
    """Were foreseen, and did not come."""
    over: list[ViolationKey] = field(default_factory=list)
    """Have ended by themselves, and nothing alters them any more."""
    moved_ends: dict[ViolationKey, datetime | None] = field(default_factory=dict)
    """Go on, and end by themselves at another time, or not."""
    ended: dict[ViolationKey, tuple[datetime, int, str]] = field(default_factory=dict)
    """Were ended by a change: time, position and by whom."""
    finished: list[Violation] = field(default_factory=list)
    current: dict[ViolationKey, Violation] = field(default_factory=dict)
    known: KnownFindings = field(default_factory=dict)

    def fold(self, criteria: Criteria, before: Account, entry: Entry, after: Account) -> None:
        for change in criteria.changes(before, entry, after, self.known):
            self._apply(change, entry, before, after)

    def replace(self, criteria: Criteria, history: Iterable[FoldStep]) -> None:
        """Of these criteria only what follows from the account's history: all its changes up to the newest."""
        if not criteria.every:
            return
        ids = {each.id for each in criteria.every}
        for keys in (self.vanished, self.over):
            keys[:] = [key for key in keys if key.criterion_id not in ids]
        for by_key in (self.moved_ends, self.ended, self.current):
            for key in [key for key in by_key if key.criterion_id in ids]:
                del by_key[key]
        self.finished = [each for each in self.finished if each.key.criterion_id not in ids]
        for found in self.known.values():
            for criterion_id in ids & found.keys():
                del found[criterion_id]
        anew = ViolationChanges()
        for before, entry, after in history:
            anew.fold(criteria, before, entry, after)
        self.finished += anew.finished
        self.current |= anew.current

    def _apply(self, change: FindingChange, entry: Entry, before: Account, after: Account) -> None:
        key, at = ViolationKey(change.criterion.id, change.subject_id), entry.at
        _, was_since, was_until = change.before or _NOTHING
        _, since, until = change.after or _NOTHING
        if was_since is not None:
            if was_since > at:
                if self.current.pop(key, None) is None:
                    self.vanished.append(key)
            elif was_until is not None and was_until <= at:
                self._finish(key)
            elif since is not None and since <= at and (until is None or at < until):
                self._move_end(key, until)
                return
            else:
                self._end(key, entry)
        if since is not None and (until is None or until > at):
            by_time = since > at
            name = _name(change.noun, change.holder_id, after, before)
            from_at, actor = since if by_time else at, entry.cause.actor
            self.current[key] = Violation(key, change.holder_id, name, entry.position, from_at, by_time, actor, until)

    def _finish(self, key: ViolationKey) -> None:
        if key in self.current:
            self.finished.append(self.current.pop(key))
        else:
            self.over.append(key)

    def _move_end(self, key: ViolationKey, ends_at: datetime | None) -> None:
        if key in self.current:
            self.current[key] = self.current[key]._replace(ends_at=ends_at)
        else:
            self.moved_ends[key] = ends_at

    def _end(self, key: ViolationKey, entry: Entry) -> None:
        end = entry.at, entry.position, entry.cause.actor
        if key in self.current:
            at, position, actor = end
            ended = self.current.pop(key)._replace(ends_at=at, to_position=position, closed_by=actor)
            self.finished.append(ended)
        else:
            self.moved_ends.pop(key, None)
            self.ended[key] = end


def violations(criteria: Criteria, steps: Iterable[FoldStep]) -> list[Violation]:
    """All, from the beginning of a ledger: `steps` are its changes, with the values before and after each."""
    changes = ViolationChanges()
    for before, entry, after in steps:
        changes.fold(criteria, before, entry, after)
    return [*changes.finished, *changes.current.values()]


def shown(violation: Violation, last: Moment) -> ViolationInterval:
    """As it is told at a moment at or behind its beginning: what ends later goes on there."""
    ends_at, closed = violation.ends_at, None
    if violation.to_position is None:
        has_ended = ends_at is not None and ends_at <= last.at
    else:
        has_ended = violation.to_position <= last.position
    if has_ended and ends_at is not None:
        closed = ViolationBound(position=violation.to_position, at=ends_at, by=violation.closed_by)
    return ViolationInterval(
        criterion=violation.key.criterion_id,
        subject_id=violation.key.subject_id,
        holder_id=violation.holder_id,
        holder_name=violation.holder_name,
        opened=ViolationBound(position=violation.from_position, at=violation.from_at, by=violation.opened_by),
        by_time=violation.by_time,
        closed=closed,
    )


def _name(noun: str, holder_id: str, *accounts: Account) -> str:
    kind = entity_kinds().get(noun)
    if kind is None:
        return ROOT if noun == ROOT else holder_id
    for account in accounts:
        if (found := kind.by_id(account).get(holder_id)) is not None:
            return found.name
    return holder_id
