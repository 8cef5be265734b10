"""What an account has none of is an empty list; of a user that is not there, NoSuchEntity."""

import pytest

from domain.foundation.errors import NoSuchEntity
from tests.services.endpoint import Endpoint

OF_ACCOUNT = {"ListVirtualMFADevices": "VirtualMFADevices"}
OF_USER = {"ListMFADevices": "MFADevices"}


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
