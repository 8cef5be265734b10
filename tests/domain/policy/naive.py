"""The policy language once more, as the documentation tells it: slow, plain, and sharing nothing with the evaluator.

Everything works on the documents as they are written. Names in quotation marks are pages of the IAM User Guide.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from typing import Any

from domain.policy import Layer, Request, RequestPrincipal, Result

Document = Mapping[str, Any]
Layers = Sequence[tuple[Layer, Sequence[Document]]]
Context = Mapping[str, Sequence[str]]

EVERYBODY = "*"


class Grant(IntEnum):
    """What a resource's policy gives a caller of the same account, by whom it names."""

    NOTHING = 0
    TO_THE_ACCOUNT = 1
    """The account may let its principals in; this policy lets nobody in."""
    TO_THE_ISSUER = 2
    """To the role behind a session, or to the user behind a federated session."""
    TO_THE_CALLER = 3


@dataclass(frozen=True)
class Piece:
    """One character of a pattern."""

    character: str
    is_written: bool
    """Not so where a variable stood: what replaces it is no wildcard."""

    @property
    def is_wildcard(self) -> bool:
        return self.is_written and self.character in {"*", "?"}


@dataclass(frozen=True)
class Step:
    """One character, or a wildcard, which may be kept from matching colons."""

    piece: Piece
    crosses_colons: bool = True


def decide(layers: Layers, request: Request) -> Result:
    """ "How AWS enforcement code logic evaluates requests to allow or deny access"."""
    if any(_has_effect("Deny", document, request, layers) for _, documents in layers for document in documents):
        return Result.EXPLICITLY_DENIED
    return Result.ALLOWED if _is_allowed(layers, request) else Result.IMPLICITLY_DENIED


def _is_allowed(layers: Layers, request: Request) -> bool:
    caller = request.principal
    granted = max(_granted(Layer.RESOURCE, layers, request), _granted(Layer.TRUST, layers, request))
    if not _allows(Layer.RCP, layers, request):
        return False
    if caller is None or caller.account_id is None:
        return granted is Grant.TO_THE_CALLER
    if not _allows(Layer.SCP, layers, request):
        return False
    within_bounds = _allows(Layer.BOUNDARY, layers, request) and _allows(Layer.SESSION, layers, request)
    by_identity = _is_there(Layer.IDENTITY, layers) and _allows(Layer.IDENTITY, layers, request) and within_bounds
    if _resource_account(request, caller.account_id) != caller.account_id:
        # "Cross-account policy evaluation logic": either account judges on its own.
        return granted is not Grant.NOTHING and by_identity
    match granted:
        case Grant.TO_THE_CALLER:
            return True
        case Grant.TO_THE_ISSUER:
            return within_bounds
        case Grant.TO_THE_ACCOUNT:
            return by_identity
        case Grant.NOTHING:
            return by_identity and not _is_there(Layer.TRUST, layers)


def _is_there(layer: Layer, layers: Layers) -> bool:
    return any(kind is layer for kind, _ in layers)


def _allows(layer: Layer, layers: Layers, request: Request) -> bool:
    """Whether each entry of the layer allows, be there none, one, or one for each level of an organisation."""
    entries = [documents for kind, documents in layers if kind is layer]
    return all(any(_has_effect("Allow", one, request, layers) for one in documents) for documents in entries)


def _granted(layer: Layer, layers: Layers, request: Request) -> Grant:
    documents = [document for kind, listed in layers if kind is layer for document in listed]
    return max((_grant(document, request, layers) for document in documents), default=Grant.NOTHING)


def _resource_account(request: Request, callers: str) -> str:
    if request.resource_account is not None:
        return request.resource_account
    parts = request.resource.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4] else callers


# Statements


def _statements(document: Document) -> Iterator[Document]:
    listed = document["Statement"]
    yield from listed if isinstance(listed, list) else [listed]


def _has_effect(effect: str, document: Document, request: Request, layers: Layers) -> bool:
    has_variables = document.get("Version") == "2012-10-17"
    return any(
        statement["Effect"] == effect
        and _is_about_request(statement, request, has_variables=has_variables)
        and _is_about_caller(statement, request.principal, layers)
        for statement in _statements(document)
    )


