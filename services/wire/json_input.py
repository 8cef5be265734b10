"""JSON, inwards: a rest-json request's path, query string and body become an operation's parameters.

https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import partial
from math import isfinite
from typing import NoReturn

from services.wire import input_shapes
from services.wire.errors import MalformedBody
from services.wire.form_input import form_pairs
from services.wire.input_shapes import (
    InputNode,
    ShapeReader,
    ShapeReaders,
    ValidationFailures,
    excerpt,
    length_limits,
    sized,
)
from services.wire.shapes import Shape, wire_name

PATH, QUERY, BODY = "uri", "querystring", "body"
"""Where a member may stand; all but the last are called so in the models."""

ParseJson = Callable[[Mapping[str, InputNode]], dict[str, object]]
"""Takes what was sent by where it stood."""

PARTS_MAX = 65_536
"""Commas and colons, which bound the values of a body. A policy of the largest size has fewer."""
_ANY_TEXT = r"[\s\S]*"


def decode_body(body: bytes) -> InputNode:
    """No body at all is an empty object. Raises MalformedBody, for a name that stands twice in one object too: a
    request of which two programs could read different things is refused."""
    if not body:
        return {}
    if (parts := body.count(b",") + body.count(b":")) > PARTS_MAX:
        raise MalformedBody(f"The body has {parts} commas and colons: at most {PARTS_MAX} are read.")
    try:
        node: InputNode = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:  # a JSONDecodeError, a UnicodeDecodeError, too many digits, too deep
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise MalformedBody(f"The body is not JSON in UTF-8: {reason}.") from None
    return node


def _object(members: list[tuple[str, InputNode]]) -> dict[str, InputNode]:
    found = dict(members)
    if len(found) < len(members):
        twice = Counter(name for name, _ in members).most_common(1)[0][0]
        raise MalformedBody(f"The name '{excerpt(twice)}' appears twice in one object of the body.")
    return found


def _constant(name: str) -> NoReturn:
    raise MalformedBody(f"The body is not JSON: {name} is none of its values.")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def query_values(query: bytes) -> dict[str, InputNode]:
    """Without the parameters of a signature; a list where a name stands more than once. Raises MalformedQueryString."""
    values: dict[str, list[InputNode]] = {}
    for name, value in form_pairs(query):
        if not name.startswith("X-Amz-"):
            values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def compile_request(shape: Shape | None) -> ParseJson:
    """A function from what stood in the path, the query string and the body to parameters, as those of
    `form_input.compile_input`. It raises ValidationError as that one does.

    Raises TypeError for a member that stands elsewhere.
    """
    members = shape.members if shape else {}
    required = frozenset(shape.required_members if shape else ())
    known: dict[str, dict[str, tuple[str, ShapeReader]]] = {place: {} for place in _READERS_AT}
    for name, member in members.items():
        place = member.serialization.get("location", BODY)
        if place not in known:
            raise TypeError(f"{name}: no reader for members located in the {place}.")
        known[place][wire_name(name, member)] = (name, input_shapes.reader(name, member, _READERS_AT[place]))
    readers = {
        place: input_shapes.members(there, required & {name for name, _ in there.values()}, union=False)
        for place, there in known.items()
    }

    def read(sent: InputNode, path: str, failures: ValidationFailures) -> object:
        assert isinstance(sent, dict)
        parameters: dict[str, object] = {}
        for place, read_place in readers.items():
            found = read_place(sent[place], path, failures)
            if isinstance(found, dict):  # otherwise what it is has been told
                parameters |= found
        return parameters

    return lambda sent: input_shapes.read_parameters(read, dict(sent))


def _one_of(kind: type, wanted: str) -> input_shapes.CompileReader:
    def compile_reader(_member: str, _shape: Shape, _readers: ShapeReaders) -> ShapeReader:
        def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
            # By the type itself: a bool is an int to isinstance.
            if type(node) is not kind:
                failures.add("Value", path, f"Member must be {wanted}")
                return None
            return node

        return read

    return compile_reader


def _list(_member: str, shape: Shape, readers: ShapeReaders, *, may_stand_alone: bool) -> ShapeReader:
    element = input_shapes.reader("", shape.member, readers)
    limits = length_limits(shape)

    def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
        nodes = [node] if may_stand_alone and not isinstance(node, list) else node
        if not isinstance(nodes, list):
            failures.add("Value", path, "Member must be a list")
            return None
        if not sized(nodes, limits, path, failures):
            return None
        return [element(inner, f"{path}.{number}.member", failures) for number, inner in enumerate(nodes, 1)]

    return read


def _map(_member: str, shape: Shape, readers: ShapeReaders) -> ShapeReader:
    key = input_shapes.reader("", shape.key, readers)
    value = input_shapes.reader("", shape.value, readers)
    limits = length_limits(shape)

    def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
        if not isinstance(node, dict):
            failures.add("Value", path, "Member must be a map")
            return None
        if not sized(node, limits, path, failures):
            return None
        return {
            key(name, f"{path}.{number}.key", failures): value(inner, f"{path}.{number}.value", failures)
            for number, (name, inner) in enumerate(node.items(), 1)
        }

    return read


def _number(_member: str, _shape: Shape, _readers: ShapeReaders) -> ShapeReader:
    def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
        if isinstance(node, int | float) and not isinstance(node, bool):
            with suppress(OverflowError):
                if isfinite(number := float(node)):
                    return number
        failures.add("Value", path, "Member must be a number")
        return None

    return read


def _timestamp(member: str, shape: Shape, readers: ShapeReaders) -> ShapeReader:
    """Seconds since 1970 unless the model has another format (https://smithy.io/2.0/spec/protocol-traits.html)."""
    if shape.serialization.get("timestampFormat", "unixTimestamp") != "unixTimestamp":
        return input_shapes.timestamp(member, shape, readers)

    def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
        if isinstance(node, int | float) and not isinstance(node, bool):
            # Not of the first or the last year that there is, of which not every moment can be told.
            with suppress(OverflowError, OSError, ValueError):
                at = datetime.fromtimestamp(node, UTC)
                if MINYEAR < at.year < MAXYEAR:
                    return at
        failures.add("Value", path, "Member must be seconds since 1970")
        return None

    return read


_text = partial(input_shapes.text, otherwise=_ANY_TEXT)
_integer = input_shapes.in_range(_one_of(int, "an integer"))
_IN_TEXT: ShapeReaders = {
    "boolean": input_shapes.boolean,
    "integer": input_shapes.integer,
    "long": input_shapes.integer,
    "string": _text,
    "timestamp": input_shapes.timestamp,
}
_READERS_AT: Mapping[str, ShapeReaders] = {
    PATH: _IN_TEXT,
    QUERY: {**_IN_TEXT, "list": partial(_list, may_stand_alone=True)},
    BODY: {
        "blob": input_shapes.blob,
        "boolean": _one_of(bool, "true or false"),
        "double": _number,
        "integer": _integer,
        "list": partial(_list, may_stand_alone=False),
        "long": _integer,
        "map": _map,
        "string": _text,
        "structure": input_shapes.structure,
        "timestamp": _timestamp,
    },
}
