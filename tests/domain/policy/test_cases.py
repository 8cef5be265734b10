"""Decisions of two other implementations of the language, read from where they lie beside this repository."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.errors import MalformedPolicyDocument
from domain.policy.document import Policy, PolicyType, parse
from domain.policy.evaluate import Layer, Request, Result, SourcedPolicy, evaluate

FILE = Path(__file__).parents[4] / "shared" / "policy-cases" / "cases.jsonl"
CASES_IN_THE_FILE, CASES_IN_THE_LANGUAGE = 746, 350
OTHER_LAYERS = ("permissionBoundaries", "sessionPolicy", "resourcePolicy", "scps", "rcps", "endpointPolicies")

CONTRADICTED = {
    # IAM User Guide, "Condition operators": dates are given in W3C forms "or in epoch (UNIX) time", which is seconds.
    "isim/unit/operator/b2a5681d.1",
    # IAM User Guide, "Resource": wildcards may stand in every segment but that of the service. That types of resources
    # have none ("Identify AWS resources with Amazon Resource Names") we enforce where we know the types: iam and sts.
    "isim/unit/requestMatchesResources/c5600cf9.1",
    "isim/unit/requestMatchesResources/e2699d3d.1",
}
EXPECTED = {
    "Allowed": {Result.ALLOWED},
    "ImplicitlyDenied": {Result.IMPLICITLY_DENIED},
    "ExplicitlyDenied": {Result.EXPLICITLY_DENIED},
    "NotAllowed": {Result.IMPLICITLY_DENIED, Result.EXPLICITLY_DENIED},
}


@dataclass(frozen=True)
class Case:
    id: str
    policies: list[Policy]
    request: Request
    expected: set[Result]


def read() -> Iterator[Case | None]:
    """None for a case that needs a layer, an operator or a form of resource which the language does not have yet."""
    for line in FILE.read_text().splitlines() if FILE.exists() else ():
        case: dict[str, Any] = json.loads(line)
        asked = case["request"]
        context = {key.lower(): tuple(v) if isinstance(v, list) else (v,) for key, v in asked["context"].items()}
        request = Request(asked["action"], asked["resource"], None, context)
        try:
            policies = [parse(json.dumps(policy), PolicyType.IDENTITY) for policy in case["identityPolicies"]]
        except MalformedPolicyDocument:
            yield None
        else:
            has_other_layers = any(case.get(layer) for layer in OTHER_LAYERS)
            yield None if has_other_layers else Case(case["id"], policies, request, EXPECTED[case["expected"]])


READ = list(read())
CASES = [case for case in READ if case]


@pytest.mark.skipif(not FILE.exists(), reason="the cases are not on this machine")
def test_how_many_cases_are_in_the_language() -> None:
    """No change takes a case out of the language unnoticed."""
    assert (len(READ), len(CASES)) == (CASES_IN_THE_FILE, CASES_IN_THE_LANGUAGE)
    assert {case.id for case in CASES} >= CONTRADICTED


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    """The decision is that of the source, but for the cases that AWS's documentation contradicts."""
    layers = [(Layer.IDENTITY, [SourcedPolicy(policy, "p", "inline", None) for policy in case.policies])]
    agrees = evaluate(layers, case.request).result in case.expected
    assert agrees != (case.id in CONTRADICTED)
