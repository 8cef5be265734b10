"""The keys of RSA that sign digests of trails, as CloudTrail has them
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html)."""

import base64
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from domain.families.trails import NewTrailKeyFacts
from domain.foundation.secret import Secret

KEY_BITS = 2_048
PUBLIC_EXPONENT = 65_537


def new_trail_key() -> NewTrailKeyFacts:
    """Found by OpenSSL, from its own randomness. Takes tenths of a second."""
    private = rsa.generate_private_key(PUBLIC_EXPONENT, KEY_BITS)
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    # MD5 names the key, as CloudTrail does it, and proves nothing: a signature is checked with the key itself.
    fingerprint = hashlib.md5(public, usedforsecurity=False).hexdigest()
    return NewTrailKeyFacts(fingerprint, base64.b64encode(public).decode(), Secret(base64.b64encode(der).decode()))


def sign(private_key: Secret, message: bytes) -> str:
    """SHA256withRSA, that is PKCS #1 v1.5, in hexadecimal digits. The same each time."""
    # Its numbers were checked when it was made, and what is sealed was not altered since.
    key = serialization.load_der_private_key(
        base64.b64decode(private_key.reveal()), password=None, unsafe_skip_rsa_key_validation=True
    )
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.sign(message, padding.PKCS1v15(), SHA256()).hex()


def is_signed(public_key: str, signature: bytes, message: bytes) -> bool:
    """Whether the key, as an account has it, signed just that."""
    numbers = serialization.load_der_public_key(base64.b64decode(public_key))
    assert isinstance(numbers, rsa.RSAPublicKey)
    try:
        numbers.verify(signature, message, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
