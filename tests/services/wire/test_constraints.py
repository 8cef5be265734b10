"""Every operation is sent each violation of a single constraint of its model, and complains of it as AWS does."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import botocore.serialize
import pytest

from domain.foundation.errors import ValidationError
from services.wire.form_input import form_fields
from services.wire.operations import Operation
from services.wire.patterns import matcher
from services.wire.protocols.query import QueryServiceModel
from services.wire.shapes import Shape
from tests.services.endpoint import ALL, SERVICES
from tests.services.wire.shape_values import _SAMPLES

OPERATIONS = [operation for operation in ALL if isinstance(SERVICES[operation.service], QueryServiceModel)]
LONGEST_SENT = 140_000
"""Violations of greater lengths are not sent: the request would be refused for its size."""
UNFIT = ("\u0007", "!", " ", "é", "\u2603", "a b!", "0")
"""Texts of which each pattern, but one that takes everything, refuses some."""


class Violation(NamedTuple):
    what: str
    members: Mapping[str, Any]
    """What is sent."""
    wording: str
    """A regular expression of what AWS says of it."""


def test_there_are_constraints() -> None:
    """The test below is about something."""
    assert sum(1 for operation in OPERATIONS for _ in violations(operation)) > 500


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.action)
def test_each_violation(operation: Operation) -> None:
    """One failure in the message, at the right place, and its constraint; what keeps to all of them is read."""
    parsed(operation, valid_members(input_of(operation)))
    for violation in violations(operation):
        message = complaint(operation, violation.members)
        assert re.search(violation.wording, message, re.DOTALL), f"{violation.what}: {message}"


def input_of(operation: Operation) -> Shape | None:
    shape: Shape | None = SERVICES[operation.service]._model.operation_model(operation.name).input_shape
    return shape


def complaint(operation: Operation, members: Mapping[str, Any]) -> str:
    """Empty where there is none."""
    try:
        parsed(operation, members)
    except ValidationError as refusal:
        return refusal.message
    return ""


def parsed(operation: Operation, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the protocol reads of what botocore writes."""
    service = SERVICES[operation.service]
    assert isinstance(service, QueryServiceModel)
    model = service._model.operation_model(operation.name)
    sent = botocore.serialize.create_serializer("query", include_validation=False).serialize_to_request(members, model)[
        "body"
    ]
    body = urlencode({name: value for name, value in sent.items() if name not in {"Action", "Version"}})
    return service.operation(operation.name).parse(form_fields(body.encode(), b""))


def violations(operation: Operation) -> Iterator[Violation]:
    shape = input_of(operation)
    if shape is not None:
        yield from _of_structure(shape, valid_members(shape), "")


def _of_structure(shape: Shape, around: Mapping[str, Any], path: str) -> Iterator[Violation]:
    for name, member in shape.members.items():
        place = f"{path}.{name}" if path else name
        if name in shape.required_members:
            rest = {other: value for other, value in around.items() if other != name}
            if rest or not path:  # the protocol has no words for an empty structure within another
                yield Violation(f"no {place}", rest, _wording(name, r"Value null", "Member must not be null"))
        for inner in _of_value(member, name, place):
            others = {} if shape.metadata.get("union") else around
            yield Violation(inner.what, {**others, name: inner.members["value"]}, inner.wording)


def _of_value(shape: Shape, name: str, place: str) -> Iterator[Violation]:
    """Each with the value under the name `value`."""
    match shape.type_name:
        case "string":
            found = _of_text(shape, name, place)
        case "integer" | "long":
            found = _of_number(shape, name, place)
        case "list":
            found = _of_list(shape, name, place)
        case "structure":
            found = ((v.what, v.members, v.wording) for v in _of_structure(shape, valid_members(shape), place))
        case _:
            found = iter(())
    for what, value, wording in found:
        yield Violation(what, {"value": value}, wording)


_Found = Iterator[tuple[str, Any, str]]


