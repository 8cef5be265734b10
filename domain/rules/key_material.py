"""Keys and certificates that somebody uploads: what is refused of them."""

from datetime import datetime

from domain.calls import Call, NeedsFacts
from domain.foundation.errors import Refusal, Throttling
from domain.foundation.key_material import CertificateFacts, CertificateQuery, SSHPublicKeyFacts, SSHPublicKeyQuery


class InvalidPublicKey(Refusal):
    def __init__(self, why: str) -> None:
        super().__init__(f"The public key is malformed or otherwise invalid. ({why})")


class UnrecognizedPublicKeyEncoding(Refusal):
    def __init__(self, why: str) -> None:
        super().__init__(f"The public key encoding format is unsupported or unrecognized. ({why})")


class DuplicateSSHPublicKey(Refusal): ...


class MalformedCertificate(Refusal): ...


class DuplicateCertificate(Refusal): ...


class KeyPairMismatch(Refusal): ...


_UNSETTLED = Throttling("The key could not be read in time.")


def read_ssh_public_key(call: Call, body: str) -> SSHPublicKeyFacts:
    """Raises NeedsFacts, for which InvalidPublicKey and UnrecognizedPublicKeyEncoding may come."""
    if not isinstance(call.facts, SSHPublicKeyFacts):
        raise NeedsFacts(SSHPublicKeyQuery(body), unsettled=_UNSETTLED)
    return call.facts


def read_certificate(call: Call, wanted: CertificateQuery) -> CertificateFacts:
    """One that is valid now. Raises NeedsFacts, for which MalformedCertificate and KeyPairMismatch may come, and
    MalformedCertificate."""
    if not isinstance(call.facts, CertificateFacts):
        raise NeedsFacts(wanted, unsettled=_UNSETTLED)
    _refuse_invalid_now(call.facts, call.at)
    return call.facts


def _refuse_invalid_now(certificate: CertificateFacts, at: datetime) -> None:
    if certificate.not_after < at:
        raise MalformedCertificate(
            "Certificate is no longer valid. The 'Not After' date restriction on the certificate has passed. "
            f"(It ended at {certificate.not_after:%Y-%m-%dT%H:%M:%SZ}.)"
        )
    if at < certificate.not_before:
        raise MalformedCertificate(
            "Certificate is not yet valid. The 'Not Before' date restriction on the certificate has not passed. "
            f"(It begins at {certificate.not_before:%Y-%m-%dT%H:%M:%SZ}.)"
        )
