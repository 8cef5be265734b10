"""Notification targets: where an account's events are told (docs/adr/0055)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from immutables import Map
from pydantic import ConfigDict

from domain.account import Account, AffectsNobody, Bookkeeping, Component, OfAccount, forget_key
from domain.facts import Attributes, Fact, FactKind, FactValue, tells_facts
from domain.foundation.personal import Personal
from domain.foundation.secret import SecretId, SecretKind
from domain.lineage_kinds import LineageKind, Parts, Setting, SettingDelta

TARGET_ID = "NTGT"
"""Prefix of ids, which are ours alone."""
TargetKind = Literal["command", "file", "email", "email_owner", "webhook"]
"""The first two are on the server's machine, and the operator's alone."""


@dataclass(frozen=True, slots=True)
class TargetDefinition:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)
    kind: TargetKind
    destination: Personal[str]
    """A URL, an address, a path, a command line; of email_owner the tag key under which a user or role has one."""
    events: tuple[str, ...] = ()
    """Patterns of class names; none stands for what time does to credentials, and reports of leaks."""
    owner: Personal[str | None] = None
    """By name or unique id: events about credentials of others are left out."""
    credential_kinds: tuple[str, ...] = ()
    """Events about others are left out; none stands for all."""

    @property
    def title(self) -> str:
        """What it is and where it leads."""
        if self.kind == "email_owner":
            return f"e-mail to the address in the owner's tag {self.destination}"
        return f"{'e-mail' if self.kind == 'email' else self.kind} {self.destination}"


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    id: str
    name: str
    definition: TargetDefinition
    added_at: datetime


def signing_secret(kind: TargetKind, target_id: str) -> tuple[SecretId, ...]:
    """What a webhook's messages are signed with; others have none."""
    return (SecretId(SecretKind.WEBHOOK_SECRET, target_id),) if kind == "webhook" else ()


Targets = Map[str, NotificationTarget]
NOTIFICATION_TARGETS = Component[Targets]("notification_targets", Map())
"""By name."""
TARGET_FACT = FactKind("notification target", "was added", "was removed")


def signing_secrets(targets: Targets) -> list[SecretId]:
    return [secret for target in targets.values() for secret in signing_secret(target.definition.kind, target.id)]


def with_target(targets: Targets, added: NotificationTarget) -> Targets:
    """Raises LookupError when the name is taken."""
    if added.name in targets:
        raise LookupError(f"There is a notification target {added.name} already.")
    return targets.set(added.name, added)


def require_target(targets: Targets, target_id: str, name: str) -> None:
    """Raises LookupError."""
    if name not in targets or targets[name].id != target_id:
        raise LookupError(f"There is no notification target {name} with the id {target_id}.")


def without_target(targets: Targets, target_id: str, name: str) -> Targets:
    """Raises LookupError."""
    require_target(targets, target_id, name)
    return targets.delete(name)


def _parts(account: Account, _account_id: str, name: str) -> Parts:
    target = account[NOTIFICATION_TARGETS].get(name)
    return {} if target is None else {target.id: target.definition.title}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    targets = delta.account[NOTIFICATION_TARGETS]
    former = delta.former[NOTIFICATION_TARGETS].get(delta.subject_id)
    if former is not None and former.id in parts:
        return delta.account.put(NOTIFICATION_TARGETS, targets.set(delta.subject_id, former))
    return delta.account.put(NOTIFICATION_TARGETS, forget_key(targets, delta.subject_id))


def _openings(delta: SettingDelta) -> Iterator[str]:
    """Nobody gets in by it, and somebody hears what the account does about him."""
    for told in delta.introduced.values():
        yield f"tells {told} what happens in the account"


TARGET_SETTING = Setting(_parts, _without, _openings, is_keyed=True)
LineageKind("notification_target", "notification target {name}", setting=TARGET_SETTING)
LineageKind("notification_target_removed", "notification target {name} removed", setting=TARGET_SETTING)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    if subject == account.id:
        for target in account[NOTIFICATION_TARGETS].values():
            told = target.definition
            said: Attributes = {
                "kind": told.kind,
                "destination": told.destination,
                "events": told.events,
                "owner": told.owner,
                "credential_kinds": told.credential_kinds,
            }
            yield Fact(TARGET_FACT, target.id), FactValue(target.name, said)


class NotificationTargetAdded(AffectsNobody, OfAccount, topic="notification_target.added.v1"):
    """From behind this event on the target is told."""

    target_id: str
    target_name: str
    definition: TargetDefinition

    def fold(self, account: Account, at: datetime) -> Account:
        added = NotificationTarget(self.target_id, self.target_name, self.definition, at)
        return account.put(NOTIFICATION_TARGETS, with_target(account[NOTIFICATION_TARGETS], added))

    def describe(self) -> str:
        return f"Notification target {self.target_name} was added: {self.definition.title}."


class NotificationTargetRemoved(AffectsNobody, OfAccount, topic="notification_target.removed.v1"):
    """The target is told this, and nothing else any more. The secret that signed its messages is destroyed."""

    target_id: str
    target_name: str
    kind: TargetKind
    sentence = "Notification target {target_name} was removed."

    def fold(self, account: Account, at: datetime) -> Account:
        targets = account[NOTIFICATION_TARGETS]
        return account.put(NOTIFICATION_TARGETS, without_target(targets, self.target_id, self.target_name))

    def destroyed_secrets(self) -> Iterable[SecretId]:
        return signing_secret(self.kind, self.target_id)


class NotificationTargetTested(Bookkeeping, topic="notification_target.tested.v1"):
    """The target is told this at once, behind what it was not told yet."""

    target_id: str
    target_name: str
    owner_id: str
    """Who asked: the unique id of the user or role, or the account id for root."""
    sentence = "This is a test of notification target {target_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        require_target(account[NOTIFICATION_TARGETS], self.target_id, self.target_name)
        return account
