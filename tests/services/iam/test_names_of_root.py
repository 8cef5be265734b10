"""Root, where a user is named."""

import pytest

from domain.foundation.errors import NoSuchEntity
from tests.services.endpoint import ACCOUNT, Endpoint, allow


def test_root_by_the_names_that_answers_give_it() -> None:
    """GetUser and ListAccessKeys call root differently: root may name itself by either, and nobody else can name root
    so. A user of that name goes first."""
    endpoint = Endpoint()
    ann = endpoint.user("ann", allow("*"))
    (key,) = endpoint.call(endpoint.root, "ListAccessKeys")["AccessKeyMetadata"]
    names = {endpoint.call(endpoint.root, "GetUser")["User"]["UserName"], key["UserName"]}
    assert names == {"root", ACCOUNT}
    for name in names:
        assert endpoint.call(endpoint.root, "ListAccessKeys", UserName=name)["AccessKeyMetadata"] == [key]
        with pytest.raises(NoSuchEntity):
            endpoint.call(ann, "ListAccessKeys", UserName=name)
    endpoint.user("root")
    assert key not in endpoint.call(endpoint.root, "ListAccessKeys", UserName="root")["AccessKeyMetadata"]