def _of_text(shape: Shape, name: str, place: str) -> _Found:
    least, most, pattern = shape.metadata.get("min", 0), shape.metadata.get("max"), shape.metadata.get("pattern")
    fits = matcher(pattern) if pattern else None
    value = valid(shape)
    if choices := shape.metadata.get("enum"):
        listed = re.escape(f"Member must satisfy enum value set: [{', '.join(choices)}]")
        yield f"{place} of none of the values", "nonesuch", _wording(name, None, listed)
        return
    if least > 0:
        short = value[: least - 1]
        shortest = f".*length greater than or equal to {least}"
        if fits is None or fits(short):
            yield f"{place} too short", short, _wording(name, None, shortest)
        else:  # both are told, but what IAM says in words of a pattern
            told = rf"^(1 validation error|2 validation errors) detected: .*: {shortest}"
            yield f"{place} too short and against its pattern", short, told
    if most is not None and most < LONGEST_SENT:
        long = value + value[-1:] * (most + 1 - len(value)) if value else "a" * (most + 1)
        yield f"{place} too long", long, _wording(name, None, f".*length less than or equal to {most}")
    if fits is not None and pattern is not None:
        unfit = next((each for each in (_stretched(text, least) for text in UNFIT) if _breaks(each, fits, most)), None)
        if unfit is not None:
            yield f"{place} against its pattern", unfit, _pattern_wording(name, pattern)


def _stretched(text: str, least: int) -> str:
    return text + text[-1] * (least - len(text))


def _breaks(text: str, fits: Any, most: int | None) -> bool:
    return not fits(text) and (most is None or len(text) <= most)


def _of_number(shape: Shape, name: str, place: str) -> _Found:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None:
        yield f"{place} too small", least - 1, _wording(name, None, f".*value greater than or equal to {least}")
    if most is not None:
        yield f"{place} too great", most + 1, _wording(name, None, f".*value less than or equal to {most}")


def _of_list(shape: Shape, name: str, place: str) -> _Found:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    value = valid(shape.member)
    if least > 0:
        yield (
            f"too few {place}",
            [value] * (least - 1),
            _wording(name, None, f".*length greater than or equal to {least}"),
        )
    if most is not None:
        yield f"too many {place}", [value] * (most + 1), _wording(name, None, f".*length less than or equal to {most}")
    for inner in _of_value(shape.member, name, f"{place}[0]"):
        yield inner.what, [inner.members["value"]] + [value] * (least - 1), inner.wording


def _wording(name: str, value: str | None, constraint: str) -> str:
    """One failure, at a path that has the member's name, whose first letter is small, in it or at its end."""
    label = re.escape(name[0].lower() + name[1:])
    return (
        rf"^1 validation error detected: {value or 'Value( .*)?'} at '([A-Za-z0-9]+\.)*{label}(\.[A-Za-z0-9.]+)?' "
        rf"failed to satisfy constraint: {constraint}"
    )


def _pattern_wording(name: str, pattern: str) -> str:
    """Of names IAM says which characters they may have."""
    path = rf"([A-Za-z0-9]+\.)*{re.escape(name[0].lower() + name[1:])}(\.[A-Za-z0-9.]+)?"
    usual = _wording(name, None, re.escape(f"Member must satisfy regular expression pattern: {pattern}"))
    return rf"{usual}|^The specified value for {path} is invalid\. It must (be|begin|contain) "


def valid_members(shape: Shape | None) -> dict[str, Any]:
    """What is required, and of a union or a structure that requires nothing the first member."""
    if shape is None:
        return {}
    names = list(shape.required_members)
    if shape.metadata.get("union"):
        names = list(shape.members)[:1]
    return {name: valid(shape.members[name]) for name in names}


def valid(shape: Shape) -> Any:  # noqa: PLR0911  one for each type
    match shape.type_name:
        case "structure":
            return valid_members(shape) or {name: valid(member) for name, member in list(shape.members.items())[:1]}
        case "list":
            return [valid(shape.member)] * max(shape.metadata.get("min", 0), 1)
        case "map":
            return {valid(shape.key): valid(shape.value)}
        case "string":
            return _valid_text(shape)
        case "integer" | "long":
            return shape.metadata.get("min", 1)
        case "boolean":
            return True
        case "blob":
            return b"abc"
        case other:
            raise AssertionError(f"no value of the type {other} is known")


def _valid_text(shape: Shape) -> str:
    if "enum" in shape.metadata:
        return str(shape.metadata["enum"][0])
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", LONGEST_SENT)
    fits = matcher(shape.metadata.get("pattern", "(?s:.*)"))
    for sample in _SAMPLES:
        text = _stretched(sample, least)
        if len(text) <= most and fits(text):
            return text
    raise AssertionError(f"no sample fits {shape.name}: {shape.metadata}")
