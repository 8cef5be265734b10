"""Settings as a lineage has altered them, and accounts as they would be without that."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from domain.account import Account
from domain.entity_kinds import find_entity
from domain.lineage_kinds import Parts, Setting, SettingDelta


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One that the lineage has made."""

    kind: str
    """Of its node."""
    position: int
    at: datetime
    ended_position: int | None
    """Where something took its place, or what it belongs to was deleted."""
    added: frozenset[tuple[str, str]]
    removed: frozenset[tuple[str, str]]

    def stands(self, position: int, *, is_document: bool) -> bool:
        """A statement may stand on in what somebody else has written since."""
        ended = None if is_document else self.ended_position
        return self.position <= position and (ended is None or ended > position)


@dataclass(frozen=True, slots=True, eq=False)
class AlteredSetting:
    """A setting with all changes that the lineage has made to it, in their order."""

    setting: Setting
    account_id: str
    owner_id: str
    subject_id: str
    former: Account
    """Before the first of them."""
    changes: tuple[SettingChange, ...]

    def delta(self, account: Account) -> SettingDelta | None:
        """What of it is the lineage's in this value of the account; None where nothing is."""
        is_document = self.setting.is_document
        standing = [each for each in self.changes if each.stands(account.position, is_document=is_document)]
        if account.id != self.account_id or not standing or find_entity(account, self.owner_id) is None:
            return None
        parts = self._parts(account).items()
        former = self._parts(self.former).items()
        introduced = dict(frozenset[tuple[str, str]]().union(*(each.added for each in standing)) & parts - former)
        dropped = dict(frozenset[tuple[str, str]]().union(*(each.removed for each in standing)) & former - parts)
        if not introduced and not dropped:
            return None
        return SettingDelta(account, self.owner_id, self.subject_id, introduced, dropped)

    def without(self, account: Account) -> Account:
        """The account as it would be, had the lineage left this alone."""
        delta = self.delta(account)
        if delta is None:
            return account
        kept = {key: value for key, value in self._parts(account).items() if key not in delta.introduced}
        return self.setting.without(delta, {**kept, **delta.dropped})

    def _parts(self, account: Account) -> Parts:
        return self.setting.parts(account, self.owner_id, self.subject_id)


def without_lineage(account: Account, altered: Iterable[AlteredSetting]) -> Account:
    for each in altered:
        account = each.without(account)
    return account
