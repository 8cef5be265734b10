"""Rules in no engine's language: each engine's own form is made from these, so that all are told the same."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import ip_network
from typing import Literal

Value = str | int | bool | tuple[str, ...]
"""What a request has for a key: a moment is the seconds since 1970, a set a tuple."""

FAR_AWAY = "203.0.113.0/24"
"""Addresses that no rule allows; what else does not fit a network of addresses is still of the organization's own."""
ELSEWHERE_AT_HOME = "10.200.0.0/16"
SECONDS_AWAY_MAX = 60 * 86_400
"""From a date that a rule names."""


class Operator(StrEnum):
    """Spelt as in IAM."""

    STRING_EQUALS = "StringEquals"
    STRING_NOT_EQUALS = "StringNotEquals"
    STRING_LIKE = "StringLike"
    NUMERIC_LESS_THAN = "NumericLessThan"
    DATE_LESS_THAN = "DateLessThan"
    DATE_GREATER_THAN = "DateGreaterThan"
    BOOL = "Bool"
    IP_ADDRESS = "IpAddress"
    NOT_IP_ADDRESS = "NotIpAddress"
    ANY_STRING_EQUALS = "ForAnyValue:StringEquals"


@dataclass(frozen=True, slots=True)
class Condition:
    operator: Operator
    key: str
    wanted: tuple[str, ...]
    """As IAM spells them: numbers, dates, Booleans and networks too."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A statement. A `*` is any characters; there is no other wildcard."""

    effect: Literal["Allow", "Deny"]
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    action: str
    resource: str
    values: Mapping[str, Value]


Draw = random.Random
_Drawn = Callable[[Draw, tuple[str, ...]], Value]


def epoch_seconds(date: str) -> int:
    return int(datetime.fromisoformat(date).timestamp())


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expression(pattern: str) -> str:
    """A regular expression for the engines that have no wildcards; where it matches, the whole text does."""
    return ".*".join(map(re.escape, pattern.split("*"))) + r"\Z"


def word(draw: Draw) -> str:
    return f"{draw.getrandbits(40):010x}"


def filled(draw: Draw, pattern: str) -> str:
    """A text that the pattern matches."""
    head, *rest = pattern.split("*")
    return head + "".join(word(draw) + part for part in rest)


def address(draw: Draw, network: str) -> str:
    block = ip_network(network)
    return str(block[draw.randrange(block.num_addresses)])


def fitting(draw: Draw, condition: Condition) -> Value:
    """A value with which the condition holds, another one each time where there are several."""
    return _DRAWN[condition.operator][0](draw, condition.wanted)


def failing(draw: Draw, condition: Condition) -> Value:
    return _DRAWN[condition.operator][1](draw, condition.wanted)


def _one(draw: Draw, wanted: tuple[str, ...]) -> str:
    return draw.choice(wanted)


def _other(draw: Draw, _wanted: tuple[str, ...]) -> str:
    return word(draw)


def _before(draw: Draw, wanted: tuple[str, ...]) -> int:
    return epoch_seconds(wanted[0]) - draw.randint(1, SECONDS_AWAY_MAX)


def _after(draw: Draw, wanted: tuple[str, ...]) -> int:
    return epoch_seconds(wanted[0]) + draw.randint(1, SECONDS_AWAY_MAX)


def _elsewhere(draw: Draw, _wanted: tuple[str, ...]) -> str:
    return address(draw, ELSEWHERE_AT_HOME)


def _far_away(draw: Draw, _wanted: tuple[str, ...]) -> str:
    return address(draw, FAR_AWAY)


def _within(draw: Draw, wanted: tuple[str, ...]) -> str:
    return address(draw, draw.choice(wanted))


def _matching(draw: Draw, wanted: tuple[str, ...]) -> str:
    return filled(draw, draw.choice(wanted))


def _below(draw: Draw, wanted: tuple[str, ...]) -> int:
    return draw.randrange(int(wanted[0]))


def _not_below(draw: Draw, wanted: tuple[str, ...]) -> int:
    return int(wanted[0]) + draw.randrange(int(wanted[0]))


def _is(_draw: Draw, wanted: tuple[str, ...]) -> bool:
    return wanted[0] == "true"


def _is_not(_draw: Draw, wanted: tuple[str, ...]) -> bool:
    return wanted[0] != "true"


def _with_one(draw: Draw, wanted: tuple[str, ...]) -> tuple[str, ...]:
    return (word(draw), draw.choice(wanted))


def _with_none(draw: Draw, _wanted: tuple[str, ...]) -> tuple[str, ...]:
    return (word(draw), word(draw))


_DRAWN: Mapping[Operator, tuple[_Drawn, _Drawn]] = {
    Operator.STRING_EQUALS: (_one, _other),
    Operator.STRING_NOT_EQUALS: (_other, _one),
    Operator.STRING_LIKE: (_matching, _other),
    Operator.NUMERIC_LESS_THAN: (_below, _not_below),
    Operator.DATE_LESS_THAN: (_before, _after),
    Operator.DATE_GREATER_THAN: (_after, _before),
    Operator.BOOL: (_is, _is_not),
    Operator.IP_ADDRESS: (_within, _elsewhere),
    Operator.NOT_IP_ADDRESS: (_far_away, _within),
    Operator.ANY_STRING_EQUALS: (_with_one, _with_none),
}
"""By operator: how a value is drawn with which it holds, and one with which it does not."""

Rules = Sequence[Sequence[Rule]]
"""Policies, each of its statements."""
