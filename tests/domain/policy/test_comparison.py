"""What the comparison of two policies says is so: no request shows otherwise, and each one that it names does."""

import copy
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.policy import Layer, Policy, Request, Result, compiled
from domain.policy.comparison import Comparison, access_granted, new_access
from tests.domain.policy.generated import (
    ACTION_PATTERNS,
    ALLOWS_ALL,
    POLICY_TYPES,
    RESOURCE_PATTERNS,
    Statement,
    conditions,
    documents,
    requests,
    statements,
)
from tests.domain.policy.naive import Document, decide
from tests.domain.policy.policies import OTHER_ACCOUNT
from tests.domain.policy.test_naive import EXAMPLES

COMPARED = [Layer.IDENTITY, Layer.IDENTITY, Layer.RESOURCE, Layer.TRUST]
EVERYTHING: Document = {"Version": "2012-10-17", "Statement": [ALLOWS_ALL[Layer.IDENTITY]]}
checked = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def policy(document: Document, layer: Layer) -> Policy:
    return compiled(json.dumps(document), POLICY_TYPES[layer])


@st.composite
def changed(draw: st.DrawFn, document: Document, layer: Layer) -> Document:
    """The same with a statement more or less, under more conditions or fewer, or with fewer actions."""
    found: dict[str, Any] = copy.deepcopy(dict(document))
    listed: list[Statement] = found["Statement"]
    match draw(st.sampled_from(["add", "drop", "narrow", "widen", "split", "version"])):
        case "add":
            listed.append(draw(statements(layer)))
        case "drop" if len(listed) > 1:
            listed.pop(draw(st.integers(0, len(listed) - 1)))
        case "narrow":
            block = draw(conditions())
            statement = draw(st.sampled_from(listed))
            statement["Condition"] = {**block, **statement.get("Condition", {})}
        case "widen":
            draw(st.sampled_from(listed)).pop("Condition", None)
        case "split":
            statement = draw(st.sampled_from(listed))
            for element in ("Action", "Resource"):
                if isinstance(statement.get(element), list):
                    statement[element] = statement[element][:1]
        case _:
            found["Version"] = draw(st.sampled_from(["2012-10-17", "2008-10-17"]))
    if layer is not Layer.TRUST:
        return found
    return found


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Layer, Document, Document]:
    """A policy before and after a change, or two that know nothing of one another."""
    layer = draw(st.sampled_from(COMPARED))
    one = draw(documents(layer))
    other = draw(st.one_of(changed(one, layer), changed(one, layer), changed(one, layer), documents(layer)))
    return (layer, *draw(st.permutations([one, other])))


def shows_access(layer: Layer, document: Document, request: Request) -> list[bool]:
    """By itself, and where other layers consent: what the policy lets through, whatever it is read beside."""
    settings_: list[list[tuple[Layer, Sequence[Document]]]] = [
        [],
        [(Layer.BOUNDARY, [EVERYTHING])],
        [(Layer.SESSION, [])],
    ]
    if layer is Layer.IDENTITY:
        settings_ = settings_[:1]
    elif request.principal is not None and request.resource_account not in (None, request.principal.account_id):
        # Elsewhere the caller's own account consents, and both have to.
        settings_ = [[(Layer.IDENTITY, [EVERYTHING]), *others] for others in settings_[:2]]
    return [decide([(layer, [document]), *others], request) is Result.ALLOWED for others in settings_]


asked = st.booleans().flatmap(lambda _: st.lists(requests(is_trust=False), min_size=8, max_size=8))


@checked
@given(pairs(), st.data())
def test_nothing_new_passes(pair: tuple[Layer, Document, Document], data: st.DataObject) -> None:
    """No request that passes shows access that was not there; each that is named does, and the evaluator says so."""
    layer, new, existing = pair
    found = new_access(policy(new, layer), policy(existing, layer))
    assert_confirmed(found, policy(new, layer), policy(existing, layer))
    if found.passes:
        for request in data.draw(st.lists(requests(is_trust=layer is Layer.TRUST), min_size=8, max_size=8)):
            before, after = shows_access(layer, existing, request), shows_access(layer, new, request)
            assert all(was or not is_ for was, is_ in zip(before, after, strict=True)), request


def assert_confirmed(found: Comparison, new: Policy, existing: Policy | None) -> None:
    for grant in found.grants:
        assert grant.allowed_by(new)
        assert existing is None or not grant.allowed_by(existing)
