"""Decisions of two other implementations of the language, read from where they lie beside this repository."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from domain.foundation.errors import MalformedPolicyDocument
from domain.policy import Layer, PolicyType, Request, RequestPrincipal, Result, SourcedPolicy, evaluate, parse

FILE = Path(__file__).parents[4] / "shared" / "policy-cases" / "cases.jsonl"
CASES_IN_THE_FILE, ENDPOINT_POLICIES = 746, "endpointPolicies"

CONTRADICTED = {
    # Pages of the IAM User Guide, and what they say.
    # "Condition operators": dates are given in W3C forms "or in epoch (UNIX) time", which is seconds.
    "isim/unit/operator/b2a5681d.1",
    # "Variables and tags", "Policy variables with no value": nothing equals or is like such a value, so that the
    # inverted operators match it.
    "isim/unit/operator/99747fee.1",
    "isim/unit/operator/169674b1.1",
    "isim/unit/operator/cda3464f.1",
    "isim/unit/operator/96923a57.1",
    # "Variables and tags", "Where you can use policy variables": not with the Boolean operator.
    "isim/unit/operator/2b7698ae.1",
    "isim/unit/operator/12d79d24.1",
    # "Resource": wildcards may stand in every segment but that of the service. That types of resources have none
    # ("Identify AWS resources with Amazon Resource Names") we enforce where we know the types: iam and sts.
    "isim/unit/requestMatchesResources/c5600cf9.1",
    "isim/unit/requestMatchesResources/e2699d3d.1",
    # "Resource": no wildcard may stand in the segment of the service, nor an ARN begin with one.
    "isim/unit/requestMatchesResources/d05efdc5.1",
    "minio/Policy.IsAllowed/TestStarPrefixedResourceParses#1",
    # "NotResource": every resource is matched but those that are listed, be they written as incomplete ARNs or not.
    "isim/unit/requestMatchesNotResources/19e65911.1",
    "isim/unit/requestMatchesNotResources/95d430d7.1",
    "isim/unit/requestMatchesNotResources/b8f9a668.1",
    "isim/unit/requestMatchesNotResources/6661e4ab.1",
    "isim/unit/requestMatchesNotResources/2c5e125a.1",
    "isim/unit/requestMatchesNotResources/ece7a783.1",
    "isim/unit/requestMatchesNotResources/0f1b4151.1",
    "isim/unit/requestMatchesNotResources/47b5f76a.1",
    "isim/unit/requestMatchesNotResources/488395a6.1",
    "isim/unit/requestMatchesNotResources/c2f2f729.1",
    # "Action": a service's namespace as prefix, and the name of an action; such documents are refused.
    "isim/unit/requestMatchesNotActions/5956e006.1",
    "isim/unit/requestMatchesNotActions/44d3ca86.1",
    "isim/unit/requestMatchesNotActions/7c4006c2.1",
    "isim/unit/requestMatchesNotActions/4cc89c02.1",
}
EXPECTED: dict[str, set[Result | None]] = {
    "Allowed": {Result.ALLOWED},
    # None: the document cannot be written, so that nothing is allowed by it.
    "ImplicitlyDenied": {Result.IMPLICITLY_DENIED, None},
    "ExplicitlyDenied": {Result.EXPLICITLY_DENIED, None},
    "NotAllowed": {Result.IMPLICITLY_DENIED, Result.EXPLICITLY_DENIED, None},
}


@dataclass(frozen=True)
class Case:
    id: str
    layers: list[tuple[Layer, PolicyType, list[Any]]]
    request: Request
    expected: set[Result | None]


def read() -> Iterator[Case]:
    for line in FILE.read_text().splitlines() if FILE.exists() else ():
        case: dict[str, Any] = json.loads(line)
        assert not case.get(ENDPOINT_POLICIES), "no case has had one"
        asked = case["request"]
        context = {key.lower(): tuple(v) if isinstance(v, list) else (v,) for key, v in asked["context"].items()}
        yield Case(
            case["id"],
            list(layers(case)),
            Request(
                asked["action"], asked["resource"], principal(asked["principal"]), context, asked["resourceAccount"]
            ),
            EXPECTED[case["expected"]],
        )


def layers(case: dict[str, Any]) -> Iterator[tuple[Layer, PolicyType, list[Any]]]:
    for layer, kind, name in ((Layer.SCP, PolicyType.SCP, "scps"), (Layer.RCP, PolicyType.RCP, "rcps")):
        yield from ((layer, kind, level["policies"]) for level in case[name])
    yield Layer.IDENTITY, PolicyType.IDENTITY, case["identityPolicies"]
    if case.get("resourcePolicy"):
        yield Layer.RESOURCE, PolicyType.RESOURCE, [case["resourcePolicy"]]
    if case.get("permissionBoundaries") is not None:
        yield Layer.BOUNDARY, PolicyType.BOUNDARY, case["permissionBoundaries"]
    if case.get("sessionPolicy"):
        yield Layer.SESSION, PolicyType.SESSION, [case["sessionPolicy"]]


def principal(asked: str | dict[str, str]) -> RequestPrincipal | None:
    """Of a session, the role behind it is named as far as its ARN tells, which has no path."""
    if not isinstance(asked, str):
        assert asked == {"type": "Anonymous"}
        return None
    partition, account_id, name = (asked.split(":", 5)[place] for place in (1, 4, 5))
    issuer = frozenset[tuple[str, str]]()
    if name.startswith("assumed-role/"):
        issuer = frozenset({("AWS", f"arn:{partition}:iam::{account_id}:role/{name.split('/')[1]}")})
    return RequestPrincipal(asked, account_id, frozenset({("AWS", asked)}), issuer)


def decided(case: Case) -> Result | None:
    """None where a document is refused."""
    try:
        sourced = [
            (layer, [SourcedPolicy(parse(json.dumps(policy), kind), "p", "inline", None) for policy in policies])
            for layer, kind, policies in case.layers
        ]
    except MalformedPolicyDocument:
        return None
    return evaluate(sourced, case.request).result


CASES = list(read())


@pytest.mark.skipif(not FILE.exists(), reason="the cases are not on this machine")
def test_all_cases_are_read() -> None:
    assert len(CASES) == CASES_IN_THE_FILE
    assert {case.id for case in CASES} >= set(CONTRADICTED)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    """The decision is that of the source, but for the cases that AWS's documentation contradicts."""
    agrees = decided(case) in case.expected
    assert agrees != (case.id in CONTRADICTED)
