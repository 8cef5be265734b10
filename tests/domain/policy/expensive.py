"""Policies and requests that stay within every quota and are as expensive as can be, each in a way of its own."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from domain.policy import Request

Document = dict[str, object]
POLICIES_MAX = 110
"""Of a user: ten of its own, and ten of each of ten groups."""
CHARACTERS_MAX = 6_000
"""Of a managed policy there may be 6,144."""
_NAMES = [chr(code) for code in (*range(0x61, 0x7B), *range(0xC0, 0x100))]
_USER = "arn:aws:iam::123456789012:user/"


class Attack(NamedTuple):
    statement: Document
    """As often as a policy has room for it."""
    request: Request

    @property
    def document(self) -> str:
        one = json.dumps(self.statement, separators=(",", ":"), ensure_ascii=False)
        often = max(1, CHARACTERS_MAX // (len(one) + 1))
        return f'{{"Version":"2012-10-17","Statement":[{",".join([one] * often)}]}}'


def asking(resource: str = f"{_USER}ann", context: Mapping[str, tuple[str, ...]] | None = None) -> Request:
    return Request("iam:GetUser", resource, None, context or {}, "123456789012")


def patterns(pattern: str, characters: int = CHARACTERS_MAX) -> list[str]:
    """So many as fit, each with another name for `@`."""
    names = [*_NAMES, *(one + other for one in _NAMES for other in _NAMES)]
    return [pattern.replace("@", name) for name in names[: characters // (len(pattern) + 4)]]


def _where(operator: str, key: str, wanted: list[str]) -> Document:
    return {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {key: wanted}}}


def _on(resources: list[str]) -> Document:
    return {"Effect": "Allow", "Action": "*", "Resource": resources}


def _agent(characters: int) -> Request:
    return asking(context={"aws:useragent": ("x" * characters,)})


_TAGS = asking(context={"aws:tagkeys": tuple("0" * 128 for _ in range(50))})
ATTACKS: dict[str, Attack] = {
    "a star and a character, on an agent": Attack(
        _where("StringLike", "aws:UserAgent", patterns("*?@")), _agent(1_000)
    ),
    "eight patterns a condition": Attack(_where("StringLike", "aws:UserAgent", patterns("*?@", 48)), _agent(1_000)),
    "several stars, on a resource": Attack(_on(patterns(f"{_USER}*x*@*")), asking(f"{_USER}{'x' * 570}")),
    "pieces that nearly fit": Attack(
        _where("StringLike", "aws:UserAgent", [f"*{'x' * 120}{name}*" for name in _NAMES[:7]]), _agent(1_000)
    ),
    "one long pattern": Attack(_where("StringLike", "aws:UserAgent", ["*?x" * 1_900]), _agent(8_000)),
    "a long value in long patterns": Attack(
        _where("StringLike", "aws:UserAgent", patterns("*${aws:useragent}?@")), _agent(1_000)
    ),
    "short patterns of variables": Attack(_where("StringLike", "aws:UserAgent", patterns("${a:b}@")), _agent(10)),
    "many values": Attack(_where("ForAnyValue:StringLike", "aws:TagKeys", patterns("*?@")), _TAGS),
    "many values, plain": Attack(_where("ForAnyValue:StringEquals", "aws:TagKeys", ["a"]), _TAGS),
    "many values, each of a type": Attack(
        _where("ForAnyValue:NumericEquals", "aws:TagKeys", [str(number) for number in range(1_200)]),
        asking(context={"aws:tagkeys": tuple(map(str, range(2_000, 2_050)))}),
    ),
    "addresses": Attack(
        _where("IpAddress", "aws:SourceIp", [f"10.0.{number % 256}.0/24" for number in range(400)]),
        asking(context={"aws:sourceip": ("192.0.2.1",)}),
    ),
    "lengths, each once": Attack(
        _on([f"{_USER}{'y' * number}*{'z' * (number % 7)}" for number in range(75)]), asking(f"{_USER}{'y' * 500}")
    ),
    "ARNs": Attack(
        _where("ArnLike", "aws:PrincipalArn", patterns("arn:*:*:*:*:*?@")),
        asking(context={"aws:principalarn": (f"{_USER}{'x' * 570}",)}),
    ),
    "ARNs, eight a condition": Attack(
        _where("ArnLike", "aws:PrincipalArn", patterns("arn:*:*:*:*:*?@", 140)),
        asking(context={"aws:principalarn": (f"{_USER}{'x' * 570}",)}),
    ),
    "statements": Attack({"Effect": "Allow", "NotAction": "a:*", "Resource": "*"}, asking()),
    "actions": Attack({"Effect": "Allow", "Action": patterns("iam:*?@*?", 85), "Resource": "*"}, asking()),
    "conditions": Attack(
        {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"Null": {f"a:{number}": "true" for number in range(480)}},
        },
        asking(),
    ),
    "unlike anything": Attack(
        {"Effect": "Deny", "Action": "*", "NotResource": patterns(f"{_USER}?*@")}, asking(f"{_USER}{'x' * 570}")
    ),
}
