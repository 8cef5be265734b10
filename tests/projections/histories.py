"""Legal histories for property tests: hypothesis draws what is tried, the domain's rules decide what happens."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from hypothesis import strategies as st

from domain.account import Account
from domain.compliance.adoption import adopt_framework, drop_framework
from domain.compliance.frameworks import find_framework, framework
from domain.families.access_keys import ACCESS_KEYS, AccessKeyStatus
from domain.families.aws_managed_policies import published_catalogue
from domain.families.compliance_frameworks import COMPLIANCE_FRAMEWORKS
from domain.families.credential_use import CredentialUsed
from domain.families.groups import GROUP, GROUPS
from domain.families.mfa_devices import MFA_DEVICES, MFADeviceEnabled
from domain.families.passwords import (
    LOGIN_PROFILES,
    LoginProfileCreated,
    LoginProfileDeleted,
    LoginProfileUpdated,
    PasswordAttemptFailed,
    PasswordChanged,
    PasswordPolicyUpdated,
)
from domain.families.policies import MANAGED_POLICIES, ManagedCatalogueAdopted
from domain.families.roles import ROLE, ROLES
from domain.families.user_credentials import USER_CREDENTIALS, ServiceSpecificCredentialCreated, SSHPublicKeyUploaded
from domain.families.users import USER, USERS
from domain.foundation.errors import Refusal
from domain.foundation.events import Event
from domain.rules import (
    access_keys,
    groups,
    mfa_devices,
    passwords,
    policies,
    policy_holders,
    roles,
    user_credentials,
    users,
)
from tests.framework_steps import own_framework
from tests.projections.ledger import NOW, Ledger

NAMES = ("ada", "bob", "eve")
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}'
DOCUMENTS = tuple(
    f'{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"iam:{action}","Resource":"*"}}}}'
    for action in ("GetUser", "ListUsers", "*")
)

Made = Event | Iterable[Event]
Step = Callable[[Account, int, int, str], Made]
"""Of the account, two numbers to choose with, and an id that is new."""
Attempt = tuple[int, int, int]


def _new(number: int) -> str:
    return NAMES[number % len(NAMES)]


def _of(entities: Iterable[policy_holders.Holder], number: int) -> str:
    """The name of one that exists, if any does."""
    names = sorted(entity.name for entity in entities)
    return names[number % len(names)] if names else "nobody"


def _arn(account: Account, number: int) -> str:
    arns = sorted(account[MANAGED_POLICIES])
    return arns[number % len(arns)] if arns else "arn:aws:iam::aws:policy/None"


def _key(account: Account, number: int) -> tuple[str, str]:
    keys = sorted(account[ACCESS_KEYS].by_id)
    key_id = keys[number % len(keys)] if keys else "none"
    key = account[ACCESS_KEYS].by_id.get(key_id)
    return (key.user_id if key else account.id), key_id


def _catalogue(account: Account, a: int, b: int, _fresh: str) -> Made:
    """An older or a newer catalogue than the one before; versions change in text and number."""
    versions = [
        version.model_copy(update={"version": version.version + a, "document": DOCUMENTS[b % 3]})
        for version in list(published_catalogue(account.partition).newest.values())[: 1 + a % 3]
    ]
    return ManagedCatalogueAdopted(digest=f"{a}{b}", versions=tuple(versions))


def _holder(account: Account, number: int) -> tuple[policy_holders.HolderKind, str]:
    return (
        (USER, _of(account[USERS], number)),
        (GROUP, _of(account[GROUPS], number)),
        (ROLE, _of(account[ROLES], number)),
    )[number % 3]


def _delete(account: Account, a: int, _b: int, _fresh: str) -> Made:
    kind, name = _holder(account, a)
    if kind is USER:
        return users.delete_user(account, user_name=name)
    if kind is GROUP:
        return groups.delete_group(account, group_name=name)
    return roles.delete_role(account, role_name=name)


def _rename(account: Account, a: int, b: int, fresh: str) -> Made:
    """To another path, and to a name that is free or was used before."""
    path, name = f"/{b}/", (_new(b), fresh)[b % 2]
    if a % 2:
        return users.update_user(account, user_name=_of(account[USERS], a), new_path=path, new_user_name=name)
    return groups.update_group(account, group_name=_of(account[GROUPS], a), new_path=path, new_group_name=name)


def _create_role(account: Account, a: int, _b: int, fresh: str) -> Made:
    return roles.create_role(
        account,
        role_id=f"AROA{fresh}",
        role_name=_new(a),
        path="/",
        description=None,
        session_seconds_max=3600,
        trust_policy=TRUST,
    )


def _create_policy(account: Account, a: int, b: int, fresh: str) -> Made:
    return policies.create_policy(
        account,
        policy_id=f"ANPA{fresh}",
        policy_name=f"P{a % 2}",
        path="/",
        description=None,
        document=DOCUMENTS[b % 3],
    )


def _join(account: Account, a: int, b: int, _fresh: str) -> Made:
    return groups.add_user_to_group(account, user_name=_of(account[USERS], a), group_name=_of(account[GROUPS], b))


def _leave(account: Account, a: int, b: int, _fresh: str) -> Made:
    return groups.remove_user_from_group(account, user_name=_of(account[USERS], a), group_name=_of(account[GROUPS], b))


def _update_key(account: Account, a: int, b: int, _fresh: str) -> Made:
    user_id, key_id = _key(account, a)
    status: AccessKeyStatus = "Active" if b % 2 else "Inactive"
    return access_keys.update_access_key(account, user_id=user_id, access_key_id=key_id, status=status)


def _delete_key(account: Account, a: int, _b: int, _fresh: str) -> Made:
    user_id, key_id = _key(account, a)
    return access_keys.delete_access_key(account, user_id=user_id, access_key_id=key_id)


def _password(account: Account, a: int, b: int, fresh: str) -> Made:
    """A user's first password, or what may happen to it then."""
    user = account[USERS].named(_of(account[USERS], a))
    of_user, password_id = {"user_id": user.id, "user_name": user.name}, f"AIPW{fresh}"
    if user.id not in account[LOGIN_PROFILES]:
        return LoginProfileCreated(**of_user, password_id=password_id, reset_required=b % 2 == 0)
    return (
        LoginProfileUpdated(**of_user, password_id=password_id, reset_required=True),
        LoginProfileUpdated(**of_user, reset_required=False),
        PasswordChanged(**of_user, password_id=password_id),
        PasswordAttemptFailed(**of_user),
        LoginProfileDeleted(**of_user),
        PasswordChanged(**of_user, password_id=password_id),
    )[b]


