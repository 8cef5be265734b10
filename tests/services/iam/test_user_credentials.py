"""SSH public keys, signing certificates and service-specific credentials, as a stock client has them."""

import base64
import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.families.user_credentials import FACTS
from domain.families.users import USERS
from domain.foundation.errors import (
    AccessDenied,
    DeleteConflict,
    InvalidInput,
    LimitExceeded,
    NoSuchEntity,
    Refusal,
    ValidationError,
)
from domain.foundation.secret import SecretKind
from domain.queries.diff import FactDifference, changed_facts
from domain.rules.key_material import (
    DuplicateCertificate,
    DuplicateSSHPublicKey,
    InvalidPublicKey,
    MalformedCertificate,
    UnrecognizedPublicKeyEncoding,
)
from domain.rules.user_credentials import NotSupportedService
from tests.services.endpoint import ACCOUNT, BEGAN_AT, Endpoint, Members, allow, arn
from tests.services.iam.certificates import BEGINS, ENDS, certificate, of_no_version, public_key, rsa_key

SSH = public_key("first", Encoding.OpenSSH)
PEM = public_key("first", Encoding.PEM)


@pytest.fixture
def endpoint() -> Endpoint:
    """With the users ann and bob."""
    made = Endpoint()
    for name in ("ann", "bob"):
        made.call(made.root, "CreateUser", UserName=name)
    return made


def uploaded_key(endpoint: Endpoint, body: str, name: str = "ann") -> Members:
    key: Members = endpoint.call(endpoint.root, "UploadSSHPublicKey", UserName=name, SSHPublicKeyBody=body)[
        "SSHPublicKey"
    ]
    return key


def uploaded_certificate(endpoint: Endpoint, body: str, **named: str) -> Members:
    made: Members = endpoint.call(endpoint.root, "UploadSigningCertificate", CertificateBody=body, **named)[
        "Certificate"
    ]
    return made


def created(endpoint: Endpoint, service: str = "codecommit.amazonaws.com", **members: object) -> Members:
    made: Members = endpoint.call(
        endpoint.root, "CreateServiceSpecificCredential", **{"UserName": "ann", "ServiceName": service, **members}
    )["ServiceSpecificCredential"]
    return made


@pytest.mark.parametrize("body", [SSH, f"{SSH} ann@laptop\n", PEM])
def test_an_ssh_public_key(endpoint: Endpoint, body: str) -> None:
    """In whichever form it came, it is given in both, without a comment; the fingerprint is the MD5 of its DER."""
    key = uploaded_key(endpoint, body)
    der = rsa_key("first", 2_048).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key["SSHPublicKeyId"].startswith("APKA")
    assert key["SSHPublicKeyBody"] == (PEM if body == PEM else SSH)
    assert key["Fingerprint"] == hashlib.md5(der, usedforsecurity=False).digest().hex(":")
    assert (key["UserName"], key["Status"], key["UploadDate"]) == ("ann", "Active", BEGAN_AT)
    named = {"UserName": "ann", "SSHPublicKeyId": key["SSHPublicKeyId"]}
    for encoding, expected in (("SSH", SSH), ("PEM", PEM)):
        got = endpoint.call(endpoint.root, "GetSSHPublicKey", **named, Encoding=encoding)["SSHPublicKey"]
        assert got == key | {"SSHPublicKeyBody": expected}
    del key["Fingerprint"], key["SSHPublicKeyBody"]
    assert endpoint.call(endpoint.root, "ListSSHPublicKeys", UserName="ann")["SSHPublicKeys"] == [key]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ("no key", UnrecognizedPublicKeyEncoding),
        ("ssh-ed25519 AAAA", UnrecognizedPublicKeyEncoding),
        ("ssh-rsa AAAA", InvalidPublicKey),
        (certificate("ann").key, InvalidPublicKey),
        (f"{SSH} ann\n{SSH} bob", InvalidPublicKey),
        (f"{PEM}\nand more", InvalidPublicKey),
        (f"{PEM}{PEM}", InvalidPublicKey),
        (public_key("short", Encoding.OpenSSH, 1_024), InvalidPublicKey),
        (public_key("short", Encoding.PEM, 1_024), InvalidPublicKey),
    ],
)
def test_what_is_no_ssh_public_key(endpoint: Endpoint, body: str, refusal: type[Refusal]) -> None:
    """Nothing of it is kept: it may be a private key, which somebody has mistaken for the other."""
    with pytest.raises(refusal):
        uploaded_key(endpoint, body)
    assert not endpoint.texts
    assert body not in endpoint.record.model_dump_json()


