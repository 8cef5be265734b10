"""The query protocol, inwards: a form's fields become an operation's parameters, checked in full against the model.

Each input shape is compiled once into readers, functions that check a value and turn it into Python's.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product

from domain.foundation.errors import ValidationError
from services.wire import input_shapes
from services.wire.errors import MalformedQueryString
from services.wire.input_shapes import (
    InputNode,
    ShapeReader,
    ShapeReaders,
    ValidationFailures,
    excerpt,
    length_limits,
    lower_camel,
    sized,
)
from services.wire.shapes import Shape, wire_name
from services.wire.wording import SMITHY, Wording

FIELDS_MAX = 4_096

_DEPTH_MAX = 12
"""Dots that part a field's name. The models' deepest input has fewer, so a deeper one is unknown in any case."""

_XML_TEXT = r"[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*"
"""Where the model has no pattern: what an answer could carry back (https://www.w3.org/TR/xml/#charsets)."""

_HEX = "0123456789ABCDEFabcdef"
_PERCENT_DECODED = {(a + b).encode(): bytes.fromhex(a + b) for a, b in product(_HEX, repeat=2)}


def form_fields(body: bytes, query: bytes) -> dict[str, str]:
    """The fields of an application/x-www-form-urlencoded body and of a URL's query string, by name.

    Raises MalformedQueryString for what a browser would repair (https://url.spec.whatwg.org/#urlencoded-parsing): a
    request of which two programs could read different things is refused.
    """
    fields: dict[str, str] = {}
    for form in (body, query):
        for name, value in form_pairs(form):
            if name in fields:
                raise MalformedQueryString(f"The request has more than one field named '{excerpt(name)}'.")
            fields[name] = value
    if len(fields) > FIELDS_MAX:
        raise MalformedQueryString(f"The request has more than {FIELDS_MAX} fields.")
    return fields


def form_pairs(form: bytes) -> Iterator[tuple[str, str]]:
    """Names and values in order, repeated ones too. Raises MalformedQueryString, as `form_fields` does."""
    if not form:
        return
    if form.count(b"&") >= FIELDS_MAX:
        raise MalformedQueryString(f"The request has more than {FIELDS_MAX} fields.")
    for field in form.split(b"&"):
        name, equals, value = field.partition(b"=")
        if not equals or not name:
            raise MalformedQueryString("A field of the request is not of the form name=value.")
        yield _decoded(name), _decoded(value)


def _decoded(raw: bytes) -> str:
    try:
        if b"+" in raw:
            raw = raw.replace(b"+", b" ")
        if b"%" in raw:
            first, *escaped = raw.split(b"%")
            raw = first + b"".join([_PERCENT_DECODED[part[:2]] + part[2:] for part in escaped])
        return raw.decode()
    except KeyError:
        raise MalformedQueryString("A % in the request is not followed by two hexadecimal digits.") from None
    except UnicodeDecodeError:
        raise MalformedQueryString("The request is not text in UTF-8.") from None


ParseForm = Callable[[Mapping[str, str]], dict[str, object]]


def compile_input(shape: Shape | None, wording: Wording = SMITHY) -> ParseForm:
    """A function from fields, without Action and Version, to parameters by snake_case name, in nested structures too.

    Values are str, int, bool, datetime in UTC, bytes, list and dict; what was not sent is absent. The function raises
    ValidationError, with every failure in one message, for what the model does not allow and for fields that it does
    not know. Sizes are checked before patterns, so that no pattern runs on more than its maximum.
    """
    read = input_shapes.structure("", shape, _READERS) if shape else input_shapes.members({}, frozenset(), union=False)
    return lambda fields: input_shapes.read_parameters(read, _tree(fields), wording)


def _tree(fields: Mapping[str, str]) -> InputNode:
    """Tags.member.1.Key=a is {"Tags": {"member": {"1": {"Key": "a"}}}}."""
    root: dict[str, InputNode] = {}
    for name, value in fields.items():
        *parents, leaf = name.split(".", _DEPTH_MAX)
        node = root
        for parent in parents:
            child = node.setdefault(parent, {})
            if not isinstance(child, dict):
                raise _both(name)
            node = child
        if node.setdefault(leaf, value) is not value:
            raise _both(name)
    return root


def _both(name: str) -> ValidationError:
    return ValidationError(f"'{excerpt(name)}' is given both as one value and as a group of values.")


def _list(_member: str, shape: Shape, readers: ShapeReaders) -> ShapeReader:
    tag = None if shape.serialization.get("flattened") else shape.member.serialization.get("name", "member")
    element = input_shapes.reader("", shape.member, readers)
    suffix = "" if tag is None else f".{lower_camel(tag)}"
    limits = length_limits(shape)

    def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
        nodes = [] if node == "" else _numbered(node, tag, path, failures)  # Tags= is how an empty list is sent
        if nodes is None or not sized(nodes, limits, path, failures):
            return None
        return [element(inner, f"{path}.{number}{suffix}", failures) for number, inner in enumerate(nodes, 1)]

    return read


def _map(_member: str, shape: Shape, readers: ShapeReaders) -> ShapeReader:
    tag = None if shape.serialization.get("flattened") else "entry"
    sides = (("key", shape.key), ("value", shape.value))
    pair = input_shapes.members(
        {wire_name(name, side): (name, input_shapes.reader("", side, readers)) for name, side in sides},
        frozenset({"key", "value"}),
        union=False,
    )
    limits = length_limits(shape)

    def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
        nodes = _numbered(node, tag, path, failures)
        if nodes is None or not sized(nodes, limits, path, failures):
            return None
        values: dict[object, object] = {}
        for number, inner in enumerate(nodes, 1):
            entry = pair(inner, f"{path}.{number}", failures)
            if isinstance(entry, dict) and entry.get("key") in values:
                failures.add("Value", f"{path}.{number}.key", "Map keys must be unique")
            elif isinstance(entry, dict) and "key" in entry:
                values[entry["key"]] = entry.get("value")
        return values

    return read


def _numbered(node: InputNode, tag: str | None, path: str, failures: ValidationFailures) -> list[InputNode] | None:
    """The nodes below 1, 2, 3…: as many as there are, whatever numbers they claim."""
    group: InputNode | None = node
    if tag is not None:
        group = node.get(tag) if isinstance(node, dict) and len(node) == 1 else None
    numbers = [str(number) for number in range(1, len(group) + 1)] if isinstance(group, dict) else []
    if not isinstance(group, dict) or group.keys() != set(numbers):
        example = "1" if tag is None else f"{tag}.1"
        failures.add("Value", path, f"Member must be numbered from {example} on without gaps")
        return None
    return [group[number] for number in numbers]


_READERS: ShapeReaders = {
    "blob": input_shapes.blob,
    "boolean": input_shapes.boolean,
    "integer": input_shapes.integer,
    "list": _list,
    "long": input_shapes.integer,
    "map": _map,
    "string": partial(input_shapes.text, otherwise=_XML_TEXT),
    "structure": input_shapes.structure,
    "timestamp": input_shapes.timestamp,
}
