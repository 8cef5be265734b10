"""Rotations of access keys that are under way: which key replaces which, and how far it has come (docs/adr/0056)."""

from abc import ABC
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from immutables import Map

from domain.account import Account, Bookkeeping, Component, forget_key
from domain.foundation.personal import Personal

RotationStage = Literal["started", "handed over", "observing"]
"""`started`: nobody need have the new secret. `handed over`: somebody has it. `observing`: the old key is inactive."""
HandoverKind = Literal["named", "file", "profile", "command"]
"""Where the new secret went; `named` where there were two keys already, and the user has said which is the old one."""


@dataclass(frozen=True, slots=True)
class KeyRotation:
    user_id: str
    old_access_key_id: str
    new_access_key_id: str
    observe_days: int
    """So long the old key stays inactive before it is deleted."""
    started_at: datetime
    stage: RotationStage = "started"
    made_key: bool = True
    """Whether the new key was made for the rotation; else the user had it before."""
    handed_over_at: datetime | None = None
    observed_since: datetime | None = None
    forced: bool = False
    """Whether nobody waited for the new key's first use."""

    @property
    def delete_at(self) -> datetime | None:
        """When the observation is over; None where it has not begun."""
        return None if self.observed_since is None else self.observed_since + timedelta(days=self.observe_days)


KEY_ROTATIONS = Component[Map[str, KeyRotation]](
    "key_rotations", Map(), ids=lambda rotations: rotations, forget=forget_key
)
"""By the user's unique id: one at a time."""


class KeyRotationChange(Bookkeeping, ABC):
    """A step. What it does to the keys, events of the keys say, which stand beside it."""

    user_id: str
    user_name: Personal[str]
    old_access_key_id: str
    new_access_key_id: str

    def _changed(self, account: Account, **changes: object) -> Account:
        """Raises LookupError where no such rotation is under way."""
        rotations = account[KEY_ROTATIONS]
        rotation = rotations[self.user_id]
        if (rotation.old_access_key_id, rotation.new_access_key_id) != (self.old_access_key_id, self.new_access_key_id):
            raise LookupError(f"The rotation of {self.user_id} is of other keys.")
        return account.put(KEY_ROTATIONS, rotations.set(self.user_id, replace(rotation, **changes)))  # type: ignore[arg-type]


class KeyRotationStarted(KeyRotationChange, topic="iam.key_rotation.started.v1"):
    """Or started anew, where nobody got the secret of the key that was made first."""

    observe_days: int
    made_key: bool
    sentence = "The rotation of access key {old_access_key_id} of {user_name} to {new_access_key_id} was started."

    def fold(self, account: Account, at: datetime) -> Account:
        rotation = KeyRotation(
            self.user_id,
            self.old_access_key_id,
            self.new_access_key_id,
            self.observe_days,
            started_at=at,
            made_key=self.made_key,
        )
        return account.put(KEY_ROTATIONS, account[KEY_ROTATIONS].set(self.user_id, rotation))


class KeyRotationHandedOver(KeyRotationChange, topic="iam.key_rotation.handed_over.v1"):
    """Whoever uses the key has its secret, as the client says that handed it over."""

    to: HandoverKind

    def fold(self, account: Account, at: datetime) -> Account:
        return self._changed(account, stage="handed over", handed_over_at=at)

    def describe(self) -> str:
        to = "named as the new one" if self.to == "named" else f"handed over to a {self.to}"
        return f"Access key {self.new_access_key_id} of {self.user_name} was {to}."


class KeyRotationObserved(KeyRotationChange, topic="iam.key_rotation.observed.v1"):
    """The old key is inactive from here on, and deleted when nobody has missed it for as long as was asked for."""

    forced: bool
    sentence = "From here on {user_name} uses {new_access_key_id} in place of {old_access_key_id}."

    def fold(self, account: Account, at: datetime) -> Account:
        return self._changed(account, stage="observing", observed_since=at, forced=self.forced)


class KeyRotationEnd(KeyRotationChange, ABC):
    def fold(self, account: Account, at: datetime) -> Account:
        rotations = self._changed(account)[KEY_ROTATIONS]
        return account.put(KEY_ROTATIONS, rotations.delete(self.user_id))


class KeyRotationFinished(KeyRotationEnd, topic="iam.key_rotation.finished.v1"):
    """The old key is deleted."""

    sentence = "The rotation of access key {old_access_key_id} of {user_name} to {new_access_key_id} was finished."


class KeyRotationStopped(KeyRotationEnd, topic="iam.key_rotation.stopped.v1"):
    """What keys there are stays as it is."""

    reason: str
    """In words."""
    sentence = "The rotation of access key {old_access_key_id} of {user_name} was stopped: {reason}."
