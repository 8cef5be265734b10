"""Server certificates: what services show to prove who they are. The certificate and its chain lie beside the ledger as
long texts, the private key sealed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from domain.account import Account, AffectsSubject, Component
from domain.credential_kinds import HeldCredential, LifecycleKind
from domain.entity_kinds import EntityKind, naming_setting
from domain.facts import Fact, FactKind, FactValue
from domain.foundation.entity_index import EntityIndex, NamedEntity
from domain.foundation.errors import NoSuchEntity
from domain.foundation.identifiers import SERVER_CERTIFICATE_ID
from domain.lineage_kinds import Command, LineageKind


@dataclass(frozen=True, slots=True)
class ServerCertificate(NamedEntity):
    noun = "server-certificate"
    expires_at: datetime
    fingerprint: str
    body_sha256: str
    chain_sha256: str | None
    secret_id: str
    """Of its private key."""


ServerCertificates = EntityIndex[ServerCertificate]
SERVER_CERTIFICATES = Component[ServerCertificates](
    "server_certificates", EntityIndex("server certificate"), ids=lambda certificates: certificates.by_id
)
SERVER_CERTIFICATE_FACT = FactKind("server certificate", "was uploaded")


def _facts(_account: Account, certificate: ServerCertificate) -> Iterator[tuple[Fact, FactValue]]:
    said = {
        "name": certificate.name,
        "path": certificate.path,
        "fingerprint": certificate.fingerprint,
        "chain_sha256": certificate.chain_sha256,
        "expires_at": certificate.expires_at,
    }
    yield Fact(SERVER_CERTIFICATE_FACT, certificate.id), FactValue(certificate.name, said)


def named_certificate(account: Account, name: str) -> ServerCertificate:
    found = account[SERVER_CERTIFICATES].find(name)
    if found is None:
        raise NoSuchEntity(f"The Server Certificate with name {name} cannot be found.")
    return found


def _find(account: Account, arn: str) -> ServerCertificate | None:
    found = account[SERVER_CERTIFICATES].find(arn.rpartition("/")[2])
    return found if found is not None and account.arn(found.resource) == arn else None


SERVER_CERTIFICATE = EntityKind(
    "server certificate",
    SERVER_CERTIFICATE_ID,
    by_id=lambda account: account[SERVER_CERTIFICATES].by_id,
    named=named_certificate,
    facts=_facts,
    find=_find,
    resource_type="server-certificate",
)


def _held(account: Account, certificate_id: str) -> HeldCredential | None:
    found = account[SERVER_CERTIFICATES].by_id.get(certificate_id)
    if found is None:
        return None
    return HeldCredential("server_certificate", found.id, found.id, found.created_at, expires_at=found.expires_at)


LifecycleKind("server_certificate", lambda account, owner_id: filter(None, [_held(account, owner_id)]), _held)


def _removals(now: Account, owner_id: str) -> Iterator[tuple[str, Command]]:
    certificate = now[SERVER_CERTIFICATES].by_id.get(owner_id)
    if certificate is not None:
        yield owner_id, Command("delete-server-certificate", {"server_certificate_name": certificate.name})


NAMING = naming_setting(SERVER_CERTIFICATES, lambda certificate, name, path: replace(certificate, name=name, path=path))
LineageKind("server_certificate", "server certificate {name}", removals=_removals)
LineageKind("server_certificate_rename", "server certificate {name} renamed", setting=NAMING)


class ServerCertificateChange(AffectsSubject):
    server_certificate_id: str
    server_certificate_name: str
    subject = "server_certificate_id"


class ServerCertificateUploaded(ServerCertificateChange, topic="iam.server_certificate.uploaded.v1"):
    path: str
    expires_at: datetime
    fingerprint: str
    """SHA-256 of the certificate as DER."""
    body_sha256: str
    chain_sha256: str | None = None
    secret_id: str
    long_texts = ("body_sha256", "chain_sha256")
    sentence = "Server certificate {server_certificate_name} was uploaded with path {path}."

    def fold(self, account: Account, at: datetime) -> Account:
        certificate = ServerCertificate(
            self.server_certificate_id, self.server_certificate_name, self.path, at,
            self.expires_at, self.fingerprint, self.body_sha256, self.chain_sha256, self.secret_id,
        )  # fmt: skip
        return account.put(SERVER_CERTIFICATES, account[SERVER_CERTIFICATES].add(certificate))


class ServerCertificateUpdated(ServerCertificateChange, topic="iam.server_certificate.updated.v1"):
    """It has another name or path, and with it another ARN. The unique id stays."""

    new_server_certificate_name: str
    new_path: str
    sentence = "Server certificate {server_certificate_name} is now {new_server_certificate_name} with path {new_path}."

    def fold(self, account: Account, at: datetime) -> Account:
        certificates = account[SERVER_CERTIFICATES]
        former = certificates.by_id[self.server_certificate_id]
        renamed = replace(former, name=self.new_server_certificate_name, path=self.new_path)
        return account.put(SERVER_CERTIFICATES, certificates.put(renamed))


class ServerCertificateDeleted(ServerCertificateChange, topic="iam.server_certificate.deleted.v1"):
    """Its private key is destroyed."""

    sentence = "Server certificate {server_certificate_name} was deleted."

    def fold(self, account: Account, at: datetime) -> Account:
        certificates = account[SERVER_CERTIFICATES].without(self.server_certificate_id)
        return account.put(SERVER_CERTIFICATES, certificates).forget(self.server_certificate_id)
