"""Server certificates, as a stock client has them."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from domain.calls import NewSecret
from domain.foundation.errors import AccessDenied, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from domain.foundation.secret import SecretKind
from domain.queries.diff import FactDifference, changed_facts
from domain.rules.key_material import KeyPairMismatch, MalformedCertificate
from services.secrets.key_material import CHAIN_MAX
from tests.services.endpoint import BEGAN_AT, Endpoint, Members, allow, arn
from tests.services.iam.certificates import ENDS, certificate, certified, encrypted_key
from tests.services.secrets.der import DSA, integer, sequence, tlv

SITE, MIDDLE, TOP = certificate("site", "middle"), certificate("middle", "top"), certificate("top")
CHAIN = MIDDLE.body + TOP.body
UNCHAINED = "The index within the chain of the invalid certificate is: "


def uploaded(endpoint: Endpoint, name: str = "site", **members: object) -> Members:
    given = {"ServerCertificateName": name, "CertificateBody": SITE.body, "PrivateKey": SITE.key, **members}
    return endpoint.call(endpoint.root, "UploadServerCertificate", **given)


def test_one_with_its_chain() -> None:
    """The certificate and its chain are given back as they came, but for white space around them; the private key
    nowhere, but it lies sealed."""
    endpoint = Endpoint()
    answer = uploaded(endpoint, Path="/cloudfront/", CertificateChain=CHAIN)
    metadata = answer["ServerCertificateMetadata"]
    assert metadata.pop("ServerCertificateId").startswith("ASCA")
    assert answer == {
        "ServerCertificateMetadata": {
            "Path": "/cloudfront/",
            "ServerCertificateName": "site",
            "Arn": arn("server-certificate/cloudfront/site"),
            "UploadDate": BEGAN_AT,
            "Expiration": ENDS,
        }
    }
    got = endpoint.call(endpoint.root, "GetServerCertificate", ServerCertificateName="SITE")["ServerCertificate"]
    assert (got["CertificateBody"], got["CertificateChain"]) == (SITE.body.strip(), CHAIN.strip())
    assert got.keys() == {"ServerCertificateMetadata", "CertificateBody", "CertificateChain"}
    assert [each.secret.reveal() for each in _keys(endpoint)] == [SITE.key]
    told = "".join(entry.event.model_dump_json() for entry in endpoint.entries)
    assert SITE.key.splitlines()[1] not in told
    assert SITE.key not in endpoint.texts.values()


def _keys(endpoint: Endpoint) -> list[NewSecret]:
    return [each for each in endpoint.secrets.values() if each.id.kind is SecretKind.SERVER_KEY]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"CertificateBody": "none"}, "Unable to parse certificate. Please ensure the certificate is in PEM format."),
        ({"CertificateBody": CHAIN}, "expected at most 1, got 2"),
        ({"PrivateKey": "none"}, "Invalid Private Key."),
        ({"PrivateKey": encrypted_key("site")}, "PEM that is not encrypted"),
        ({"CertificateChain": "none"}, "Unable to parse certificate."),
        ({"CertificateChain": TOP.body}, UNCHAINED + "0"),
        ({"CertificateChain": TOP.body + MIDDLE.body}, UNCHAINED + "0"),
        ({"CertificateChain": MIDDLE.body + SITE.body}, UNCHAINED + "1"),
        ({"CertificateChain": MIDDLE.body + certificate("top of others").body}, UNCHAINED + "1"),
        ({"CertificateChain": TOP.body * (CHAIN_MAX + 1)}, f"expected at most {CHAIN_MAX}, got {CHAIN_MAX + 1}"),
        (
            {"CertificateBody": certificate("site", ends=BEGAN_AT - timedelta(days=1)).body},
            "Certificate is no longer valid. The 'Not After' date restriction on the certificate has passed.",
        ),
    ],
)
def test_what_is_refused(members: dict[str, object], told: str) -> None:
    """In AWS's words, with what is wrong behind; nothing is kept of it."""
    endpoint = Endpoint()
    with pytest.raises(MalformedCertificate) as refused:
        uploaded(endpoint, "site", **members)
    assert told in str(refused.value)
    assert not endpoint.texts
    assert not _keys(endpoint)


