"""Server certificates: what may be done with them."""

from domain.account import Account
from domain.families.server_certificates import (
    SERVER_CERTIFICATES,
    ServerCertificate,
    ServerCertificateDeleted,
    ServerCertificateUpdated,
    ServerCertificateUploaded,
    named_certificate,
)
from domain.foundation.errors import EntityAlreadyExists
from domain.foundation.key_material import CertificateFacts
from domain.foundation.long_texts import text_digest
from domain.rules.quotas import SERVER_CERTIFICATES_MAX, refuse_beyond


def refuse_another(account: Account, name: str) -> None:
    """Raises EntityAlreadyExists and LimitExceeded."""
    _refuse_taken(account, name)
    refuse_beyond("ServerCertificatesPerAccount", len(account[SERVER_CERTIFICATES]), SERVER_CERTIFICATES_MAX)


def upload(
    *,
    certificate_id: str,
    name: str,
    path: str,
    certificate: CertificateFacts,
    body: str,
    chain: str | None,
    secret_id: str,
) -> ServerCertificateUploaded:
    """One that `refuse_another` has let pass."""
    return ServerCertificateUploaded(
        server_certificate_id=certificate_id,
        server_certificate_name=name,
        path=path,
        expires_at=certificate.not_after,
        fingerprint=certificate.fingerprint,
        body_sha256=text_digest(body),
        chain_sha256=None if chain is None else text_digest(chain),
        secret_id=secret_id,
    )


def update(account: Account, *, name: str, new_path: str | None, new_name: str | None) -> ServerCertificateUpdated:
    certificate = named_certificate(account, name)
    _refuse_taken(account, new_name or certificate.name, by_other_than=certificate)
    return ServerCertificateUpdated(
        server_certificate_id=certificate.id,
        server_certificate_name=certificate.name,
        new_server_certificate_name=new_name or certificate.name,
        new_path=new_path or certificate.path,
    )


def delete(account: Account, *, name: str) -> tuple[ServerCertificateDeleted, str]:
    """With the id of the private key that goes."""
    certificate = named_certificate(account, name)
    deleted = ServerCertificateDeleted(server_certificate_id=certificate.id, server_certificate_name=certificate.name)
    return deleted, certificate.secret_id


def _refuse_taken(account: Account, name: str, *, by_other_than: ServerCertificate | None = None) -> None:
    found = account[SERVER_CERTIFICATES].find(name)
    if found is not None and (by_other_than is None or found.id != by_other_than.id):
        raise EntityAlreadyExists(f"The Server Certificate with name {name} already exists.")
