"""Keys and certificates to upload, each made once in the life of a process."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from tests.services.endpoint import BEGAN_AT

BEGINS, ENDS = BEGAN_AT - timedelta(days=1), BEGAN_AT + timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    body: str
    key: str


@cache
def rsa_key(name: str, bits: int) -> rsa.RSAPrivateKey:
    assert name
    return rsa.generate_private_key(65_537, bits)


def public_key(name: str, encoding: Encoding, bits: int = 2_048) -> str:
    form = PublicFormat.OpenSSH if encoding is Encoding.OpenSSH else PublicFormat.SubjectPublicKeyInfo
    return rsa_key(name, bits).public_key().public_bytes(encoding, form).decode()


@cache
def of_no_version(pem: str) -> str:
    """The certificate with a version that X.509 does not have."""
    der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    changed = der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"), 1)
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(changed).decode()}-----END CERTIFICATE-----\n"


def certificate(name: str, issuer: str | None = None, begins: datetime = BEGINS, ends: datetime = ENDS) -> Certificate:
    """Of an elliptic curve, which is quick; issued by another one's key, or its own."""
    key = _ec_key(name)
    built = _built(name, issuer or name, key.public_key(), begins, ends)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Certificate(built.public_bytes(Encoding.PEM).decode(), private)


def certified(key: CertificatePublicKeyTypes) -> x509.Certificate:
    """One of a key that nobody need have the private half of."""
    return _built("any", "issuer", key, BEGINS, ENDS)


def _built(
    name: str, issuer: str, key: CertificatePublicKeyTypes, begins: datetime, ends: datetime
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key)
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(_ec_key(issuer), hashes.SHA256())
    )


@cache
def _ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    assert name
    return ec.generate_private_key(ec.SECP256R1())


def encrypted_key(name: str) -> str:
    encryption = serialization.BestAvailableEncryption(b"a passphrase")
    return _ec_key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
