"""The steps of random histories with users' other credentials: SSH keys, certificates, MFA devices and their like."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account, AccountChange
from domain.families.access_keys import ACCESS_KEYS
from domain.families.key_rotations import KEY_ROTATIONS
from domain.families.mfa_devices import (
    MFA_DEVICES,
    SEED,
    MFACodeAccepted,
    MFACodeRejected,
    MFADeviceEnabled,
    MFADeviceResynced,
)
from domain.families.server_certificates import SERVER_CERTIFICATES, ServerCertificateUploaded
from domain.families.user_credentials import (
    USER_CREDENTIALS,
    ServiceSpecificCredentialCreated,
    SigningCertificateUploaded,
    SSHPublicKeyUploaded,
)
from domain.families.users import USERS
from domain.foundation.events import Event
from domain.foundation.identifiers import ACCESS_KEY, Random, new_access_key_id, new_unique_id
from domain.foundation.long_texts import text_digest
from domain.rules import key_rotations, leak_reports, mfa_devices, server_certificates, user_credentials
from domain.rules.access_keys import owner_name
from tests.step_draws import NAMES, PATHS, one, step


def user_credential(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    """Whose texts and passwords are no affair of the account's value."""
    credentials = account[USER_CREDENTIALS].by_id
    chosen = step(draw, credentials, "set status", "delete", "reset")
    if chosen == "create":
        user, mark = one(draw, account[USERS]), new_unique_id("", random)
        owner = {"credential_id": new_unique_id("ACCA", random), "user_id": user.id, "user_name": user.name}
        service = {"service_name": "logs.amazonaws.com", "service_user_name": mark}
        digest = text_digest(mark)  # The text is the fingerprint, whoever has to write it.
        made: list[Event] = [
            SSHPublicKeyUploaded(**owner, fingerprint=mark, body_sha256=digest, pem_sha256=digest),
            SigningCertificateUploaded(**owner, fingerprint=mark, body_sha256=digest, expires_at=at),
            ServiceSpecificCredentialCreated(**owner, **service, secret_id=mark),
        ]
        return [one(draw, made)]
    resettable = [credential for credential in credentials.values() if credential.secret_id is not None]
    credential = one(draw, resettable if chosen == "reset" and resettable else credentials.values())
    named = {"user_id": credential.user_id, "credential_id": credential.id}
    if chosen == "delete":
        return user_credentials.delete(account, kind=credential.kind, **named)[0]
    if chosen == "reset" and credential.secret_id is not None:
        return [user_credentials.reset(account, secret_id=new_unique_id("AISP", random), **named)[0]]
    status = "Inactive" if credential.status == "Active" else "Active"
    return user_credentials.update(account, kind=credential.kind, status=status, **named)


def server_certificate(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    certificates = account[SERVER_CERTIFICATES]
    chosen = step(draw, certificates, "rename", "delete")
    if chosen == "create":
        name, mark = draw(NAMES), new_unique_id("", random)
        server_certificates.refuse_another(account, name)
        return [
            ServerCertificateUploaded(
                server_certificate_id=new_unique_id("ASCA", random),
                server_certificate_name=name,
                path=draw(PATHS),
                expires_at=at,
                fingerprint=mark,
                body_sha256=text_digest(mark),
                secret_id=mark,
            )
        ]
    certificate = one(draw, certificates)
    if chosen == "delete":
        return [server_certificates.delete(account, name=certificate.name)[0]]
    return [server_certificates.update(account, name=certificate.name, new_path=draw(PATHS), new_name=draw(NAMES))]


def mfa_device(draw: DrawFn, account: Account, _at: datetime, random: Random) -> Sequence[Event]:
    """Its codes are facts; which events may follow one another are not."""
    devices = account[MFA_DEVICES].by_arn.values()
    if not devices or draw(st.integers(0, 2)) == 0:
        name, path, seed_id = draw(NAMES), draw(PATHS), new_unique_id(SEED, random)
        arn = account.arn(f"mfa{path}{name}")
        return [mfa_devices.create(account, arn=arn, name=name, path=path, seed_id=seed_id)]
    device = one(draw, devices)
    if device.user_id is None and draw(st.integers(0, 3)) == 0:
        return [mfa_devices.delete(account, serial_number=device.arn)[0]]
    owner_id = device.user_id or draw(st.sampled_from([account.id, *(user.id for user in account[USERS])]))
    of_owner = {"serial_number": device.arn, "user_id": owner_id, "user_name": owner_name(account, owner_id)}
    step = {"time_step": device.last_step + 1, "drift": draw(st.integers(-10, 10))}
    if device.user_id is None:
        return [MFADeviceEnabled(**of_owner, **step)]
    return draw(
        st.sampled_from(
            [
                [MFADeviceResynced(**of_owner, **step)],
                [MFACodeAccepted(**of_owner, **step)],
                [MFACodeRejected(serial_number=device.arn)],
                [mfa_devices.deactivate(account, user_id=owner_id, serial_number=device.arn)],
            ]
        )
    )


def key_rotation(draw: DrawFn, account: Account, at: datetime, random: Random) -> Sequence[Event]:
    """Begun, or whatever comes next, mostly without waiting; or the key is reported leaked."""
    rotations = account[KEY_ROTATIONS]
    if draw(st.integers(0, 7)) == 0:
        return _leak_report(draw, account)
    if not rotations or draw(st.integers(0, 5)) == 0:
        user = one(draw, account[USERS])
        keys = [key.id for key in account[ACCESS_KEYS].of(user.id)]
        return key_rotations.start(
            account,
            user_id=user.id,
            old_access_key_id=draw(st.sampled_from(keys)) if len(keys) > 1 else None,
            new_access_key_id=new_access_key_id(ACCESS_KEY, account.id, random),
            replaces=None,
            observe_days=draw(st.sampled_from([0, 0, 0, 2])),
        )
    rotation = one(draw, sorted(rotations.values(), key=lambda rotation: rotation.user_id))
    if draw(st.integers(0, 5)) == 0:
        return key_rotations.stop(account, user_id=rotation.user_id, reason=None)
    handed_over: Sequence[AccountChange] = ()
    if rotation.stage == "started":
        handed_over = key_rotations.hand_over(
            account, user_id=rotation.user_id, new_access_key_id=rotation.new_access_key_id, to="file"
        )
    for event in handed_over:
        account = event.fold(account, at)
    force = draw(st.integers(0, 3)) > 0
    return [*handed_over, *key_rotations.advance(account, user_id=rotation.user_id, at=at, force=force)]


def _leak_report(draw: DrawFn, account: Account) -> Sequence[Event]:
    key = one(draw, account[ACCESS_KEYS].by_id.values())
    source = draw(st.sampled_from([None, "commit"]))
    return [leak_reports.report_leak(account, key, reporter="operator", source=source, url="https://example.com/a?b")]
