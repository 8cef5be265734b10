"""Login profiles, changing one's own password, and the account's password policy, as a stock client meets them."""

from datetime import timedelta

import pytest

from domain.families.passwords import LOGIN_PROFILES, REMEMBERED_MAX, PasswordAttemptFailed
from domain.families.users import USERS
from domain.foundation.errors import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    EntityTemporarilyUnmodifiable,
    InvalidUserType,
    NoSuchEntity,
    PasswordPolicyViolation,
    Refusal,
    ValidationError,
)
from domain.foundation.secret import Secret, SecretKind
from domain.rules.passwords import BACK_OFF_MAX, back_off
from services.wire.authentication import VerifiedCredential
from tests.services.endpoint import ACCOUNT, Endpoint, allow, deny, trusting

FIRST, SECOND, THIRD = "Correct-Horse-1", "Battery-Staple-2", "Quite-Another-3"
OWN = allow("iam:ChangePassword", f"arn:aws:iam::{ACCOUNT}:user/ann")


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def with_password(
    endpoint: Endpoint, *statements: dict[str, object], reset_required: bool = False
) -> VerifiedCredential:
    """Ann's key; her password is FIRST."""
    ann = endpoint.user("ann", *statements)
    endpoint.call(
        endpoint.root, "CreateLoginProfile", UserName="ann", Password=FIRST, PasswordResetRequired=reset_required
    )
    return ann


def change(endpoint: Endpoint, by: VerifiedCredential, old: str, new: str) -> None:
    endpoint.call(by, "ChangePassword", OldPassword=old, NewPassword=new)


def hashes(endpoint: Endpoint) -> dict[str, Secret]:
    """By password id; what is sealed beside the ledger."""
    return {name: new.secret for (kind, name), new in endpoint.secrets.items() if kind is SecretKind.PASSWORD}


def kept(endpoint: Endpoint) -> set[str]:
    """Ids of the passwords whose hashes the value may still ask for."""
    return {known for profile in endpoint.account[LOGIN_PROFILES].values() for known in profile.password_ids}


def test_a_login_profile(endpoint: Endpoint) -> None:
    """It is shown as it was created and updated, and is gone when it is deleted; a second one is refused."""
    endpoint.user("ann")
    created = endpoint.call(
        endpoint.root, "CreateLoginProfile", UserName="ann", Password=FIRST, PasswordResetRequired=True
    )
    shown = {"UserName": "ann", "CreateDate": endpoint.at, "PasswordResetRequired": True}
    assert created == {"LoginProfile": shown}
    with pytest.raises(EntityAlreadyExists, match="Login Profile for user ann already exists"):
        endpoint.call(endpoint.root, "CreateLoginProfile", UserName="ann", Password=SECOND)
    endpoint.later(days=1)
    endpoint.call(endpoint.root, "UpdateLoginProfile", UserName="ann", Password=SECOND)
    assert endpoint.call(endpoint.root, "GetLoginProfile", UserName="ann")["LoginProfile"] == shown
    endpoint.call(endpoint.root, "UpdateLoginProfile", UserName="ann", PasswordResetRequired=False)
    shown["PasswordResetRequired"] = False
    assert endpoint.call(endpoint.root, "GetLoginProfile", UserName="ann")["LoginProfile"] == shown
    before = endpoint.account
    endpoint.call(endpoint.root, "UpdateLoginProfile", UserName="ann")
    assert endpoint.account is before
    endpoint.call(endpoint.root, "DeleteLoginProfile", UserName="ann")
    for operation in ("GetLoginProfile", "DeleteLoginProfile", "UpdateLoginProfile"):
        with pytest.raises(NoSuchEntity, match=r"Login Profile for User ann cannot be found\."):
            endpoint.call(endpoint.root, operation, UserName="ann")


def test_whose_without_a_name(endpoint: Endpoint) -> None:
    """Without a name it is the caller's; root has none, and a new one needs a password."""
    ann = endpoint.user("ann", allow())
    endpoint.call(ann, "CreateLoginProfile", Password=FIRST)
    assert endpoint.call(ann, "GetLoginProfile")["LoginProfile"]["UserName"] == "ann"
    endpoint.call(ann, "DeleteLoginProfile")
    with pytest.raises(ValidationError, match="'password'"):
        endpoint.call(ann, "CreateLoginProfile")
    with pytest.raises(ValidationError, match="root"):
        endpoint.call(endpoint.root, "CreateLoginProfile", Password=FIRST)


