"""A random life of an account: what its people and operators might do at a moment, as events that are legal then."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from domain.account import Account
from domain.families.access_keys import (
    ACCESS_KEYS,
    AccessKeyActivated,
    AccessKeyCreated,
    AccessKeyDeactivated,
    AccessKeyDeleted,
)
from domain.families.credential_use import CredentialUsed
from domain.families.exemptions import ExemptionGranted, ExemptionRevoked, exemptions_of
from domain.families.lifecycle_profiles import LIFECYCLE_PROFILE, LifecycleProfile
from domain.families.mfa_devices import (
    MFA_DEVICES,
    MFADeviceCreated,
    MFADeviceDeactivated,
    MFADeviceDeleted,
    MFADeviceEnabled,
)
from domain.families.organization import (
    FULL_AWS_ACCESS,
    ORGANIZATION_MEMBERSHIP,
    RCP_FULL_AWS_ACCESS,
    Level,
    OrganizationLeft,
    OrganizationMembership,
    OrganizationPoliciesApplied,
)
from domain.families.passwords import (
    LOGIN_PROFILES,
    PASSWORD_POLICY,
    LoginProfileCreated,
    LoginProfileDeleted,
    LoginProfileUpdated,
    PasswordChanged,
    PasswordPolicyDeleted,
    PasswordPolicyUpdated,
)
from domain.families.policies import ATTACHMENTS, PolicyAttached, PolicyDetached
from domain.families.roles import ROLES, RoleCreated, RoleDeleted
from domain.families.saml_providers import (
    SAML_PROVIDERS,
    SAMLMetadataReplaced,
    SAMLProviderCreated,
    SAMLProviderDeleted,
)
from domain.families.server_certificates import (
    SERVER_CERTIFICATES,
    ServerCertificateDeleted,
    ServerCertificateUpdated,
    ServerCertificateUploaded,
)
from domain.families.sessions import Session, SessionIssued, SessionRevoked
from domain.families.tags import EntityTagged, EntityUntagged, tags_of
from domain.families.user_credentials import (
    USER_CREDENTIALS,
    ServiceSpecificCredentialCreated,
    ServiceSpecificCredentialReset,
    SigningCertificateUploaded,
    SSHPublicKeyUploaded,
    UserCredential,
    UserCredentialActivated,
    UserCredentialDeactivated,
    UserCredentialDeleted,
)
from domain.families.users import USERS, User, UserCreated, UserDeleted, UserUpdated
from domain.foundation.events import Event, Principal
from domain.rules.lifecycle_profiles import BUILT_IN_PROFILES, remove_profile, set_profile
from tests.services.year_profiles import PROFILES

DAY = timedelta(days=1)
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
PATHS = ("/", "/service/", "/service/ci/", "/people/")
DIGEST = "0" * 64


class Life:
    """One account's, by a seeded random."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed)  # noqa: S311  no secret
        self.in_unit = False
        """Whether the account stands in an organizational unit, which it may leave and come back to."""
        self._number = 0

    def new_id(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number:06}"

    def founded(self, users: int) -> list[Event]:
        events: list[Event] = []
        for _ in range(users):
            events += self.new_user()
        return events

    def new_user(self) -> Iterator[Event]:
        number = self.new_id("")
        user_id, name = f"AIDA{number}", f"user-{number}"
        yield UserCreated(user_id=user_id, user_name=name, path=self.random.choice(PATHS))
        if self.random.random() < 0.7:
            yield AccessKeyCreated(access_key_id=self.new_id("AKIA"), user_id=user_id, user_name=name)
        if self.random.random() < 0.3:
            password = {"password_id": self.new_id("AIPW"), "reset_required": False}
            yield LoginProfileCreated.model_validate({"user_id": user_id, "user_name": name, **password})

    def steps(self, account: Account, at: datetime, people: int) -> list[Event]:
        """Of so many people, one step each; now and then something of the account's own."""
        events: list[Event] = []
        everybody = sorted(account[USERS].by_id)
        for user_id in self.random.sample(everybody, min(people, len(everybody))):
            act = self.random.choices(_OF_A_USER, _WEIGHTS)[0]
            events += act(self, account, account[USERS].by_id[user_id], at)
        if self.random.random() < 0.4:
            events += self.new_user()
        if self.random.random() < 0.5:
            events += self.random.choice(_OF_AN_ACCOUNT)(self, account, at)
        return events


def _named(user: User) -> dict[str, str]:
    return {"user_id": user.id, "user_name": user.name}


