"""The rules for vakt, in memory, with its own kinds of rules wherever it has a fast one."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, ip_network

from vakt import ALLOW_ACCESS, DENY_ACCESS, Guard, Inquiry, MemoryStorage, Policy, RulesChecker
from vakt.rules import Any, AnyIn, Eq, Greater, In, Less, NotEq, NotIn, Or, RegexMatch, StartsWith

from benchmarks.policy.engines import Answers, Engine
from benchmarks.policy.rules import Asked, Condition, Operator, Rule, Rules, epoch_seconds, expression
from benchmarks.policy.workload import PRINCIPAL


class _Networks:
    """Its own rule for networks reads the network anew for each request; this one did once."""

    def __init__(self, networks: Sequence[str], *, negated: bool) -> None:
        self._networks = [ip_network(network) for network in networks]
        self._negated = negated

    def satisfied(self, what: object, _inquiry: object = None) -> bool:
        address = IPv4Address(what)
        return any(address in network for network in self._networks) != self._negated


def engine(rules: Rules) -> Engine:
    storage = MemoryStorage()
    for number, rule in enumerate(rule for policy in rules for rule in policy):
        storage.add(_policy(number, rule))
    guard = Guard(storage, RulesChecker())

    def asked(requests: Sequence[Asked]) -> Callable[[], Answers]:
        taken = [(request.action, request.resource, _values(request)) for request in requests]
        return lambda: [
            bool(guard.is_allowed(Inquiry(action=action, resource=resource, subject=PRINCIPAL, context=values)))
            for action, resource, values in taken
        ]

    return Engine("vakt", asked)


def _values(request: Asked) -> dict[str, object]:
    """It knows only lists as sets of values."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in request.values.items()}


def _policy(number: int, rule: Rule) -> Policy:
    return Policy(
        number,
        effect=ALLOW_ACCESS if rule.effect == "Allow" else DENY_ACCESS,
        subjects=[Any()],
        actions=[_like(pattern) for pattern in rule.actions],
        resources=[_like(pattern) for pattern in rule.resources],
        context={condition.key: _kind(condition) for condition in rule.conditions},
    )


def _like(pattern: str) -> object:
    kind: object
    if pattern == "*":
        kind = Any()
    elif "*" not in pattern:
        kind = Eq(pattern)
    elif pattern.index("*") == len(pattern) - 1:
        kind = StartsWith(pattern[:-1])
    else:
        kind = RegexMatch(expression(pattern))
    return kind


def _kind(condition: Condition) -> object:  # noqa: C901, PLR0911  one case an operator
    wanted = condition.wanted
    match condition.operator:
        case Operator.STRING_EQUALS:
            return Eq(wanted[0]) if len(wanted) == 1 else In(*wanted)
        case Operator.STRING_NOT_EQUALS:
            return NotEq(wanted[0]) if len(wanted) == 1 else NotIn(*wanted)
        case Operator.STRING_LIKE:
            return _like(wanted[0]) if len(wanted) == 1 else Or(*map(_like, wanted))
        case Operator.NUMERIC_LESS_THAN:
            return Less(int(wanted[0]))
        case Operator.DATE_LESS_THAN:
            return Less(epoch_seconds(wanted[0]))
        case Operator.DATE_GREATER_THAN:
            return Greater(epoch_seconds(wanted[0]))
        case Operator.BOOL:
            return Eq(wanted[0] == "true")
        case Operator.IP_ADDRESS:
            return _Networks(wanted, negated=False)
        case Operator.NOT_IP_ADDRESS:
            return _Networks(wanted, negated=True)
        case Operator.ANY_STRING_EQUALS:
            return AnyIn(*wanted)