def _is_about_request(statement: Document, request: Request, *, has_variables: bool) -> bool:
    return (
        _is_about_action(statement, request.action)
        and _is_about_resource(statement, request, has_variables=has_variables)
        and all(
            _holds(
                operator,
                request.context.get(key.lower(), ()),
                _listed(wanted),
                statement["Effect"],
                request.context if has_variables else None,
            )
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def _listed(value: Any) -> list[str]:
    """JSON's numbers and Booleans as they are written."""
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def _is_about_action(statement: Document, action: str) -> bool:
    def fits(pattern: str) -> bool:
        return _matches([Step(Piece(c, is_written=True)) for c in pattern.lower()], action.lower())

    if "Action" in statement:
        return any(fits(pattern) for pattern in _listed(statement["Action"]))
    return not any(fits(pattern) for pattern in _listed(statement["NotAction"]))


def _is_about_resource(statement: Document, request: Request, *, has_variables: bool) -> bool:
    if "Resource" not in statement and "NotResource" not in statement:
        return True  # a trust policy is about its role
    written = _listed(statement["Resource"] if "Resource" in statement else statement["NotResource"])
    patterns = [_replaced(text, request.context if has_variables else None) for text in written]
    fits = any(pattern is not None and _matches(_by_segments(pattern), request.resource) for pattern in patterns)
    if "Resource" in statement:
        return fits
    if statement["Effect"] == "Allow" and None in patterns:
        return False  # nobody knows what was to be left out
    return not fits


def _by_segments(pattern: list[Piece]) -> list[Step]:
    """ "Resource", "Using wildcards in resource ARNs": within segments, but for a star that ends one."""
    if [piece.character for piece in pattern] == ["*"]:
        return [Step(pattern[0])]
    steps, colons = [], 0
    for place, piece in enumerate(pattern):
        ends_segment = place + 1 == len(pattern) or pattern[place + 1] == Piece(":", is_written=True)
        steps.append(Step(piece, colons >= 5 or (piece.character == "*" and ends_segment)))
        colons += piece.character == ":"
    return steps


# Principals


def _names(statement: Document, element: str) -> set[tuple[str, str]]:
    value = {"AWS": "*"} if statement[element] == "*" else statement[element]
    return {(kind, name) for kind, names in value.items() for name in _listed(names)}


def _names_of_account(account_id: str | None, names: set[tuple[str, str]]) -> set[tuple[str, str]]:
    root = re.compile(f"(arn:[a-z-]+:iam::)?{account_id}(?(1):root)")
    return {(kind, name) for kind, name in names if account_id and kind == "AWS" and root.fullmatch(name)}


def _grant(document: Document, request: Request, layers: Layers) -> Grant:
    has_variables = document.get("Version") == "2012-10-17"
    return max(
        (
            _grant_of_statement(statement, request.principal, layers)
            for statement in _statements(document)
            if statement["Effect"] == "Allow" and _is_about_request(statement, request, has_variables=has_variables)
        ),
        default=Grant.NOTHING,
    )


def _grant_of_statement(statement: Document, caller: RequestPrincipal | None, layers: Layers) -> Grant:
    if "NotPrincipal" in statement:
        return Grant.TO_THE_CALLER if _is_about_caller(statement, caller, layers) else Grant.NOTHING
    names = _names(statement, "Principal")
    if ("AWS", EVERYBODY) in names:
        return Grant.TO_THE_CALLER
    if caller is None:
        return Grant.NOTHING
    if names & caller.names:
        return Grant.TO_THE_CALLER
    if names & caller.issuer_names:
        return Grant.TO_THE_ISSUER
    return Grant.TO_THE_ACCOUNT if _names_of_account(caller.account_id, names) else Grant.NOTHING


def _is_about_caller(statement: Document, caller: RequestPrincipal | None, layers: Layers) -> bool:
    if "NotPrincipal" not in statement:
        return "Principal" not in statement or _grant_of_statement(statement, caller, layers) is not Grant.NOTHING
    names = _names(statement, "NotPrincipal")
    is_denied = statement["Effect"] == "Deny"
    if is_denied and any(layer is Layer.BOUNDARY for layer, _ in layers):
        return True  # "NotPrincipal", "Key points": whoever has a permissions boundary is denied, whatever is named
    if ("AWS", EVERYBODY) in names:
        return False
    if caller is None:
        return True
    is_listed = [bool(names & caller.names)]
    if caller.issuer_names:
        is_listed.append(bool(names & caller.issuer_names))
    if caller.account_id is not None:
        is_listed.append(bool(_names_of_account(caller.account_id, names)))
    return not all(is_listed) if is_denied else not any(is_listed)


# Conditions

Compare = Callable[[str, str], bool]
"""A value of the policy, and one of the request. Raises ValueError for one of the request that is none of its type."""


def _holds(operator: str, values: Sequence[str], wanted: list[str], effect: str, variables: Context | None) -> bool:
    """ "Condition operators", and "Single-valued vs. multivalued context keys" for the two set operators."""
    prefix, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    if name == "Null":
        return any((text.lower() == "true") == (not values) for text in wanted)
    if name != rest and not values:
        return True
    held = [_holds_for(name, value, wanted, effect, variables) for value in values]
    match prefix, len(values):
        case "ForAllValues", _:
            return all(held)
        case "ForAnyValue", _:
            return any(held)
        case _, 0:
            return "Not" in name
        case _, 1:
            return held[0]
        case _:
            return effect == "Deny"


def _holds_for(name: str, value: str, wanted: list[str], effect: str, variables: Context | None) -> bool:
    """Values are alternatives; a negated operator wants none of them ("Multiple context keys or values")."""
    is_negated = "Not" in name
    positive = name.replace("Not", "")
    if positive.startswith(("String", "Arn")):
        patterns = [_replaced(text, variables) for text in wanted]
        fits = any(pattern is not None and _TEXTUAL[positive](pattern, value) for pattern in patterns)
        return fits != is_negated
    try:
        return any(_TYPED[positive](text, value) for text in wanted) != is_negated
    except ValueError:
        return is_negated and effect == "Deny"


def _exactly(pattern: list[Piece], value: str) -> bool:
    return "".join(piece.character for piece in pattern) == value


def _ignoring_case(pattern: list[Piece], value: str) -> bool:
    return "".join(piece.character for piece in pattern).casefold() == value.casefold()


def _like(pattern: list[Piece], value: str) -> bool:
    return _matches([Step(piece) for piece in pattern], value)


def _arn_like(pattern: list[Piece], value: str) -> bool:
    """Each of the six components is checked separately."""
    components: list[list[Step]] = [[]]
    for piece in pattern:
        if piece.character == ":" and len(components) < 6:
            components.append([])
        else:
            components[-1].append(Step(piece))
    parts = value.split(":", 5)
    return (
        len(components) == len(parts) == 6
        and parts[0] == "arn"
        and all(_matches(steps, part) for steps, part in zip(components, parts, strict=True))
    )


def _number(text: str) -> Decimal:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        raise ValueError(text)
    return Decimal(text)


def _moment(text: str) -> datetime:
    """The W3C's note on date and time formats, or seconds since 1970."""
    if re.fullmatch(r"-?[0-9]{5,}", text):
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


# Texts

_VARIABLE = re.compile(r"\$\{([^}',]+)(?:, '([^']*)')?\}", re.DOTALL)


def _replaced(text: str, variables: Context | None) -> list[Piece] | None:
    """The text with its variables replaced ("Variables and tags"); None if one of them has no value and no default.
    No variables are those of a policy of the first version, where they are text like any other."""
    pieces: list[Piece] = []
    place = 0
    while place < len(text):
        found = _VARIABLE.match(text, place) if variables is not None else None
        if variables is None or not found:
            pieces.append(Piece(text[place], is_written=True))
            place += 1
            continue
        place = found.end()
        key, default = found.groups()
        values = [key] if key in {"*", "?", "$"} else variables.get(key.lower(), ())
        value = values[0] if len(values) == 1 else default
        if value is None:
            return None
        pieces.extend(Piece(character, is_written=False) for character in value)
    return pieces


def _matches(pattern: Sequence[Step], text: str) -> bool:
    """By all the places of the text that could be reached when the first steps of the pattern were taken."""
    reached = {0}
    for step in pattern:
        reached = {place for start in reached for place in _reachable(step, text, start)}
    return len(text) in reached


def _reachable(step: Step, text: str, start: int) -> Iterator[int]:
    if not step.piece.is_wildcard:
        if text[start : start + 1] == step.piece.character:
            yield start + 1
        return
    if step.piece.character == "*":
        yield start
    for place in range(start, len(text)):
        if text[place] == ":" and not step.crosses_colons:
            return
        yield place + 1
        if step.piece.character == "?":
            return
