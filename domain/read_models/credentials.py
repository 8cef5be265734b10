"""Access keys, passwords, MFA devices and users' other credentials, as they were at a moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.families.access_keys import AccessKeyStatus
from domain.families.user_credentials import UserCredentialStatus
from domain.foundation.moments import EventRef


@dataclass(frozen=True, slots=True)
class AccessKeyLastUsed:
    at: datetime
    """The beginning of the window of the last use (domain.families.credential_use.USE_WINDOW)."""
    service: str
    region: str


@dataclass(frozen=True, slots=True)
class AccessKeyCredential:
    """An access key that existed at the moment."""

    access_key_id: str
    user_id: str
    """The account's id for a key of root."""
    user_name: str | None
    """As the user was called at the moment; None for root."""
    created: EventRef
    age_days: int
    """Whole days from its creation to the moment."""
    status: AccessKeyStatus
    status_since: EventRef
    last_used: AccessKeyLastUsed | None
    rotation: Literal["warned", "due", "overdue"] | None = None
    """What the scheduler has told of the key's age last."""
    idle: bool = False
    """Whether the scheduler has told that nobody uses the key, and nobody has used it since."""
    kind: Literal["access_key"] = "access_key"


@dataclass(frozen=True, slots=True)
class PasswordCredential:
    """A user's password that existed at the moment, or root's: that it may be recovered, or was."""

    user_id: str
    """The account's id for root."""
    user_name: str | None
    """As the user was called at the moment; None for root."""
    created: EventRef
    """Since when the user has had one without a break."""
    changed: EventRef
    """Since when it was this one."""
    age_days: int
    """Whole days from its last change to the moment."""
    reset_required: bool
    expires_at: datetime | None
    """By the account's password policy of the moment; None where passwords did not expire, as root's never does."""
    expired: bool
    hard_expiry: bool
    """Whether somebody else has to set another one when it has expired."""
    kind: Literal["password"] = "password"


@dataclass(frozen=True, slots=True)
class HeldUserCredential:
    """An SSH public key, signing certificate or service-specific credential that existed at the moment."""

    credential_id: str
    user_id: str
    """The account's id for a signing certificate of root."""
    user_name: str | None
    """As the user was called at the moment; None for root."""
    created: EventRef
    age_days: int
    """Whole days from its creation to the moment."""
    status: UserCredentialStatus
    status_since: EventRef
    service_name: str | None
    """Of a service-specific credential."""
    expires_at: datetime | None
    expired: bool
    kind: Literal["ssh_public_key", "signing_certificate", "service_specific_credential"]


@dataclass(frozen=True, slots=True)
class MFADeviceCredential:
    """An MFA device that was somebody's at the moment."""

    serial_number: str
    user_id: str
    """The account's id for one of root."""
    user_name: str | None
    """As the user was called at the moment; None for root."""
    created: EventRef
    """When it was enabled."""
    age_days: int
    """Whole days since then."""
    kind: Literal["mfa_device"] = "mfa_device"


Credential = AccessKeyCredential | PasswordCredential | MFADeviceCredential | HeldUserCredential
