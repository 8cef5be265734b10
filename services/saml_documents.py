"""Reads what a SAML identity provider says of itself (OASIS SAML 2.0 Metadata), and private keys in PEM. Both are
foreign bytes: no entity is expanded, no document type is taken and nothing is fetched."""

import base64
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, NoReturn
from xml.parsers import expat

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from domain.families.saml_providers import SAMLFacts, SAMLQuery
from domain.foundation.errors import InvalidInput
from domain.foundation.secret import Secret
from services.secrets.key_material import UNREADABLE
from services.secrets.private_keys import RSA_BITS_MAX, RSA_BITS_MIN, read_private_key

DEPTH_MAX = 64
CERTIFICATES_MAX = 64
"""Read at most: so many that a document with more is none of an identity provider."""
CERTIFICATE_CHARACTERS_MAX = 65_536
CERTIFICATE_BITS_MAX = 16_384
"""Of the key of RSA in one: OpenSSL checks no signature with a longer one."""
_METADATA: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
_ENTITY, _IDP, _KEY = (f"{_METADATA} {name}" for name in ("EntityDescriptor", "IDPSSODescriptor", "KeyDescriptor"))
_CERTIFICATE = "http://www.w3.org/2000/09/xmldsig# X509Certificate"


def read_saml(wanted: SAMLQuery) -> SAMLFacts:
    """Raises InvalidInput."""
    if wanted.private_key is not None:
        _require_private_key(wanted.private_key)
    return SAMLFacts() if wanted.document is None else _Metadata(wanted.document).facts()


class _Metadata:
    """Of one identity provider, with certificates that its assertions may be signed by."""

    def __init__(self, document: str) -> None:
        self._open: list[str] = []
        self._root: dict[str, str] = {}
        self._signs = False
        self._certificates: list[list[str]] = []
        parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(document.encode(), True)  # noqa: FBT003  the last piece
        except (expat.ExpatError, UnicodeEncodeError) as error:
            _refuse(str(error))

    def facts(self) -> SAMLFacts:
        issuer, valid_until = self._root.get("entityID", ""), self._root.get("validUntil")
        if not issuer or len(issuer) > 1_024:  # noqa: PLR2004  SAML 2.0 Core, 8.3.6
            _refuse("expected an entityID of 1 to 1024 characters")
        if not self._certificates:
            _refuse("expected an IDPSSODescriptor with a certificate to check signatures by")
        for certificate in self._certificates:
            _require_certificate("".join(certificate))
        return SAMLFacts(issuer, None if valid_until is None else _time(valid_until))

    def _refuse_doctype(self, *_declared: object) -> NoReturn:
        _refuse("a document type is not taken")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open:
            if name != _ENTITY:
                _refuse(f"expected an EntityDescriptor of {_METADATA}, got {name[:100]}")
            self._root = attributes
        if len(self._open) == DEPTH_MAX:
            _refuse(f"elements lie in one another {DEPTH_MAX} deep at most")
        self._open.append(name)
        if name == _KEY:
            self._signs = _IDP in self._open and attributes.get("use", "signing") == "signing"
        if name == _CERTIFICATE and _KEY in self._open and self._signs:
            if len(self._certificates) == CERTIFICATES_MAX:
                _refuse(f"there are {CERTIFICATES_MAX} certificates at most")
            self._certificates.append([])

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        if self._open[-1] == _CERTIFICATE and _KEY in self._open and self._signs:
            self._certificates[-1].append(text)


def _require_certificate(text: str) -> None:
    if len(text) > CERTIFICATE_CHARACTERS_MAX:
        _refuse(f"a certificate has {CERTIFICATE_CHARACTERS_MAX} characters at most")
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode("".join(text.split()), validate=True))
        list(certificate.extensions)
        key = certificate.public_key()
    except UNREADABLE as error:
        _refuse(f"an X509Certificate cannot be read: {error}")
    if isinstance(key, RSAPublicKey) and not RSA_BITS_MIN <= key.key_size <= CERTIFICATE_BITS_MAX:
        _refuse(f"the key of a certificate has {key.key_size} bits, expected {RSA_BITS_MIN} to {CERTIFICATE_BITS_MAX}")


def _time(text: str) -> datetime:
    """An xs:dateTime; without an offset it is UTC (SAML 2.0 Core, 1.3.3)."""
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", text, re.ASCII):
        with suppress(ValueError, OverflowError):
            at = datetime.fromisoformat(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    return _refuse(f"validUntil is no time: {text[:40]}")


def _require_private_key(private_key: Secret) -> None:
    """Says nothing of what it reads."""
    if not isinstance(read_private_key(private_key), RSAPrivateKey):
        raise InvalidInput(
            "Invalid private key. (expected one of RSA in PEM, without a password, "
            f"of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits)"
        )


def _refuse(why: str) -> NoReturn:
    raise InvalidInput(f"Could not parse metadata ({why})")
