"""The evaluator and a naive one agree on everything that is generated, and both obey what any evaluator must."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from domain.foundation.errors import MalformedPolicyDocument
from domain.policy import Decision, Layer, Policy, PolicyType, Request, Result, SourcedPolicy, compiled, evaluate, parse
from tests.domain.policy.generated import (
    FAMILIES,
    KEYS,
    OPERATORS,
    POLICY_TYPES,
    DecisionExample,
    Levels,
    Statement,
    documents,
    questions,
    statements,
)
from tests.domain.policy.naive import Document, decide
from tests.domain.policy.naive_conditions import holds
from tests.domain.policy.policies import BOB

COMPARED = frozenset(Result) - {Result.TOO_COSTLY}
"""Nothing that is generated is too costly."""
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "50"))
"""Of each property, each with about seven requests."""

compared = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def parsed(layer: Layer, document: Document) -> Policy:
    return compiled(json.dumps(document), POLICY_TYPES[layer])


def evaluated(levels: Levels, request: Request) -> Decision:
    sourced = [
        (layer, [SourcedPolicy(parsed(layer, document), "p", "inline", None) for document in listed])
        for layer, listed in levels
    ]
    return evaluate(sourced, request)


def result(levels: Levels, request: Request) -> Result:
    return evaluated(levels, request).result


@compared
@given(questions())
def test_both_decide_alike(asked: DecisionExample) -> None:
    """The compiled form and the documents as they are written; other examples in each run."""
    for request in asked.requests:
        assert result(asked.levels, request) is decide(asked.levels, request), request


def test_each_operator_compares_alike() -> None:
    """Each value that a policy may want of it with each that any request has, in both effects."""
    given_values = sorted({value for family in FAMILIES for value in family.given})
    for family in {family.operators: family for family in FAMILIES}.values():
        for operator, wanted, effect in product(family.operators, family.wanted, ("Allow", "Deny")):
            statement = {"Effect": effect, "Action": "*", "Resource": "*", "Condition": {operator: {"aws:x": wanted}}}
            levels: Levels = [(Layer.IDENTITY, [{"Version": "2012-10-17", "Statement": [statement]}])]
            for value in given_values:
                request = Request("iam:GetUser", "*", BOB, {"aws:x": (value,)})
                assert result(levels, request) is decide(levels, request), (operator, wanted, effect, value)


def test_the_comparison_reaches_the_language() -> None:
    """Each result comes about, and each operator holds and does not, alone, with both set operators and IfExists; and
    in all of it both decide alike. The examples are the same in each run, and end when all of it was reached."""
    names = [*OPERATORS, "Null", "", "ForAllValues", "ForAnyValue", "IfExists"]
    missing = set(product(names, (True, False)))
    results: Counter[Result] = Counter()

    def all_is_reached(asked: DecisionExample) -> bool:
        results[decide(asked.levels, asked.requests[0])] += 1
        for request in asked.requests:
            assert result(asked.levels, request) is decide(asked.levels, request), request
            for statement in statements_of(asked.levels):
                for operator, keys in statement.get("Condition", {}).items():
                    for key, wanted in keys.items():
                        values = request.context.get(key.lower(), ())
                        is_held = holds(operator, values, wanted, statement["Effect"], request.context)
                        prefix, _, name = operator.rpartition(":")
                        suffix = "IfExists" if name.endswith("IfExists") else ""
                        missing.difference_update(
                            (reached, is_held) for reached in (name.removesuffix("IfExists"), prefix, suffix)
                        )
        return not missing and min(results[one] for one in COMPARED) > results.total() / 20

    fixed = settings(
        derandomize=True,
        max_examples=500,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with suppress(NoSuchExample):
        find(questions(), all_is_reached, settings=fixed)
    assert not missing
    assert min(results[one] for one in COMPARED) > results.total() / 20


def statements_of(levels: Levels) -> Iterator[Statement]:
    for _, listed in levels:
        for document in listed:
            yield from document["Statement"]


@compared
@given(questions(), st.data())
def test_another_deny_never_allows(asked: DecisionExample, data: st.DataObject) -> None:
    """Wherever it is added; and what was allowed is then allowed still, or denied by that statement."""
    place = data.draw(st.integers(0, len(asked.levels) - 1))
    layer, listed = asked.levels[place]
    denying = data.draw(statements(layer)) | {"Effect": "Deny"}
    more = [*asked.levels]
    more[place] = (layer, [*listed, {"Version": "2012-10-17", "Statement": [denying]}])
    for request in asked.requests:
        before, after = result(asked.levels, request), result(more, request)
        assert after in {before, Result.EXPLICITLY_DENIED}, request


@compared
@given(questions(), st.data())
def test_a_further_limit_never_allows(asked: DecisionExample, data: st.DataObject) -> None:
    """A level of an organization, a boundary, a session's policy."""
    layer = data.draw(st.sampled_from([Layer.SCP, Layer.RCP, Layer.BOUNDARY, Layer.SESSION]))
    if layer in {Layer.BOUNDARY, Layer.SESSION} and any(kind is layer for kind, _ in asked.levels):
        layer = Layer.SCP
    limited = [*asked.levels, (layer, [data.draw(documents(layer))])]
    for request in asked.requests:
        if result(asked.levels, request) is not Result.ALLOWED:
            assert result(limited, request) is not Result.ALLOWED, request


