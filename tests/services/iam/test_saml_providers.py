"""SAML providers, from creation to deletion: documents, modes and keys."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.foundation.errors import EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity
from domain.foundation.secret import SecretKind
from domain.rules import saml_providers
from services import saml_documents
from tests.saml import certificate, private_key, saml_metadata
from tests.services.endpoint import Endpoint, arn
from tests.services.iam.certificates import certificate as site_certificate
from tests.services.iam.certificates import of_no_version

ARN = arn("saml-provider/Okta")
NAMED = {"SAMLProviderArn": ARN}


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def keys_of(endpoint: Endpoint) -> list[str]:
    """Ids of the keys that are sealed."""
    return [name for kind, name in endpoint.secrets if kind is SecretKind.SAML_PRIVATE_KEY]


def test_from_creation_to_deletion(endpoint: Endpoint) -> None:
    """The document comes back as it was given; without an end it is valid for a hundred years, as in AWS."""
    root, document = endpoint.root, saml_metadata()
    assert endpoint.call(root, "CreateSAMLProvider", Name="Okta", SAMLMetadataDocument=document) == NAMED
    born = len(endpoint.entries)
    shown = endpoint.call(root, "GetSAMLProvider", **NAMED)
    uuid = shown.pop("SAMLProviderUUID")
    assert (len(uuid), uuid.isalnum(), uuid.isupper()) == (22, True, True)
    century = endpoint.at.replace(year=2126)
    times = {"CreateDate": endpoint.at, "ValidUntil": century}
    assert shown == {"SAMLMetadataDocument": document, **times}
    assert endpoint.call(root, "ListSAMLProviders")["SAMLProviderList"] == [{"Arn": ARN, **times}]
    with pytest.raises(EntityAlreadyExists, match="Provider with name Okta already exists"):
        endpoint.call(root, "CreateSAMLProvider", Name="Okta", SAMLMetadataDocument=document)

    other = saml_metadata("b", 'validUntil="2027-01-01T00:00:00+02:00"')
    change = {"SAMLMetadataDocument": other, "AssertionEncryptionMode": "Required"}
    assert endpoint.call(root, "UpdateSAMLProvider", **NAMED, **change) == NAMED
    shown = endpoint.call(root, "GetSAMLProvider", **NAMED)
    assert (shown["SAMLMetadataDocument"], shown["SAMLProviderUUID"]) == (other, uuid)
    assert (shown["ValidUntil"], shown["AssertionEncryptionMode"]) == (
        datetime(2026, 12, 31, 22, tzinfo=UTC),
        "Required",
    )
    endpoint.moment = f"p{born}"
    assert endpoint.call(root, "GetSAMLProvider", **NAMED)["SAMLMetadataDocument"] == document
    endpoint.moment = None

    endpoint.call(root, "DeleteSAMLProvider", **NAMED)
    assert endpoint.call(root, "ListSAMLProviders")["SAMLProviderList"] == []
    for operation in ("DeleteSAMLProvider", "GetSAMLProvider", "UpdateSAMLProvider"):
        with pytest.raises(NoSuchEntity, match=f"Manifest not found for arn {ARN}"):
            endpoint.call(root, operation, **NAMED)


def test_private_keys(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at most, sealed beside the ledger, never shown, and destroyed when they are removed or with the provider."""
    root, key = endpoint.root, {"AddPrivateKey": private_key()}
    endpoint.call(root, "CreateSAMLProvider", Name="Okta", SAMLMetadataDocument=saml_metadata(), **key)
    endpoint.later(hours=1)
    endpoint.call(root, "UpdateSAMLProvider", **NAMED, **key)
    listed = endpoint.call(root, "GetSAMLProvider", **NAMED)["PrivateKeyList"]
    assert [each["Timestamp"] for each in listed] == [endpoint.at - timedelta(hours=1), endpoint.at]
    first, second = (each["KeyId"] for each in listed)
    assert keys_of(endpoint) == [first, second]
    with pytest.raises(LimitExceeded, match="2"):
        endpoint.call(root, "UpdateSAMLProvider", **NAMED, **key)
    endpoint.call(root, "UpdateSAMLProvider", **NAMED, **key, RemovePrivateKey=first)
    with pytest.raises(NoSuchEntity):
        endpoint.call(root, "UpdateSAMLProvider", **NAMED, RemovePrivateKey=first)
    assert (len(keys_of(endpoint)), first in keys_of(endpoint), second in keys_of(endpoint)) == (2, False, True)
    assert "PRIVATE" not in repr(endpoint.entries)
    for unfit in ("no key", private_key().replace("A", "B"), certificate()):
        with pytest.raises(InvalidInput, match="Invalid private key"):
            endpoint.call(root, "UpdateSAMLProvider", **NAMED, AddPrivateKey=unfit)
    endpoint.call(root, "DeleteSAMLProvider", **NAMED)
    assert keys_of(endpoint) == []
    endpoint.call(root, "CreateSAMLProvider", Name="Okta", SAMLMetadataDocument=saml_metadata())
    monkeypatch.setattr(saml_providers, "SAML_PROVIDERS_MAX", 1)
    with pytest.raises(LimitExceeded, match="SAMLProvidersPerAccount"):
        endpoint.call(root, "CreateSAMLProvider", Name="two", SAMLMetadataDocument=saml_metadata())


