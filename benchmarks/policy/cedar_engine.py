"""The rules in Cedar, decided by cedarpy: parsed once, one request at a time and all of them in one call."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from cedarpy import Entities, PolicySet, is_authorized, is_authorized_batch

from benchmarks.policy.engines import Answers, Engine
from benchmarks.policy.rules import Asked, Condition, Operator, Rule, Rules, Value, epoch_seconds
from benchmarks.policy.workload import ACTIONS, PRINCIPAL, covered

RESOURCE = "resource"
"""A key of the context: Cedar compares only texts by wildcards, not what identifies an entity."""
_ADDRESSES = frozenset({"aws:SourceIp"})


class _Taken(NamedTuple):
    action: str
    resource: str
    context: dict[str, object]


def engines(rules: Rules) -> tuple[Engine, Engine]:
    policies = PolicySet.from_str("\n".join(policy(rule) for each in rules for rule in each))
    entities = Entities.from_json_str(json.dumps(_actions(rules)))

    def one_by_one(requests: Sequence[Asked]) -> Callable[[], Answers]:
        taken = [_taken(request) for request in requests]
        return lambda: [bool(is_authorized(_request(each), policies, entities).allowed) for each in taken]

    def together(requests: Sequence[Asked]) -> Callable[[], Answers]:
        taken = [_taken(request) for request in requests]
        return lambda: [
            bool(result.allowed)
            for result in is_authorized_batch([_request(each) for each in taken], policies, entities)
        ]

    return Engine("cedarpy", one_by_one), Engine("cedarpy, all in one batch", together)


def _taken(request: Asked) -> _Taken:
    values = {key: _value(key, value) for key, value in request.values.items()}
    return _Taken(request.action, request.resource, values)


def _value(key: str, value: Value) -> object:
    if key in _ADDRESSES:
        return {"__extn": {"fn": "ip", "arg": value}}
    return value


def _request(taken: _Taken) -> dict[str, object]:
    return {
        "principal": {"type": "Role", "id": PRINCIPAL},
        "action": {"type": "Action", "id": taken.action},
        "resource": {"type": "Resource", "id": taken.resource},
        "context": {**taken.context, RESOURCE: taken.resource},
    }


def _actions(rules: Rules) -> list[Mapping[str, object]]:
    """Cedar has groups of actions where IAM has wildcards."""
    groups: dict[str, list[str]] = {action: [] for action in ACTIONS}
    for rule in (rule for policy in rules for rule in policy):
        for action in covered(rule):
            groups[action].append(_group(rule))
    names = {group for listed in groups.values() for group in listed}
    described: list[Mapping[str, object]] = [_entity(name, ()) for name in sorted(names)]
    return described + [_entity(action, sorted(set(listed))) for action, listed in groups.items()]


def _entity(name: str, parents: Sequence[str]) -> Mapping[str, object]:
    return {
        "uid": {"type": "Action", "id": name},
        "attrs": {},
        "parents": [{"type": "Action", "id": parent} for parent in parents],
    }


def _group(rule: Rule) -> str:
    """A name that is no action's."""
    return f"any of {' '.join(rule.actions)}"


def policy(rule: Rule) -> str:
    effect = "permit" if rule.effect == "Allow" else "forbid"
    action = "action" if rule.actions == ("*",) else f"action in Action::{json.dumps(_group(rule))}"
    tests = [] if rule.resources == ("*",) else [_any(_like(RESOURCE, pattern) for pattern in rule.resources)]
    tests += [f"context has {json.dumps(each.key)} && {_test(each)}" for each in rule.conditions]
    return f"{effect}(principal, {action}, resource) when {{ {' && '.join(tests)} }};"


def _any(tests: Iterable[str]) -> str:
    return f"({' || '.join(tests)})"


def _like(key: str, pattern: str) -> str:
    if "*" in pattern:
        return f"context[{json.dumps(key)}] like {json.dumps(pattern)}"
    return f"context[{json.dumps(key)}] == {json.dumps(pattern)}"


def _test(condition: Condition) -> str:  # noqa: C901, PLR0911  one case an operator
    value, wanted = f"context[{json.dumps(condition.key)}]", condition.wanted
    match condition.operator:
        case Operator.STRING_EQUALS:
            return _equal(value, wanted)
        case Operator.STRING_NOT_EQUALS:
            return f"!{_equal(value, wanted)}"
        case Operator.STRING_LIKE:
            return _any(_like(condition.key, pattern) for pattern in wanted)
        case Operator.NUMERIC_LESS_THAN:
            return f"{value} < {wanted[0]}"
        case Operator.DATE_LESS_THAN:
            return f"{value} < {epoch_seconds(wanted[0])}"
        case Operator.DATE_GREATER_THAN:
            return f"{value} > {epoch_seconds(wanted[0])}"
        case Operator.BOOL:
            return f"{value} == {wanted[0]}"
        case Operator.IP_ADDRESS:
            return _any(_within(value, network) for network in wanted)
        case Operator.NOT_IP_ADDRESS:
            return f"!{_any(_within(value, network) for network in wanted)}"
        case Operator.ANY_STRING_EQUALS:
            return f"{value}.containsAny({json.dumps(wanted)})"


def _equal(value: str, wanted: Sequence[str]) -> str:
    return f"({value} == {json.dumps(wanted[0])})" if len(wanted) == 1 else f"({json.dumps(wanted)}.contains({value}))"


def _within(value: str, network: str) -> str:
    return f"{value}.isInRange(ip({json.dumps(network)}))"