def _root_password(account: Account, _a: int, _b: int, _fresh: str) -> Made:
    if account.id in account[LOGIN_PROFILES]:
        return passwords.delete_login_profile(account, user_id=account.id)[0]
    return passwords.create_root_login_profile(account, password=None, reset_required=False)


def _user_credential(account: Account, a: int, b: int, fresh: str) -> Made:
    """A user's first credential besides keys and passwords, or what may happen to it then."""
    user = account[USERS].named(_of(account[USERS], a))
    owned = account[USER_CREDENTIALS].owned.rights_of(user.id)
    if not owned:
        new = {"user_id": user.id, "user_name": user.name, "credential_id": f"ACCA{fresh}"}
        if b % 2:
            return SSHPublicKeyUploaded(**new, fingerprint=fresh, body_sha256=fresh, pem_sha256=fresh)
        service = {"service_name": "logs.amazonaws.com", "service_user_name": fresh, "secret_id": fresh}
        return ServiceSpecificCredentialCreated(**new, **service, expires_at=NOW)
    credential = account[USER_CREDENTIALS].by_id[owned[0]]
    named = {"user_id": user.id, "credential_id": credential.id}
    if b == 0:
        return user_credentials.delete(account, kind=credential.kind, **named)[0]
    if b == 1 and credential.secret_id is not None:
        return user_credentials.reset(account, secret_id=fresh, **named)[0]
    status = "Inactive" if credential.status == "Active" else "Active"
    return user_credentials.update(account, kind=credential.kind, status=status, **named)


def _mfa_device(account: Account, a: int, b: int, fresh: str) -> Made:
    """A new device, or what may happen to one."""
    devices = sorted(account[MFA_DEVICES].by_arn.values(), key=lambda device: device.arn)
    if not devices or b == 0:
        return mfa_devices.create(account, arn=account.arn(f"mfa/{fresh}"), name=fresh, path="/", seed_id=fresh)
    device = devices[a % len(devices)]
    if device.user_id is not None:
        return mfa_devices.deactivate(account, user_id=device.user_id, serial_number=device.arn)
    if b == 1:
        return mfa_devices.delete(account, serial_number=device.arn)[0]
    user = account[USERS].named(_of(account[USERS], a))
    step = {"time_step": device.last_step + 1, "drift": 0}
    return MFADeviceEnabled(serial_number=device.arn, user_id=user.id, user_name=user.name, **step)