def test_ssh_public_keys_of_a_user(endpoint: Endpoint) -> None:
    """Five, each once; another user may have the same one."""
    bodies = [public_key(f"key {number}", Encoding.OpenSSH, 2_048) for number in range(2)]
    uploaded_key(endpoint, bodies[0])
    with pytest.raises(DuplicateSSHPublicKey):
        uploaded_key(endpoint, bodies[0])
    uploaded_key(endpoint, bodies[0], "bob")
    uploaded_key(endpoint, bodies[1])
    for more in (SSH, *_more_keys(2)):
        uploaded_key(endpoint, more)
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for SSHPublicKeysPerUser: 5"):
        uploaded_key(endpoint, _more_keys(3)[2])


def _more_keys(count: int) -> list[str]:
    return [public_key(f"another {number}", Encoding.OpenSSH) for number in range(count)]


def test_a_signing_certificate(endpoint: Endpoint) -> None:
    """Of a user, or of root where nobody is named; listed with its text."""
    body = certificate("ann").body
    made = uploaded_certificate(endpoint, body, UserName="ann")
    expected = {"UserName": "ann", "CertificateBody": body, "Status": "Active", "UploadDate": BEGAN_AT}
    assert {name: value for name, value in made.items() if name != "CertificateId"} == expected
    assert len(made["CertificateId"]) >= 24
    assert endpoint.call(endpoint.root, "ListSigningCertificates", UserName="ann")["Certificates"] == [made]
    with pytest.raises(DuplicateCertificate):
        uploaded_certificate(endpoint, body, UserName="bob")
    own = uploaded_certificate(endpoint, certificate("root").body)
    assert own["UserName"] == ACCOUNT
    assert endpoint.call(endpoint.root, "ListSigningCertificates")["Certificates"] == [own]
    uploaded_certificate(endpoint, certificate("second").body, UserName="ann")
    with pytest.raises(LimitExceeded, match="Cannot exceed quota for CertificatesPerUser: 2"):
        uploaded_certificate(endpoint, certificate("third").body, UserName="ann")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("no certificate", "Unable to parse certificate. Please ensure the certificate is in PEM format."),
        (certificate("ann").body * 2, "expected at most 1, got 2"),
        (certificate("ann").body + certificate("ann").key, "and nothing besides"),
        (certificate("ann").body.replace("MII", "MIJ", 1), "Unable to parse certificate."),
        (of_no_version(certificate("ann").body), "InvalidVersion"),
        (
            certificate("old", ends=BEGAN_AT - timedelta(seconds=1)).body,
            "Certificate is no longer valid. The 'Not After' date restriction on the certificate has passed.",
        ),
        (certificate("new", begins=BEGAN_AT + timedelta(seconds=1)).body, "It begins at 2026-01-31T12:00:01Z"),
    ],
)
def test_what_is_no_valid_certificate(endpoint: Endpoint, body: str, told: str) -> None:
    """Said in AWS's words, with what is wrong behind; nothing of it is kept."""
    with pytest.raises(MalformedCertificate) as refused:
        uploaded_certificate(endpoint, body, UserName="ann")
    assert told in str(refused.value)
    assert not endpoint.texts
    assert body not in endpoint.record.model_dump_json()


def test_a_password_for_a_service(endpoint: Endpoint) -> None:
    """The user name says whose it is, of a second one with a number; the password is shown once, and lies sealed."""
    first, second = created(endpoint), created(endpoint)
    assert first["ServiceSpecificCredentialId"].startswith("ACCA")
    assert [each["ServiceUserName"] for each in (first, second)] == [f"ann-at-{ACCOUNT}", f"ann+1-at-{ACCOUNT}"]
    assert len(base64.b64decode(first["ServicePassword"])) == 32
    with pytest.raises(LimitExceeded, match="ServiceSpecificCredentialsPerUser: 2"):
        created(endpoint)
    created(endpoint, "cassandra.amazonaws.com")
    listed = endpoint.call(
        endpoint.root, "ListServiceSpecificCredentials", UserName="ann", ServiceName="codecommit.amazonaws.com"
    )["ServiceSpecificCredentials"]
    assert listed == [
        {name: value for name, value in each.items() if name != "ServicePassword"} for each in (first, second)
    ]
    sealed = {each.secret.reveal() for each in endpoint.secrets.values() if each.id.kind is SecretKind.SERVICE_PASSWORD}
    assert {first["ServicePassword"], second["ServicePassword"]} < sealed
    told = "".join(entry.event.model_dump_json() for entry in endpoint.entries)
    assert first["ServicePassword"] not in told


