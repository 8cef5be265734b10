"""What users sign in to services with besides access keys and passwords: SSH public keys, signing certificates, and
credentials that one service takes. They differ in how they come to be, and in nothing else."""

from abc import ABC
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal

from immutables import Map

from domain.account import Account, AffectsNobody, Component
from domain.credential_kinds import HeldCredential, LifecycleKind, Removal
from domain.entity_kinds import entity_title, find_entity, prevents_deletion
from domain.facts import Fact, FactKind, FactValue, capitalized, tells_facts
from domain.foundation.credential_kind import CredentialKind
from domain.foundation.many_to_many import ManyToMany
from domain.foundation.personal import Personal
from domain.foundation.secret import SecretId, SecretKind
from domain.lineage_kinds import Command, LineageKind

UserCredentialKind = Literal["service-specific credential", "signing certificate", "SSH public key"]
UserCredentialStatus = Literal["Active", "Inactive"]
SSH_PUBLIC_KEY: UserCredentialKind = "SSH public key"
SIGNING_CERTIFICATE: UserCredentialKind = "signing certificate"
SERVICE_SPECIFIC_CREDENTIAL: UserCredentialKind = "service-specific credential"


@dataclass(frozen=True, slots=True)
class UserCredential:
    id: str
    kind: UserCredentialKind
    user_id: str
    """The owner's unique id; the account id for a signing certificate of root."""
    status: UserCredentialStatus
    created_at: datetime
    changed_at: datetime
    """When it was made, or last activated or deactivated."""
    mark: str
    """By which a second one like it is told: the fingerprint of a key or certificate, or the name for the service."""
    expires_at: datetime | None = None
    body_sha256: str | None = None
    """Of what was uploaded; of an SSH key in OpenSSH's form."""
    pem_sha256: str | None = None
    """Of an SSH key in the other form."""
    service_name: str | None = None
    secret_id: str | None = None
    renewed_at: datetime | None = None
    """When it was last given another password; None where it never was."""

    @property
    def sole_mark(self) -> str | None:
        """What no other one of the account has; two users may have one SSH public key."""
        return None if self.kind == SSH_PUBLIC_KEY else _sole_mark(self.kind, self.mark, self.service_name)

    def is_expired(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


def _sole_mark(kind: UserCredentialKind, mark: str, service_name: str | None) -> str:
    return f"{kind} {service_name or ''} {mark}"


@dataclass(frozen=True, slots=True)
class UserCredentials:
    by_id: Map[str, UserCredential] = Map()
    owned: ManyToMany = ManyToMany()
    """Unique ids of owners on the left, credential ids on the right."""
    marked: Map[str, str] = Map()
    """Credential ids by what they alone have."""

    def of(self, user_id: str, kind: UserCredentialKind) -> list[UserCredential]:
        """Oldest first."""
        owned = (self.by_id[credential_id] for credential_id in self.owned.rights_of(user_id))
        return [credential for credential in owned if credential.kind == kind]

    def has_like(self, kind: UserCredentialKind, mark: str, service_name: str | None = None) -> bool:
        return _sole_mark(kind, mark, service_name) in self.marked

    def add(self, new: UserCredential) -> "UserCredentials":
        if new.id in self.by_id:
            raise LookupError(f"There is a credential {new.id} already.")
        marked = self.marked if new.sole_mark is None else self.marked.set(new.sole_mark, new.id)
        return UserCredentials(self.by_id.set(new.id, new), self.owned.add(new.user_id, new.id), marked)

    def put(self, changed: UserCredential) -> "UserCredentials":
        return replace(self, by_id=self.by_id.set(changed.id, changed))

    def without(self, credential_id: str) -> "UserCredentials":
        gone = self.by_id[credential_id]
        marked = self.marked if gone.sole_mark is None else self.marked.delete(gone.sole_mark)
        return UserCredentials(self.by_id.delete(gone.id), self.owned.remove(gone.user_id, gone.id), marked)


USER_CREDENTIALS = Component[UserCredentials](
    "user_credentials", UserCredentials(), ids=lambda credentials: credentials.by_id
)


@tells_facts
def _facts(account: Account, subject: str) -> Iterator[tuple[Fact, FactValue]]:
    for credential in map(account[USER_CREDENTIALS].by_id.get, account[USER_CREDENTIALS].owned.rights_of(subject)):
        assert credential is not None
        owner = "root" if subject == account.id else entity_title(account, subject)
        said = {
            "status": credential.status,
            "user_id": subject,
            "identified_by": credential.mark,
            "service_name": credential.service_name,
            "expires_at": credential.expires_at,
            "secret_id": credential.secret_id,
        }
        yield Fact(FACTS[credential.kind], credential.id), FactValue(f"{credential.id} of {owner}", said)


class UserCredentialChange(AffectsNobody, ABC):
    credential_id: str
    user_id: str
    user_name: Personal[str]
    subject = "user_id"


class UserCredentialMade(UserCredentialChange, ABC):
    kind: ClassVar[UserCredentialKind]

    def made(self, at: datetime) -> UserCredential:
        raise NotImplementedError

    def fold(self, account: Account, at: datetime) -> Account:
        return account.put(USER_CREDENTIALS, account[USER_CREDENTIALS].add(self.made(at)))


class SSHPublicKeyUploaded(UserCredentialMade, topic="iam.ssh_public_key.uploaded.v1"):
    kind = SSH_PUBLIC_KEY
    fingerprint: str
    """MD5 of the key as DER, in pairs of hexadecimal digits."""
    body_sha256: str
    pem_sha256: str
    long_texts = ("body_sha256", "pem_sha256")
    sentence = "SSH public key {credential_id} of {user_name} was uploaded."

    def made(self, at: datetime) -> UserCredential:
        return UserCredential(
            self.credential_id, self.kind, self.user_id, "Active", at, at, self.fingerprint,
            body_sha256=self.body_sha256, pem_sha256=self.pem_sha256,
        )  # fmt: skip


class SigningCertificateUploaded(UserCredentialMade, topic="iam.signing_certificate.uploaded.v1"):
    kind = SIGNING_CERTIFICATE
    fingerprint: str
    """SHA-256 of the certificate as DER."""
    body_sha256: str
    expires_at: datetime
    long_texts = ("body_sha256",)
    sentence = "Signing certificate {credential_id} of {user_name} was uploaded."

    def made(self, at: datetime) -> UserCredential:
        return UserCredential(
            self.credential_id, self.kind, self.user_id, "Active", at, at, self.fingerprint,
            expires_at=self.expires_at, body_sha256=self.body_sha256,
        )  # fmt: skip


class ServiceSpecificCredentialCreated(UserCredentialMade, topic="iam.service_specific_credential.created.v1"):
    kind = SERVICE_SPECIFIC_CREDENTIAL
    service_name: str
    service_user_name: Personal[str]
    """By which the service knows it; of an API key its public part."""
    secret_id: str
    expires_at: datetime | None = None
    sentence = "Service-specific credential {credential_id} of {user_name} for {service_name} was created."

    def made(self, at: datetime) -> UserCredential:
        return UserCredential(
            self.credential_id, self.kind, self.user_id, "Active", at, at, self.service_user_name,
            expires_at=self.expires_at, service_name=self.service_name, secret_id=self.secret_id,
        )  # fmt: skip


class ServiceSpecificCredentialReset(UserCredentialChange, topic="iam.service_specific_credential.reset.v1"):
    """It has another password, and the former one is destroyed."""

    secret_id: str
    sentence = "Service-specific credential {credential_id} of {user_name} was given another password."

    def fold(self, account: Account, at: datetime) -> Account:
        credential = account[USER_CREDENTIALS].by_id[self.credential_id]
        changed = replace(credential, secret_id=self.secret_id, renewed_at=at)
        return account.put(USER_CREDENTIALS, account[USER_CREDENTIALS].put(changed))


class AnyUserCredentialChange(UserCredentialChange, ABC):
    credential: UserCredentialKind

    @property
    def what(self) -> str:
        return f"{capitalized(self.credential)} {self.credential_id} of {self.user_name}"

    def with_status(self, account: Account, status: UserCredentialStatus, at: datetime) -> Account:
        changed = replace(account[USER_CREDENTIALS].by_id[self.credential_id], status=status, changed_at=at)
        return account.put(USER_CREDENTIALS, account[USER_CREDENTIALS].put(changed))


class UserCredentialActivated(AnyUserCredentialChange, topic="iam.user_credential.activated.v1"):
    def fold(self, account: Account, at: datetime) -> Account:
        return self.with_status(account, "Active", at)

    def describe(self) -> str:
        return f"{self.what} was activated."


class UserCredentialDeactivated(AnyUserCredentialChange, topic="iam.user_credential.deactivated.v1"):
    def fold(self, account: Account, at: datetime) -> Account:
        return self.with_status(account, "Inactive", at)

    def describe(self) -> str:
        return f"{self.what} was deactivated."


class UserCredentialDeleted(AnyUserCredentialChange, topic="iam.user_credential.deleted.v1"):
    def fold(self, account: Account, at: datetime) -> Account:
        credentials = account[USER_CREDENTIALS].without(self.credential_id)
        return account.put(USER_CREDENTIALS, credentials).forget(self.credential_id)

    def describe(self) -> str:
        return f"{self.what} was deleted."


def owner_name(account: Account, user_id: str) -> str:
    """The user's name; of what is root's the account's id, as IAM answers it."""
    found = find_entity(account, user_id)
    return account.id if found is None else found[1].name


def deactivation(account: Account, credential_id: str) -> UserCredentialDeactivated | None:
    """What cuts it off, if it is not cut off already."""
    credential = account[USER_CREDENTIALS].by_id.get(credential_id)
    if credential is None or credential.status == "Inactive":
        return None
    return UserCredentialDeactivated(
        credential=credential.kind,
        credential_id=credential.id,
        user_id=credential.user_id,
        user_name=owner_name(account, credential.user_id),
    )


def _declared(kind: UserCredentialKind, place: int, remedy: str, operation: str, option: str) -> FactKind:
    """What of a kind goes before its owner, and how."""

    def removals(now: Account, owner_id: str) -> Iterator[tuple[str, Command]]:
        named = {} if owner_id == now.id else {"user_name": owner_name(now, owner_id)}
        for credential in now[USER_CREDENTIALS].of(owner_id, kind):
            yield credential.id, Command(operation, {**named, option: credential.id})

    held: Callable[[Account, str], object] = lambda account, user_id: account[USER_CREDENTIALS].of(user_id, kind)  # noqa: E731
    prevents_deletion(place, remedy, held)
    name = kind.lower().replace(" ", "_").replace("-", "_")
    LineageKind(name, f"{kind} {{subject}} of {{name}}", gives_access=True, removals=removals, cut_off=deactivation)
    return FactKind(kind)


LIFECYCLE_KINDS: dict[UserCredentialKind, CredentialKind] = {
    SSH_PUBLIC_KEY: "ssh_public_key",
    SIGNING_CERTIFICATE: "signing_certificate",
    SERVICE_SPECIFIC_CREDENTIAL: "service_specific_credential",
}


def _held(credential: UserCredential) -> HeldCredential:
    return HeldCredential(
        LIFECYCLE_KINDS[credential.kind],
        credential.id,
        credential.user_id,
        credential.renewed_at or credential.created_at,
        active=credential.status == "Active",
        changed_at=credential.changed_at,
        expires_at=credential.expires_at,
        service=credential.service_name,
    )


def _deactivate(account: Account, held: HeldCredential) -> UserCredentialDeactivated:
    found = deactivation(account, held.id)
    assert found is not None
    return found


def _delete(account: Account, held: HeldCredential) -> Removal:
    credential = account[USER_CREDENTIALS].by_id[held.id]
    deleted = UserCredentialDeleted(
        credential=credential.kind,
        credential_id=credential.id,
        user_id=credential.user_id,
        user_name=owner_name(account, credential.user_id),
    )
    secret_id = credential.secret_id
    return Removal(deleted, () if secret_id is None else (SecretId(SecretKind.SERVICE_PASSWORD, secret_id),))


def _declare_lifecycle(kind: UserCredentialKind) -> None:
    def find(account: Account, credential_id: str) -> HeldCredential | None:
        credential = account[USER_CREDENTIALS].by_id.get(credential_id)
        return None if credential is None or credential.kind != kind else _held(credential)

    LifecycleKind(
        LIFECYCLE_KINDS[kind],
        of=lambda account, owner_id: map(_held, account[USER_CREDENTIALS].of(owner_id, kind)),
        find=find,
        deactivate=_deactivate,
        delete=_delete,
    )


for _kind in LIFECYCLE_KINDS:
    _declare_lifecycle(_kind)

FACTS = {
    SIGNING_CERTIFICATE: _declared(
        SIGNING_CERTIFICATE, 3, "delete signing certificates", "delete-signing-certificate", "certificate_id"
    ),
    SSH_PUBLIC_KEY: _declared(
        SSH_PUBLIC_KEY, 4, "delete SSH public keys", "delete-ssh-public-key", "ssh_public_key_id"
    ),
    SERVICE_SPECIFIC_CREDENTIAL: _declared(
        SERVICE_SPECIFIC_CREDENTIAL,
        5,
        "delete service-specific credentials",
        "delete-service-specific-credential",
        "service_specific_credential_id",
    ),
}


def _resets(now: Account, owner_id: str) -> Iterator[tuple[str, Command]]:
    """Another reset, after which nobody knows the password but who asked for it."""
    named = {} if owner_id == now.id else {"user_name": owner_name(now, owner_id)}
    for credential in now[USER_CREDENTIALS].of(owner_id, SERVICE_SPECIFIC_CREDENTIAL):
        options = {**named, "service_specific_credential_id": credential.id}
        yield credential.id, Command("reset-service-specific-credential", options)


LineageKind(
    "service_specific_credential_reset",
    "service-specific credential {subject} reset, of {name}",
    gives_access=True,
    removals=_resets,
    cut_off=deactivation,
)
LineageKind("credential_activation", "{subject} activated, of {name}", gives_access=True, cut_off=deactivation)
