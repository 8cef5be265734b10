"""Passwords: users' login profiles, and the account's password policy. What a password is, no event says: it has a
random id, and its hash lies sealed beside the ledger."""

import json
from abc import ABC
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from immutables import Map

from domain.account import NOBODY, Account, AffectsNobody, Bookkeeping, Component, OfAccount
from domain.credential_kinds import HeldCredential, LifecycleKind
from domain.entity_kinds import entity_title, prevents_deletion
from domain.facts import Attributes, Fact, FactKind, FactValue, tells_facts
from domain.families.notices import NOTICES, without_notices
from domain.families.users import USERS
from domain.foundation.secret import Secret
from domain.lineage_kinds import Command, LineageKind, Parts, Setting, SettingDelta

PASSWORD = "AIPW"  # noqa: S105  no password
"""Prefix of password ids, of which AWS has none."""
REMEMBERED_MAX = 24
"""So many passwords, the current one among them, a policy can ask never to be used again (UpdateAccountPasswordPolicy,
PasswordReusePrevention)."""


@dataclass(frozen=True, slots=True)
class LoginProfile:
    """That a user has a password, which one, and since when."""

    user_id: str
    """The owner's unique id; the account id for root's."""
    created_at: datetime
    password_id: str | None
    """Random: two equal passwords have different ids. None for root, who may recover a password that nobody has set
    here."""
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
        return () if self.password_id is None else (self.password_id, *self.earlier)

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


LoginProfiles = Map[str, LoginProfile]
LOGIN_PROFILES = Component[LoginProfiles]("login_profiles", Map(), ids=lambda profiles: profiles)
"""By the owner's unique id."""
PASSWORD_POLICY = Component[PasswordPolicy | None]("password_policy", None)
"""None while AWS's default policy applies."""
LOGIN_PROFILE_FACT = FactKind("login profile")
PASSWORD_POLICY_FACT = FactKind("password policy")
prevents_deletion(1, "delete login profile", lambda account, user_id: user_id in account[LOGIN_PROFILES])


def _removals(now: Account, user_id: str) -> Iterator[tuple[str, Command]]:
    """No credentials of the account delete root's: a session of AssumeRoot does, and containment puts it back."""
    if user_id in now[LOGIN_PROFILES] and user_id != now.id:
        yield user_id, Command("delete-login-profile", {"user_name": now[USERS].by_id[user_id].name})


def _parts(account: Account, user_id: str, _subject: str) -> Parts:
    profile = account[LOGIN_PROFILES].get(user_id)
    return {} if profile is None else {"password": profile.password_id or "root's"}


def _openings(delta: SettingDelta) -> Iterator[str]:
    if not delta.introduced:
        return
    if delta.owner_id == delta.account.id:
        yield "lets whoever recovers the password sign in as root"
    else:
        yield f"lets whoever knows the password sign in as {delta.account[USERS].by_id[delta.owner_id].name}"


PASSWORD_SETTING = Setting(_parts, lambda delta, _parts: delta.account, _openings, is_keyed=True)
"""No call is allowed by a password."""


def _policy_parts(account: Account, _account_id: str, _subject: str) -> Parts:
    policy = account[PASSWORD_POLICY]
    return {} if policy is None else {"policy": json.dumps(asdict(policy))}


def _without_policy(delta: SettingDelta, parts: Parts) -> Account:
    policy = PasswordPolicy(**json.loads(parts["policy"])) if parts else None
    return delta.account.put(PASSWORD_POLICY, policy)


def _policy_openings(delta: SettingDelta) -> Iterator[str]:
    if _lets_users_change(delta.account) and not _lets_users_change(delta.former):
        yield "lets every user change the own password"


POLICY_SETTING = Setting(_policy_parts, _without_policy, _policy_openings, is_keyed=True)
LineageKind("password_policy", "password policy of {account}", setting=POLICY_SETTING)
LineageKind("password", "password of {name}", removals=_removals, setting=PASSWORD_SETTING)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    policy = account[PASSWORD_POLICY]
    if subject == account.id and policy is not None:
        rules = {name: getattr(policy, name) for name in policy.__slots__}
        yield Fact(PASSWORD_POLICY_FACT, account.id), FactValue("of the account", rules)
    login = account[LOGIN_PROFILES].get(subject)
    if login is not None:
        said: Attributes = {
            "created_at": login.created_at,
            "changed_at": login.changed_at,
            "password_id": login.password_id,
            "reset_required": login.reset_required,
        }
        owner = "root" if subject == account.id else entity_title(account, subject)
        yield Fact(LOGIN_PROFILE_FACT, subject), FactValue(f"of {owner}", said)


class LoginProfileChange(AffectsNobody, ABC):
    user_id: str
    user_name: str
    subject = "user_id"

    def created(self, account: Account, profile: LoginProfile) -> Account:
        profiles = account[LOGIN_PROFILES]
        if self.user_id in profiles:
            raise LookupError(f"{self.user_id} has a login profile already.")
        return account.put(LOGIN_PROFILES, profiles.set(self.user_id, profile))

    def deleted(self, account: Account) -> Account:
        account = account.put(NOTICES, without_notices(account[NOTICES], self.user_id, "password"))
        return account.put(LOGIN_PROFILES, account[LOGIN_PROFILES].delete(self.user_id))


