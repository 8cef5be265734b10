"""Virtual MFA devices: whose they are, and which of their codes count (docs/adr/0050).

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html, RFC 6238
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.account import Account
from domain.calls import Call, NeedsFacts
from domain.families.mfa_devices import (
    MFA_DEVICES,
    MFACodeAccepted,
    MFACodeFacts,
    MFACodeQuery,
    MFACodeRejected,
    MFADevice,
    MFADeviceCreated,
    MFADeviceDeactivated,
    MFADeviceDeleted,
    MFADeviceEnabled,
    MFADeviceResynced,
    mfa_device,
)
from domain.foundation.errors import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    InvalidAuthenticationCode,
    NoSuchEntity,
    Refusal,
    Throttling,
    ValidationError,
)
from domain.foundation.events import Event
from domain.foundation.secret import Secret
from domain.rules.access_keys import owner_name
from domain.rules.passwords import back_off
from domain.rules.quotas import MFA_DEVICES_OF_A_USER_MAX, VIRTUAL_MFA_DEVICES_MAX, refuse_beyond

SERIAL_NUMBER_CHARACTERS_MAX = 256
"""A longer one no request can name (IAM API Reference, "EnableMFADevice")."""
TIME_STEP_SECONDS = 30
"""RFC 6238, section 4.1."""
SIGNING_IN_STEPS = 1
"""So many, to either side of where the device's clock should be, a code may be of (RFC 6238, section 5.2)."""
ENABLING_STEPS = 10
"""A person types two codes, and the clocks have never been compared."""
RESYNC_STEPS = 2_880
"""A day: as far as a clock may be off."""


def create(account: Account, *, arn: str, name: str, path: str, seed_id: str) -> MFADeviceCreated:
    """The device `name` below `path`, whose ARN that is."""
    if len(arn) > SERIAL_NUMBER_CHARACTERS_MAX:
        raise ValidationError(
            "1 validation error detected: Value at 'virtualMFADeviceName' failed to satisfy constraint: Member must "
            f"have length less than or equal to {SERIAL_NUMBER_CHARACTERS_MAX - len(arn) + len(name)} (the serial "
            f"number would have {len(arn)} characters; at most {SERIAL_NUMBER_CHARACTERS_MAX} can be named)"
        )
    devices = account[MFA_DEVICES].by_arn
    if arn in devices or any(arn.lower() == other.lower() for other in devices):
        raise EntityAlreadyExists("MFADevice entity at the same path and name already exists.")
    refuse_beyond("VirtualMFADevicesPerAccount", len(devices), VIRTUAL_MFA_DEVICES_MAX)
    return MFADeviceCreated(serial_number=arn, device_name=name, path=path, seed_id=seed_id)


def delete(account: Account, *, serial_number: str) -> tuple[MFADeviceDeleted, str]:
    """The event, and the id of the seed that goes with it."""
    device = mfa_device(account, serial_number)
    if device.user_id is not None:
        raise DeleteConflict("MFA VirtualDevice in use. Must deactivate first.")
    return MFADeviceDeleted(serial_number=device.arn), device.seed_id


def enable(
    account: Account, call: Call, *, user_id: str, serial_number: str, codes: tuple[Secret, Secret]
) -> MFADeviceEnabled | MFACodeRejected:
    """Raises NeedsFacts; wrong codes are told by their event."""
    device = mfa_device(account, serial_number)
    if device.user_id is not None:
        raise EntityAlreadyExists("MFA Device is already in use.")
    refuse_beyond("MFADevicesPerUser", len(account[MFA_DEVICES].owned.get(user_id, ())), MFA_DEVICES_OF_A_USER_MAX)
    _refuse_guessing(device, call.at, InvalidAuthenticationCode, WRONG_CODE)
    step = _accepted_step(call, device, codes, _around(call.at, 0, ENABLING_STEPS))
    if step is None:
        return MFACodeRejected(serial_number=device.arn)
    # Codes of a while ago were most likely typed late. Those of a while ahead only a clock that is ahead can show.
    name, drift = owner_name(account, user_id), max(step - time_step(call.at), 0)
    return MFADeviceEnabled(serial_number=device.arn, user_id=user_id, user_name=name, time_step=step, drift=drift)


