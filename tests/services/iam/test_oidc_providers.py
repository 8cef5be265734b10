"""OpenID Connect providers, from creation to deletion, and in trust policies."""

import pytest

from domain.families.oidc_providers import OIDCProviderCreated
from domain.foundation.errors import (
    AccessDenied,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceeded,
    MalformedPolicyDocument,
    NoSuchEntity,
    ValidationError,
)
from domain.rules import oidc_providers
from tests.services.endpoint import Endpoint, allow, arn, document

URL, ARN = "https://token.example.com/a", arn("oidc-provider/token.example.com/a")
NAMED = {"OpenIDConnectProviderArn": ARN}
THUMBPRINT = "990f4193972f2becf12ddeda5237f9c952f20d9e"


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def test_from_creation_to_deletion(endpoint: Endpoint) -> None:
    """What is added and taken away twice is so once; the thumbprints are replaced; the answers have AWS's members."""
    root = endpoint.root
    created = endpoint.call(root, "CreateOpenIDConnectProvider", Url=URL, ClientIDList=["a", "b", "a"])
    assert created == NAMED
    for _ in range(2):
        endpoint.call(root, "AddClientIDToOpenIDConnectProvider", **NAMED, ClientID="c")
        endpoint.call(root, "RemoveClientIDFromOpenIDConnectProvider", **NAMED, ClientID="a")
        endpoint.call(root, "UpdateOpenIDConnectProviderThumbprint", **NAMED, ThumbprintList=[THUMBPRINT])
    shown = endpoint.call(root, "GetOpenIDConnectProvider", **NAMED)
    assert shown.pop("CreateDate") == endpoint.at
    assert shown == {"Url": URL.removeprefix("https://"), "ClientIDList": ["b", "c"], "ThumbprintList": [THUMBPRINT]}
    assert endpoint.call(root, "ListOpenIDConnectProviders")["OpenIDConnectProviderList"] == [{"Arn": ARN}]
    with pytest.raises(EntityAlreadyExists, match=f"Provider with url {URL} already exists"):
        endpoint.call(root, "CreateOpenIDConnectProvider", Url=URL)
    for _ in range(2):
        endpoint.call(root, "DeleteOpenIDConnectProvider", **NAMED)
    assert endpoint.call(root, "ListOpenIDConnectProviders")["OpenIDConnectProviderList"] == []
    with pytest.raises(NoSuchEntity, match=f"OpenIDConnect Provider not found for arn {ARN}"):
        endpoint.call(root, "GetOpenIDConnectProvider", **NAMED)


@pytest.mark.parametrize(
    "url",
    [
        *("http://a.example.com", "https://", "https://a.example.com:8443", "https://a.example.com?b", "https://a b/"),
        *("a.b", "https://a.example.com/#b", "https://u@a.example.com", "https://a..b", "HTTPS://a.example.com"),
    ],
)
def test_what_is_no_url_of_a_provider(endpoint: Endpoint, url: str) -> None:
    with pytest.raises(ValidationError, match="Invalid Open ID Connect Provider URL"):
        endpoint.call(endpoint.root, "CreateOpenIDConnectProvider", Url=url)


def test_limits(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thumbprints, of client ids, which a single event does not have to hold, and of providers."""
    root = endpoint.root
    for thumbprints in ([f"{number:040x}" for number in range(6)], ["x" * 40]):
        with pytest.raises(InvalidInput, match=r"[Tt]humbprint"):
            endpoint.call(root, "CreateOpenIDConnectProvider", Url=URL, ThumbprintList=thumbprints)
    client_ids = [f"{number:03}".ljust(255, "\U0001f511") for number in range(101)]
    quota = "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"
    with pytest.raises(LimitExceeded, match=quota):
        endpoint.call(root, "CreateOpenIDConnectProvider", Url=URL, ClientIDList=client_ids)
    created = oidc_providers.create_oidc_provider(endpoint.account, url=URL, client_ids=client_ids[1:], thumbprints=())
    assert max(len(event.model_dump_json().encode()) for event in created) < 40_000
    endpoint.append(*created)
    assert endpoint.call(root, "GetOpenIDConnectProvider", **NAMED)["ClientIDList"] == client_ids[1:]
    with pytest.raises(LimitExceeded, match=quota):
        endpoint.call(root, "AddClientIDToOpenIDConnectProvider", **NAMED, ClientID="one more")
    monkeypatch.setattr(oidc_providers, "OIDC_PROVIDERS_MAX", 1)
    with pytest.raises(LimitExceeded, match="OpenIdConnectProvidersPerAccount"):
        endpoint.call(root, "CreateOpenIDConnectProvider", Url="https://b.example.com")


def test_whom_roles_trust(endpoint: Endpoint) -> None:
    """A provider of the account has to be there when a role is to trust it, not later; those that AWS has built in are
    everywhere."""

    def trust(provider: str) -> str:
        action = {"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider}}
        return document({"Effect": "Allow", **action})

    root = endpoint.root
    with pytest.raises(MalformedPolicyDocument, match=f'Invalid principal in policy: "FEDERATED":"{ARN}"'):
        endpoint.call(root, "CreateRole", RoleName="web", AssumeRolePolicyDocument=trust(ARN))
    endpoint.call(root, "CreateOpenIDConnectProvider", Url=URL)
    endpoint.call(root, "CreateRole", RoleName="web", AssumeRolePolicyDocument=trust(ARN))
    endpoint.call(root, "DeleteOpenIDConnectProvider", **NAMED)
    endpoint.call(root, "UpdateAssumeRolePolicy", RoleName="web", PolicyDocument=trust("accounts.google.com"))
    with pytest.raises(MalformedPolicyDocument, match="FEDERATED"):
        endpoint.call(root, "UpdateAssumeRolePolicy", RoleName="web", PolicyDocument=trust(ARN))


def test_it_needs_permission_on_the_provider(endpoint: Endpoint) -> None:
    """By its ARN, before whether it is there is told."""
    ann = endpoint.user("ann", allow("iam:*OpenIDConnectProvider", ARN))
    endpoint.call(ann, "CreateOpenIDConnectProvider", Url=URL)
    endpoint.call(ann, "GetOpenIDConnectProvider", **NAMED)
    for operation, members in (
        ("CreateOpenIDConnectProvider", {"Url": "https://b.example.com"}),
        ("GetOpenIDConnectProvider", {"OpenIDConnectProviderArn": ARN + "b"}),
    ):
        with pytest.raises(AccessDenied):
            endpoint.call(ann, operation, **members)
    assert any(isinstance(entry.event, OIDCProviderCreated) for entry in endpoint.entries)