FIT = saml_metadata()
PEM = site_certificate("idp").body
UNFIT = {
    "no XML": "x" * 1_000,
    "cut off": FIT.rstrip()[:-9].ljust(1_000),
    "another root": FIT.replace("EntityDescriptor", "EntitiesDescriptor"),
    "a namespace of its own": FIT.replace("SAML:2.0:metadata", "SAML:1.0:metadata"),
    "no name": FIT.replace("entityID", "ID"),
    "of no identity provider": FIT.replace("IDPSSO", "SPSSO"),
    "a key to encrypt with": FIT.replace('use="signing"', 'use="encryption"'),
    "no certificate": saml_metadata(signed_by="QUJD" * 300),
    "a certificate of no version": saml_metadata(signed_by="".join(of_no_version(PEM).splitlines()[1:-1])),
    "no time": saml_metadata(attributes='validUntil="tomorrow"'),
    "a time that is none": saml_metadata(attributes='validUntil="2027-13-01T00:00:00Z"'),
    "a document type": saml_metadata(prolog="<!DOCTYPE md:EntityDescriptor>"),
    "an entity": saml_metadata("&b;", prolog='<!DOCTYPE x [<!ENTITY b "b">]>'),
    "a file": saml_metadata("&b;", prolog='<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
    "an entity of a server's": saml_metadata(prolog='<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">'),
    "too deep": FIT.replace("<md:SingleSignOnService", "<a>" * 70 + "</a>" * 70 + "<md:SingleSignOnService"),
    "too many certificates": FIT.replace(
        "<ds:X509Data>", "<ds:X509Data>" + f"<ds:X509Certificate>{certificate()}</ds:X509Certificate>" * 64
    ),
    "a surrogate": FIT.replace("https://a.", "https://&#xd800;"),
}


@pytest.mark.parametrize("document", UNFIT.values(), ids=UNFIT.keys())
def test_what_is_no_metadata(endpoint: Endpoint, document: str) -> None:
    with pytest.raises(InvalidInput, match=r"^Could not parse metadata \("):
        endpoint.call(endpoint.root, "CreateSAMLProvider", Name="Okta", SAMLMetadataDocument=document)


@pytest.mark.parametrize(
    ("bound", "bits", "told"),
    [("RSA_BITS_MIN", 2_049, "2049 to 16384"), ("CERTIFICATE_BITS_MAX", 2_047, "1024 to 2047")],
)
def test_the_keys_of_certificates_have_a_length(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, bound: str, bits: int, told: str
) -> None:
    monkeypatch.setattr(saml_documents, bound, bits)
    with pytest.raises(InvalidInput, match=f"2048 bits, expected {told}"):
        endpoint.call(endpoint.root, "CreateSAMLProvider", Name="Okta", SAMLMetadataDocument=saml_metadata())
