"""Private keys that clients upload, read without the work that a hostile one can make of it.

OpenSSL proves primes when it loads a key of RSA, and computes the public half of one of DSA or Diffie-Hellman: minutes
for what fits into a request, with the interpreter held. So a key is loaded only when its header is of RSA or of an
elliptic curve, and RSA's numbers are compared with one another instead. Whoever uploads a key that is none harms
nobody but themselves.
"""

import base64
import binascii
import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers
from cryptography.hazmat.primitives.serialization import load_der_private_key

from domain.foundation.secret import Secret

RSA_BITS_MIN, RSA_BITS_MAX = 1_024, 4_096
"""IAM User Guide, "Create a Private Key" for a server certificate, and "Create a SAML identity provider in IAM"."""
_PEM = re.compile(r"-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----([A-Za-z0-9+/=\s]+)-----END \1-----")
_LENGTH = rb"(?:[\x00-\x7f]|\x81.|\x82..)"
_ALGORITHM = rb"(?:\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01|\x06\x07\x2a\x86\x48\xce\x3d\x02\x01)"
"""rsaEncryption (RFC 8017) or id-ecPublicKey (RFC 5480)."""
_HEADER = re.compile(
    rb"\x30" + _LENGTH + rb"\x02\x01(?:\x00\x30" + _LENGTH + _ALGORITHM + rb"|\x00\x02|\x01\x04)", re.DOTALL
)
"""As DER: PrivateKeyInfo (RFC 5208) of one of them, RSAPrivateKey (RFC 8017) or ECPrivateKey (RFC 5915)."""


def read_private_key(private_key: Secret) -> RSAPrivateKey | EllipticCurvePrivateKey | None:
    """From PEM that is not encrypted; None of what is none, or is of RSA and too short or too long. Says nothing of
    what it reads."""
    found = _PEM.findall(private_key.reveal())
    if len(found) != 1:
        return None
    try:
        der = base64.b64decode("".join(found[0][1].split()), validate=True)
        if _HEADER.match(der) is None:
            return None
        key = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if isinstance(key, RSAPrivateKey):
        return key if RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX and _fit(key.private_numbers()) else None
    return key if isinstance(key, EllipticCurvePrivateKey) else None


def _fit(numbers: RSAPrivateNumbers) -> bool:
    """Whether they are of one key (RFC 8017, section 3.2), but for whether its primes are."""
    p, q, d, n, e = numbers.p, numbers.q, numbers.d, numbers.public_numbers.n, numbers.public_numbers.e
    if not (1 < p < n and 1 < q < n and 1 < d < n and 1 < e < n and p * q == n):
        return False
    return (
        (numbers.dmp1, numbers.dmq1) == (d % (p - 1), d % (q - 1))
        and e * d % (p - 1) == e * d % (q - 1) == 1
        and 0 < numbers.iqmp < p
        and numbers.iqmp * q % p == 1
    )