def test_another_password(endpoint: Endpoint) -> None:
    """The former one is destroyed, and so is the last with the credential."""
    first = created(endpoint)
    named = {"UserName": "ann", "ServiceSpecificCredentialId": first["ServiceSpecificCredentialId"]}
    again = endpoint.call(endpoint.root, "ResetServiceSpecificCredential", **named)["ServiceSpecificCredential"]
    assert again["ServicePassword"] != first["ServicePassword"]
    assert again | {"ServicePassword": ""} == first | {"ServicePassword": ""}
    passwords = [each for each in endpoint.secrets if each.kind is SecretKind.SERVICE_PASSWORD]
    assert [endpoint.secrets[each].secret.reveal() for each in passwords] == [again["ServicePassword"]]
    endpoint.call(endpoint.root, "DeleteServiceSpecificCredential", **named)
    assert not [each for each in endpoint.secrets if each.kind is SecretKind.SERVICE_PASSWORD]


@pytest.mark.parametrize(("service", "prefix"), [("bedrock.amazonaws.com", "ABSK"), ("logs.amazonaws.com", "ACWL")])
def test_an_api_key(endpoint: Endpoint, service: str, prefix: str) -> None:
    """It may end, and from that moment on is expired, also where the past is asked about."""
    key = created(endpoint, service, CredentialAgeDays=2)
    assert key["ServiceCredentialAlias"] == f"ann-at-{ACCOUNT}"
    assert key["ExpirationDate"] == BEGAN_AT + timedelta(days=2)
    assert key["ServiceCredentialSecret"].startswith(prefix)
    assert "ServicePassword" not in key
    before = len(endpoint.entries)

    def status() -> str:
        listed = endpoint.call(endpoint.root, "ListServiceSpecificCredentials", UserName="ann")
        return str(listed["ServiceSpecificCredentials"][0]["Status"])

    assert status() == "Active"
    endpoint.later(days=2)
    assert status() == "Expired"
    endpoint.moment = f"p{before}"
    assert status() == "Active"


def test_what_is_refused_of_services(endpoint: Endpoint) -> None:
    with pytest.raises(NotSupportedService, match=r"does not support service-specific credentials\. \(s3"):
        created(endpoint, "s3.amazonaws.com")
    with pytest.raises(ValidationError, match="CredentialAgeDays"):
        created(endpoint, CredentialAgeDays=1)
    with pytest.raises(NoSuchEntity):
        created(endpoint, UserName="eve")
    with pytest.raises(ValidationError, match="AllUsers cannot be specified together with UserName"):
        endpoint.call(endpoint.root, "ListServiceSpecificCredentials", AllUsers=True, UserName="ann")


def test_a_name_that_somebody_else_had(endpoint: Endpoint) -> None:
    """Who is called as another was gets another name for the service."""
    created(endpoint)
    endpoint.call(endpoint.root, "UpdateUser", UserName="ann", NewUserName="anna")
    endpoint.call(endpoint.root, "UpdateUser", UserName="bob", NewUserName="ann")
    assert created(endpoint)["ServiceUserName"] == f"ann+1-at-{ACCOUNT}"


def test_those_of_all_users_page(endpoint: Endpoint) -> None:
    """Whoever may list them for all users; pages go on where the last ended, whatever is added."""
    for name in ("ann", "bob"):
        created(endpoint, UserName=name)
    listing = ("iam:ListServiceSpecificCredentials", arn("user/ann"))
    eve = endpoint.user("eve", allow(*listing))
    with pytest.raises(AccessDenied):
        endpoint.call(eve, "ListServiceSpecificCredentials", AllUsers=True)
    found, page = list[str](), Members()
    while page.get("IsTruncated", True):
        marker = {"Marker": page["Marker"]} if page else {}
        page = endpoint.call(endpoint.root, "ListServiceSpecificCredentials", AllUsers=True, MaxItems=1, **marker)
        found += [each["ServiceUserName"] for each in page["ServiceSpecificCredentials"]]
    assert sorted(found) == [f"ann-at-{ACCOUNT}", f"bob-at-{ACCOUNT}"]


