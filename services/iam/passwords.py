"""IAM's operations on login profiles, on one's own password, and on the account's password policy."""

from collections.abc import Iterable

from domain.account import Account
from domain.calls import Call, NewSecret, Outcome, done, refused
from domain.families.passwords import LOGIN_PROFILES, PasswordAttemptFailed, PasswordPolicyUpdated
from domain.foundation.errors import AccessDenied, constraint_violation
from domain.foundation.secret import Secret, SecretId, SecretKind
from domain.rules import passwords
from services.iam import resources
from services.iam.entity_members import login_profile_members, password_policy_members
from services.wire.operations import answers, any_resource

MINIMUM_PASSWORD_LENGTH_DEFAULT = 6
"""Of a policy that does not say it; where there is no policy at all, it is more (domain.rules.passwords)."""


@answers("CreateLoginProfile", on=resources.user, records="user_name password_reset_required")
def create_login_profile(
    account: Account,
    call: Call,
    *,
    user_name: str | None = None,
    password: str | None = None,
    password_reset_required: bool = False,
) -> Outcome:
    """The password is left out in sessions of AssumeRoot, and only there: it is root's to recover."""
    user_id = passwords.owner_id(account, call, user_name)

    def answer(after: Account) -> dict[str, object]:
        return {"LoginProfile": login_profile_members(after, after[LOGIN_PROFILES][user_id])}

    if user_id == account.id:
        allowed = passwords.create_root_login_profile(
            account, password=password, reset_required=password_reset_required
        )
        return Outcome(answer, [allowed])
    if password is None:
        raise constraint_violation("password", "Member must not be null", "Value null")
    created, new = passwords.create_login_profile(
        account, call, user_id=user_id, password=Secret(password), reset_required=password_reset_required
    )
    return Outcome(answer, [created], new_secrets=[_hash(user_id, new)])


@answers("GetLoginProfile", on=resources.user, records="user_name")
def get_login_profile(account: Account, call: Call, *, user_name: str | None = None) -> Outcome:
    profile = passwords.login_profile(account, passwords.owner_id(account, call, user_name))
    return Outcome(lambda after: {"LoginProfile": login_profile_members(after, profile)})


@answers("UpdateLoginProfile", on=resources.user, records="user_name password_reset_required")
def update_login_profile(
    account: Account,
    call: Call,
    *,
    user_name: str,
    password: str | None = None,
    password_reset_required: bool | None = None,
) -> Outcome:
    user_id = passwords.owner_id(account, call, user_name)
    updated, new = passwords.update_login_profile(
        account,
        call,
        user_id=user_id,
        password=None if password is None else Secret(password),
        reset_required=password_reset_required,
    )
    return Outcome(
        lambda _after: {},
        () if updated is None else [updated],
        new_secrets=() if new is None else [_hash(user_id, new)],
        destroyed_secrets=() if new is None else _new_password_ids(new.forgotten),
    )


@answers("DeleteLoginProfile", on=resources.user, records="user_name")
def delete_login_profile(account: Account, call: Call, *, user_name: str | None = None) -> Outcome:
    """The hashes are destroyed in the same transaction."""
    user_id = passwords.owner_id(account, call, user_name)
    deleted, password_ids = passwords.delete_login_profile(account, user_id=user_id)
    return Outcome(lambda _after: {}, [deleted], destroyed_secrets=_new_password_ids(password_ids))


@answers("ChangePassword", on=resources.user)
def change_password(account: Account, call: Call, *, old_password: str, new_password: str) -> Outcome:
    changed = passwords.change_password(account, call, old=Secret(old_password), new=Secret(new_password))
    if isinstance(changed, PasswordAttemptFailed):
        return refused(AccessDenied("The old password was incorrect."), changed)
    event, new = changed
    return Outcome(
        lambda _after: {},
        [event],
        new_secrets=[_hash(event.user_id, new)],
        destroyed_secrets=_new_password_ids(new.forgotten),
    )


@answers("GetAccountPasswordPolicy", on=any_resource)
def get_account_password_policy(account: Account, _call: Call) -> Outcome:
    policy = passwords.password_policy(account)
    return Outcome(lambda _after: {"PasswordPolicy": password_policy_members(policy)})


@answers(
    "UpdateAccountPasswordPolicy",
    on=any_resource,
    records="minimum_password_length require_symbols require_numbers require_uppercase_characters "
    "require_lowercase_characters allow_users_to_change_password max_password_age password_reuse_prevention "
    "hard_expiry",
)
def update_account_password_policy(
    _account: Account,
    _call: Call,
    *,
    minimum_password_length: int = MINIMUM_PASSWORD_LENGTH_DEFAULT,
    require_symbols: bool = False,
    require_numbers: bool = False,
    require_uppercase_characters: bool = False,
    require_lowercase_characters: bool = False,
    allow_users_to_change_password: bool = False,
    max_password_age: int | None = None,
    password_reuse_prevention: int | None = None,
    hard_expiry: bool = False,
) -> Outcome:
    """What is left out falls back to its default: there are no partial updates (API Reference)."""
    return done(
        PasswordPolicyUpdated(
            minimum_password_length=minimum_password_length,
            require_symbols=require_symbols,
            require_numbers=require_numbers,
            require_uppercase_characters=require_uppercase_characters,
            require_lowercase_characters=require_lowercase_characters,
            allow_users_to_change_password=allow_users_to_change_password,
            max_password_age=max_password_age,
            password_reuse_prevention=password_reuse_prevention,
            hard_expiry=hard_expiry,
        )
    )


@answers("DeleteAccountPasswordPolicy", on=any_resource)
def delete_account_password_policy(account: Account, _call: Call) -> Outcome:
    return done(passwords.delete_password_policy(account))


def _hash(user_id: str, new: passwords.NewPassword) -> NewSecret:
    return NewSecret(SecretId(SecretKind.PASSWORD, new.id), user_id, new.hashed)


def _new_password_ids(password_ids: Iterable[str]) -> list[SecretId]:
    return [SecretId(SecretKind.PASSWORD, password_id) for password_id in password_ids]
