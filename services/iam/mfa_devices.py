"""IAM's operations on virtual MFA devices."""

import base64
import io
from urllib.parse import quote

import segno

from domain.account import Account
from domain.calls import Call, NewSecret, Outcome, done, refused
from domain.families.mfa_devices import MFA_DEVICE, MFA_DEVICES, SEED, MFACodeRejected, MFADevice
from domain.families.users import USERS
from domain.foundation.errors import InvalidAuthenticationCode
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.rules import mfa_devices, tagging
from domain.rules.users import answered_name, user_id_or_caller
from services.iam import condition_keys, resources
from services.iam.entity_members import EntityMembers, listed_user_members, root_members, tags_member
from services.iam.tags import TagList, authorized_tags
from services.wire.operations import answers, any_resource
from services.wire.pagination import page_request

SEED_BYTES = 40
"""AWS's seeds have 64 characters in base32; RFC 4226 asks for 20 bytes."""
QR_CODE_PIXELS = 4
"""Of the side of one module."""


@answers(
    "CreateVirtualMFADevice",
    on=resources.new_mfa_device,
    records="path virtual_mfa_device_name tags",
    context=condition_keys.request_tags,
)
def create_virtual_mfa_device(
    account: Account, call: Call, *, virtual_mfa_device_name: str, path: str = "/", tags: TagList | None = None
) -> Outcome:
    """The only answer that ever shows the seed."""
    arn = account.arn(f"mfa{path}{virtual_mfa_device_name}")
    given = authorized_tags(account, call, "iam:TagMFADevice", arn, tags)
    seed_id, seed = call.unique_id(SEED), Secret(base64.b32encode(call.random(SEED_BYTES)).decode())
    created = mfa_devices.create(account, arn=arn, name=virtual_mfa_device_name, path=path, seed_id=seed_id)

    def answer(after: Account) -> EntityMembers:
        shown = {
            "SerialNumber": arn,
            "Base32StringSeed": seed.reveal().encode(),
            "QRCodePNG": _qr_code(f"{virtual_mfa_device_name}@{account.id}", seed),
        }
        return {"VirtualMFADevice": shown | tags_member(after, arn)}

    return Outcome(
        answer,
        [created, *tagging.tags_on_create(MFA_DEVICE, arn, virtual_mfa_device_name, given)],
        new_secrets=[NewSecret(SecretId(SecretKind.MFA_SEED, seed_id), account.id, seed)],
    )


def _qr_code(label: str, seed: Secret) -> bytes:
    """The PNG that authenticator apps read (IAM API Reference, "VirtualMFADevice")."""
    image = io.BytesIO()
    uri = f"otpauth://totp/{quote(label, safe='@')}?secret={seed.reveal()}"
    segno.make_qr(uri).save(image, kind="png", scale=QR_CODE_PIXELS)
    return image.getvalue()


@answers("DeleteVirtualMFADevice", on=resources.mfa_device, records="serial_number")
def delete_virtual_mfa_device(account: Account, _call: Call, *, serial_number: str) -> Outcome:
    """The seed is destroyed in the same transaction."""
    deleted, seed_id = mfa_devices.delete(account, serial_number=serial_number)
    return Outcome(lambda _after: {}, [deleted], destroyed_secrets=[SecretId(SecretKind.MFA_SEED, seed_id)])


@answers("ListVirtualMFADevices", on=any_resource, records="assignment_status marker max_items")
def list_virtual_mfa_devices(
    _account: Account,
    _call: Call,
    *,
    assignment_status: str = "Any",
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    pages = page_request("VirtualMFADevices", marker, max_items)
    assigned = {"Assigned": {True}, "Unassigned": {False}, "Any": {True, False}}[assignment_status]
    return Outcome(
        lambda after: pages.of(
            (each for each in after[MFA_DEVICES].by_arn.values() if (each.user_id is not None) in assigned),
            key=_place,
            render=lambda device: _virtual_members(after, device),
        )
    )


def _virtual_members(account: Account, device: MFADevice) -> EntityMembers:
    """Without tags, which the listing does not carry (IAM API Reference, "ListVirtualMFADevices")."""
    if device.user_id is None:
        return {"SerialNumber": device.arn}
    is_root = device.user_id == account.id
    user = root_members(account) if is_root else listed_user_members(account, account[USERS].by_id[device.user_id])
    return {"SerialNumber": device.arn, "User": user, "EnableDate": device.enabled_at}


def _place(device: MFADevice) -> str:
    """The order of listings: an ARN would be too long for a marker."""
    return f"{device.created_at.isoformat()} {device.seed_id}"


@answers("EnableMFADevice", on=resources.user, records="user_name serial_number")
def enable_mfa_device(
    account: Account,
    call: Call,
    *,
    user_name: str,
    serial_number: str,
    authentication_code1: str,
    authentication_code2: str,
) -> Outcome:
    user_id = user_id_or_caller(account, call, user_name)
    codes = Secret(authentication_code1), Secret(authentication_code2)
    enabled = mfa_devices.enable(account, call, user_id=user_id, serial_number=serial_number, codes=codes)
    return _wrong(enabled) if isinstance(enabled, MFACodeRejected) else done(enabled)


@answers("ResyncMFADevice", on=resources.user, records="user_name serial_number")
def resync_mfa_device(
    account: Account,
    call: Call,
    *,
    user_name: str,
    serial_number: str,
    authentication_code1: str,
    authentication_code2: str,
) -> Outcome:
    user_id = user_id_or_caller(account, call, user_name)
    codes = Secret(authentication_code1), Secret(authentication_code2)
    resynced = mfa_devices.resync(account, call, user_id=user_id, serial_number=serial_number, codes=codes)
    return _wrong(resynced) if isinstance(resynced, MFACodeRejected) else done(resynced)


def _wrong(rejected: MFACodeRejected) -> Outcome:
    return refused(InvalidAuthenticationCode(mfa_devices.WRONG_CODE), rejected)


@answers("DeactivateMFADevice", on=resources.user, records="user_name serial_number")
def deactivate_mfa_device(account: Account, call: Call, *, serial_number: str, user_name: str | None = None) -> Outcome:
    user_id = user_id_or_caller(account, call, user_name)
    return done(mfa_devices.deactivate(account, user_id=user_id, serial_number=serial_number))


@answers("ListMFADevices", on=resources.user, records="user_name marker max_items")
def list_mfa_devices(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> Outcome:
    user_id, pages = user_id_or_caller(account, call, user_name), page_request("MFADevices", marker, max_items)
    return Outcome(
        lambda after: pages.of(
            after[MFA_DEVICES].of(user_id), key=_place, render=lambda device: _owned_members(after, device)
        )
    )


@answers("GetMFADevice", on=resources.user, records="serial_number user_name")
def get_mfa_device(account: Account, call: Call, *, serial_number: str, user_name: str | None = None) -> Outcome:
    """Of a virtual device there are no certifications."""
    user_id = user_id_or_caller(account, call, user_name)
    device = mfa_devices.owned_device(account, user_id, serial_number)
    return Outcome(lambda after: _owned_members(after, device))


def _owned_members(account: Account, device: MFADevice) -> EntityMembers:
    assert device.user_id is not None, "Somebody has it."
    name = answered_name(account, device.user_id)
    return {"UserName": name, "SerialNumber": device.arn, "EnableDate": device.enabled_at}
