"""Settings as a lineage has altered them, and accounts as they would be without that."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from domain.account import Account
from domain.entity_kinds import is_there
from domain.lineage_kinds import Parts, Setting, SettingDelta

Items = dict[str, str]


@dataclass(frozen=True, slots=True)
class SettingStep:
    """How it is with a setting from a change on, until the next."""

    position: int
    at: datetime
    by_lineage: bool
    introduced: Parts
    """Of the lineage, and still there."""
    dropped: Parts
    """Taken away by the lineage, and still missing."""
    former: Account
    """Before the lineage began to make this difference."""
    lost: Account
    """Before the last of `dropped` was taken away."""
    others_position: int | None
    """Where somebody else has changed the setting last, while there was a difference."""


@dataclass(slots=True, eq=False)
class AlteredSetting:
    """A setting, and step by step what of it is the lineage's. What others do in between moves the ground that it
    stands on: what they write is theirs, what they take away is gone, and what they put back is as it was."""

    setting: Setting
    kind: str
    """Of the lineage's node that named it first."""
    account_id: str
    owner_id: str
    subject_id: str
    nodes: list[tuple[int, datetime]] = field(default_factory=list)
    """Position and time of the lineage's nodes of it, in their order."""
    steps: list[SettingStep] = field(default_factory=list)
    ever: tuple[Items, Items] = field(default_factory=lambda: ({}, {}))
    """Whatever the lineage has introduced and dropped."""

    def parts(self, account: Account) -> Parts:
        return self.setting.parts(account, self.owner_id, self.subject_id)

    def advance(
        self, before: Account, after: Account, at: datetime, *, by_lineage: bool, putting_back: bool, written: Parts
    ) -> None:
        """By one change of the account. Of a change of the lineage, `written` is what is its own from here on, in force
        or not. What a containment puts back is as if its lineage had not changed it."""
        was, is_ = self.parts(before).items(), self.parts(after).items()
        if was == is_ and not written:
            return
        last = self.steps[-1] if self.steps else None
        introduced = dict(last.introduced) if last else {}
        dropped = dict(last.dropped) if last else {}
        is_different = bool(introduced or dropped)
        came, went = dict(is_ - was), dict(was - is_)
        if by_lineage:
            _apply(came, went, introduced, dropped)
            self.ever[0].update(came | dict(written))
            self.ever[1].update(went)
        elif not is_there(after, self.owner_id):
            introduced, dropped = {}, {}
        else:
            chosen = self.setting.is_versioned and not self.ever[0].items().isdisjoint(came.items())
            for key, value in went.items():
                if introduced.get(key) == value:
                    del introduced[key]
                elif chosen or (putting_back and self.ever[1].get(key) == value):
                    dropped[key] = value
            for key, value in came.items():
                # What has one value only, somebody else has now decided.
                if dropped.get(key) == value or (key in dropped and self.setting.is_keyed):
                    del dropped[key]
                elif self.ever[0].get(key) == value and (putting_back or self.setting.is_versioned):
                    introduced[key] = value
        touched = None if by_lineage or not is_different or putting_back else after.position
        others = touched or (last.others_position if last and is_different else None)
        former = last.former if last is not None and is_different else before
        lost = last.lost if last is not None and dropped.items() <= last.dropped.items() else before
        self.steps.append(SettingStep(after.position, at, by_lineage, introduced, dropped, former, lost, others))

    def step(self, position: int) -> SettingStep | None:
        found = bisect_right(self.steps, position, key=lambda step: step.position)
        return self.steps[found - 1] if found else None

    def step_at(self, at: datetime) -> SettingStep | None:
        found = bisect_right(self.steps, at, key=lambda step: step.at)
        return self.steps[found - 1] if found else None

    def named_before(self, at: datetime) -> int:
        """The position of the lineage's last node of the setting up to the time, or else of its first."""
        before = [position for position, named_at in self.nodes if named_at <= at]
        return before[-1] if before else self.nodes[0][0]

    def delta(self, account: Account) -> SettingDelta | None:
        """What of it is the lineage's in this value of the account; None where nothing is."""
        step = self.step(account.position) if account.id == self.account_id else None
        if step is None or not is_there(account, self.owner_id):
            return None
        parts = self.parts(account).items()
        introduced = dict(step.introduced.items() & parts)
        dropped = dict(step.dropped.items() - parts)
        if not introduced and not dropped:
            return None
        return SettingDelta(account, self.owner_id, self.subject_id, introduced, dropped, step.former, step.lost)

    def without(self, account: Account) -> Account:
        """The account as it would be, had the lineage left this alone."""
        delta = self.delta(account)
        if delta is None:
            return account
        kept = {key: value for key, value in self.parts(account).items() if key not in delta.introduced}
        return self.setting.without(delta, {**kept, **delta.dropped})


def _apply(came: Items, went: Items, introduced: Items, dropped: Items) -> None:
    """What the lineage undoes of its own is no difference any more."""
    for key, value in went.items():
        if introduced.get(key) == value:
            del introduced[key]
        else:
            dropped[key] = value
    for key, value in came.items():
        if dropped.get(key) == value:
            del dropped[key]
        else:
            introduced[key] = value


def without_lineage(account: Account, altered: Iterable[AlteredSetting]) -> Account:
    for each in altered:
        account = each.without(account)
    return account
