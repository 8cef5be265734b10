"""The cases of two other implementations once more, as whoever asks the simulator has them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from domain.foundation.errors import InvalidInput
from domain.policy import Result
from tests.domain.policy.test_cases import CASES, FILE, Case, decided
from tests.services.endpoint import Endpoint, allow, document

RESULTS = {
    "allowed": Result.ALLOWED,
    "implicitDeny": Result.IMPLICITLY_DENIED,
    "explicitDeny": Result.EXPLICITLY_DENIED,
}
NOTHING = document(allow("none:None"))
"""A simulation takes at least one policy."""


@pytest.fixture(scope="module")
def endpoint() -> Endpoint:
    return Endpoint()


def simulated(endpoint: Endpoint, case: Case, written: dict[str, Any]) -> Result | None:
    """None where a document is refused."""
    asked: dict[str, object] = {
        "PolicyInputList": [json.dumps(policy) for policy in written["identityPolicies"]] or [NOTHING],
        "ActionNames": [case.request.action],
        "ResourceArns": [case.request.resource],
        "CallerArn": written["request"]["principal"],
        "ContextEntries": list(entries(written["request"]["context"])),
    }
    if written.get("resourcePolicy"):
        asked |= {"ResourcePolicy": json.dumps(written["resourcePolicy"])}
        asked |= {"ResourceOwner": written["request"]["resourceAccount"]}
    try:
        (result,) = endpoint.call(endpoint.root, "SimulateCustomPolicy", **asked)["EvaluationResults"]
    except InvalidInput:
        return None
    return RESULTS[result["EvalDecision"]]


def entries(context: dict[str, Any]) -> Iterator[dict[str, object]]:
    for key, value in context.items():
        kind, values = ("stringList", value) if isinstance(value, list) else ("string", [value])
        yield {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": values}


@pytest.mark.skipif(not FILE.exists(), reason="the cases are not on this machine")
def test_the_simulator_decides_like_the_library(endpoint: Endpoint) -> None:
    """The same decision for every case, and the same documents refused."""
    written = [json.loads(line) for line in FILE.read_text().splitlines()]
    differing = [
        case.id for case, each in zip(CASES, written, strict=True) if simulated(endpoint, case, each) != decided(case)
    ]
    assert differing == []
