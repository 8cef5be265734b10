"""Virtual MFA devices: who has which, and which of their codes may still come. What a device's codes are made of, its
seed, no event says: it has a random id, and lies sealed beside the ledger (docs/adr/0050)."""

from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from immutables import Map

from domain.account import Account, AffectsNobody, Bookkeeping, Component
from domain.credential_kinds import HeldCredential, LifecycleKind
from domain.entity_kinds import EntityKind, find_entity, prevents_deletion
from domain.facts import Fact, FactKind, FactValue, tells_facts
from domain.foundation.errors import NoSuchEntity
from domain.foundation.personal import Personal
from domain.foundation.secret import Secret
from domain.lineage_kinds import Command, LineageKind, Parts, Setting, SettingDelta

SEED = "AIMF"
"""Prefix of seed ids, of which AWS has none."""


@dataclass(frozen=True, slots=True)
class MFADevice:
    arn: str
    """Its serial number."""
    name: str
    path: str
    seed_id: str
    """Random: two devices that bear one name after the other have different seeds."""
    created_at: datetime
    user_id: str | None = None
    """Whose it is: a user's unique id, or the account's for root; None while it is nobody's."""
    enabled_at: datetime | None = None
    last_step: int = -1
    """The time step (RFC 6238) of the last code that was accepted: none is accepted that is not behind it."""
    drift: int = 0
    """So many time steps the device's clock was ahead when that was."""
    failed_attempts: int = 0
    """Since the last time that a code was right."""
    failed_at: datetime | None = None
    """The last of them."""

    @property
    def id(self) -> str:
        """AWS gives it no other."""
        return self.arn

    @property
    def resource(self) -> str:
        return f"mfa{self.path}{self.name}"


@dataclass(frozen=True, slots=True)
class MFADevices:
    by_arn: Map[str, MFADevice] = Map()
    owned: Map[str, Map[str, datetime]] = Map()
    """The ARNs of those that somebody has, with when they were enabled, by the owner's unique id."""

    def of(self, user_id: str) -> list[MFADevice]:
        return [self.by_arn[arn] for arn in sorted(self.owned.get(user_id, ()))]

    def put(self, device: MFADevice) -> "MFADevices":
        """Raises LookupError where the device is not there."""
        former = self.by_arn[device.arn]
        owned = _disowned(self.owned, former)
        if device.user_id is not None and device.enabled_at is not None:
            theirs = owned.get(device.user_id, Map())
            owned = owned.set(device.user_id, theirs.set(device.arn, device.enabled_at))
        return MFADevices(self.by_arn.set(device.arn, device), owned)

    def add(self, device: MFADevice) -> "MFADevices":
        if device.arn in self.by_arn:
            raise LookupError(f"There is an MFA device {device.arn} already.")
        return MFADevices(self.by_arn.set(device.arn, device), self.owned)

    def without(self, arn: str) -> "MFADevices":
        return MFADevices(self.by_arn.delete(arn), _disowned(self.owned, self.by_arn[arn]))


def _disowned(owned: Map[str, Map[str, datetime]], device: MFADevice) -> Map[str, Map[str, datetime]]:
    if device.user_id is None:
        return owned
    rest = owned[device.user_id].delete(device.arn)
    return owned.set(device.user_id, rest) if rest else owned.delete(device.user_id)


MFA_DEVICES = Component[MFADevices]("mfa_devices", MFADevices(), ids=lambda devices: devices.by_arn)
MFA_DEVICE_FACT = FactKind("MFA device")
MFA_ASSIGNMENT_FACT = FactKind("MFA device", "was enabled", "was deactivated")
prevents_deletion(6, "delete MFA device", lambda account, user_id: account[MFA_DEVICES].owned.get(user_id))


def mfa_device(account: Account, serial_number: str) -> MFADevice:
    device = account[MFA_DEVICES].by_arn.get(serial_number)
    if device is None:
        raise NoSuchEntity(f"VirtualMFADevice with serial number {serial_number} doesn't exist.")
    return device