@compared
@given(questions(), st.randoms(use_true_random=False))
def test_order_is_irrelevant(asked: DecisionExample, chance: Any) -> None:
    """Of layers, policies, statements, actions, resources, principals, operators, keys and values."""

    def shuffled(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return chance.sample([shuffled(item) for item in value], len(value))
        if isinstance(value, dict):
            return {name: shuffled(value[name]) for name in chance.sample(sorted(value), len(value))}
        return value

    again = chance.sample(
        [(layer, [shuffled(document) for document in shuffled(listed)]) for layer, listed in asked.levels],
        len(asked.levels),
    )
    for request in asked.requests:
        assert result(again, request) is result(asked.levels, request), request


@compared
@given(questions())
def test_a_statement_is_what_its_parts_are_together(asked: DecisionExample) -> None:
    """One of two actions, resources or values is one statement or two."""
    divided: Levels = [
        (
            layer,
            [
                {**document, "Statement": [part for statement in document["Statement"] for part in parts_of(statement)]}
                for document in listed
            ],
        )
        for layer, listed in asked.levels
    ]
    for request in asked.requests:
        assert result(divided, request) is result(asked.levels, request), request


def parts_of(statement: Statement) -> list[Statement]:
    """Not by what is negated, nor by what has to hold for all values: there, several together are one thing."""
    for element in ("Action", "Resource"):
        if len(statement.get(element, ())) > 1 and isinstance(statement[element], list):
            return [part for one in statement[element] for part in parts_of({**statement, element: [one]})]
    block = statement.get("Condition", {})
    for operator, keys in block.items():
        for key, wanted in keys.items():
            if len(wanted) > 1 and not operator.startswith("ForAllValues:") and "Not" not in operator:
                alone = [{**block, operator: {**keys, key: [one]}} for one in wanted]
                return [part for one in alone for part in parts_of({**statement, "Condition": one})]
    return [statement]


WORDS = [None, True, 1, "", "*", "Allow", "2012-10-17", "${", "${}", "arn:aws:s3:::*", [], {}, ["*", 1], {"AWS": "*"}]
NAMES = ["Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition", "Bool", "x", *KEYS]


@st.composite
def damaged(draw: st.DrawFn, document: Any) -> Any:
    """The document with one place of it taken away, renamed, or replaced by something that may not stand there."""
    inside = (
        sorted(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else []
    )
    if not inside or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(WORDS))
    place = draw(st.sampled_from(inside))
    changed = dict(document) if isinstance(document, dict) else list(document)
    how = draw(st.sampled_from(["within", "within", "within", "away", "rename"]))
    if how == "within":
        changed[place] = draw(damaged(changed[place]))
    elif how == "rename" and isinstance(changed, dict):
        changed[draw(st.sampled_from(NAMES))] = changed.pop(place)
    else:
        del changed[place]
    return changed


@compared
@given(st.data(), st.sampled_from(Layer), st.sampled_from(list(POLICY_TYPES.values())))
def test_a_damaged_document_is_refused_or_a_policy(data: st.DataObject, layer: Layer, kind: PolicyType) -> None:
    """Nothing else comes of it, and what is a policy can be asked."""
    text = json.dumps(data.draw(damaged(data.draw(documents(layer)))))
    try:
        policy = parse(text, kind)
    except MalformedPolicyDocument:
        return
    asked = data.draw(questions())
    for request in asked.requests:
        evaluate([(Layer(kind.value), [SourcedPolicy(policy, "p", "inline", None)])], request)
