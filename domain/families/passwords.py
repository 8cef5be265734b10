"""Passwords: users' login profiles, and the account's password policy. What a password is, no event says: it has a
random id, and its hash lies sealed beside the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from immutables import Map

from domain.foundation.events import Change
from domain.foundation.secret import Secret

PASSWORD = "AIPW"  # noqa: S105  no password
"""Prefix of password ids, of which AWS has none."""
REMEMBERED_MAX = 24
"""So many passwords, the current one among them, a policy can ask never to be used again (UpdateAccountPasswordPolicy,
PasswordReusePrevention)."""


@dataclass(frozen=True, slots=True)
class LoginProfile:
    """That a user has a password, which one, and since when."""

    user_id: str
    created_at: datetime
    password_id: str
    """Random: two equal passwords have different ids."""
    changed_at: datetime
    """Since when it is this password."""
    reset_required: bool
    """The user has to choose another one before anything else can be done with this one."""
    earlier: tuple[str, ...] = ()
    """Ids of the passwords before it, the newest first, as far as reuse prevention can ever ask."""
    failed_attempts: int = 0
    """Since the last time that the password was right, or was set."""
    failed_at: datetime | None = None
    """The last of them."""

    @property
    def password_ids(self) -> tuple[str, ...]:
        """The newest first; their hashes are kept."""
        return (self.password_id, *self.earlier)

    @property
    def forgotten(self) -> tuple[str, ...]:
        """Ids of the passwords that nothing can ask for any more when there is another one."""
        return self.password_ids[REMEMBERED_MAX - 1 :]

    def with_password(self, password_id: str, at: datetime, *, reset_required: bool) -> "LoginProfile":
        earlier = self.password_ids[: REMEMBERED_MAX - 1]
        return LoginProfile(self.user_id, self.created_at, password_id, at, reset_required, earlier)


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What the account asks of its users' passwords (API_PasswordPolicy)."""

    minimum_password_length: int
    require_symbols: bool
    require_numbers: bool
    require_uppercase_characters: bool
    require_lowercase_characters: bool
    allow_users_to_change_password: bool
    max_password_age: int | None
    """In days; None when passwords do not expire."""
    password_reuse_prevention: int | None
    """How many passwords, the current one among them, cannot be chosen again; None when all can."""
    hard_expiry: bool
    """Whoever let the password expire cannot change it by signing in with it."""


@dataclass(frozen=True, slots=True)
class PasswordQuery:
    """What only hashing can tell, and hashing is slow by intent."""

    chosen: Secret
    """The new password: its hash, and which of these it is."""
    reused: frozenset[str] = frozenset()
    proving: Secret | None = None
    """The old password, if it has to be proved that it is this one. Where it is not, nothing else is found out."""
    current: str | None = None


@dataclass(frozen=True, slots=True)
class PasswordFacts:
    """What hashing has told, by ids of passwords. Ids of which no hash was there any more are absent."""

    hashed: Secret | None
    """The chosen password's hash; None where the old password was wrong."""
    reused: Mapping[str, bool]
    """Whether the chosen password is the one with this id."""
    authenticate: Mapping[str, bool]
    """Whether the old password is the one with this id."""

    def cover(self, wanted: PasswordQuery) -> bool:
        """Whether everything is known that is now wanted to be. A wrong old password is enough to know."""
        if wanted.current is not None and not self.authenticate.get(wanted.current, True):
            return True
        proved = wanted.current is None or wanted.current in self.authenticate
        return proved and self.hashed is not None and wanted.reused <= self.reused.keys()


class LoginProfileCreated(Change, topic="iam.login_profile.created.v1"):
    user_id: str
    user_name: str
    password_id: str
    reset_required: bool


class LoginProfileUpdated(Change, topic="iam.login_profile.updated.v1"):
    """By somebody who may, mostly not the user."""

    user_id: str
    user_name: str
    password_id: str | None = None
    """The new password's; None where it stays."""
    reset_required: bool


class LoginProfileDeleted(Change, topic="iam.login_profile.deleted.v1"):
    user_id: str
    user_name: str


class PasswordChanged(Change, topic="iam.password.changed.v1"):
    """By the user itself, who knew the old one."""

    user_id: str
    user_name: str
    password_id: str


class PasswordAttemptFailed(Change, topic="iam.password.attempt_failed.v1"):
    """Somebody said a wrong password. A change, because the next attempt has to wait."""

    user_id: str
    user_name: str


class PasswordPolicyUpdated(Change, topic="iam.account.password_policy.updated.v1"):
    """The account's whole policy: nothing of an earlier one stays."""

    minimum_password_length: int
    require_symbols: bool
    require_numbers: bool
    require_uppercase_characters: bool
    require_lowercase_characters: bool
    allow_users_to_change_password: bool
    max_password_age: int | None = None
    password_reuse_prevention: int | None = None
    hard_expiry: bool


class PasswordPolicyDeleted(Change, topic="iam.account.password_policy.deleted.v1"):
    """AWS's default policy applies again."""


LoginProfileEvent = (
    LoginProfileCreated | LoginProfileUpdated | LoginProfileDeleted | PasswordChanged | PasswordAttemptFailed
)
LoginProfiles = Map[str, LoginProfile]
"""By the user's unique id."""


def evolve(profiles: LoginProfiles, event: LoginProfileEvent, at: datetime) -> LoginProfiles:
    user_id = event.user_id
    if isinstance(event, LoginProfileCreated):
        if user_id in profiles:
            raise LookupError(f"{user_id} has a login profile already.")
        return profiles.set(user_id, LoginProfile(user_id, at, event.password_id, at, event.reset_required))
    profile = profiles[user_id]
    match event:
        case LoginProfileUpdated(password_id=None):
            return profiles.set(user_id, replace(profile, reset_required=event.reset_required))
        case LoginProfileUpdated(password_id=str(password_id)):
            changed = profile.with_password(password_id, at, reset_required=event.reset_required)
            return profiles.set(user_id, changed)
        case PasswordChanged():
            return profiles.set(user_id, profile.with_password(event.password_id, at, reset_required=False))
        case PasswordAttemptFailed():
            failed = replace(profile, failed_attempts=profile.failed_attempts + 1, failed_at=at)
            return profiles.set(user_id, failed)
        case LoginProfileDeleted():
            return profiles.delete(user_id)
        case _:
            raise TypeError(f"{type(event).__name__} is no event of a login profile.")


def evolve_policy(
    policy: PasswordPolicy | None, event: PasswordPolicyUpdated | PasswordPolicyDeleted
) -> PasswordPolicy | None:
    if isinstance(event, PasswordPolicyUpdated):
        return PasswordPolicy(**event.model_dump())
    if policy is None:
        raise LookupError("There is no password policy to delete.")
    return None
