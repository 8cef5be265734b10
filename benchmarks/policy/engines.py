"""What is compared, and the same rules written for muniment."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from sys import intern

from benchmarks.policy.rules import Asked, Rule, Rules, Value, iso
from benchmarks.policy.workload import ACCOUNT_ID, PRINCIPAL
from domain.policy import Decision, Layer, PolicyType, Request, RequestPrincipal, Result, SourcedPolicy, evaluate, parse

Answers = list[bool]
_MOMENTS = frozenset({"aws:CurrentTime", "aws:TokenIssueTime"})
ROLE = RequestPrincipal(PRINCIPAL, ACCOUNT_ID, frozenset({("AWS", PRINCIPAL)}))


@dataclass(frozen=True, slots=True)
class Engine:
    name: str
    asked: Callable[[Sequence[Asked]], Callable[[], Answers]]
    """Turns requests' values into those that the engine likes best, which is not measured. Calling what it returns
    is: there each request is built as the engine takes it, and decided."""


Layers = Sequence[tuple[Layer, Sequence[SourcedPolicy]]]


def muniment(rules: Rules) -> Engine:
    layers = identity(rules)

    def asked(requests: Sequence[Asked]) -> Callable[[], Answers]:
        prepared = [(request.action, request.resource, context(request.values)) for request in requests]
        return lambda: [
            evaluate(layers, Request(action, resource, ROLE, values)).result is Result.ALLOWED
            for action, resource, values in prepared
        ]

    return Engine("muniment", asked)


def decided(rules: Rules, requests: Sequence[Asked]) -> list[Decision]:
    layers = identity(rules)
    return [
        evaluate(layers, Request(request.action, request.resource, ROLE, context(request.values)))
        for request in requests
    ]


def identity(rules: Rules) -> Layers:
    return [(Layer.IDENTITY, [_sourced(policy, number) for number, policy in enumerate(rules)])]


def _sourced(policy: Sequence[Rule], number: int) -> SourcedPolicy:
    arn = f"arn:aws:iam::{ACCOUNT_ID}:policy/policy-{number}"
    return SourcedPolicy(parse(document(policy), PolicyType.IDENTITY), arn, "managed", "v1")


def document(policy: Sequence[Rule]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [_statement(rule) for rule in policy]})


def _statement(rule: Rule) -> dict[str, object]:
    conditions: dict[str, dict[str, Sequence[str]]] = {}
    for condition in rule.conditions:
        conditions.setdefault(condition.operator.value, {})[condition.key] = condition.wanted
    return {"Effect": rule.effect, "Action": rule.actions, "Resource": rule.resources, "Condition": conditions}


def context(values: Mapping[str, Value]) -> dict[str, tuple[str, ...]]:
    """As a request brings it: texts, by keys in lower case, which stand in a program and are not made for a request."""
    return {intern(key.lower()): _texts(key, value) for key, value in values.items()}


def _texts(key: str, value: Value) -> tuple[str, ...]:
    match value:
        case tuple():
            return value
        case bool():
            return (str(value).lower(),)
        case int() if key in _MOMENTS:
            return (iso(value),)
        case _:
            return (str(value),)