def test_a_user_with_a_password_stays(endpoint: Endpoint) -> None:
    """The login profile is told of first, before the keys."""
    with_password(endpoint)
    with pytest.raises(DeleteConflict, match=r"Cannot delete entity, must delete login profile first\."):
        endpoint.call(endpoint.root, "DeleteUser", UserName="ann")
    endpoint.call(endpoint.root, "DeleteLoginProfile", UserName="ann")
    with pytest.raises(DeleteConflict, match="access keys"):
        endpoint.call(endpoint.root, "DeleteUser", UserName="ann")


def test_changing_ones_own(endpoint: Endpoint) -> None:
    """Who knows the old password sets the new one, which then is the old one; nothing else has changed."""
    ann = with_password(endpoint, OWN, reset_required=True)
    user_id = endpoint.account[USERS].named("ann").id
    created_at = endpoint.account[LOGIN_PROFILES][user_id].created_at
    endpoint.later(days=3)
    change(endpoint, ann, FIRST, SECOND)
    profile = endpoint.account[LOGIN_PROFILES][user_id]
    assert (profile.created_at, profile.changed_at, profile.reset_required) == (created_at, endpoint.at, False)
    with pytest.raises(AccessDenied, match="The old password was incorrect"):
        change(endpoint, ann, FIRST, THIRD)
    endpoint.later(minutes=1)
    change(endpoint, ann, SECOND, THIRD)


def test_who_may_change(endpoint: Endpoint) -> None:
    """Only by a policy or by the account's permission, which a deny overrules; it lets see the policy, too."""
    ann = with_password(endpoint)
    for operation, members in (
        ("ChangePassword", {"OldPassword": FIRST, "NewPassword": SECOND}),
        ("GetAccountPasswordPolicy", {}),
    ):
        with pytest.raises(AccessDenied, match="no identity-based policy allows"):
            endpoint.call(ann, operation, **members)
    endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", AllowUsersToChangePassword=True)
    change(endpoint, ann, FIRST, SECOND)
    (decision,) = endpoint.record.decisions
    assert [(matched.source_type, matched.source_id) for matched in decision.matched] == [("password policy", ACCOUNT)]
    assert endpoint.call(ann, "GetAccountPasswordPolicy")["PasswordPolicy"]["AllowUsersToChangePassword"]
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "ListUsers")
    denied = endpoint.user("eva", deny("iam:ChangePassword"))
    with pytest.raises(AccessDenied, match="explicit deny"):
        change(endpoint, denied, FIRST, SECOND)


def test_only_users_change(endpoint: Endpoint) -> None:
    """Root and assumed roles have no password to change here."""
    ann = endpoint.user("ann", allow("sts:AssumeRole"))
    session = endpoint.session(ann, RoleArn=endpoint.role("ops", trusting(ACCOUNT), allow()))
    for caller in (endpoint.root, session):
        with pytest.raises(InvalidUserType, match="Only IAM Users can change their own password"):
            change(endpoint, caller, FIRST, SECOND)


def test_guessing_gets_slower(endpoint: Endpoint) -> None:
    """Each wrong password is on record and doubles the wait, in which even the right one is not looked at; the right
    one after it counts, and all is forgotten."""
    ann = with_password(endpoint, OWN)
    for failed in range(1, 14):
        position = endpoint.account.position
        with pytest.raises(AccessDenied, match="old password"):
            change(endpoint, ann, "wrong", SECOND)
        assert endpoint.account.position > position
        assert isinstance(endpoint.entries[-2].event, PasswordAttemptFailed)
        assert (endpoint.record.error_code, endpoint.record.read_only) == ("AccessDenied", False)
        endpoint.at += back_off(failed) - timedelta(microseconds=1)
        hashed = len(hashes(endpoint))
        with pytest.raises(EntityTemporarilyUnmodifiable, match=rf"incorrect \({failed} in a row\)"):
            change(endpoint, ann, FIRST, SECOND)
        assert len(hashes(endpoint)) == hashed
        endpoint.at += timedelta(microseconds=1)
    change(endpoint, ann, FIRST, SECOND)
    (profile,) = endpoint.account[LOGIN_PROFILES].values()
    assert (profile.failed_attempts, profile.failed_at) == (0, None)


