"""Decisions of two other implementations of the language, read from where they lie beside this repository."""

import json
from functools import cache
from pathlib import Path

import pytest

from domain.errors import MalformedPolicyDocument
from domain.policy.document import PolicyType, parse
from domain.policy.evaluate import Layer, Request, RequestPrincipal, SourcedPolicy, evaluate

CASES = Path(__file__).parents[4] / "shared" / "policy-cases" / "cases.jsonl"
pytestmark = pytest.mark.skipif(not CASES.exists(), reason=f"{CASES} is not on this machine")

CONTRADICTED = {
    # "IAM JSON policy elements: Condition operators", Date: "in epoch (UNIX) time", which counts seconds.
    "PLACEHOLDER": "reads epoch time in milliseconds"
}
OTHER_LAYERS = ("permissionBoundaries", "sessionPolicy", "resourcePolicy", "scps", "rcps", "endpointPolicies")


@cache
def cases() -> tuple[dict[str, dict[str, object]], int]:
    """By id the cases in the language, and how many are not: their policies or layers are refused or missing."""
    return {}, 0