def _password_policy(account: Account, a: int, b: int, _fresh: str) -> Made:
    if a == 0:
        return passwords.delete_password_policy(account)
    return PasswordPolicyUpdated(
        minimum_password_length=8,
        require_symbols=False,
        require_numbers=False,
        require_uppercase_characters=False,
        require_lowercase_characters=False,
        allow_users_to_change_password=True,
        max_password_age=b or None,
        hard_expiry=a % 2 == 0,
    )


def _framework(account: Account, a: int, b: int, _fresh: str) -> Made:
    """One of the account's own, or one that comes with the program, is adopted or dropped."""
    name = ("house", "cis-5.0", "other")[b % 3]
    if name in account[COMPLIANCE_FRAMEWORKS] and a % 2:
        return drop_framework(account, name)
    own = find_framework(name) if name == "cis-5.0" else framework(own_framework(name, (3, 80)[a % 2]))
    return adopt_framework(account, own, NOW)


STEPS: tuple[Step, ...] = (
    lambda account, a, b, fresh: users.create_user(
        account, user_id=f"AIDA{fresh}", user_name=_new(a), path=("/", "/x/")[b % 2]
    ),
    lambda account, a, b, fresh: groups.create_group(
        account, group_id=f"AGPA{fresh}", group_name=_new(a), path=("/", "/x/")[b % 2]
    ),
    _create_role,
    _create_policy,
    _catalogue,
    _rename,
    _delete,
    _join,
    _join,
    _leave,
    lambda account, a, b, _: policy_holders.attach(account, *_holder(account, a), policy_arn=_arn(account, b)),
    lambda account, a, b, _: policy_holders.attach(account, *_holder(account, b), policy_arn=_arn(account, a)),
    lambda account, a, b, _: policy_holders.detach(account, *_holder(account, a), policy_arn=_arn(account, b)),
    lambda account, a, b, _: policy_holders.put_inline(
        account, *_holder(account, a), policy_name=f"p{b % 2}", document=DOCUMENTS[b % 3]
    ),
    lambda account, a, b, _: policy_holders.delete_inline(account, *_holder(account, a), policy_name=f"p{b % 2}"),
    lambda account, a, b, _: policies.create_policy_version(
        account, policy_arn=_arn(account, a), document=DOCUMENTS[b % 3], set_as_default=b % 2 == 0
    ),
    lambda account, a, b, _: policies.set_default_policy_version(
        account, policy_arn=_arn(account, a), version_id=f"v{b}"
    ),
    lambda account, a, b, _: policies.delete_policy_version(account, policy_arn=_arn(account, a), version_id=f"v{b}"),
    lambda account, a, _b, _fresh: policies.delete_policy(account, policy_arn=_arn(account, a)),
    lambda account, a, b, fresh: access_keys.create_access_key(
        account,
        user_id=account[USERS].named(_of(account[USERS], a)).id if b else account.id,
        access_key_id=f"AKIA{fresh}",
    ),
    _update_key,
    _delete_key,
    _password,
    _password,
    _root_password,
    _password_policy,
    _user_credential,
    _user_credential,
    _mfa_device,
    _framework,
    lambda account, a, b, _: CredentialUsed(
        credential="access_key", credential_id=_key(account, a)[1], service=("iam", "sts")[b % 2], region="eu-west-1"
    ),
)


def attempts() -> st.SearchStrategy[list[Attempt]]:
    number = st.integers(0, 5)
    return st.lists(st.tuples(st.integers(0, len(STEPS) - 1), number, number), min_size=60, max_size=160)


def play(ledger: Ledger, tried: Iterable[Attempt]) -> None:
    """Writes what the rules make of the attempts; what they refuse does not happen. Some hours pass between any two."""
    for step, a, b in tried:
        try:
            made = STEPS[step](ledger.account, a, b, f"{ledger.position:017}")
        except Refusal:
            continue
        events = (made,) if isinstance(made, Event) else tuple(made)
        if events:
            ledger.append(*events, at=ledger.at + timedelta(hours=7 * (a + 1)))
