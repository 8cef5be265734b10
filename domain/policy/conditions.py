"""The Condition element: its operators, and what they make of the values that a request brings.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import base64
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from sys import intern
from typing import Any, NamedTuple, TypeVar

from domain.foundation.errors import worded
from domain.policy import sentences
from domain.policy.pattern_lists import pattern_list
from domain.policy.variables import Piece, RequestContext, Variable, fixed, pieces, substituted
from domain.policy.weights import LOOKUP, TYPED_READ, TYPED_READ_CHARACTER, TYPED_VALUE, Weight
from domain.policy.wildcards import ARN_PARTS, Test, Token, Wildcard, arn_parts, matcher, tokens

OCTET_MAX = 255
PLAIN_DATE_CHARACTERS = 20
CONDITION_KEY = re.compile(r"[^:*?\s]+:.+")
"""A service, or whoever else brings the key, and its name."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_W3C_DATE = re.compile(r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?", re.ASCII)
_EPOCH_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)

Compare = Callable[[str, RequestContext], bool]
"""Whether one value of the request satisfies an operator."""
CompileOperator = Callable[["Operands"], tuple[Compare, Weight]]
"""Raises ValueError when a value in the policy is not of the operator's type."""
T = TypeVar("T")
U = TypeVar("U")


class Operands(NamedTuple):
    """What a condition lists: its values are ORed, NORed by a negated operator."""

    texts: tuple[str, ...]
    has_variables: bool
    """Whether the policy's version has policy variables."""
    negated: bool
    if_unfit: bool
    """What holds for a value of the request that is not of the operator's type."""

    def pieces(self, text: str, read: Callable[[str], Iterable[Token]]) -> tuple[Piece, ...]:
        return pieces(text, read) if self.has_variables and "${" in text else tuple(read(text))


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key. All conditions of a statement must hold."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    context_key: str
    variables: tuple[Variable, ...]
    holds: Callable[[RequestContext], bool]
    weight: Weight

    @property
    def name(self) -> str:
        """Such as `StringEquals aws:username`."""
        return f"{self.operator} {self.key}"


class ConditionOperator(NamedTuple):
    compile: CompileOperator
    negated: bool = False
    substitutes: bool = False
    """Whether policy variables have a meaning in its values."""


def instant(text: str) -> datetime:
    """A date in a W3C form of ISO 8601 (https://www.w3.org/TR/NOTE-datetime) or in seconds since 1970, as four
    digits a year. Raises ValueError."""
    try:
        # Nearly all look like 2020-01-31T23:59:59Z, which can be told without a regular expression.
        if text[4::3] == "--T::Z" and len(text) == PLAIN_DATE_CHARACTERS:
            return datetime.fromisoformat(text)
        if _W3C_DATE.fullmatch(text):
            moment = datetime.fromisoformat(text + "-01-01"[len(text) - 4 :])
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if _EPOCH_SECONDS.fullmatch(text):
            return _EPOCH + timedelta(seconds=int(text))
    except (ValueError, OverflowError):
        pass
    raise ValueError(f'"{text}" is not a date: expected a form such as 2020-01-31T23:59:59Z, or seconds since 1970')


