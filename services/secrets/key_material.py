"""Keys and certificates that clients upload, read. Their lengths are those that the models allow."""

import hashlib
import re
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.foundation.key_material import (
    CertificateFacts,
    CertificateQuery,
    KeyMaterialFacts,
    KeyMaterialQuery,
    SSHPublicKeyFacts,
    SSHPublicKeyQuery,
)
from domain.foundation.secret import Secret
from domain.rules.key_material import (
    InvalidPublicKey,
    KeyPairMismatch,
    MalformedCertificate,
    UnrecognizedPublicKeyEncoding,
)
from services.secrets.private_keys import RSA_BITS_MAX, RSA_BITS_MIN, read_private_key

SSH_KEY_BITS_MIN, SSH_KEY_BITS_MAX = 2_048, 16_384
"""Of RSA. OpenSSH goes no further than the last either."""
EXPONENT_BITS_MAX = 64
"""Of a certificate's key of RSA: OpenSSL takes a longer one of short keys only, and works long for a signature."""
CHAIN_MAX = 100
"""Certificates of a chain, whose signatures take some milliseconds at worst each. AWS names no such limit."""
_SSH_RSA = re.compile(r"ssh-rsa [^\r\n]+")
_PUBLIC_PEM = re.compile(r"-----BEGIN ((?:RSA )?PUBLIC KEY)-----[A-Za-z0-9+/=\s]+-----END \1-----")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_UNPARSED = "Unable to parse certificate. Please ensure the certificate is in PEM format."
_UNCHAINED = (
    "Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, "
    "followed by any intermediaries in order. The index within the chain of the invalid certificate is: {}"
)
UNREADABLE = (
    *(ValueError, TypeError, UnsupportedAlgorithm),
    *(x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType),
)
"""What `cryptography` raises of keys and certificates that it cannot read."""


def read_key_material(wanted: KeyMaterialQuery) -> KeyMaterialFacts:
    """Raises InvalidPublicKey, UnrecognizedPublicKeyEncoding, MalformedCertificate, KeyPairMismatch."""
    if isinstance(wanted, SSHPublicKeyQuery):
        return _ssh_public_key(wanted.body.strip())
    return _certificate(wanted)


def _ssh_public_key(body: str) -> SSHPublicKeyFacts:
    raw = body.encode("utf-8")
    try:
        key: object
        if _SSH_RSA.fullmatch(body):
            key = serialization.load_ssh_public_key(raw)
        elif _PUBLIC_PEM.fullmatch(body):
            key = serialization.load_pem_public_key(raw)
        elif body.startswith(("ssh-rsa ", "-----BEGIN ")):
            raise InvalidPublicKey("expected one public key, and nothing besides")
        else:
            raise UnrecognizedPublicKeyEncoding("expected ssh-rsa and a key, or PEM")
    except UNREADABLE as error:
        raise InvalidPublicKey(f"it cannot be read: {type(error).__name__}") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise InvalidPublicKey("expected a key of RSA")
    if not SSH_KEY_BITS_MIN <= key.key_size <= SSH_KEY_BITS_MAX:
        raise InvalidPublicKey(f"expected {SSH_KEY_BITS_MIN} to {SSH_KEY_BITS_MAX} bits, got {key.key_size}")
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return SSHPublicKeyFacts(
        openssh=key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii"),
        pem=key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii"),
        # Public, and compared with nothing but what people have on their screens.
        fingerprint=hashlib.md5(der, usedforsecurity=False).digest().hex(":"),
    )


def _certificate(wanted: CertificateQuery) -> CertificateFacts:
    certificates = _parsed(wanted.body, most=1)
    certificate = certificates[0]
    if wanted.private_key is not None:
        _refuse_other_key(certificate, wanted.private_key)
    if wanted.chain is not None:
        _refuse_broken_chain([certificate, *_parsed(wanted.chain, most=CHAIN_MAX)])
    return CertificateFacts(
        certificate.fingerprint(SHA256()).hex(), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    )


def _parsed(text: str, most: int) -> list[x509.Certificate]:
    """All that stand in the text, and nothing else may."""
    blocks = _CERTIFICATE.findall(text)
    if not blocks or _CERTIFICATE.sub("", text).strip():
        raise MalformedCertificate(f"{_UNPARSED} (expected -----BEGIN CERTIFICATE----- and nothing besides)")
    if len(blocks) > most:
        raise MalformedCertificate(f"{_UNPARSED} (expected at most {most}, got {len(blocks)})")
    try:
        found = [x509.load_pem_x509_certificate(block.encode("ascii")) for block in blocks]
        keys = [certificate.public_key() for certificate in found]
    except UNREADABLE as error:
        raise MalformedCertificate(f"{_UNPARSED} ({type(error).__name__})") from None
    for key in keys:
        if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey) and not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
            raise MalformedCertificate(
                f"{_UNPARSED} (expected {RSA_BITS_MIN} to {RSA_BITS_MAX} bits, got {key.key_size})"
            )
        if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e.bit_length() > EXPONENT_BITS_MAX:
            raise MalformedCertificate(f"{_UNPARSED} (expected a public exponent of {EXPONENT_BITS_MAX} bits at most)")
    return found


def _refuse_other_key(certificate: x509.Certificate, private_key: Secret) -> None:
    key = read_private_key(private_key)
    if key is None:
        # What is wrong with the text is not told: it might say something of the key.
        raise MalformedCertificate(
            f"Invalid Private Key. (expected PEM that is not encrypted, of RSA with {RSA_BITS_MIN} to {RSA_BITS_MAX} "
            "bits or of an elliptic curve)"
        )
    if key.public_key() != certificate.public_key():
        raise KeyPairMismatch("The public key certificate and the private key do not match.")


def _refuse_broken_chain(path: list[x509.Certificate]) -> None:
    """Each has to be signed by the next."""
    for index, (signed, signer) in enumerate(pairwise(path)):
        try:
            signed.verify_directly_issued_by(signer)
        except (*UNREADABLE, InvalidSignature):
            raise MalformedCertificate(_UNCHAINED.format(index)) from None