def _keys(life: Life, account: Account, user: User, _at: datetime) -> Sequence[Event]:
    keys = account[ACCESS_KEYS].of(user.id)
    if not keys or (len(keys) == 1 and life.random.random() < 0.4):
        return [AccessKeyCreated(access_key_id=life.new_id("AKIA"), **_named(user))]
    key = life.random.choice(keys)
    named = {"access_key_id": key.id, **_named(user)}
    if life.random.random() < 0.3:
        return [AccessKeyDeleted(**named)]
    return [AccessKeyDeactivated(**named) if key.status == "Active" else AccessKeyActivated(**named)]


def _use(life: Life, account: Account, user: User, _at: datetime) -> Sequence[Event]:
    keys = [key for key in account[ACCESS_KEYS].of(user.id) if key.status == "Active"]
    return [
        CredentialUsed(credential="access_key", credential_id=key.id, service="sts", region="eu-west-1")
        for key in keys
        if life.random.random() < 0.8
    ]


def _password(life: Life, account: Account, user: User, _at: datetime) -> Sequence[Event]:
    another = {**_named(user), "password_id": life.new_id("AIPW")}
    if user.id not in account[LOGIN_PROFILES]:
        return [LoginProfileCreated.model_validate({**another, "reset_required": True})]
    match life.random.randrange(4):
        case 0:
            return [LoginProfileDeleted(**_named(user))]
        case 1:
            return [LoginProfileUpdated.model_validate({**another, "reset_required": False})]
        case 2:
            return [LoginProfileUpdated.model_validate({**_named(user), "reset_required": True})]
        case _:
            return [PasswordChanged(**another)]


def _mfa(life: Life, account: Account, user: User, _at: datetime) -> Sequence[Event]:
    arn = account.arn(f"mfa/{user.id}")  # One a user.
    device = account[MFA_DEVICES].by_arn.get(arn)
    enabled = MFADeviceEnabled(serial_number=arn, **_named(user), time_step=1, drift=0)
    if device is None:
        return [
            MFADeviceCreated(serial_number=arn, device_name=user.id, path="/", seed_id=life.new_id("AIMF")),
            enabled,
        ]
    if device.user_id is None:
        return [enabled] if life.random.random() < 0.6 else [MFADeviceDeleted(serial_number=arn)]
    return [MFADeviceDeactivated(serial_number=arn, **_named(user))]


def _other_credential(life: Life, account: Account, user: User, at: datetime) -> Sequence[Event]:
    theirs = [account[USER_CREDENTIALS].by_id[each] for each in account[USER_CREDENTIALS].owned.rights_of(user.id)]
    if len(theirs) < 2 or (len(theirs) < 5 and life.random.random() < 0.4):
        new = {"credential_id": life.new_id("ACCA"), **_named(user)}
        ends = at + life.random.choice((5, 25, 90, 400)) * DAY
        match life.random.randrange(4):
            case 0:
                return [SSHPublicKeyUploaded(**new, fingerprint="f", body_sha256=DIGEST, pem_sha256=DIGEST)]
            case 1:
                mark = life.new_id("f")
                return [SigningCertificateUploaded(**new, fingerprint=mark, body_sha256=DIGEST, expires_at=ends)]
            case number:
                service = {"service_name": "s.amazonaws.com", "service_user_name": life.new_id("n")}
                more = {"secret_id": life.new_id("AISP"), "expires_at": ends if number == 2 else None}
                return [ServiceSpecificCredentialCreated.model_validate({**new, **service, **more})]
    return [_change_of(life, user, life.random.choice(theirs))]


def _change_of(life: Life, user: User, one: UserCredential) -> Event:
    named: dict[str, Any] = {"credential": one.kind, "credential_id": one.id, **_named(user)}
    if life.random.random() < 0.3:
        return UserCredentialDeleted(**named)
    if one.secret_id is not None and life.random.random() < 0.5:
        return ServiceSpecificCredentialReset(credential_id=one.id, **_named(user), secret_id=life.new_id("AISP"))
    return (UserCredentialDeactivated if one.status == "Active" else UserCredentialActivated)(**named)


def _tag_or_move(life: Life, account: Account, user: User, _at: datetime) -> Sequence[Event]:
    entity: dict[str, Any] = {"entity": "user", "entity_id": user.id, "entity_name": user.name}
    if life.random.random() < 0.4:
        return [UserUpdated(**_named(user), new_user_name=user.name, new_path=life.random.choice(PATHS))]
    if tags_of(account, user.id):
        return [EntityUntagged(**entity, keys=("tier",))]
    return [EntityTagged(**entity, tags={"tier": "prod"})]


