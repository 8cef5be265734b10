"""What a lineage has altered, put back as it was, where nobody else has changed it since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.account import Account, AccountChange
from domain.altered_settings import AlteredSetting
from domain.entity_kinds import is_there
from domain.families.containment import CONTAINED_POLICY_NAME
from domain.foundation.errors import Refusal
from domain.lineage_kinds import SettingDelta
from domain.queries.restored_providers import KEY_ROWS
from domain.queries.restored_settings import SETTING_ROWS

RESTORATIONS_MAX = 200
"""So many of an account a single call puts back; whoever asks again puts back the next."""


@dataclass(frozen=True, slots=True)
class SettingRestoration:
    account_id: str
    what: str
    """Such as `trust of role admin`."""
    before: str | None
    """What it said before the lineage: of a document its text; None where it was not there."""
    after: str | None
    """What it says now."""
    refused: str | None
    """Why it, or a part of it, is not put back; None where all is."""


class Restored(NamedTuple):
    told: Sequence[SettingRestoration]
    changes: Sequence[AccountChange]
    account: Account
    """With them."""


def restore(account: Account, altered: Iterable[AlteredSetting], made: frozenset[str], at: datetime) -> Restored:
    """The last that was altered first, but keys before the providers that they would hold. `made` are the lineage's own
    users, roles, groups, policies and server certificates: for those there is no before."""
    told, changes = list[SettingRestoration](), list[AccountChange]()
    there = [each for each in altered if each.owner_id not in made and each.subject_id != CONTAINED_POLICY_NAME]
    for each in sorted(there, key=lambda each: (each.kind in KEY_ROWS, _last_position(each)), reverse=True):
        delta = None if account.closed_at is not None else each.delta(account)
        if delta is None or len(changes) >= RESTORATIONS_MAX:
            continue
        refused, undoing = _undoing(each, delta)
        row, place = SETTING_ROWS[each.kind], (each.owner_id, each.subject_id)
        before, after = row.says(delta.former, *place), row.says(account, *place)
        title = row.title(account if is_there(account, each.subject_id) else delta.former, *place)
        told.append(SettingRestoration(account.id, title, before, after, refused))
        for change in undoing:
            account = change.fold(account, at)
        changes += undoing
    return Restored(told, changes, account)


def _last_position(altered: AlteredSetting) -> int:
    return altered.steps[-1].position if altered.steps else 0


def _undoing(altered: AlteredSetting, delta: SettingDelta) -> tuple[str | None, list[AccountChange]]:
    """Why it is not put back, or what does it."""
    others = altered.steps[-1].others_position
    if others is not None:
        return f"somebody else has changed it since, at position {others}", []
    row = SETTING_ROWS[altered.kind]
    try:
        return row.lost(delta), list(row.changes(delta, delta.former))
    except Refusal as refusal:
        return refusal.message, []
