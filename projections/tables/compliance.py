"""What changes do to violations of the built-in criteria, as rows for compliance.sql."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from domain.account import Account
from domain.compliance.frameworks import built_in_criteria
from domain.compliance.intervals import Violation, ViolationChanges, ViolationKey
from domain.foundation.events import Entry

Row = Mapping[str, object]


@cache
def version() -> str:
    """Another one where a criterion is added or removed, or a check finds something else."""
    said = sorted(f"{each.id} {each.check.version}" for each in built_in_criteria().every)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def rows(steps: Iterable[tuple[Account, Entry, Account]]) -> Mapping[str, Sequence[Row]]:
    changes, criteria = ViolationChanges(), built_in_criteria()
    for before, entry, after in steps:
        changes.fold(criteria, before, entry, after)
    ended = (
        {**_key(key), "ends_at": at, "to_position": position, "closed_by": actor}
        for key, (at, position, actor) in changes.ended.items()
    )
    return {
        "vanished": [_key(key) for key in changes.vanished],
        "moved": [{**_key(key), "ends_at": at} for key, at in changes.moved_ends.items()],
        "over": [_key(key) for key in changes.over],
        "ended": list(ended),
        "begun": [
            *(_row(each, is_current=False) for each in changes.finished),
            *(_row(each, is_current=True) for each in changes.current.values()),
        ],
    }


def _key(key: ViolationKey) -> Row:
    return {"criterion": key.criterion_id, "subject_id": key.subject_id}


def _row(violation: Violation, *, is_current: bool) -> Row:
    fields = violation._asdict()
    return {**fields, **_key(fields.pop("key")), "is_current": is_current}
