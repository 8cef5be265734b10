"""The operators of conditions once more, as the documentation tells of them."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from tests.domain.policy.naive_texts import Context, Piece, Step, matches, replaced

Compare = Callable[[str, str], bool]
"""A value of the policy, and one of the request. Raises ValueError for one of the request that is none of its type."""


def holds(operator: str, values: Sequence[str], wanted: list[str], effect: str, variables: Context | None) -> bool:
    """ "Condition operators", and "Single-valued vs. multivalued context keys" for the two set operators."""
    prefix, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    if name == "Null":
        return any((text.lower() == "true") == (not values) for text in wanted)
    if prefix and values:
        values = [value for value in values if value]
        if not values:
            return prefix == "ForAllValues"  # "resolves to a null dataset, such as an empty string"
    if not values:
        return name != rest or prefix == "ForAllValues" or (prefix == "" and "Not" in name)
    held = [_holds_for(name, value, wanted, effect, variables) for value in values]
    match prefix:
        case "ForAllValues":
            return all(held)
        case "ForAnyValue":
            return any(held)
        case _:
            return held[0] if len(held) == 1 else effect == "Deny"


def _holds_for(name: str, value: str, wanted: list[str], effect: str, variables: Context | None) -> bool:
    """Values are alternatives; a negated operator wants none of them ("Multiple context keys or values")."""
    is_negated = "Not" in name
    positive = name.replace("Not", "")
    try:
        if positive.startswith("Arn"):
            _arn(value)
        if positive in _TEXTUAL:
            patterns = [replaced(text, variables) for text in wanted]
            fits = [pattern is not None and _TEXTUAL[positive](pattern, value) for pattern in patterns]
        else:
            fits = [_TYPED[positive](text, value) for text in wanted]
    except ValueError:
        return is_negated and effect == "Deny"
    return any(fits) != is_negated


def _exactly(pattern: list[Piece], value: str) -> bool:
    return "".join(piece.character for piece in pattern) == value


def _ignoring_case(pattern: list[Piece], value: str) -> bool:
    return "".join(piece.character for piece in pattern).casefold() == value.casefold()


def _like(pattern: list[Piece], value: str) -> bool:
    return matches([Step(piece) for piece in pattern], value)


def _arn_like(pattern: list[Piece], value: str) -> bool:
    """Each of the six components is checked separately."""
    components: list[list[Step]] = [[]]
    for piece in pattern:
        if piece.character == ":" and len(components) < 6:
            components.append([])
        else:
            components[-1].append(Step(piece))
    return len(components) == 6 and all(
        matches(steps, part) for steps, part in zip(components, _arn(value), strict=True)
    )


def _arn(text: str) -> list[str]:
    parts = text.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        raise ValueError(text)
    return parts


def _number(text: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        raise ValueError(text)
    return Decimal(text)


def _moment(text: str) -> datetime:
    """The W3C's note on date and time formats, or seconds since 1970, none before (not documented)."""
    if re.fullmatch("[0-9]+", text) and len(text) != len("2026"):
        return datetime.fromtimestamp(int(text), UTC)
    found = re.fullmatch(
        r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:\d\d))?)?)?",
        text,
        re.ASCII,
    )
    if not found:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    offset = timedelta()
    if zone and zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:])) * (-1 if zone[0] == "-" else 1)
    return datetime(
        int(year),
        int(month or 1),
        int(day or 1),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "0").ljust(6, "0")),
        tzinfo=timezone(offset),
    )


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(text) from error


def _is_within(wanted: str, value: str) -> bool:
    address, network = ipaddress.ip_address(value), ipaddress.ip_network(wanted, strict=False)
    return address.version == network.version and address in network


_TEXTUAL: Mapping[str, Callable[[list[Piece], str], bool]] = {
    "StringEquals": _exactly,
    "StringEqualsIgnoreCase": _ignoring_case,
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
}
_TYPED: Mapping[str, Compare] = {
    "NumericEquals": lambda wanted, value: _number(value) == _number(wanted),
    "NumericLessThan": lambda wanted, value: _number(value) < _number(wanted),
    "NumericLessThanEquals": lambda wanted, value: _number(value) <= _number(wanted),
    "NumericGreaterThan": lambda wanted, value: _number(value) > _number(wanted),
    "NumericGreaterThanEquals": lambda wanted, value: _number(value) >= _number(wanted),
    "DateEquals": lambda wanted, value: _moment(value) == _moment(wanted),
    "DateLessThan": lambda wanted, value: _moment(value) < _moment(wanted),
    "DateLessThanEquals": lambda wanted, value: _moment(value) <= _moment(wanted),
    "DateGreaterThan": lambda wanted, value: _moment(value) > _moment(wanted),
    "DateGreaterThanEquals": lambda wanted, value: _moment(value) >= _moment(wanted),
    "Bool": lambda wanted, value: _truth(value) == _truth(wanted),
    "BinaryEquals": lambda wanted, value: _octets(value) == _octets(wanted),
    "IpAddress": _is_within,
}