def test_conditions_on_services(endpoint: Endpoint) -> None:
    """A policy may allow one service, and a shorter life of keys."""
    service, age = "iam:ServiceSpecificCredentialServiceName", "iam:ServiceSpecificCredentialAgeDays"
    eve = endpoint.user(
        "eve",
        allow(
            "iam:*ServiceSpecificCredential",
            arn("user/ann"),
            Condition={"StringEquals": {service: "bedrock.amazonaws.com"}, "NumericLessThanIfExists": {age: "30"}},
        ),
    )
    create = {"UserName": "ann", "ServiceName": "bedrock.amazonaws.com"}
    for refused in ({"ServiceName": "codecommit.amazonaws.com"}, {"CredentialAgeDays": 30}):
        with pytest.raises(AccessDenied):
            endpoint.call(eve, "CreateServiceSpecificCredential", **{**create, **refused})
    made = endpoint.call(eve, "CreateServiceSpecificCredential", **create)["ServiceSpecificCredential"]
    endpoint.call(
        eve,
        "DeleteServiceSpecificCredential",
        UserName="ann",
        ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"],
    )


KINDS: dict[str, tuple[str, Callable[[Endpoint], str], str]] = {
    "SSHPublicKey": (
        "SSHPublicKeyId",
        lambda endpoint: str(uploaded_key(endpoint, SSH)["SSHPublicKeyId"]),
        "delete SSH public keys",
    ),
    "SigningCertificate": (
        "CertificateId",
        lambda endpoint: str(uploaded_certificate(endpoint, certificate("ann").body, UserName="ann")["CertificateId"]),
        "delete signing certificates",
    ),
    "ServiceSpecificCredential": (
        "ServiceSpecificCredentialId",
        lambda endpoint: str(created(endpoint)["ServiceSpecificCredentialId"]),
        "delete service-specific credentials",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_life(endpoint: Endpoint, kind: str) -> None:
    """Deactivated, activated and deleted, each told by an event and as a difference; its user cannot go before it, and
    it is nobody else's."""
    parameter, make, remedy = KINDS[kind]
    name = make(endpoint)
    before = endpoint.account
    named = {"UserName": "ann", parameter: name}

    def status() -> str:
        (listed,) = (
            members
            for value in endpoint.call(endpoint.root, f"List{kind}s", UserName="ann").values()
            if isinstance(value, list)
            for members in value
        )
        return str(listed["Status"])

    for wanted in ("Inactive", "Inactive", "Active"):
        endpoint.call(endpoint.root, f"Update{kind}", **named, Status=wanted)
        assert status() == wanted
    with pytest.raises(InvalidInput if kind != "ServiceSpecificCredential" else ValidationError):
        endpoint.call(endpoint.root, f"Update{kind}", **named, Status="Expired")
    endpoint.call(endpoint.root, f"Update{kind}", **named, Status="Inactive")
    (changed,) = changed_facts(before, endpoint.account, before[USERS].named("ann").id)
    assert f"{name} of user ann changed: status was Active and is Inactive." in FactDifference(*changed).sentence
    with pytest.raises(DeleteConflict, match=f"must {remedy} first"):
        endpoint.call(endpoint.root, "DeleteUser", UserName="ann")
    for operation, members in ((f"Update{kind}", {"Status": "Active"}), (f"Delete{kind}", {})):
        with pytest.raises(NoSuchEntity, match=f"with id {name} cannot be found"):
            endpoint.call(endpoint.root, operation, **{**named, "UserName": "bob"}, **members)
    endpoint.call(endpoint.root, f"Delete{kind}", **named)
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, f"Delete{kind}", **named)
    endpoint.call(endpoint.root, "DeleteUser", UserName="ann")


@pytest.mark.parametrize("kind", KINDS)
def test_the_past_has_it_still(endpoint: Endpoint, kind: str) -> None:
    parameter, make, _ = KINDS[kind]
    name = make(endpoint)
    position = len(endpoint.entries)
    endpoint.call(endpoint.root, f"Delete{kind}", **{"UserName": "ann", parameter: name})
    endpoint.moment = f"p{position}"
    assert name in str(endpoint.call(endpoint.root, f"List{kind}s", UserName="ann"))


def test_the_times_of_certificates() -> None:
    """What the other tests build on: those that are valid now are, at the moment of the endpoint's."""
    assert BEGINS < BEGAN_AT < ENDS
    assert len(FACTS) == len(KINDS)