def _exempt(life: Life, account: Account, user: User, at: datetime) -> Sequence[Event]:
    return _exemption(life, account, user.id, at)


def _exemption(life: Life, account: Account, owner_id: str, at: datetime) -> Sequence[Event]:
    theirs = sorted(exemptions_of(account, owner_id))
    named = {"owner_id": owner_id, "owner_name": owner_id}
    if theirs and life.random.random() < 0.5:
        return [ExemptionRevoked(exemption_id=life.random.choice(theirs), **named)]
    kinds: Sequence[Any] = life.random.choice(((), ("access_key",), ("user", "password"), ("ssh_public_key", "role")))
    until = at + timedelta(hours=life.random.randrange(5, 2_000))
    more: dict[str, Any] = {"kinds": kinds, "reason": "moving", "until": until}
    return [ExemptionGranted(exemption_id=life.new_id("X"), **named, **more)]


def _leave(_life: Life, account: Account, user: User, _at: datetime) -> Sequence[Event]:
    """With all that the user has; administrators stay."""
    if account[ATTACHMENTS].rights_of(user.id) or user.name == "admin":
        return ()
    events: list[Event] = [
        AccessKeyDeleted(access_key_id=key.id, **_named(user)) for key in account[ACCESS_KEYS].of(user.id)
    ]
    if user.id in account[LOGIN_PROFILES]:
        events.append(LoginProfileDeleted(**_named(user)))
    for device in account[MFA_DEVICES].of(user.id):
        events += [MFADeviceDeactivated(serial_number=device.arn, **_named(user))]
    for each in account[USER_CREDENTIALS].owned.rights_of(user.id):
        kind = account[USER_CREDENTIALS].by_id[each].kind
        events.append(UserCredentialDeleted(credential=kind, credential_id=each, **_named(user)))
    return [*events, UserDeleted(**_named(user))]


def _administrate(_life: Life, account: Account, user: User, _at: datetime) -> Sequence[Event]:
    attached: dict[str, Any] = {"entity": "user", "entity_id": user.id, "entity_name": user.name}
    attached |= {"policy_arn": ADMINISTRATOR_ACCESS, "policy_id": "ANPA"}
    if ADMINISTRATOR_ACCESS in account[ATTACHMENTS].rights_of(user.id):
        return [PolicyDetached(**attached)]
    return [PolicyAttached(**attached)]


def _session(life: Life, account: Account, user: User, at: datetime) -> Sequence[Event]:
    session_id = life.new_id("SESN")
    arn = account.arn(f"user/{user.name}")
    principal = Principal(type="IAMUser", principal_id=user.id, arn=arn, account_id=account.id, user_name=user.name)
    session = Session(
        session_id=session_id, access_key_id=life.new_id("ASIA"), principal=principal, entity_id=user.id, issued_at=at,
        expires_at=at + timedelta(seconds=life.random.choice((900, 3_600, 43_200, 129_600))),
        minted_by_access_key_id="AKIA",
    )  # fmt: skip
    revoked = [SessionRevoked(session_id=session_id)] if life.random.random() < 0.1 else []
    return [SessionIssued(session=session), *revoked]


_OF_A_USER: tuple[Callable[[Life, Account, User, datetime], Sequence[Event]], ...] = (
    _use, _keys, _password, _mfa, _other_credential, _tag_or_move, _exempt, _leave, _administrate, _session,
)  # fmt: skip
_WEIGHTS = (30, 14, 8, 6, 14, 7, 5, 3, 1, 6)


def _role(life: Life, account: Account, at: datetime) -> Sequence[Event]:
    roles = sorted(account[ROLES].by_id)
    if len(roles) < 5 or life.random.random() < 0.2:
        role_id = life.new_id("AROA")
        more: dict[str, Any] = {"session_seconds_max": 3_600, "trust_policy": "{}", "trusted": {}}
        return [RoleCreated(role_id=role_id, role_name=role_id, path=life.random.choice(PATHS), **more)]
    role_id = life.random.choice(roles)
    entity: dict[str, Any] = {"entity": "role", "entity_id": role_id, "entity_name": role_id}
    match life.random.randrange(6):
        case 0:
            return [RoleDeleted(role_id=role_id, role_name=role_id)]
        case 1:
            tagged = bool(tags_of(account, role_id))
            return [
                EntityUntagged(**entity, keys=("tier",)) if tagged else EntityTagged(**entity, tags={"tier": "prod"})
            ]
        case 2:
            return _exemption(life, account, role_id, at)
        case _:
            return [CredentialUsed(credential="role", credential_id=role_id, service="sts", region="eu-west-1")]


