"""Intervals of violation: who violated what, from when to when, by which changes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from domain.account import Account
from domain.compliance.finding_changes import Criteria, FindingChange, KnownFindings
from domain.entity_kinds import find_entity
from domain.foundation.events import Entry


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

    def _apply(self, change: FindingChange, entry: Entry, before: Account, after: Account) -> None:
        key, was, now = ViolationKey(change.criterion.id, change.subject_id), change.before, change.after
        at, goes_on = entry.at, now is not None and now.is_violated(entry.at)
        if was is not None and was.since is not None:
            if was.since > at:
                self._vanish(key)
            elif was.until is not None and was.until <= at:
                self._finish(key)
            elif goes_on and now is not None:
                self._move_end(key, now.until)
                return
            else:
                self._end(key, entry)
        if now is not None and now.since is not None and (now.until is None or now.until > at):
            self.current[key] = Violation(
                key,
                change.holder_id,
                _name(change.holder_id, after, before),
                entry.position,
                max(now.since, at),
                by_time=now.since > at,
                opened_by=entry.cause.actor,
                ends_at=now.until,
            )

    def _vanish(self, key: ViolationKey) -> None:
        if self.current.pop(key, None) is None:
            self.vanished.append(key)

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


def violations(criteria: Criteria, steps: Iterable[tuple[Account, Entry, Account]]) -> list[Violation]:
    """All, from the beginning of a ledger: `steps` are its changes, with the values before and after each."""
    changes = ViolationChanges()
    for before, entry, after in steps:
        changes.fold(criteria, before, entry, after)
    return [*changes.finished, *changes.current.values()]


def _name(holder_id: str, *accounts: Account) -> str:
    for account in accounts:
        if (found := find_entity(account, holder_id)) is not None:
            return found[1].name
    return "root" if holder_id == accounts[0].id else holder_id