def _own_facts(_account: Account, device: MFADevice) -> Iterator[tuple[Fact, FactValue]]:
    said = {"name": device.name, "path": device.path, "seed_id": device.seed_id}
    yield Fact(MFA_DEVICE_FACT, device.arn), FactValue(device.name, said)


MFA_DEVICE = EntityKind(
    "MFA device",
    SEED,
    by_id=lambda account: account[MFA_DEVICES].by_arn,
    named=mfa_device,
    facts=_own_facts,
    find=lambda account, arn: account[MFA_DEVICES].by_arn.get(arn),
    resource_type="mfa",
    subject=attrgetter("arn"),
    reference=attrgetter("arn"),
)


def _held(device: MFADevice) -> HeldCredential | None:
    """None of one that nobody has enabled."""
    if device.user_id is None or device.enabled_at is None:
        return None
    return HeldCredential("mfa_device", device.arn, device.user_id, device.enabled_at)


LifecycleKind(
    "mfa_device",
    of=lambda account, owner_id: filter(None, map(_held, account[MFA_DEVICES].of(owner_id))),
    find=lambda account, arn: None if (device := account[MFA_DEVICES].by_arn.get(arn)) is None else _held(device),
)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    for device in account[MFA_DEVICES].of(subject):
        said = {"serial_number": device.arn, "user_id": device.user_id, "enabled_at": device.enabled_at}
        name = f"{device.name} of {owner_title(account, subject)}"
        yield Fact(MFA_ASSIGNMENT_FACT, f"{subject}/{device.arn}"), FactValue(name, said)


def owner_title(account: Account, owner_id: str) -> str:
    found = find_entity(account, owner_id)
    return "root" if found is None else f"user {found[1].name}"


def _removals(now: Account, owner_id: str) -> Iterator[tuple[str, Command]]:
    """One of root's is the caller's own: only root can deactivate it."""
    user = find_entity(now, owner_id)
    named = {} if user is None else {"user_name": user[1].name}
    for device in now[MFA_DEVICES].of(owner_id):
        yield device.arn, Command("deactivate-mfa-device", {**named, "serial_number": device.arn})


def _parts(account: Account, owner_id: str, arn: str) -> Parts:
    """By the seed: a device of the same name may be another one."""
    device = account[MFA_DEVICES].by_arn.get(arn)
    return {} if device is None or device.user_id != owner_id else {device.seed_id: "enabled"}


def _without(delta: SettingDelta, parts: Parts) -> Account:
    """A device that is nobody's any more. One that is gone does not come back: no call is allowed by it, only sessions
    that were given with it are."""
    device = delta.account[MFA_DEVICES].by_arn.get(delta.subject_id)
    if device is None or device.user_id != delta.owner_id or device.seed_id in parts:
        return delta.account
    free = replace(device, user_id=None, enabled_at=None)
    return delta.account.put(MFA_DEVICES, delta.account[MFA_DEVICES].put(free))


def _openings(delta: SettingDelta) -> Iterator[str]:
    title = owner_title(delta.account, delta.owner_id)
    if delta.introduced:
        yield f"lets whoever holds {delta.subject_id} get sessions of {title} that count as given with MFA"


MFA_SETTING = Setting(_parts, _without, _openings)
LineageKind("mfa_enabled", "MFA device {subject} of {name}", removals=_removals, setting=MFA_SETTING)
LineageKind("mfa_deactivated", "MFA device {subject} of {name} deactivated", setting=MFA_SETTING)


@dataclass(frozen=True, slots=True)
class MFACodeQuery:
    """What only the seed can tell, which no round opens."""

    seed_id: str
    codes: tuple[Secret, ...]
    """In the order in which the device showed them, without a gap."""
    steps: range
    """Time steps of which the last code may be."""