def test_the_waits() -> None:
    """From a second, doubling, to the longest: fewer than a hundred attempts fit into a day."""
    waits = [back_off(failed) for failed in range(200)]
    assert waits[:4] == [timedelta(), timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
    assert waits == sorted(waits)
    assert waits[-1] == BACK_OFF_MAX == back_off(10**9)
    assert timedelta(days=1) / BACK_OFF_MAX < 100


@pytest.mark.parametrize(
    ("policy", "password", "told"),
    [
        (None, "Short-1", "minimum length of 8"),
        (None, "only-lower-case", "at least 3 of"),
        (None, "onlylowercase1", "at least 3 of"),
        (None, "lower-case-1", None),
        (None, "Größe-lang", None),
        (None, "größe lang ÄÖÜ", "at least 3 of"),
        ({}, "short", "minimum length of 6"),
        ({}, "simple", None),
        ({"MinimumPasswordLength": 14}, "thirteen-char", "minimum length of 14"),
        ({"MinimumPasswordLength": 14}, "fourteen-chars", None),
        ({"RequireSymbols": True}, "NoSymbol1", "at least one symbol"),
        ({"RequireSymbols": True}, "No Symbol", "at least one symbol"),
        ({"RequireSymbols": True}, "Symbol'", None),
        ({"RequireNumbers": True}, "No-Number", "at least one number"),
        ({"RequireNumbers": True}, "No-Number²", "at least one number"),
        ({"RequireUppercaseCharacters": True}, "äÖ-upper", "at least one uppercase letter"),
        ({"RequireLowercaseCharacters": True}, "LOWER-ß", "at least one lowercase letter"),
        ({"RequireLowercaseCharacters": True, "RequireUppercaseCharacters": True}, "bothCases", None),
    ],
)
def test_what_a_password_has_to_be_like(
    endpoint: Endpoint, policy: dict[str, object] | None, password: str, told: str | None
) -> None:
    """Length and classes by the account's policy, or by AWS's default where there is none, whoever sets it."""
    ann = with_password(endpoint, OWN)
    endpoint.user("eva")
    if policy is not None:
        endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", **policy)
    calls = (
        (endpoint.root, "CreateLoginProfile", {"UserName": "eva", "Password": password}),
        (ann, "ChangePassword", {"OldPassword": FIRST, "NewPassword": password}),
        (endpoint.root, "UpdateLoginProfile", {"UserName": "ann", "Password": password}),
    )
    for by, operation, members in calls:
        if told is None:
            endpoint.call(by, operation, **members)
            continue
        with pytest.raises(PasswordPolicyViolation, match=told):
            endpoint.call(by, operation, **members)


def test_a_used_password_is_not_used_again(endpoint: Endpoint) -> None:
    """The last n, the current one among them, cannot be chosen; the one before them can; without a limit all can."""
    ann = with_password(endpoint, OWN)
    endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", PasswordReusePrevention=2)
    change(endpoint, ann, FIRST, SECOND)
    for again in (FIRST, SECOND):
        with pytest.raises(PasswordPolicyViolation, match="reuse prevention"):
            change(endpoint, ann, SECOND, again)
        with pytest.raises(PasswordPolicyViolation, match="reuse prevention"):
            endpoint.call(endpoint.root, "UpdateLoginProfile", UserName="ann", Password=again)
    change(endpoint, ann, SECOND, THIRD)
    change(endpoint, ann, THIRD, FIRST)
    endpoint.call(endpoint.root, "DeleteAccountPasswordPolicy")
    change(endpoint, ann, FIRST, FIRST)


def test_a_reset_is_to_another(endpoint: Endpoint) -> None:
    """Who has to choose another password cannot choose the same, whatever the policy says."""
    ann = with_password(endpoint, OWN, reset_required=True)
    with pytest.raises(PasswordPolicyViolation, match="reuse prevention"):
        change(endpoint, ann, FIRST, FIRST)
    change(endpoint, ann, FIRST, SECOND)


def test_hashes_are_kept_as_long_as_they_can_be_asked_for(endpoint: Endpoint) -> None:
    """Of 24 passwords at most; of a deleted profile none. What is kept are argon2id's hashes, each with its salt."""
    ann = with_password(endpoint, OWN)
    old = FIRST
    for number in range(REMEMBERED_MAX + 3):
        new = f"Password-{number}"
        change(endpoint, ann, old, new)
        assert hashes(endpoint).keys() == kept(endpoint)
        old = new
    assert len(kept(endpoint)) == REMEMBERED_MAX
    endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", PasswordReusePrevention=24)
    with pytest.raises(PasswordPolicyViolation):
        change(endpoint, ann, old, "Password-3")
    change(endpoint, ann, old, "Password-2")
    revealed = [secret.reveal() for secret in hashes(endpoint).values()]
    assert all(text.startswith("$argon2id$") for text in revealed)
    assert len(set(revealed)) == REMEMBERED_MAX
    endpoint.call(endpoint.root, "DeleteLoginProfile", UserName="ann")
    assert hashes(endpoint) == {}


def test_the_accounts_policy(endpoint: Endpoint) -> None:
    """An update replaces all of it, defaults where nothing is said; deleted, there is none."""
    for operation in ("GetAccountPasswordPolicy", "DeleteAccountPasswordPolicy"):
        with pytest.raises(NoSuchEntity, match=f"The Password Policy with domain name {ACCOUNT} cannot be found"):
            endpoint.call(endpoint.root, operation)
    whole = {
        "MinimumPasswordLength": 14,
        "RequireSymbols": True,
        "RequireNumbers": True,
        "RequireUppercaseCharacters": True,
        "RequireLowercaseCharacters": True,
        "AllowUsersToChangePassword": True,
        "MaxPasswordAge": 90,
        "PasswordReusePrevention": 24,
        "HardExpiry": True,
    }
    endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", **whole)
    shown = endpoint.call(endpoint.root, "GetAccountPasswordPolicy")["PasswordPolicy"]
    assert shown == whole | {"ExpirePasswords": True}
    endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", RequireNumbers=True)
    defaults = dict.fromkeys(whole.keys() - {"MaxPasswordAge", "PasswordReusePrevention"}, False)
    shown = endpoint.call(endpoint.root, "GetAccountPasswordPolicy")["PasswordPolicy"]
    assert shown == defaults | {"MinimumPasswordLength": 6, "RequireNumbers": True, "ExpirePasswords": False}
    endpoint.call(endpoint.root, "DeleteAccountPasswordPolicy")
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, "GetAccountPasswordPolicy")


