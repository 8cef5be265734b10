"""Passwords: who gets one, what it has to be like, and how often it may be guessed (docs/adr/0013).

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.account import Account
from domain.calls import Call, NeedsFacts
from domain.families.passwords import (
    LOGIN_PROFILES,
    PASSWORD,
    PASSWORD_POLICY,
    LoginProfile,
    LoginProfileCreated,
    LoginProfileDeleted,
    LoginProfileUpdated,
    PasswordAttemptFailed,
    PasswordChanged,
    PasswordFacts,
    PasswordPolicy,
    PasswordPolicyDeleted,
    PasswordQuery,
    RootLoginProfileCreated,
    RootLoginProfileDeleted,
)
from domain.families.users import USERS
from domain.foundation.errors import (
    EntityAlreadyExists,
    EntityTemporarilyUnmodifiable,
    InvalidUserType,
    NoSuchEntity,
    PasswordPolicyViolation,
    ValidationError,
)
from domain.foundation.secret import Secret
from domain.rules.access_keys import owner_name
from domain.rules.users import ROOT, answered_name, user_id_or_caller

BACK_OFF_MAX = timedelta(minutes=15)
"""A guesser is left fewer than a hundred attempts a day."""
_DOUBLINGS_MAX = 10
"""Beyond that it is longer than the longest wait in any case."""
DEFAULT_LENGTH_MIN = 8
DEFAULT_CLASSES_MIN = 3
"""Of the four classes, while the account has no policy of its own."""
SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")
_CLASSES = {
    "uppercase letter": frozenset(string.ascii_uppercase),
    "lowercase letter": frozenset(string.ascii_lowercase),
    "number": frozenset(string.digits),
    "symbol": SYMBOLS,
}


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password that may be set, as far as it is stored: an id in the ledger, a hash beside it."""

    id: str
    hashed: Secret
    forgotten: Sequence[str] = ()
    """Ids of the passwords whose hashes are of no use any more."""


def owner_id(account: Account, call: Call, user_name: str | None) -> str:
    """The unique id of the user named, or else calling; the account's id for root. Raises NoSuchEntity, and
    ValidationError for root outside of sessions of AssumeRoot (API_CreateLoginProfile, UserName)."""
    user_id = user_id_or_caller(account, call, user_name)
    if user_id == account.id and not call.caller.is_assumed_root:
        raise ValidationError("Must specify userName when calling with root user credentials")
    return user_id


def login_profile(account: Account, user_id: str) -> LoginProfile:
    profile = account[LOGIN_PROFILES].get(user_id)
    if profile is None:
        raise NoSuchEntity(f"Login Profile for User {answered_name(account, user_id)} cannot be found.")
    return profile


def create_login_profile(
    account: Account, call: Call, *, user_id: str, password: Secret, reset_required: bool
) -> tuple[LoginProfileCreated, NewPassword]:
    """Raises NeedsFacts."""
    name = account[USERS].by_id[user_id].name
    if user_id in account[LOGIN_PROFILES]:
        raise EntityAlreadyExists(f"Login Profile for user {name} already exists.")
    refuse_weak(account[PASSWORD_POLICY], password)
    # A first password is compared with none: the first facts are enough, whatever else has happened.
    wanted = PasswordQuery(password)
    new = _new_password(call, wanted, _facts(call, wanted, name))
    return LoginProfileCreated(user_id=user_id, user_name=name, password_id=new.id, reset_required=reset_required), new


def create_root_login_profile(
    account: Account, *, password: str | None, reset_required: bool
) -> RootLoginProfileCreated:
    """Root recovers its password by itself: nobody sets one for it."""
    if password is not None or reset_required:
        given = "PasswordResetRequired" if password is None else "Password"
        raise ValidationError(f"{given} must be omitted when calling with an AssumeRoot session")
    if account.id in account[LOGIN_PROFILES]:
        raise EntityAlreadyExists(f"Login Profile for user {ROOT} already exists.")
    return RootLoginProfileCreated(user_id=account.id, user_name=account.id)


def update_login_profile(
    account: Account, call: Call, *, user_id: str, password: Secret | None, reset_required: bool | None
) -> tuple[LoginProfileUpdated | None, NewPassword | None]:
    """What is not given stays; where all stays, nothing has happened. Raises NeedsFacts where a password is given."""
    name, profile = account[USERS].by_id[user_id].name, login_profile(account, user_id)
    required = profile.reset_required if reset_required is None else reset_required
    if password is None:
        same = required == profile.reset_required
        return None if same else LoginProfileUpdated(user_id=user_id, user_name=name, reset_required=required), None
    refuse_weak(account[PASSWORD_POLICY], password)
    wanted = PasswordQuery(password, _not_again(account[PASSWORD_POLICY], profile))
    new = _new_password(call, wanted, _facts(call, wanted, name), profile)
    updated = LoginProfileUpdated(user_id=user_id, user_name=name, password_id=new.id, reset_required=required)
    return updated, new