def resync(
    account: Account, call: Call, *, user_id: str, serial_number: str, codes: tuple[Secret, Secret]
) -> MFADeviceResynced | MFACodeRejected:
    """Like `enable`, of a device whose clock is off."""
    device = owned_device(account, user_id, serial_number)
    _refuse_guessing(device, call.at, InvalidAuthenticationCode, WRONG_CODE)
    step = _accepted_step(call, device, codes, _around(call.at, 0, RESYNC_STEPS))
    if step is None:
        return MFACodeRejected(serial_number=device.arn)
    name, drift = owner_name(account, user_id), step - time_step(call.at)
    return MFADeviceResynced(serial_number=device.arn, user_id=user_id, user_name=name, time_step=step, drift=drift)


def deactivate(account: Account, *, user_id: str, serial_number: str) -> MFADeviceDeactivated:
    device = owned_device(account, user_id, serial_number)
    return MFADeviceDeactivated(serial_number=device.arn, user_id=user_id, user_name=owner_name(account, user_id))


def owned_device(account: Account, user_id: str, serial_number: str) -> MFADevice:
    device = account[MFA_DEVICES].by_arn.get(serial_number)
    if device is None or device.user_id != user_id:
        raise NoSuchEntity("MFA Device invalid for user.")
    return device


WRONG_CODE = "Authentication code for device is not valid."
WRONG_SESSION_CODE = "MultiFactorAuthentication failed with invalid MFA one time pass code."


@dataclass(frozen=True, slots=True)
class GivenMFA:
    """Whether a call for a session came with MFA, and what is to be recorded of that, whatever else becomes of it."""

    is_given: bool = False
    events: Sequence[Event] = ()
    refusal: Refusal | None = None


def given_mfa(call: Call, account: Account, serial_number: str | None, token_code: str | None) -> GivenMFA:
    """Of the caller's own device. Raises AccessDenied where no code is looked at, and NeedsFacts."""
    if serial_number is None and token_code is None:
        return GivenMFA()
    if serial_number is None or token_code is None:
        raise AccessDenied(
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
        )
    device = account[MFA_DEVICES].by_arn.get(serial_number)
    if device is None or device.user_id != call.caller.entity_id:
        raise AccessDenied(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is "
            "valid and associated with this user."
        )
    _refuse_guessing(device, call.at, AccessDenied, WRONG_SESSION_CODE)
    step = _accepted_step(call, device, (Secret(token_code),), _around(call.at, device.drift, SIGNING_IN_STEPS))
    if step is None:
        return GivenMFA(events=[MFACodeRejected(serial_number=device.arn)], refusal=AccessDenied(WRONG_SESSION_CODE))
    accepted = MFACodeAccepted(
        serial_number=device.arn,
        user_id=device.user_id,
        user_name=owner_name(account, device.user_id),
        time_step=step,
        drift=step - time_step(call.at),
    )
    return GivenMFA(is_given=True, events=[accepted])


def has_mfa(account: Account, user_id: str) -> bool:
    """Of a user, or of root by the account's id: AccountMFAEnabled of GetAccountSummary is root's."""
    return user_id in account[MFA_DEVICES].owned


def time_step(at: datetime) -> int:
    return int(at.timestamp()) // TIME_STEP_SECONDS


def _around(at: datetime, drift: int, steps: int) -> range:
    middle = time_step(at) + drift
    return range(middle - steps, middle + steps + 1)


def _accepted_step(call: Call, device: MFADevice, codes: tuple[Secret, ...], steps: range) -> int | None:
    """Of the last code: the nearest that they can be of, if they are all behind the last that was accepted."""
    wanted = MFACodeQuery(device.seed_id, codes, steps)
    facts = call.facts
    if not isinstance(facts, MFACodeFacts) or not facts.cover(wanted):
        raise NeedsFacts(wanted, unsettled=Throttling("The MFA device is being used by others."))
    fresh = [step for step in facts.matching if step in steps and step - len(codes) >= device.last_step]
    middle = steps[len(steps) // 2]
    return min(fresh, key=lambda step: abs(step - middle), default=None)


def _refuse_guessing(device: MFADevice, at: datetime, refusal: type[Refusal], sentence: str) -> None:
    if device.failed_at is None:
        return
    until = device.failed_at + back_off(device.failed_attempts)
    if at < until:
        raise refusal(
            f"{sentence} ({device.failed_attempts} in a row were wrong: none is looked at until "
            f"{until:%Y-%m-%dT%H:%M:%SZ}.)"
        )