def number(text: str) -> int | Decimal:
    """An integer or a decimal number. Raises ValueError."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f'"{text}" is not a number: expected one such as 10 or -0.5')
    return Decimal(text) if "." in text else int(text)


def boolean(text: str) -> bool:
    """Raises ValueError."""
    if text.lower() not in {"true", "false"}:
        raise ValueError(f'"{text}" is not a Boolean: expected true or false')
    return text.lower() == "true"


def binary(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ValueError(f'"{text}" is not binary data: expected base64') from None


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: str) -> tuple[int, int, int]:
    """Version, mask and network. Without a mask it is one address."""
    try:
        network: _Network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'"{text}" is not an address: expected one such as 203.0.113.0/24 or 2001:db8::/32') from None
    return network.version, int(network.netmask), int(network.network_address)


def _address(text: str) -> tuple[int, int]:
    """Version and number. Dotted quads, which nearly all are, are read four times faster here than by ipaddress."""
    try:
        first, second, third, fourth = map(int, text.split("."))
    except ValueError:
        address: _Address = ipaddress.ip_address(text)
        return address.version, int(address)
    # Written again it must be the same text: int takes other digits, signs and leading zeros too.
    if f"{first}.{second}.{third}.{fourth}" != text or not 0 <= first | second | third | fourth <= OCTET_MAX:
        raise ValueError(f'"{text}" is no address')
    return 4, first << 24 | second << 16 | third << 8 | fourth


def _is_in(address: tuple[int, int], network: tuple[int, int, int]) -> bool:
    version, mask, start = network
    return address[0] == version and address[1] & mask == start


def _typed(read: Callable[[str], T], compare: Callable[[U, T], bool], read_own: Callable[[str], U]) -> CompileOperator:
    """Values of a type: in the policy they must be, in a request they may fail to be."""

    def compile_(wanted: Operands) -> tuple[Compare, Weight]:
        others = tuple(read(text) for text in wanted.texts)
        negated, if_unfit = wanted.negated, wanted.if_unfit

        def satisfies(present: str, _context: RequestContext) -> bool:
            try:
                value = read_own(present)
            except ValueError:
                return if_unfit
            for other in others:
                if compare(value, other):
                    return not negated
            return negated

        return satisfies, Weight(TYPED_READ + TYPED_VALUE * len(others), TYPED_READ_CHARACTER)

    return compile_


def _one_of(normal: Callable[[str], str]) -> CompileOperator:
    def compile_(wanted: Operands) -> tuple[Compare, Weight]:
        patterns = [wanted.pieces(text, lambda part: (part,)) for text in wanted.texts]
        texts = frozenset(normal(_joined(pattern)) for pattern in map(fixed, patterns) if pattern is not None)
        varying = tuple(pattern for pattern in patterns if fixed(pattern) is None)
        negated = wanted.negated
        weight = Weight(LOOKUP, 0 if normal is str else 1).with_varying(varying)
        if not varying:
            return lambda present, _context: (normal(present) in texts) != negated, weight

        def satisfies(present: str, context: RequestContext) -> bool:
            text = normal(present)
            if text in texts:
                return not negated
            for pattern in varying:
                filled = substituted(pattern, context)
                if filled is not None and normal(_joined(filled)) == text:
                    return not negated
            return negated

        return satisfies, weight

    return compile_


def _joined(pattern: Iterable[Token]) -> str:
    """Of a pattern without wildcards."""
    return "".join(token for token in pattern if isinstance(token, str))


def _like(wanted: Operands) -> tuple[Compare, Weight]:
    patterns = [wanted.pieces(text, tokens) for text in wanted.texts]
    test, weight = pattern_list([pattern for pattern in map(fixed, patterns) if pattern is not None])
    varying = tuple(pattern for pattern in patterns if fixed(pattern) is None)
    negated = wanted.negated

    def satisfies(present: str, context: RequestContext) -> bool:
        if test(present):
            return not negated
        for pattern in varying:
            filled = substituted(pattern, context)
            if filled is not None and matcher(filled)(present):
                return not negated
        return negated

    return satisfies, weight.with_varying(varying)


def _arn_like(wanted: Operands) -> tuple[Compare, Weight]:
    """Part by part: no wildcard reaches from one of the first five parts into the next
    ("Amazon Resource Name (ARN) condition operators")."""
    patterns = [arn_pieces(wanted, text) for text in wanted.texts]
    whole = {pattern: parts for parts in patterns if (pattern := fixed(bound(parts))) is not None}
    test, weight = pattern_list(tuple(whole), lambda pattern: _part_by_part(whole[pattern]))
    varying = tuple(parts for parts in patterns if any(fixed(part) is None for part in parts))
    negated, if_unfit = wanted.negated, wanted.if_unfit

    def satisfies(present: str, context: RequestContext) -> bool:
        parts = arn_parts(present)
        if len(parts) != ARN_PARTS or parts[0] != "arn":
            return if_unfit
        if test(present):
            return not negated
        for pattern in varying:
            if all(_matches(wanted_part, part, context) for wanted_part, part in zip(pattern, parts, strict=True)):
                return not negated
        return negated

    return satisfies, weight.with_varying(map(bound, varying))


def arn_pieces(wanted: Operands, text: str) -> list[list[Piece]]:
    """A colon of the policy parts the ARN, one in a value that a request fills in does not."""
    parts: list[list[Piece]] = [[]]
    for piece in wanted.pieces(text, tokens):
        if not isinstance(piece, str):
            parts[-1].append(piece)
            continue
        first, *others = piece.split(":", ARN_PARTS - len(parts))
        parts[-1].append(first)
        parts.extend([other] for other in others)
    if parts == [[Wildcard.ANY]]:
        parts *= ARN_PARTS
    if len(parts) != ARN_PARTS:
        raise ValueError(f'"{text}" is not an ARN: expected {ARN_PARTS} parts with colons between them, or "*"')
    return parts


_OF_PART = {Wildcard.ANY: Wildcard.ANY_OF_PART, Wildcard.ONE: Wildcard.ONE_OF_PART}


def bound(parts: Sequence[Sequence[Piece]]) -> tuple[Piece, ...]:
    """One pattern of the parts, in which no wildcard of the first five matches a colon."""
    found: list[Piece] = []
    for part in parts[:-1]:
        found.extend(_OF_PART.get(piece, piece) if isinstance(piece, Wildcard) else piece for piece in part)
        found.append(":")
    return (*found, *parts[-1])


def _part_by_part(parts: Sequence[Sequence[Piece]]) -> Test:
    """Of a single pattern without variables: faster than going through the text once."""
    tests = tuple(matcher(same) for part in parts if (same := fixed(part)) is not None)
    return lambda text: all(test(part) for test, part in zip(tests, arn_parts(text), strict=True))


def _matches(pattern: Sequence[Piece], part: str, context: RequestContext) -> bool:
    filled = substituted(pattern, context)
    return filled is not None and matcher(filled)(part)


def _family(prefix: str, read: Callable[[str], Any]) -> dict[str, ConditionOperator]:
    """The operators of a type whose values have an order."""
    compares: Mapping[str, Callable[[Any, Any], bool]] = {
        "Equals": operator.eq,
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
    operators = {
        f"{prefix}{name}": ConditionOperator(_typed(read, compare, read)) for name, compare in compares.items()
    }
    return operators | {f"{prefix}NotEquals": ConditionOperator(_typed(read, operator.eq, read), negated=True)}


OPERATORS: Mapping[str, ConditionOperator] = {
    "StringEquals": ConditionOperator(_one_of(str), substitutes=True),
    "StringNotEquals": ConditionOperator(_one_of(str), negated=True, substitutes=True),
    "StringEqualsIgnoreCase": ConditionOperator(_one_of(str.casefold), substitutes=True),
    "StringNotEqualsIgnoreCase": ConditionOperator(_one_of(str.casefold), negated=True, substitutes=True),
    "StringLike": ConditionOperator(_like, substitutes=True),
    "StringNotLike": ConditionOperator(_like, negated=True, substitutes=True),
    **_family("Numeric", number),
    **_family("Date", instant),
    "Bool": ConditionOperator(_typed(boolean, operator.eq, boolean)),
    "BinaryEquals": ConditionOperator(_typed(binary, operator.eq, binary)),
    "IpAddress": ConditionOperator(_typed(_network, _is_in, _address)),
    "NotIpAddress": ConditionOperator(_typed(_network, _is_in, _address), negated=True),
    "ArnEquals": ConditionOperator(_arn_like, substitutes=True),
    "ArnLike": ConditionOperator(_arn_like, substitutes=True),
    "ArnNotEquals": ConditionOperator(_arn_like, negated=True, substitutes=True),
    "ArnNotLike": ConditionOperator(_arn_like, negated=True, substitutes=True),
}
_ALL, _ANY, _IF_EXISTS = "ForAllValues:", "ForAnyValue:", "IfExists"


class UnknownConditionError(ValueError):
    """With IAM's sentence, and ours."""

    def __init__(self, sentence: str, detail: str) -> None:
        super().__init__(worded(sentence, detail))
        self.sentence, self.detail = sentence, detail


