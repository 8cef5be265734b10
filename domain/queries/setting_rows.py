"""What is known of a kind of setting that a lineage may have altered."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from domain.account import Account, AccountChange
from domain.lineage_kinds import SettingDelta


class SettingRow(NamedTuple):
    """How a kind of setting is told, and put back."""

    title: Callable[[Account, str, str], str]
    says: Callable[[Account, str, str], str | None]
    changes: Callable[[SettingDelta, Account], Iterable[AccountChange]]
    """That make it say what it said in a former account. Raises Refusal."""
    lost: Callable[[SettingDelta], str | None] = lambda _delta: None
    """Why a part of it cannot be put back, whatever the changes do."""
