"""The rules for casbin: one line an action and rule, found by the action, with conditions as a function."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Address, ip_network

from casbin import FastEnforcer
from casbin.model.model_fast import FastModel

from benchmarks.policy.engines import Answers, Engine
from benchmarks.policy.rules import Asked, Condition, Operator, Rule, Rules, Value, epoch_seconds, expression
from benchmarks.policy.workload import covered

MODEL = """
[request_definition]
r = act, obj, ctx

[policy_definition]
p = act, rule, eft

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = applies(p.rule, r.obj, r.ctx)
"""
_BY_ACTION = [0]
"""The places of what a line is found by, in a line and in a request."""
_Test = Callable[[Value], bool]


def engine(rules: Rules) -> Engine:
    applying: dict[str, Callable[[str, Mapping[str, Value]], bool]] = {"": lambda _resource, _values: False}
    """By the name of a rule; without one, which is what casbin asks when no line is about the action, nothing does."""
    model = FastModel(_BY_ACTION)
    model.load_model_from_text(MODEL)
    for number, rule in enumerate(rule for policy in rules for rule in policy):
        applying[str(number)] = _applying(rule)
        for action in covered(rule):
            model.model["p"]["p"].policy.append([action, str(number), rule.effect.lower()])
    enforcer = FastEnforcer(model, cache_key_order=_BY_ACTION)
    enforcer.add_function("applies", lambda name, resource, values: applying[name](resource, values))

    def asked(requests: Sequence[Asked]) -> Callable[[], Answers]:
        taken = [(request.action, request.resource, dict(request.values)) for request in requests]
        return lambda: [bool(enforcer.enforce(action, resource, values)) for action, resource, values in taken]

    return Engine("casbin", asked)


def _applying(rule: Rule) -> Callable[[str, Mapping[str, Value]], bool]:
    fits = _like(rule.resources)
    tests = [(condition.key, _test(condition)) for condition in rule.conditions]

    def applies(resource: str, values: Mapping[str, Value]) -> bool:
        return fits(resource) and all(key in values and test(values[key]) for key, test in tests)

    return applies


def _like(patterns: Sequence[str]) -> _Test:
    matched = re.compile("|".join(map(expression, patterns))).match
    return lambda value: matched(str(value)) is not None


def _test(condition: Condition) -> _Test:  # noqa: C901, PLR0911  one case an operator
    wanted = condition.wanted
    match condition.operator:
        case Operator.STRING_EQUALS:
            return frozenset(wanted).__contains__
        case Operator.STRING_NOT_EQUALS:
            return lambda value: value not in wanted
        case Operator.STRING_LIKE:
            return _like(wanted)
        case Operator.NUMERIC_LESS_THAN:
            return partial(operator.gt, int(wanted[0]))
        case Operator.DATE_LESS_THAN:
            return partial(operator.gt, epoch_seconds(wanted[0]))
        case Operator.DATE_GREATER_THAN:
            return partial(operator.lt, epoch_seconds(wanted[0]))
        case Operator.BOOL:
            return partial(operator.eq, wanted[0] == "true")
        case Operator.IP_ADDRESS:
            return _within(wanted)
        case Operator.NOT_IP_ADDRESS:
            within = _within(wanted)
            return lambda value: not within(value)
        case Operator.ANY_STRING_EQUALS:
            return lambda value: not frozenset(wanted).isdisjoint(_members(value))


def _within(wanted: Sequence[str]) -> _Test:
    networks = [ip_network(network) for network in wanted]

    def within(value: Value) -> bool:
        address = IPv4Address(value)
        return any(address in network for network in networks)

    return within


def _members(value: Value) -> tuple[str, ...]:
    assert isinstance(value, tuple)
    return value
