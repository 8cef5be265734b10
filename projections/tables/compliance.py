"""What changes do to violations of the built-in criteria, and of an account's own, as rows for compliance.sql."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache

from domain.account import Account, FoldStep
from domain.compliance.adoption import adopted_criteria, own_criteria
from domain.compliance.check import checks
from domain.compliance.finding_changes import Criteria
from domain.compliance.frameworks import built_in_criteria, built_in_frameworks
from domain.compliance.intervals import Violation, ViolationChanges, ViolationKey
from domain.families.compliance_frameworks import COMPLIANCE_FRAMEWORKS, AdoptedFrameworks
from domain.foundation.events import Entry

Row = Mapping[str, object]


@cache
def version() -> str:
    """Another one where a framework has other criteria, or a check finds something else."""
    frameworks = built_in_frameworks().values()
    said = {f"{each.name} {criterion.id}" for each in frameworks for criterion in each.criteria}
    return _digest(said | {f"{each.name} {each.version}" for each in checks() if not each.is_own})


@cache
def addition() -> str:
    """Of the operator's own checks."""
    own = {f"{each.name} {each.version}" for each in checks() if each.is_own}
    return _digest(own) if own else ""


def _digest(said: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest()


def rows(steps: Iterable[FoldStep], history: Callable[[int], Iterable[FoldStep]]) -> Mapping[str, Sequence[Row]]:
    changes = _Changes(history)
    for before, entry, after in steps:
        changes.take(before, entry, after)
    return changes.rows()


class _Changes:
    def __init__(self, history: Callable[[int], Iterable[FoldStep]]) -> None:
        self._history = history
        self._violations = ViolationChanges()
        self._adopted = AdoptedFrameworks()
        self._criteria = built_in_criteria()
        self._replaced = dict[str, None]()
        """Criteria that are looked at anew, or for the first time: from the account's beginning."""
        self._watched = dict[str, datetime | None]()
        """Until when what opens and closes is recorded, of criteria of which that has changed; None: it goes on."""

    def take(self, before: Account, entry: Entry, after: Account) -> None:
        adopted, now = before[COMPLIANCE_FRAMEWORKS], after[COMPLIANCE_FRAMEWORKS]
        if adopted is not self._adopted:
            self._look_at(adopted)
        self._violations.fold(self._criteria, before, entry, after)
        if now is not adopted:
            former = {each.id for each in own_criteria(adopted)}
            self._look_at(now)
            new = tuple(each for each in own_criteria(now) if each.id not in former)
            self._replaced |= dict.fromkeys(each.id for each in new)
            self._violations.replace(Criteria(new), self._history(entry.position))
            was, is_now = ({each.id for each in adopted_criteria(every)} for every in (adopted, now))
            self._watched |= dict.fromkeys(was - is_now, entry.at) | dict.fromkeys(is_now - was)

    def _look_at(self, adopted: AdoptedFrameworks) -> None:
        own = own_criteria(adopted)
        self._adopted = adopted
        self._criteria = Criteria((*built_in_criteria().every, *own)) if own else built_in_criteria()

    def rows(self) -> Mapping[str, Sequence[Row]]:
        changes = self._violations
        ended = (
            {**_key(key), "ends_at": at, "to_position": position, "closed_by": actor}
            for key, (at, position, actor) in changes.ended.items()
        )
        return {
            "replaced": [{"criterion": each} for each in self._replaced],
            "vanished": [_key(key) for key in changes.vanished],
            "moved": [{**_key(key), "ends_at": at} for key, at in changes.moved_ends.items()],
            "over": [_key(key) for key in changes.over],
            "ended": list(ended),
            "begun": [
                *(_row(each, is_current=False) for each in changes.finished),
                *(_row(each, is_current=True) for each in changes.current.values()),
            ],
            "watched": [{"criterion": each, "until": until} for each, until in self._watched.items()],
        }


def _key(key: ViolationKey) -> Row:
    return {"criterion": key.criterion_id, "subject_id": key.subject_id}


def _row(violation: Violation, *, is_current: bool) -> Row:
    fields = violation._asdict()
    return {**fields, **_key(fields.pop("key")), "is_current": is_current}