def test_an_expired_password_is_changed_with_a_key(endpoint: Endpoint) -> None:
    """Hard expiry keeps out who signs in with the password; who calls with an access key changes it all the same."""
    ann = with_password(endpoint, OWN)
    endpoint.call(endpoint.root, "UpdateAccountPasswordPolicy", MaxPasswordAge=1, HardExpiry=True)
    endpoint.later(days=30)
    change(endpoint, ann, FIRST, SECOND)


def test_passwords_are_in_no_event(endpoint: Endpoint) -> None:
    """Neither the right nor the wrong ones, nor hashes, whatever became of the call."""
    ann = with_password(endpoint, OWN)
    change(endpoint, ann, FIRST, SECOND)
    for old, new in (("Wrong-Guess-4", THIRD), (SECOND, "weak")):
        with pytest.raises(Refusal):
            change(endpoint, ann, old, new)
        endpoint.later(minutes=1)
    endpoint.call(endpoint.root, "UpdateLoginProfile", UserName="ann", Password=THIRD)
    told = "".join(entry.event.model_dump_json() for entry in endpoint.entries)
    for secret in (FIRST, SECOND, THIRD, "Wrong-Guess-4", '"weak"', "argon2"):
        assert secret not in told


# Facts, and a value that moves on while they are found out.