def delete_login_profile(
    account: Account, *, user_id: str
) -> tuple[LoginProfileDeleted | RootLoginProfileDeleted, Sequence[str]]:
    """The event, and the ids of all the passwords whose hashes go."""
    profile = login_profile(account, user_id)
    deleted = RootLoginProfileDeleted if user_id == account.id else LoginProfileDeleted
    return deleted(user_id=user_id, user_name=owner_name(account, user_id)), profile.password_ids


def change_password(
    account: Account, call: Call, *, old: Secret, new: Secret
) -> tuple[PasswordChanged, NewPassword] | PasswordAttemptFailed:
    """The caller's own, expired or not: HardExpiry is about signing in, and whoever calls has another credential (API
    Reference, "UpdateAccountPasswordPolicy"). Raises NeedsFacts; a wrong old password is told by its event."""
    caller = call.caller
    if caller.principal.type != "IAMUser":
        raise InvalidUserType("Only IAM Users can change their own password")
    user_id = caller.entity_id
    name, profile = account[USERS].by_id[user_id].name, login_profile(account, user_id)
    _refuse_guessing(profile, name, call.at)
    refuse_weak(account[PASSWORD_POLICY], new)
    reused, current = _not_again(account[PASSWORD_POLICY], profile), profile.password_ids[0]
    if profile.reset_required:
        reused |= {current}
    wanted = PasswordQuery(new, reused, proving=old, current=current)
    facts = _facts(call, wanted, name)
    if not facts.authenticate[current]:
        return PasswordAttemptFailed(user_id=user_id, user_name=name)
    accepted = _new_password(call, wanted, facts, profile)
    return PasswordChanged(user_id=user_id, user_name=name, password_id=accepted.id), accepted


def delete_password_policy(account: Account) -> PasswordPolicyDeleted:
    password_policy(account)
    return PasswordPolicyDeleted()


def password_policy(account: Account) -> PasswordPolicy:
    policy = account[PASSWORD_POLICY]
    if policy is None:
        raise NoSuchEntity(f"The Password Policy with domain name {account.id} cannot be found.")
    return policy


def refuse_weak(policy: PasswordPolicy | None, password: Secret) -> None:
    """Raises PasswordPolicyViolation when the policy, or AWS's default where there is none, asks for more."""
    text = password.reveal()
    lacking = [name for name, characters in _CLASSES.items() if characters.isdisjoint(text)]
    length_min = DEFAULT_LENGTH_MIN if policy is None else policy.minimum_password_length
    if len(text) < length_min:
        raise PasswordPolicyViolation(f"Password should have a minimum length of {length_min}")
    if policy is None:
        if len(_CLASSES) - len(lacking) < DEFAULT_CLASSES_MIN:
            raise PasswordPolicyViolation(
                f"Password should have at least {DEFAULT_CLASSES_MIN} of: {', '.join(_CLASSES)}"
            )
        return
    required = {
        "uppercase letter": policy.require_uppercase_characters,
        "lowercase letter": policy.require_lowercase_characters,
        "number": policy.require_numbers,
        "symbol": policy.require_symbols,
    }
    for name in lacking:
        if required[name]:
            raise PasswordPolicyViolation(f"Password should have at least one {name}")


def _not_again(policy: PasswordPolicy | None, profile: LoginProfile) -> frozenset[str]:
    """Ids of the passwords that cannot be chosen again."""
    remembered = 0 if policy is None else policy.password_reuse_prevention or 0
    return frozenset(profile.password_ids[:remembered])


def back_off(failed_attempts: int) -> timedelta:
    """How long after the last of so many wrong passwords the next one is not looked at."""
    if failed_attempts == 0:
        return timedelta()
    return min(timedelta(seconds=1 << min(failed_attempts - 1, _DOUBLINGS_MAX)), BACK_OFF_MAX)


def _refuse_guessing(profile: LoginProfile, name: str, at: datetime) -> None:
    if profile.failed_at is None:
        return
    until = profile.failed_at + back_off(profile.failed_attempts)
    if at < until:
        raise EntityTemporarilyUnmodifiable(
            f"Login Profile for User {name} cannot be modified until {until:%Y-%m-%dT%H:%M:%SZ}: the old password was "
            f"incorrect ({profile.failed_attempts} in a row)."
        )


def _facts(call: Call, wanted: PasswordQuery, name: str) -> PasswordFacts:
    """The call's, if they still cover what is wanted: a password or the policy may have been changed meanwhile."""
    if not isinstance(call.facts, PasswordFacts) or not call.facts.cover(wanted):
        raise NeedsFacts(
            wanted,
            unsettled=EntityTemporarilyUnmodifiable(
                f"Login Profile for User {name} cannot be modified while it is being modified by others."
            ),
        )
    return call.facts


def _new_password(
    call: Call, wanted: PasswordQuery, facts: PasswordFacts, profile: LoginProfile | None = None
) -> NewPassword:
    if any(facts.reused[password_id] for password_id in wanted.reused):
        raise PasswordPolicyViolation(
            "Policy constraint violation with password reuse prevention during password change."
        )
    assert facts.hashed is not None
    return NewPassword(call.unique_id(PASSWORD), facts.hashed, () if profile is None else profile.forgotten)
