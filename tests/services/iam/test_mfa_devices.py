"""Virtual MFA devices: from creation to deletion, which codes count, and what sessions that are given with one may."""

import base64
import hashlib
import hmac
import struct
from typing import Any

import pytest

from domain.account import AccountChange
from domain.families.mfa_devices import MFA_DEVICES, MFACodeRejected
from domain.foundation.errors import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    InvalidAuthenticationCode,
    InvalidClientTokenId,
    LimitExceeded,
    NoSuchEntity,
    Refusal,
    ValidationError,
)
from domain.foundation.secret import SecretKind
from domain.queries.diff import differences
from services.secrets.totp import code_at
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, BEGAN_AT, Endpoint, allow, arn, deny, trusting

PHONE = arn("mfa/phone")
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def test_codes_are_those_of_rfc_6238() -> None:
    """Its vectors for SHA-1 (appendix B), the last six of eight digits."""
    vectors = {59: "287082", 1111111109: "081804", 1111111111: "050471", 20000000000: "353130"}
    assert {at: code_at(b"12345678901234567890", at // 30) for at in vectors} == vectors


class Phone:
    """An authenticator app, by lines of its own."""

    def __init__(self, endpoint: Endpoint, name: str = "phone", *, behind_seconds: float = 0) -> None:
        self.endpoint, self.behind = endpoint, behind_seconds
        created = endpoint.call(endpoint.root, "CreateVirtualMFADevice", VirtualMFADeviceName=name)["VirtualMFADevice"]
        self.serial = created["SerialNumber"]
        self.seed: bytes = base64.b32decode(created["Base32StringSeed"])
        self.image: bytes = created["QRCodePNG"]

    def code(self, later: int = 0) -> str:
        """So many time steps later."""
        step = int(self.endpoint.at.timestamp() - self.behind) // 30 + later
        digest = hmac.new(self.seed, struct.pack(">Q", step), hashlib.sha1).digest()
        (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
        return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"

    def two(self, later: int = 0) -> dict[str, str]:
        return {"AuthenticationCode1": self.code(later - 1), "AuthenticationCode2": self.code(later)}

    def enable(self, by: VerifiedCredential, user_name: str = "ann", later: int = 0) -> None:
        named = {"UserName": user_name, "SerialNumber": self.serial}
        self.endpoint.call(by, "EnableMFADevice", **named, **self.two(later))

    def next(self) -> dict[str, str]:
        """What a call for a session takes, with the next code."""
        self.endpoint.later(seconds=30)
        return {"SerialNumber": self.serial, "TokenCode": self.code()}


def having(*statements: dict[str, object]) -> tuple[Endpoint, VerifiedCredential, Phone]:
    """A user ann, who may do what the statements say, and her phone, enabled."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", *statements)
    phone = Phone(endpoint)
    phone.enable(endpoint.root)
    return endpoint, ann, phone


def listed(endpoint: Endpoint, status: str) -> list[dict[str, Any]]:
    """A page of one each."""
    found: list[dict[str, Any]] = []
    marker: dict[str, str] = {}
    while True:
        page = endpoint.call(endpoint.root, "ListVirtualMFADevices", AssignmentStatus=status, MaxItems=1, **marker)
        found += page["VirtualMFADevices"]
        if not page["IsTruncated"]:
            return found
        marker = {"Marker": page["Marker"]}


def test_from_creation_to_deletion() -> None:
    """Each step shows in what reads: created, enabled, deactivated and deleted. Seed and picture are shown once, no
    entry has them, and with the device the seed is destroyed."""
    endpoint = Endpoint()
    endpoint.user("ann")
    phone = Phone(endpoint)
    assert len(phone.seed) == 40
    assert phone.image.startswith(b"\x89PNG\r\n\x1a\n")
    assert listed(endpoint, "Unassigned") == listed(endpoint, "Any") == [{"SerialNumber": PHONE}]
    with pytest.raises(EntityAlreadyExists, match="MFADevice entity at the same path and name already exists"):
        endpoint.call(endpoint.root, "CreateVirtualMFADevice", VirtualMFADeviceName="Phone")

    other = Phone(endpoint, "other")
    phone.enable(endpoint.root)
    assert {each["SerialNumber"] for each in listed(endpoint, "Any")} == {PHONE, other.serial}
    ann = endpoint.call(endpoint.root, "GetUser", UserName="ann")["User"]
    assert listed(endpoint, "Assigned") == [{"SerialNumber": PHONE, "User": ann, "EnableDate": BEGAN_AT}]
    owned = {"UserName": "ann", "SerialNumber": PHONE, "EnableDate": BEGAN_AT}
    assert endpoint.call(endpoint.root, "ListMFADevices", UserName="ann")["MFADevices"] == [owned]
    assert endpoint.call(endpoint.root, "GetMFADevice", UserName="ann", SerialNumber=PHONE) == owned

    with pytest.raises(EntityAlreadyExists, match="MFA Device is already in use"):
        phone.enable(endpoint.root)
    with pytest.raises(DeleteConflict, match="Must deactivate first"):
        endpoint.call(endpoint.root, "DeleteVirtualMFADevice", SerialNumber=PHONE)
    endpoint.call(endpoint.root, "DeleteAccessKey", UserName="ann", AccessKeyId=_key_of(endpoint, "ann"))
    with pytest.raises(DeleteConflict, match="must delete MFA device first"):
        endpoint.call(endpoint.root, "DeleteUser", UserName="ann")
    for operation in ("GetMFADevice", "DeactivateMFADevice"):
        with pytest.raises(NoSuchEntity, match="MFA Device invalid for user"):
            endpoint.call(endpoint.root, operation, UserName="ann", SerialNumber=other.serial)

    endpoint.call(endpoint.root, "DeactivateMFADevice", UserName="ann", SerialNumber=PHONE)
    assert listed(endpoint, "Assigned") == endpoint.call(endpoint.root, "ListMFADevices")["MFADevices"] == []
    endpoint.call(endpoint.root, "DeleteUser", UserName="ann")
    endpoint.call(endpoint.root, "DeleteVirtualMFADevice", SerialNumber=PHONE)
    assert [kind for kind, _ in endpoint.secrets].count(SecretKind.MFA_SEED) == 1
    with pytest.raises(NoSuchEntity, match="doesn't exist"):
        endpoint.call(endpoint.root, "DeleteVirtualMFADevice", SerialNumber=PHONE)
    seed = base64.b32encode(phone.seed).decode()
    assert seed not in repr(endpoint.entries)
    assert phone.code() not in repr(endpoint.entries)


def _key_of(endpoint: Endpoint, name: str) -> str:
    (key,) = endpoint.call(endpoint.root, "ListAccessKeys", UserName=name)["AccessKeyMetadata"]
    return str(key["AccessKeyId"])


def test_a_user_has_eight_at_most() -> None:
    endpoint = Endpoint()
    endpoint.user("ann")
    for number in range(8):
        Phone(endpoint, f"p{number}").enable(endpoint.root)
    with pytest.raises(LimitExceeded, match="MFADevicesPerUser: 8"):
        Phone(endpoint, "p8").enable(endpoint.root)


def test_a_name_that_no_request_could_name() -> None:
    endpoint = Endpoint()
    longest = 256 - len(arn("mfa/"))
    endpoint.call(endpoint.root, "CreateVirtualMFADevice", VirtualMFADeviceName="a" * longest)
    with pytest.raises(ValidationError, match=f"length less than or equal to {longest} "):
        endpoint.call(endpoint.root, "CreateVirtualMFADevice", VirtualMFADeviceName="b" * (longest + 1))


def test_only_two_codes_in_a_row_enable() -> None:
    """Not the same one twice, not two with a gap, not the wrong way round, nor two of ten minutes ago. After wrong ones
    even the right ones wait, ever longer."""
    endpoint = Endpoint()
    endpoint.user("ann")
    phone = Phone(endpoint)
    named = {"UserName": "ann", "SerialNumber": PHONE}
    for first, second in ((0, 0), (-2, 0), (0, -1), (-21, -20)):
        codes = {"AuthenticationCode1": phone.code(first), "AuthenticationCode2": phone.code(second)}
        with pytest.raises(InvalidAuthenticationCode, match=r"Authentication code for device is not valid\.$"):
            endpoint.call(endpoint.root, "EnableMFADevice", **named, **codes)
        assert isinstance(endpoint.entries[-2].event, MFACodeRejected)
        endpoint.later(minutes=1)
    endpoint.later(seconds=-57)
    with pytest.raises(InvalidAuthenticationCode, match=r"\(4 in a row were wrong: none is looked at until "):
        phone.enable(endpoint.root)
    endpoint.later(minutes=1)
    phone.enable(endpoint.root)
    assert endpoint.account[MFA_DEVICES].by_arn[PHONE].failed_attempts == 0


def test_a_code_counts_once() -> None:
    """Neither those that enabled the device, nor one that has given a session, nor one before it; not for another
    operation either, and not after the device was deactivated and enabled again."""
    endpoint, ann, phone = having()
    wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code"
    for later in (-1, 0):
        with pytest.raises(AccessDenied, match=wrong):
            endpoint.call(ann, "GetSessionToken", SerialNumber=PHONE, TokenCode=phone.code(later))
        endpoint.later(seconds=2)
    assert phone.next()
    endpoint.call(ann, "GetSessionToken", SerialNumber=PHONE, TokenCode=phone.code(1))
    for operation in ("ResyncMFADevice", "EnableMFADevice"):
        with pytest.raises(InvalidAuthenticationCode):
            endpoint.call(endpoint.root, operation, UserName="ann", SerialNumber=PHONE, **phone.two(2))
        endpoint.later(seconds=5)
        if operation == "ResyncMFADevice":
            endpoint.call(endpoint.root, "DeactivateMFADevice", UserName="ann", SerialNumber=PHONE)
    phone.enable(endpoint.root, later=4)


@pytest.mark.parametrize("late", [0, 1, 2, 9])
def test_codes_that_were_typed_late(late: int) -> None:
    """They enable the device up to five minutes later, and the ones that it shows then count."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow())
    phone = Phone(endpoint)
    phone.enable(endpoint.root, later=-late)
    endpoint.call(ann, "GetSessionToken", **phone.next())


def test_a_clock_that_is_ahead() -> None:
    """By what it shows when it is enabled one knows how far: from then on its codes count."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow())
    phone = Phone(endpoint, behind_seconds=-120)
    phone.enable(endpoint.root)
    endpoint.call(ann, "GetSessionToken", **phone.next())


def test_a_clock_that_is_off() -> None:
    """A device an hour behind gives no session; two codes in a row say how far it is off, and from then on its codes
    count, while those of the right time do not. Each session says anew how far, so that a clock may go on to drift."""
    endpoint, ann, phone = having()
    phone.behind = -3_600
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "GetSessionToken", **phone.next())
    endpoint.later(seconds=2)
    endpoint.call(endpoint.root, "ResyncMFADevice", UserName="ann", SerialNumber=PHONE, **phone.two())
    for _ in range(3):
        phone.behind -= 30
        endpoint.call(ann, "GetSessionToken", **phone.next())
    phone.behind = 0
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "GetSessionToken", **phone.next())
    with pytest.raises(NoSuchEntity, match="MFA Device invalid for user"):
        endpoint.call(endpoint.root, "ResyncMFADevice", UserName="ann", SerialNumber=arn("mfa/x"), **phone.two())


def test_a_session_with_mfa_and_one_without() -> None:
    """A policy that asks for MFA lets the one in, for as long as it says, and not the other; without MFA a session
    calls no operation of IAM at all."""
    young = {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}
    endpoint, ann, phone = having(allow("iam:*", Condition=WITH_MFA | young), deny("iam:DeleteUser"))
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "ListUsers")
    without = endpoint.session(ann, "GetSessionToken")
    with pytest.raises(InvalidClientTokenId):
        endpoint.call(without, "ListUsers")
    given = endpoint.session(ann, "GetSessionToken", **phone.next())
    assert endpoint.call(given, "ListUsers")["Users"]
    with pytest.raises(AccessDenied):
        endpoint.call(given, "DeleteUser", UserName="ann")
    endpoint.later(hours=1)
    with pytest.raises(AccessDenied):
        endpoint.call(given, "ListUsers")


def test_a_role_that_asks_for_mfa() -> None:
    """It comes with the call, or with the session that calls; the role's own session has none. The record has the
    serial number, and never the code. A code that came with a refused call is used up too."""
    endpoint, ann, phone = having(allow("sts:AssumeRole"))
    asking = trusting(ACCOUNT, Condition=WITH_MFA)
    role = endpoint.role("ops", asking, allow("iam:ListUsers"), deny("iam:ListUsers", Condition=WITH_MFA))
    closed = endpoint.role("closed", trusting(ACCOUNT, Condition={"StringEquals": {"sts:ExternalId": "x"}}))
    with pytest.raises(AccessDenied):
        endpoint.session(ann, RoleArn=role)
    session = endpoint.session(ann, RoleArn=role, **phone.next())
    assert endpoint.record.parameters["serial_number"] == PHONE
    assert "token_code" not in endpoint.record.parameters
    assert endpoint.call(session, "ListUsers")["Users"]
    with pytest.raises(AccessDenied, match="not authorized to perform: sts:AssumeRole"):
        endpoint.session(ann, RoleArn=closed, **(code := phone.next()))
    with pytest.raises(AccessDenied, match="one time pass code"):
        endpoint.session(ann, RoleArn=role, **code)
    endpoint.later(seconds=2)
    endpoint.session(endpoint.session(ann, "GetSessionToken", **phone.next()), RoleArn=role)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"SerialNumber": PHONE}, "must provide both MFA serial number and one time pass code"),
        ({"TokenCode": "000000"}, "must provide both MFA serial number and one time pass code"),
        ({"SerialNumber": arn("mfa/nobodys"), "TokenCode": "000000"}, "Please verify your MFA serial number"),
        ({"SerialNumber": arn("mfa/x"), "TokenCode": "000000"}, "Please verify your MFA serial number"),
    ],
)
def test_what_is_no_device_of_the_callers(given: dict[str, str], sentence: str) -> None:
    """Somebody else's device is refused as one that is not there is."""
    endpoint, ann, _ = having()
    Phone(endpoint, "nobodys")
    with pytest.raises(AccessDenied, match=sentence):
        endpoint.call(ann, "GetSessionToken", **given)


def test_whoever_guesses_waits() -> None:
    """After so many wrong codes in a row a right one is not looked at; and a right one in time ends the row."""
    endpoint, ann, phone = having()
    for failures in range(5):
        with pytest.raises(AccessDenied, match=r"pass code\.$"):
            endpoint.call(ann, "GetSessionToken", SerialNumber=PHONE, TokenCode="000000")
        endpoint.later(seconds=1 << failures)
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "GetSessionToken", SerialNumber=PHONE, TokenCode="000000")
    endpoint.later(seconds=1)
    with pytest.raises(AccessDenied, match=r"\(6 in a row were wrong: none is looked at until "):
        endpoint.call(ann, "GetSessionToken", **phone.next())
    endpoint.call(ann, "GetSessionToken", **phone.next())
    assert endpoint.account[MFA_DEVICES].by_arn[PHONE].failed_at is None


def test_the_root_user() -> None:
    """Root has devices as users have, by the name that GetUser gives it, and nobody else can give it one or take it."""
    endpoint = Endpoint()
    admin = endpoint.user("admin", allow())
    phone = Phone(endpoint, "root-account-mfa-device")
    with pytest.raises(NoSuchEntity):
        phone.enable(admin, "root")
    phone.enable(endpoint.root, "root")
    (device,) = endpoint.call(endpoint.root, "ListMFADevices")["MFADevices"]
    assert device == {"UserName": "root", "SerialNumber": phone.serial, "EnableDate": BEGAN_AT}
    (virtual,) = listed(endpoint, "Assigned")
    assert virtual["User"]["Arn"] == arn("root")
    with pytest.raises(NoSuchEntity):
        endpoint.call(admin, "DeactivateMFADevice", UserName="root", SerialNumber=phone.serial)
    assert endpoint.call(endpoint.root, "GetSessionToken", **phone.next())["Credentials"]
    endpoint.call(endpoint.root, "DeactivateMFADevice", SerialNumber=phone.serial)
    assert endpoint.call(endpoint.root, "ListMFADevices")["MFADevices"] == []


@pytest.mark.parametrize("operation", ["EnableMFADevice", "ResyncMFADevice", "DeactivateMFADevice", "GetMFADevice"])
def test_who_may_is_asked_first(operation: str) -> None:
    """On the user; whoever may not learns neither what there is nor whether codes are right."""
    endpoint, _, phone = having()
    ben = endpoint.user("ben", allow(f"iam:{operation}", arn("user/ben")))
    codes = phone.two() if operation in {"EnableMFADevice", "ResyncMFADevice"} else {}
    for serial in (PHONE, arn("mfa/x")):
        with pytest.raises(AccessDenied):
            endpoint.call(ben, operation, UserName="ann", SerialNumber=serial, **codes)
    with pytest.raises(Refusal) as refused:
        endpoint.call(ben, operation, UserName="ben", SerialNumber=arn("mfa/x"), **codes)
    assert isinstance(refused.value, NoSuchEntity)


def test_of_a_past_moment() -> None:
    """A device that is gone answers as of when it was there, and `diff` says what has become of it."""
    endpoint, _, _ = having()
    before = endpoint.account
    then = f"p{endpoint.account.position}"
    endpoint.call(endpoint.root, "DeactivateMFADevice", UserName="ann", SerialNumber=PHONE)
    endpoint.call(endpoint.root, "DeleteVirtualMFADevice", SerialNumber=PHONE)
    later = [entry for entry in endpoint.entries[before.position :] if isinstance(entry.event, AccountChange)]
    told = [each.made.sentence for each in differences(before, later, 100).differing]
    assert told == ["MFA device phone of user ann was deactivated.", "MFA device phone was deleted."]
    endpoint.moment = then
    assert [each["SerialNumber"] for each in listed(endpoint, "Assigned")] == [PHONE]
    assert endpoint.call(endpoint.root, "ListMFADevices", UserName="ann")["MFADevices"]
