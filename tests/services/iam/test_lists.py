"""Every list is paged: one at a time, to its end, whoever writes meanwhile."""

from collections.abc import Mapping
from typing import Any

import pytest

from domain.foundation.errors import InvalidInput, ValidationError
from services.wire.operations import Operation
from services.wire.pagination import encode_token
from tests.services.endpoint import ALL, SERVICES, Endpoint, document, trusting
from tests.services.iam.scene import scene

PAGES_MAX = 200


def shape(operation: Operation) -> Any:
    return SERVICES[operation.service]._model.operation_model(operation.name).input_shape


def is_list(operation: Operation) -> bool:
    return operation.service == "iam" and "Marker" in getattr(shape(operation), "members", ())


LISTS = [operation for operation in ALL if is_list(operation) and operation.name != "GetOrganizationsAccessReport"]
"""The last is the management account's alone: tests/services/iam/test_reports.py pages it."""
EACH = pytest.mark.parametrize("operation", LISTS, ids=lambda operation: operation.name)
FEW = {
    "GetServiceLastAccessedDetails": "the policies of the scene are about one service",
    "GetServiceLastAccessedDetailsWithEntities": "only one entity was used",
    "ListAccountAliases": "an account has one alias at most",
    "ListMFADevices": "no device is enabled",
    "ListSSHPublicKeys": "the scene has one",
    "SimulateCustomPolicy": "one action is simulated",
    "SimulatePrincipalPolicy": "one action is simulated",
}
"""Lists of which the scene does not have two items."""
ASKED: Mapping[str, Mapping[str, Any]] = {
    "ListPolicies": {"Scope": "Local"},
    "GetAccountAuthorizationDetails": {"Filter": ["User", "Role", "Group", "LocalManagedPolicy"]},
}
"""So that there are few pages."""
SEVERAL = {"GetAccountAuthorizationDetails"}
"""Answers with several lists, which page by page come in another order."""


def items(answer: Mapping[str, Any]) -> list[Any]:
    """Of all lists of an answer."""
    return [item for member in sorted(answer) if isinstance(answer[member], list) for item in answer[member]]


def asked(operation: Operation, there: Any) -> dict[str, Any]:
    return {**there.members(operation, "UserName"), **ASKED.get(operation.name, {})}


def write_something(endpoint: Endpoint, number: int) -> None:
    """Before and behind all that there is."""
    for name in (f"0-{number}", f"zz-{number}"):
        policy = document(trusting("123456789012"))
        endpoint.call(endpoint.root, "CreateUser", UserName=name)
        endpoint.call(endpoint.root, "CreateGroup", GroupName=name)
        endpoint.call(endpoint.root, "CreateRole", RoleName=name, AssumeRolePolicyDocument=policy)


@EACH
def test_one_at_a_time(operation: Operation) -> None:
    """Pages of one, while others write, have each item of one large page once, and in its order."""
    there = scene()
    endpoint, sent = there.endpoint, asked(operation, there)
    whole = items(endpoint.call(endpoint.root, operation.name, **sent, **size_of(operation, 1_000)))
    assert len(whole) >= (0 if operation.name in FEW else 2)
    walked: list[Any] = []
    marker: dict[str, str] = {}
    for number in range(PAGES_MAX):
        page = endpoint.call(endpoint.root, operation.name, **sent, **size_of(operation, 1), **marker)
        walked += items(page)
        if not page["IsTruncated"]:
            assert "Marker" not in page
            break
        marker = {"Marker": page["Marker"]}
        if number < 5:
            write_something(endpoint, number)
    else:
        pytest.fail("The list has no end.")
    seen = [item for item in walked if item in whole]
    if operation.name in SEVERAL:
        seen, whole = sorted(seen, key=repr), sorted(whole, key=repr)
    assert seen == whole
    assert len(walked) == len({repr(item) for item in walked})


def size_of(operation: Operation, items_max: int) -> dict[str, int]:
    return {"MaxItems": items_max} if "MaxItems" in shape(operation).members else {}


@EACH
def test_markers_of_other_lists(operation: Operation) -> None:
    """Neither what was made up nor the marker of another list is taken for a place in this one."""
    there = scene()
    endpoint, sent = there.endpoint, asked(operation, there)
    for foreign in ("bm8", encode_token("Nothing", "ann")):
        with pytest.raises((ValidationError, InvalidInput), match=r"[Mm]arker"):
            endpoint.call(endpoint.root, operation.name, **sent, Marker=foreign)
