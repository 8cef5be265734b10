"""The steps of random histories with notification targets."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.families.notifications import NOTIFICATION_TARGETS, TARGET_ID, TargetDefinition
from domain.foundation.events import Event
from domain.foundation.identifiers import Random, new_unique_id
from domain.rules import notifications
from tests.step_draws import NAMES, one, step


def notification_target_step(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    targets = account[NOTIFICATION_TARGETS]
    chosen = step(draw, targets, "remove", "test")
    if chosen == "create":
        target_id, name = new_unique_id(TARGET_ID, random), draw(NAMES)
        # Without a secret: what is sealed beside the ledger is no affair of the account's value.
        definition = TargetDefinition("email", "ann@example.com")
        return [notifications.add_target(account, target_id=target_id, name=name, definition=definition)]
    name = one(draw, targets.values()).name
    if chosen == "remove":
        return [notifications.remove_target(account, name=name)]
    return [notifications.tested_target(account, name=name, owner_id=account.id)]
