"""Credentials of every kind, as they were at a moment, and where they stood in their lives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from domain.families.access_keys import AccessKeyStatus
from domain.families.notices import PolicyAction, Protection
from domain.families.user_credentials import UserCredentialStatus
from domain.foundation.moments import EventRef


@dataclass(frozen=True, slots=True)
class LifecycleStep:
    """What becomes of a credential with time, when, and by which rule."""

    what: str
    """Of the notice that tells it: rotation_warned, rotation_due, rotation_overdue, rotation_overlap_exceeded, idle,
    expiry_warned, expired, deactivated, deleted; withheld where the profile demands it and it would lock somebody
    out."""
    at: datetime
    profile: str
    version: int
    rule: str
    days: int
    override: str | None = None
    """The profile's override that the rule is of."""
    action: PolicyAction | None = None
    """Which the scheduler takes when it comes by."""
    protects: Protection | None = None
    """Why it does not."""


@dataclass(frozen=True, slots=True)
class CredentialLifecycle:
    """Where a credential stood at the moment, by the profile in force then."""

    credential_id: str
    """The access key id, the ARN of an MFA device or provider; of a password, user or role the unique id of whose it
    is."""
    owner_id: str
    """The unique id of the user or role; the account's id for root; of a server certificate or provider its own."""
    owner_name: str
    active: bool
    use_recorded: bool
    """Passwords, MFA devices, SSH keys and certificates are used where nothing is recorded here."""
    last_used_at: datetime | None
    """Of a user by its access keys."""
    stands: tuple[LifecycleStep, ...]
    """What was so already, the earliest first; nothing that a later one makes plain."""
    next: LifecycleStep | None
    """What will be so next if nobody does anything; warnings aside."""
    due: LifecycleStep | None
    """By when somebody has to act, past or to come: it is to be replaced, ends, or is deactivated or deleted."""
    exempt_until: datetime | None
    reported_leaked_at: datetime | None = None
    """When it was first reported, if it ever was."""


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
    lifecycle: CredentialLifecycle | None = None


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
    lifecycle: CredentialLifecycle | None = None
    """None of root's, of which nothing is known here but whether it may be recovered."""


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
    lifecycle: CredentialLifecycle | None = None


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
    lifecycle: CredentialLifecycle | None = None


@dataclass(frozen=True, slots=True)
class AgeingEntity:
    """A user or role, of which it counts how long nobody has used it, or a certificate that is no user's."""

    entity_id: str
    """The unique id; the ARN of a provider."""
    name: str
    created_at: datetime
    age_days: int
    expires_at: datetime | None
    expired: bool
    kind: Literal["user", "role", "server_certificate", "provider_certificate"]
    lifecycle: CredentialLifecycle | None = None


RecordedCredential = AccessKeyCredential | PasswordCredential | MFADeviceCredential | HeldUserCredential
"""Whose every change has its place in a table."""
Credential = RecordedCredential | AgeingEntity
