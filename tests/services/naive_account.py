"""An account as its ledger tells it, by the events that tests/services/year.py writes, and without the program's own
values."""

# ruff: noqa: N802  methods are named as the events that they read

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LONG_AGO = datetime.min.replace(tzinfo=UTC)
ADMINISTRATOR_ACCESS = "AdministratorAccess"
Key = tuple[object, ...]


@dataclass(eq=False)
class Credential:
    kind: str
    id: str
    owner: str
    since: datetime
    expires: datetime | None = None
    service: str | None = None
    made: datetime = LONG_AGO
    active: bool = True
    changed: datetime | None = None
    used: datetime | None = None
    stopped: tuple[datetime, str] | None = None
    """When and why its profile deactivated it, last."""
    told: set[Key] = field(default_factory=set)
    allowed_since: dict[Key, datetime] = field(default_factory=dict)
    """When a tick first could have done what was withheld."""
    withheld: set[Key] = field(default_factory=set)
    """Actions of which it was told that they were withheld."""


class NaiveAccount:
    """As its ledger has told it so far."""

    def __init__(self, account_id: str) -> None:
        self.id = account_id
        self.owned: dict[str, list[Credential]] = {}
        """By owner, in the order in which they were made."""
        self.key_owners: dict[str, str] = {}
        self.paths: dict[str, str] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.used_before: dict[str, datetime] = {}
        """By user: the last use of keys that are gone."""
        self.groups: dict[str, set[str]] = {}
        self.administrators: set[str] = set()
        """Users and groups."""
        self.profile: Any = None
        self.levels: Sequence[Any] = ()
        self.password_days: int | None = None
        self.exemptions: dict[str, dict[str, tuple[tuple[str, ...], datetime]]] = {}
        self.sessions: dict[str, datetime] = {}
        self.revoked: dict[str, datetime] = {}
        self.closed_at: datetime | None = None
        self.position = 0
        self.touched: dict[str, int] = {}
        """By subject: the position of the last event that concerns it. By "": of the last that concerns everybody."""

    def happen(self, event: Any, at: datetime, position: int) -> None:
        self.position = position
        act = getattr(self, f"_{type(event).__name__}", None)
        if act is not None and (subject := act(event, at)) is not None:
            self.touch(subject)

    def touch(self, subject: str) -> None:
        self.touched[subject] = self.position

    def add(self, credential: Credential) -> str:
        credential.made = credential.since
        self.owned.setdefault(credential.owner, []).append(credential)
        return credential.owner

    def one(self, kind: str, owner: str, id_: str | None = None) -> Credential | None:
        for each in self.owned.get(owner, ()):
            if each.kind == kind and each.id == (owner if id_ is None else id_):
                return each
        return None

    def sure(self, kind: str, owner: str, id_: str | None = None) -> Credential:
        found = self.one(kind, owner, id_)
        assert found is not None, (kind, owner, id_)
        return found

    def remove(self, credential: Credential) -> str:
        self.owned[credential.owner].remove(credential)
        if credential.kind == "access_key" and credential.used is not None:
            self.used_before[credential.owner] = max(credential.used, self.used_before.get(credential.owner, LONG_AGO))
        if credential.kind in {"user", "role", "server_certificate", "provider_certificate"}:
            self.exemptions.pop(credential.owner, None)
        return credential.owner

    def _AccountClosed(self, _event: Any, at: datetime) -> None:
        self.closed_at = at

    def _UserCreated(self, event: Any, at: datetime) -> str:
        self.paths[event.user_id] = event.path
        return self.add(Credential("user", event.user_id, event.user_id, at))

    def _UserUpdated(self, event: Any, _at: datetime) -> str:
        self.paths[event.user_id] = event.new_path
        return str(event.user_id)

    def _UserDeleted(self, event: Any, _at: datetime) -> str:
        return self.remove(self.sure("user", event.user_id))

    def _RoleCreated(self, event: Any, at: datetime) -> str:
        self.paths[event.role_id] = event.path
        return self.add(Credential("role", event.role_id, event.role_id, at))

    def _RoleDeleted(self, event: Any, _at: datetime) -> str:
        return self.remove(self.sure("role", event.role_id))

    def _AccessKeyCreated(self, event: Any, at: datetime) -> str:
        self.key_owners[event.access_key_id] = event.user_id
        return self.add(Credential("access_key", event.access_key_id, event.user_id, at, changed=at))

    def _status(self, credential: Credential, at: datetime, *, active: bool) -> str:
        credential.active, credential.changed = active, at
        return credential.owner

    def _AccessKeyActivated(self, event: Any, at: datetime) -> str:
        return self._status(self.sure("access_key", event.user_id, event.access_key_id), at, active=True)

    def _AccessKeyDeactivated(self, event: Any, at: datetime) -> str:
        return self._status(self.sure("access_key", event.user_id, event.access_key_id), at, active=False)

    def _AccessKeyDeleted(self, event: Any, _at: datetime) -> str:
        return self.remove(self.sure("access_key", event.user_id, event.access_key_id))

    def _CredentialUsed(self, event: Any, at: datetime) -> str:
        owner = self.key_owners.get(event.credential_id, event.credential_id)
        self.sure(event.credential, owner, event.credential_id).used = at
        return str(owner)

    def every(self) -> Iterator[Credential]:
        for credentials in self.owned.values():
            yield from credentials

    def _LoginProfileCreated(self, event: Any, at: datetime) -> str:
        return self.add(Credential("password", event.user_id, event.user_id, at))

    def _LoginProfileUpdated(self, event: Any, at: datetime) -> str:
        if event.password_id is not None:
            self.sure("password", event.user_id).since = at
        return str(event.user_id)

    _PasswordChanged = _LoginProfileUpdated

    def _LoginProfileDeleted(self, event: Any, _at: datetime) -> str:
        return self.remove(self.sure("password", event.user_id))

    def _PasswordPolicyUpdated(self, event: Any, _at: datetime) -> str:
        self.password_days = event.max_password_age
        return ""

    def _PasswordPolicyDeleted(self, _event: Any, _at: datetime) -> str:
        self.password_days = None
        return ""

    def _MFADeviceEnabled(self, event: Any, at: datetime) -> str:
        return self.add(Credential("mfa_device", event.serial_number, event.user_id, at))

    def _MFADeviceDeactivated(self, event: Any, _at: datetime) -> str:
        return self.remove(self.sure("mfa_device", event.user_id, event.serial_number))

    def _SSHPublicKeyUploaded(self, event: Any, at: datetime) -> str:
        return self.add(Credential("ssh_public_key", event.credential_id, event.user_id, at, changed=at))

    def _SigningCertificateUploaded(self, event: Any, at: datetime) -> str:
        return self.add(
            Credential("signing_certificate", event.credential_id, event.user_id, at, event.expires_at, changed=at)
        )

    def _ServiceSpecificCredentialCreated(self, event: Any, at: datetime) -> str:
        service, expires = event.service_name, event.expires_at
        return self.add(
            Credential(
                "service_specific_credential", event.credential_id, event.user_id, at, expires, service, changed=at
            )
        )

    def _ServiceSpecificCredentialReset(self, event: Any, at: datetime) -> str:
        self.sure("service_specific_credential", event.user_id, event.credential_id).since = at
        return str(event.user_id)

    def _uploaded(self, event: Any) -> Credential:
        (found,) = (each for each in self.owned[event.user_id] if each.id == event.credential_id)
        return found

    def _UserCredentialActivated(self, event: Any, at: datetime) -> str:
        return self._status(self._uploaded(event), at, active=True)

    def _UserCredentialDeactivated(self, event: Any, at: datetime) -> str:
        return self._status(self._uploaded(event), at, active=False)

    def _UserCredentialDeleted(self, event: Any, _at: datetime) -> str:
        return self.remove(self._uploaded(event))

    def _ServerCertificateUploaded(self, event: Any, at: datetime) -> str:
        self.paths[event.server_certificate_id] = event.path
        its = event.server_certificate_id
        return self.add(Credential("server_certificate", its, its, at, event.expires_at))

    def _ServerCertificateUpdated(self, event: Any, _at: datetime) -> str:
        self.paths[event.server_certificate_id] = event.new_path
        return str(event.server_certificate_id)

    def _ServerCertificateDeleted(self, event: Any, _at: datetime) -> str:
        return self.remove(self.sure("server_certificate", event.server_certificate_id))

    def _SAMLProviderCreated(self, event: Any, at: datetime) -> str:
        self.paths[event.provider_arn] = "/"
        return self.add(
            Credential("provider_certificate", event.provider_arn, event.provider_arn, at, event.valid_until)
        )

    def _SAMLMetadataReplaced(self, event: Any, _at: datetime) -> str:
        self.sure("provider_certificate", event.provider_arn).expires = event.valid_until
        return str(event.provider_arn)

    def _SAMLProviderDeleted(self, event: Any, _at: datetime) -> str:
        return self.remove(self.sure("provider_certificate", event.provider_arn))

    def _EntityTagged(self, event: Any, _at: datetime) -> str:
        self.tags.setdefault(event.entity_id, {}).update(event.tags)
        return str(event.entity_id)

    def _EntityUntagged(self, event: Any, _at: datetime) -> str:
        for key in event.keys:
            self.tags[event.entity_id].pop(key, None)
        return str(event.entity_id)

    def _PolicyAttached(self, event: Any, _at: datetime) -> None:
        if event.policy_arn.endswith(ADMINISTRATOR_ACCESS):
            self.administrators.add(event.entity_id)

    def _PolicyDetached(self, event: Any, _at: datetime) -> None:
        if event.policy_arn.endswith(ADMINISTRATOR_ACCESS):
            self.administrators.discard(event.entity_id)

    def _UserAddedToGroup(self, event: Any, _at: datetime) -> None:
        self.groups.setdefault(event.user_id, set()).add(event.group_id)

    def _LifecycleProfileSet(self, event: Any, _at: datetime) -> str:
        self.profile = event.profile
        return ""

    def _LifecycleProfileRemoved(self, _event: Any, _at: datetime) -> str:
        self.profile = None
        return ""

    def _OrganizationPoliciesApplied(self, event: Any, _at: datetime) -> str:
        self.levels = event.membership.levels
        return ""

    def _OrganizationLeft(self, _event: Any, _at: datetime) -> str:
        self.levels = ()
        return ""

    def _ExemptionGranted(self, event: Any, _at: datetime) -> str:
        self.exemptions.setdefault(event.owner_id, {})[event.exemption_id] = (event.kinds, event.until)
        return str(event.owner_id)

    def _ExemptionRevoked(self, event: Any, _at: datetime) -> str:
        del self.exemptions[event.owner_id][event.exemption_id]
        return str(event.owner_id)

    def _SessionIssued(self, event: Any, _at: datetime) -> None:
        self.sessions[event.session.session_id] = event.session.expires_at

    def _SessionRevoked(self, event: Any, at: datetime) -> None:
        if event.session_id in self.sessions and at < self.sessions[event.session_id]:
            del self.sessions[event.session_id]