def condition(name: str, key: str, texts: tuple[str, ...], *, has_variables: bool, denies: bool) -> Condition:
    """An operator as it is spelt in a policy, ready to be asked.

    `has_variables`: the policy's version has policy variables. `denies`: the statement does. Raises ValueError, with
    a sentence that names what is wrong; UnknownConditionError where IAM has one.
    """
    if not CONDITION_KEY.fullmatch(key):
        raise UnknownConditionError(sentences.NO_VENDOR, f'expected a key such as aws:SourceIp, got "{key}"')
    # One text for all policies: looking it up then compares no characters.
    context_key = intern(key.lower())
    bare = name.removeprefix(_ALL if name.startswith(_ALL) else _ANY)
    if bare == "Null":
        return Condition(name, key, texts, context_key, (), _null(context_key, texts), Weight(LOOKUP, 0))
    known = OPERATORS.get(bare.removesuffix(_IF_EXISTS))
    if known is None:
        raise UnknownConditionError(
            sentences.invalid_condition(name),
            f"expected Null, or one of {', '.join(OPERATORS)}, also with {_IF_EXISTS} behind it, "
            f"and {_ALL} or {_ANY} in front",
        )
    # Whoever denies by what something is not, denies what cannot be told; nobody is allowed by it.
    has_variables = has_variables and known.substitutes
    wanted = Operands(texts, has_variables, known.negated, if_unfit=known.negated and denies)
    compare, weight = known.compile(wanted)
    variables = [piece for text in texts if "${" in text for piece in wanted.pieces(text, lambda part: (part,))]
    return Condition(
        name,
        key,
        texts,
        context_key,
        tuple(piece for piece in variables if isinstance(piece, Variable)),
        _holding(name, context_key, compare, if_missing=known.negated or name.endswith(_IF_EXISTS), denies=denies),
        weight,
    )


def _null(key: str, texts: tuple[str, ...]) -> Callable[[RequestContext], bool]:
    """`true` asks that the key be absent."""
    answers = {boolean(text) for text in texts}
    return lambda context: (not context.get(key)) in answers


def _holding(
    name: str, key: str, compare: Compare, *, if_missing: bool, denies: bool
) -> Callable[[RequestContext], bool]:
    """("Single-valued vs. multivalued context keys". An empty text is no value of a set.)"""
    if name.startswith(_ALL):
        return lambda context: all(compare(value, context) for value in context.get(key) or () if value)
    if name.startswith(_ANY):
        # Of no values none can do; a negated operator is satisfied by a value, not by the lack of one.
        if_none = name.endswith(_IF_EXISTS)

        def any_holds(context: RequestContext) -> bool:
            present = context.get(key)
            return any(compare(value, context) for value in present if value) if present else if_none

        return any_holds

    def holds(context: RequestContext) -> bool:
        present = context.get(key)
        if not present:
            return if_missing
        if len(present) == 1:
            return compare(present[0], context)
        # AWS asks for a set operator wherever a key has several values and does not say what holds without one, so
        # neither side gets the benefit of the doubt: nothing is allowed, and what is denied stays so.
        return denies

    return holds
