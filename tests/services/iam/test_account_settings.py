"""The account as a whole: its summary, its properties, and the version of STS's tokens."""

import pytest

from domain.foundation.errors import AccessDenied, InvalidInput
from domain.rules import account_settings
from tests.services.endpoint import SERVICES, Endpoint, allow, document
from tests.services.iam.certificates import certificate


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def summary(endpoint: Endpoint) -> dict[str, int]:
    found: dict[str, int] = endpoint.call(endpoint.root, "GetAccountSummary")["SummaryMap"]
    return found


def test_the_summary_counts(endpoint: Endpoint) -> None:
    """It has every key that the model has; what is created is counted, and what AWS has made is not the account's."""
    before = summary(endpoint)
    model = SERVICES["iam"]._model.operation_model("GetAccountSummary").output_shape.members["SummaryMap"]
    assert before.keys() == {*model.key.enum}
    assert {name: before[name] for name in ("Policies", "PolicyVersionsInUse", "AccountAccessKeysPresent")} == {
        "Policies": 0, "PolicyVersionsInUse": 0, "AccountAccessKeysPresent": 1,
    }  # fmt: skip
    ann = endpoint.user("ann")
    assert ann
    root = endpoint.root
    endpoint.call(root, "CreateGroup", GroupName="g")
    endpoint.call(root, "CreatePolicy", PolicyName="p", PolicyDocument=document(allow()))
    arn = f"arn:aws:iam::{endpoint.account.id}:policy/p"
    endpoint.call(root, "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document(allow()))
    endpoint.call(root, "CreateOpenIDConnectProvider", Url="https://token.example.com")
    endpoint.call(root, "CreateInstanceProfile", InstanceProfileName="web")
    endpoint.call(root, "CreateVirtualMFADevice", VirtualMFADeviceName="phone")
    site = certificate("site")
    endpoint.call(
        root, "UploadServerCertificate", ServerCertificateName="site", CertificateBody=site.body, PrivateKey=site.key
    )
    endpoint.call(root, "UploadSigningCertificate", CertificateBody=site.body)
    endpoint.call(root, "SetSecurityTokenServicePreferences", GlobalEndpointTokenVersion="v2Token")
    after = summary(endpoint)
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "Users": 1, "Groups": 1, "Policies": 1, "PolicyVersionsInUse": 2, "Providers": 1,
        "GlobalEndpointTokenVersion": 1, "InstanceProfiles": 1, "MFADevices": 1, "ServerCertificates": 1,
        "AccountSigningCertificatesPresent": 1,
    }  # fmt: skip


def test_properties(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one namespace a request; others stay, and what is put again is put in their place."""
    root = endpoint.root
    assert endpoint.call(root, "GetAccountProperties")["Properties"] == {}
    for properties in ({"A/x": "1", "A/y": "2"}, {"B/x": "3"}, {"A/x": "4"}):
        endpoint.call(root, "PutAccountProperties", Properties=properties)
    assert endpoint.call(root, "GetAccountProperties")["Properties"] == {"A/x": "4", "A/y": "2", "B/x": "3"}
    for unfit in ({"A/x": "1", "B/x": "1"}, {"A": "1"}, {"A/": "1"}, {"A/x/y": "1"}):
        with pytest.raises(InvalidInput):
            endpoint.call(root, "PutAccountProperties", Properties=unfit)
    monkeypatch.setattr(account_settings, "PROPERTIES_MAX", 3)
    endpoint.call(root, "PutAccountProperties", Properties={"A/y": "5"})
    with pytest.raises(InvalidInput, match="at most 3"):
        endpoint.call(root, "PutAccountProperties", Properties={"A/z": "5"})


def test_policies_ask_for_the_namespace(endpoint: Endpoint) -> None:
    asked = {"ForAllValues:StringEquals": {"iam:AccountPropertyNamespaces": "A"}}
    there = {"Null": {"iam:AccountPropertyNamespaces": "false"}}
    ann = endpoint.user("ann", allow("iam:*AccountProperties", Condition=asked | there))
    endpoint.call(ann, "PutAccountProperties", Properties={"A/x": "1"})
    endpoint.call(ann, "GetAccountProperties")
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "PutAccountProperties", Properties={"B/x": "1"})
    endpoint.call(endpoint.root, "PutAccountProperties", Properties={"B/x": "1"})
    with pytest.raises(AccessDenied):
        endpoint.call(ann, "GetAccountProperties")