class LoginProfileCreated(LoginProfileChange, topic="iam.login_profile.created.v1"):
    password_id: str
    reset_required: bool
    sentence = "User {user_name} was given a password."

    def fold(self, account: Account, at: datetime) -> Account:
        return self.created(account, LoginProfile(self.user_id, at, self.password_id, at, self.reset_required))


class RootLoginProfileCreated(LoginProfileChange, topic="iam.root_login_profile.created.v1"):
    """In a session of AssumeRoot. The password itself root sets where it recovers it, which is not here."""

    sentence = "The root user was allowed to recover its password."

    def fold(self, account: Account, at: datetime) -> Account:
        return self.created(account, LoginProfile(self.user_id, at, None, at, reset_required=False))


class LoginProfileUpdated(LoginProfileChange, topic="iam.login_profile.updated.v1"):
    """By somebody who may, mostly not the user."""

    password_id: str | None = None
    """The new password's; None where it stays."""
    reset_required: bool

    def fold(self, account: Account, at: datetime) -> Account:
        profiles = account[LOGIN_PROFILES]
        profile = profiles[self.user_id]
        if self.password_id is None:
            updated = replace(profile, reset_required=self.reset_required)
        else:
            updated = profile.with_password(self.password_id, at, reset_required=self.reset_required)
        return account.put(LOGIN_PROFILES, profiles.set(self.user_id, updated))

    def describe(self) -> str:
        if self.password_id is not None:
            return f"User {self.user_name} was given another password."
        must = "has to" if self.reset_required else "need not"
        return f"User {self.user_name} {must} choose another password."


class LoginProfileDeleted(LoginProfileChange, topic="iam.login_profile.deleted.v1"):
    sentence = "The password of user {user_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return self.deleted(account)


class RootLoginProfileDeleted(LoginProfileChange, topic="iam.root_login_profile.deleted.v1"):
    """In a session of AssumeRoot: root can neither sign in with a password nor recover it."""

    sentence = "The password of the root user was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        return self.deleted(account)


class PasswordChanged(LoginProfileChange, topic="iam.password.changed.v1"):
    """By the user itself, who knew the old one."""

    password_id: str
    sentence = "User {user_name} changed their own password."

    def fold(self, account: Account, at: datetime) -> Account:
        profiles = account[LOGIN_PROFILES]
        changed = profiles[self.user_id].with_password(self.password_id, at, reset_required=False)
        return account.put(LOGIN_PROFILES, profiles.set(self.user_id, changed))


class PasswordAttemptFailed(Bookkeeping, LoginProfileChange, topic="iam.password.attempt_failed.v1"):
    """Somebody said a wrong password. A change, because the next attempt has to wait."""

    sentence = "A wrong password was entered for user {user_name}."

    def fold(self, account: Account, at: datetime) -> Account:
        profiles = account[LOGIN_PROFILES]
        profile = profiles[self.user_id]
        failed = replace(profile, failed_attempts=profile.failed_attempts + 1, failed_at=at)
        return account.put(LOGIN_PROFILES, profiles.set(self.user_id, failed))


def _held(account: Account, user_id: str) -> HeldCredential | None:
    """None of root's, of which nothing is known here but whether it may be recovered."""
    login = account[LOGIN_PROFILES].get(user_id)
    if login is None or login.password_id is None:
        return None
    policy = account[PASSWORD_POLICY]
    days = None if policy is None else policy.max_password_age
    expires_at = None if days is None else login.changed_at + timedelta(days=days)
    return HeldCredential("password", user_id, user_id, login.changed_at, expires_at=expires_at)


LifecycleKind("password", lambda account, user_id: filter(None, [_held(account, user_id)]), _held)


class PasswordPolicyChange(OfAccount):
    def affected_principals(self, before: Account, after: Account) -> frozenset[str]:
        """It grants every user the change of the own password, or does not."""
        same = _lets_users_change(before) == _lets_users_change(after)
        return NOBODY if same else frozenset(after[USERS].by_id)


def _lets_users_change(account: Account) -> bool:
    policy = account[PASSWORD_POLICY]
    return policy is not None and policy.allow_users_to_change_password


class PasswordPolicyUpdated(PasswordPolicyChange, topic="iam.account.password_policy.updated.v1"):
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
    sentence = "The account got another password policy."

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(PASSWORD_POLICY, PasswordPolicy(**self.model_dump()))


class PasswordPolicyDeleted(PasswordPolicyChange, topic="iam.account.password_policy.deleted.v1"):
    """AWS's default policy applies again."""

    sentence = "The account's password policy was deleted: AWS's default applies."

    def fold(self, account: Account, at: datetime) -> Account:
        if account[PASSWORD_POLICY] is None:
            raise LookupError("There is no password policy to delete.")
        return account.put(PASSWORD_POLICY, None)