@dataclass(frozen=True, slots=True)
class MFACodeFacts:
    """What the codes that came with a call are the codes of."""

    seed_id: str
    steps: range
    """That were looked at."""
    matching: tuple[int, ...]
    """Those of the steps of which the last code is, with the ones before it of the steps before; ascending."""

    def cover(self, wanted: MFACodeQuery) -> bool:
        """Whether all that is now wanted was looked at; a call's codes stay the same."""
        first, last = wanted.steps[0], wanted.steps[-1]
        return self.seed_id == wanted.seed_id and first in self.steps and last in self.steps


class MFADeviceChange(AffectsNobody, ABC):
    """Whether a code is right is asked before any policy is."""

    serial_number: Personal[str]
    subject = "serial_number"


class MFADeviceCreated(MFADeviceChange, topic="iam.mfa_device.created.v1"):
    """Nobody's at first."""

    device_name: Personal[str]
    path: str
    seed_id: str
    sentence = "MFA device {serial_number} was created."

    def fold(self, account: Account, at: datetime) -> Account:
        device = MFADevice(self.serial_number, self.device_name, self.path, self.seed_id, at)
        return account.put(MFA_DEVICES, account[MFA_DEVICES].add(device))


class MFADeviceDeleted(MFADeviceChange, topic="iam.mfa_device.deleted.v1"):
    """With its seed, which is destroyed."""

    sentence = "MFA device {serial_number} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(MFA_DEVICES, account[MFA_DEVICES].without(self.serial_number)).forget(self.serial_number)


class OwnedMFADeviceChange(MFADeviceChange, ABC):
    user_id: str
    user_name: Personal[str]
    subject = "user_id"

    def _put(self, account: Account, **changes: object) -> Account:
        devices = account[MFA_DEVICES]
        device = replace(devices.by_arn[self.serial_number], **changes)  # type: ignore[arg-type]  # the fields below
        return account.put(MFA_DEVICES, devices.put(device))


class CodeAccepted(OwnedMFADeviceChange, ABC):
    """Whoever sent the codes holds the device."""

    time_step: int
    """Of the last code."""
    drift: int
    """So many time steps the device's clock is ahead."""

    def _accepted(self, account: Account, **changes: object) -> Account:
        step = {"last_step": self.time_step, "drift": self.drift}
        return self._put(account, **step, failed_attempts=0, failed_at=None, **changes)


class MFADeviceEnabled(CodeAccepted, topic="iam.mfa_device.enabled.v1"):
    sentence = "MFA device {serial_number} of {user_name} was enabled."

    def fold(self, account: Account, at: datetime) -> Account:
        return self._accepted(account, user_id=self.user_id, enabled_at=at)


class MFADeviceResynced(Bookkeeping, CodeAccepted, topic="iam.mfa_device.resynced.v1"):
    sentence = "MFA device {serial_number} of {user_name} was resynchronized."

    def fold(self, account: Account, at: datetime) -> Account:
        return self._accepted(account)


class MFACodeAccepted(Bookkeeping, CodeAccepted, topic="iam.mfa_code.accepted.v1"):
    """A change, because the code is used up."""

    sentence = "A code of MFA device {serial_number} of {user_name} was accepted."

    def fold(self, account: Account, at: datetime) -> Account:
        return self._accepted(account)


class MFADeviceDeactivated(OwnedMFADeviceChange, topic="iam.mfa_device.deactivated.v1"):
    """The device is nobody's again; sessions that were given with it go on."""

    sentence = "MFA device {serial_number} of {user_name} was deactivated."

    def fold(self, account: Account, at: datetime) -> Account:
        return self._put(account, user_id=None, enabled_at=None)


class MFACodeRejected(Bookkeeping, MFADeviceChange, topic="iam.mfa_code.rejected.v1"):
    """Somebody sent a wrong code, or one that was used already. A change, because the next attempt has to wait."""

    sentence = "A wrong code was sent for MFA device {serial_number}."

    def fold(self, account: Account, at: datetime) -> Account:
        devices = account[MFA_DEVICES]
        device = devices.by_arn[self.serial_number]
        failed = replace(device, failed_attempts=device.failed_attempts + 1, failed_at=at)
        return account.put(MFA_DEVICES, devices.put(failed))
