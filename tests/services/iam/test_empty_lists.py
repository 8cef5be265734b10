"""What an account has none of is an empty list; of a user or role that is not there, NoSuchEntity."""

import pytest

from domain.foundation.errors import NoSuchEntity
from tests.services.endpoint import ACCOUNT, Endpoint, trusting

OF_ACCOUNT = {
    "ListInstanceProfiles": "InstanceProfiles",
    "ListOpenIDConnectProviders": "OpenIDConnectProviderList",
    "ListSAMLProviders": "SAMLProviderList",
    "ListServerCertificates": "ServerCertificateMetadataList",
}
OF_USER = {
    "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
    "ListSigningCertificates": "Certificates",
    "ListSSHPublicKeys": "SSHPublicKeys",
}


@pytest.mark.parametrize(("operation", "member"), OF_ACCOUNT.items())
def test_of_the_account(operation: str, member: str) -> None:
    endpoint = Endpoint()
    assert endpoint.call(endpoint.root, operation)[member] == []


@pytest.mark.parametrize(("operation", "member"), OF_USER.items())
def test_of_a_user(operation: str, member: str) -> None:
    endpoint = Endpoint()
    endpoint.call(endpoint.root, "CreateUser", UserName="ann")
    assert endpoint.call(endpoint.root, operation, UserName="ann") == {member: [], "IsTruncated": False}
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, operation, UserName="bob")


def test_of_a_role() -> None:
    endpoint = Endpoint()
    endpoint.role("ops", trusting(ACCOUNT))
    assert endpoint.call(endpoint.root, "ListInstanceProfilesForRole", RoleName="ops")["InstanceProfiles"] == []
    with pytest.raises(NoSuchEntity):
        endpoint.call(endpoint.root, "ListInstanceProfilesForRole", RoleName="gone")
