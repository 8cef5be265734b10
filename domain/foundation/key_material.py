"""Keys and certificates that somebody uploads, and what is found out of them beside the round: to read them takes
long."""

from dataclasses import dataclass
from datetime import datetime

from domain.foundation.secret import Secret


@dataclass(frozen=True, slots=True)
class SSHPublicKeyQuery:
    body: str


@dataclass(frozen=True, slots=True)
class SSHPublicKeyFacts:
    openssh: str
    """ssh-rsa and the key, without a comment."""
    pem: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class CertificateQuery:
    """Whether it can be read; with a private key whether that is its, and with a chain whether it leads to it."""

    body: str
    private_key: Secret | None = None
    chain: str | None = None


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    fingerprint: str
    """SHA-256 of its DER, in hexadecimal digits."""
    not_before: datetime
    not_after: datetime


KeyMaterialQuery = SSHPublicKeyQuery | CertificateQuery
KeyMaterialFacts = SSHPublicKeyFacts | CertificateFacts
