"""Private keys of others, read without the work that one can be made to cost."""

import base64
import math
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from domain.foundation.secret import Secret
from services.secrets import private_keys
from services.secrets.private_keys import RSA_BITS_MAX, read_private_key
from tests.services.iam.certificates import rsa_key
from tests.services.secrets.der import DSA, integer, sequence, tlv

LONG = 2**9_689 - 1, 2**9_941 - 1
"""Two primes: to prove them takes OpenSSL more than a minute."""


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """With what keys were loaded."""
    calls = list[dict[str, Any]]()

    def counted(*args: Any, **options: Any) -> object:
        calls.append(options)
        return load_der_private_key(*args, **options)

    monkeypatch.setattr(private_keys, "load_der_private_key", counted)
    return calls


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize("key", [rsa_key("any", 2_048), ec.generate_private_key(ec.SECP384R1())])
def test_keys_in_either_form(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: PrivateFormat) -> None:
    """As openssl writes them, also with what it writes before."""
    text = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    read = read_private_key(Secret(f"Bag Attributes: <none>\n{text}"))
    assert read is not None
    assert read.public_key() == key.public_key()
    assert read_private_key(Secret(text + text)) is None


def test_no_key_is_made_costly(loaded: list[dict[str, Any]]) -> None:
    """Not one of RSA's primes is proved, whatever they are, and what else a key may be of is not loaded at all: in its
    loading OpenSSL would raise a number of its own to a power of it."""
    p, q = rsa_key("any", 2_048).private_numbers().p, 3**600
    composite = read_private_key(Secret(_pem(_rsa(p, q))))
    assert isinstance(composite, rsa.RSAPrivateKey)
    assert read_private_key(Secret(_pem(_rsa(*LONG)))) is None
    assert loaded == [{"password": None, "unsafe_skip_rsa_key_validation": True}] * 2
    hostile = sequence(integer(0), sequence(DSA, sequence(*[integer(LONG[0])] * 3)), tlv(4, integer(LONG[1])))
    assert read_private_key(Secret(_pem(hostile, "PRIVATE KEY"))) is None
    assert read_private_key(Secret(_pem(hostile))) is None
    assert len(loaded) == 2


@pytest.mark.parametrize("number", range(1, 9))
def test_numbers_of_different_keys(number: int) -> None:
    """A single number that is another one's, and be it longer than the key, makes it none."""
    known = rsa_key("any", 2_048).private_numbers()
    numbers = _numbers(known.p, known.q)
    assert read_private_key(Secret(_pem(sequence(*map(integer, numbers))))) is not None
    for wrong in (numbers[number] + 2, LONG[0]):
        altered = [*numbers[:number], wrong, *numbers[number + 1 :]]
        assert read_private_key(Secret(_pem(sequence(*map(integer, altered))))) is None


def test_the_longest() -> None:
    assert RSA_BITS_MAX == 4_096
    for bits, is_taken in ((RSA_BITS_MAX, True), (RSA_BITS_MAX + 8, False)):
        odd = 2 ** (bits // 2) - 1
        key = read_private_key(Secret(_pem(_rsa(odd, odd - 2))))
        assert (key is not None) == is_taken


def _rsa(p: int, q: int) -> bytes:
    return sequence(*map(integer, _numbers(p, q)))


def _numbers(p: int, q: int) -> list[int]:
    """RFC 8017, appendix A.1.2."""
    e = next(e for e in range(65_537, 2**20, 2) if math.gcd(e, (p - 1) * (q - 1)) == 1)
    d = pow(e, -1, (p - 1) * (q - 1))
    return [0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]


def _pem(der: bytes, label: str = "RSA PRIVATE KEY") -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"