def _server_certificate(life: Life, account: Account, at: datetime) -> Sequence[Event]:
    there = sorted(account[SERVER_CERTIFICATES].by_id)
    if not there or life.random.random() < 0.4:
        named = dict.fromkeys(("server_certificate_id", "server_certificate_name"), life.new_id("ASCA"))
        ends = at + life.random.randrange(2, 300) * DAY
        made = {"path": "/", "expires_at": ends, "fingerprint": named["server_certificate_id"], "body_sha256": DIGEST}
        return [ServerCertificateUploaded.model_validate({**named, **made, "secret_id": "s"})]
    one = life.random.choice(there)
    named = dict.fromkeys(("server_certificate_id", "server_certificate_name"), one)
    match life.random.randrange(3):
        case 0:
            return [ServerCertificateDeleted(**named)]
        case 1:
            return _exemption(life, account, one, at)
        case _:
            return [
                ServerCertificateUpdated(**named, new_server_certificate_name=one, new_path=life.random.choice(PATHS))
            ]


def _provider(life: Life, account: Account, at: datetime) -> Sequence[Event]:
    arn = account.arn(f"saml-provider/p{life.random.randrange(3)}")
    ends = at + timedelta(hours=life.random.randrange(10, 3_000))
    named = {"provider_arn": arn, "provider_name": arn[-2:]}
    metadata = {"metadata_sha256": DIGEST, "issuer": "i", "valid_until": ends}
    if arn not in account[SAML_PROVIDERS]:
        return [SAMLProviderCreated.model_validate({**named, **metadata, "provider_uuid": life.new_id("SAMLP")})]
    if life.random.random() < 0.3:
        return [SAMLProviderDeleted(**named)]
    return [SAMLMetadataReplaced.model_validate({**named, **metadata})]


def _password_policy(life: Life, account: Account, _at: datetime) -> Sequence[Event]:
    if account[PASSWORD_POLICY] is not None and life.random.random() < 0.3:
        return [PasswordPolicyDeleted()]
    asked = dict.fromkeys(
        ("require_symbols", "require_numbers", "require_uppercase_characters", "require_lowercase_characters",
         "allow_users_to_change_password", "hard_expiry"), False,
    )  # fmt: skip
    days = life.random.choice((None, 30, 60, 90))
    return [PasswordPolicyUpdated.model_validate({**asked, "minimum_password_length": 14, "max_password_age": days})]


def _profile(life: Life, account: Account, _at: datetime) -> Sequence[Event]:
    if life.random.random() < 0.6:  # Not too often: everybody is looked at again.
        return ()
    if life.random.random() < 0.3:
        return [remove_profile(account)] if account[LIFECYCLE_PROFILE] is not None else ()
    return set_profile(account, life.random.choice(PROFILES))


def _unit(life: Life, account: Account, _at: datetime) -> Sequence[Event]:
    membership = account[ORGANIZATION_MEMBERSHIP]
    if life.random.random() < 0.7 or not life.in_unit:
        return ()
    if membership is not None and life.random.random() < 0.2:
        return [OrganizationLeft(organization_id="o-1")]
    return [in_unit(account.id, life.random.choice((None, *PROFILES)))]


def in_unit(account_id: str, profile: LifecycleProfile | None) -> OrganizationPoliciesApplied:
    scps, rcps = (FULL_AWS_ACCESS.policy,), (RCP_FULL_AWS_ACCESS.policy,)
    levels = (
        Level("r-1", "Root", scps, rcps, BUILT_IN_PROFILES["pci-4.0"]),
        Level("ou-1-1", "unit", scps, rcps, profile),
        Level(account_id, "own", scps, rcps),
    )
    return OrganizationPoliciesApplied(membership=OrganizationMembership("o-1", "000000000000", levels))


def _root_key(life: Life, account: Account, _at: datetime) -> Sequence[Event]:
    keys = account[ACCESS_KEYS].of(account.id)
    named = {"user_id": account.id, "user_name": account.id}
    if not keys:
        return [AccessKeyCreated(access_key_id=life.new_id("AKIA"), **named)] if life.random.random() < 0.2 else ()
    return [AccessKeyDeleted(access_key_id=keys[0].id, **named)] if life.random.random() < 0.5 else ()


_OF_AN_ACCOUNT: tuple[Callable[[Life, Account, datetime], Sequence[Event]], ...] = (
    _role, _role, _role, _server_certificate, _provider, _password_policy, _profile, _unit, _root_key,
)  # fmt: skip