COSTLY: dict[str, Any] = {
    "expected 1024 to 4096 bits, got 4104": RSAPublicNumbers(65_537, 2**4_104 - 1).public_key(),
    "expected 1024 to 4096 bits, got 5000": load_der_public_key(
        sequence(sequence(DSA, sequence(*map(integer, (2**5_000 - 1, 2**256 - 1, 2)))), tlv(3, b"\0" + integer(2)))
    ),
    "expected a public exponent of 64 bits at most": RSAPublicNumbers(2**65 - 1, 2**2_048 - 1).public_key(),
}


@pytest.mark.parametrize("told", COSTLY)
def test_no_key_that_makes_signatures_costly(told: str) -> None:
    """Neither of the certificate nor in its chain, of which each signature is checked."""
    body = certified(COSTLY[told]).public_bytes(Encoding.PEM).decode()
    for members in ({"CertificateBody": body}, {"CertificateChain": MIDDLE.body + body}):
        with pytest.raises(MalformedCertificate, match=told):
            uploaded(Endpoint(), **members)


def test_the_key_of_another_certificate() -> None:
    endpoint = Endpoint()
    with pytest.raises(KeyPairMismatch):
        uploaded(endpoint, PrivateKey=TOP.key)


def test_names_and_paths() -> None:
    """Unique whatever the case and the path; listed by path; changed together with the ARN, for whoever may do so with
    the one that it has and with the one that it gets."""
    endpoint = Endpoint()
    uploaded(endpoint, Path="/a/")
    uploaded(endpoint, "other")
    with pytest.raises(EntityAlreadyExists, match=r"^The Server Certificate with name Site already exists\.$"):
        uploaded(endpoint, "Site")
    before = endpoint.account
    eve = endpoint.user("eve", allow("iam:UpdateServerCertificate", arn("server-certificate/a/*")))
    rename = {"ServerCertificateName": "site", "NewServerCertificateName": "home"}
    with pytest.raises(AccessDenied):
        endpoint.call(eve, "UpdateServerCertificate", **rename, NewPath="/b/")
    with pytest.raises(EntityAlreadyExists):
        endpoint.call(
            endpoint.root, "UpdateServerCertificate", ServerCertificateName="site", NewServerCertificateName="OTHER"
        )
    endpoint.call(eve, "UpdateServerCertificate", **rename)
    listed = endpoint.call(endpoint.root, "ListServerCertificates", PathPrefix="/a/")["ServerCertificateMetadataList"]
    assert [each["Arn"] for each in listed] == [arn("server-certificate/a/home")]
    (changed,) = changed_facts(before, endpoint.account, listed[0]["ServerCertificateId"])
    assert FactDifference(*changed).sentence == ("Server certificate home changed: name was site and is home.")
    page = endpoint.call(endpoint.root, "ListServerCertificates", MaxItems=1)
    rest = endpoint.call(endpoint.root, "ListServerCertificates", Marker=page["Marker"])
    assert [
        each["ServerCertificateName"] for part in (page, rest) for each in part["ServerCertificateMetadataList"]
    ] == ["home", "other"]


def test_the_end_of_one() -> None:
    """Its key is destroyed. The past shows the certificate still, by the text that the ledger names."""
    endpoint = Endpoint()
    uploaded(endpoint, CertificateChain=CHAIN)
    position = len(endpoint.entries)
    endpoint.call(endpoint.root, "DeleteServerCertificate", ServerCertificateName="site")
    assert not _keys(endpoint)
    with pytest.raises(NoSuchEntity, match=r"^The Server Certificate with name site cannot be found\.$"):
        endpoint.call(endpoint.root, "DeleteServerCertificate", ServerCertificateName="site")
    endpoint.moment = f"p{position}"
    got = endpoint.call(endpoint.root, "GetServerCertificate", ServerCertificateName="site")["ServerCertificate"]
    assert got["CertificateChain"] == CHAIN.strip()


def test_an_account_has_twenty() -> None:
    endpoint = Endpoint()
    for number in range(20):
        uploaded(endpoint, f"site{number}")
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for ServerCertificatesPerAccount: 20"):
        uploaded(endpoint, "another")
