"""Calls that are refused for the keys, certificates and documents that they bring."""

import pytest

from domain.calls import ApiCalled
from domain.foundation.errors import AccessDenied, Refusal
from tests.saml import private_key, saml_metadata
from tests.services.endpoint import Endpoint, allow, arn
from tests.services.iam.certificates import certificate

KEY = private_key()
SITE, OTHER = certificate("site"), certificate("other")
REFUSED = [
    ("UploadSSHPublicKey", {"UserName": "bob", "SSHPublicKeyBody": KEY}, "user/bob", "InvalidPublicKey"),
    ("UploadSigningCertificate", {"UserName": "bob", "CertificateBody": KEY}, "user/bob", "MalformedCertificate"),
    (
        "UploadServerCertificate",
        {"ServerCertificateName": "site", "CertificateBody": SITE.body, "PrivateKey": OTHER.key},
        "server-certificate/site",
        "KeyPairMismatch",
    ),
    (
        "UploadServerCertificate",
        {
            "ServerCertificateName": "site",
            "CertificateBody": SITE.body,
            "PrivateKey": SITE.key,
            "CertificateChain": KEY,
        },
        "server-certificate/site",
        "MalformedCertificate",
    ),
    ("CreateSAMLProvider", {"Name": "okta", "SAMLMetadataDocument": KEY}, "saml-provider/okta", "InvalidInput"),
    (
        "UpdateSAMLProvider",
        {"SAMLProviderArn": arn("saml-provider/idp"), "SAMLMetadataDocument": KEY},
        "saml-provider/idp",
        "InvalidInput",
    ),
]


@pytest.mark.parametrize(("operation", "members", "resource", "code"), REFUSED)
def test_the_record_of_a_refusal(operation: str, members: dict[str, str], resource: str, code: str) -> None:
    """It has the decision and the resource, as that of any other call that was allowed and then refused, and nothing of
    a private key that was sent by mistake. Whoever may not call is told so, and nothing is read for them."""
    endpoint = Endpoint()
    endpoint.user("bob")
    endpoint.call(endpoint.root, "CreateSAMLProvider", Name="idp", SAMLMetadataDocument=saml_metadata())
    may, may_not = endpoint.user("may", allow(f"iam:{operation}")), endpoint.user("none")
    with pytest.raises(Refusal):
        endpoint.call(may, operation, **members)
    record = endpoint.entries[-1].event
    assert isinstance(record, ApiCalled)
    assert record.error_code == code
    assert [(each.action, each.resources, each.result) for each in record.decisions] == [
        (f"iam:{operation}", (arn(resource),), "allowed")
    ]
    assert "PRIVATE" not in record.model_dump_json()
    assert KEY.splitlines()[1][:20] not in record.model_dump_json()
    with pytest.raises(AccessDenied):
        endpoint.call(may_not, operation, **members)


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("UpdateSAMLProvider", {"SAMLProviderArn": arn("saml-provider/idp"), "RemovePrivateKey": KEY}),
        ("AssumeRole", {"RoleArn": arn("role/ops"), "RoleSessionName": KEY}),
        ("CreateRole", {"RoleName": "ops", "AssumeRolePolicyDocument": KEY}),
        ("CreateUser", {"UserName": "carl", "Tags": [{"Key": "key", "Value": KEY}]}),
    ],
)
def test_a_private_key_in_any_other_place(operation: str, members: dict[str, object]) -> None:
    """Neither the parameters nor the sentence that is recorded have a piece of it."""
    endpoint = Endpoint()
    with pytest.raises(Refusal):
        endpoint.call(endpoint.root, operation, **members)
    record = endpoint.entries[-1].event
    assert isinstance(record, ApiCalled)
    assert "BEGIN" not in record.model_dump_json()
    assert KEY.splitlines()[1][:20] not in record.model_dump_json()
