"""The query protocol, inwards: a form's fields become an operation's parameters, checked in full against the model.

Each input shape is compiled once into readers, functions that check a value and turn it into Python's.
"""

import base64
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import product

from botocore import xform_name

from domain.errors import ValidationError
from services.wire.errors import MalformedQueryString
from services.wire.patterns import matcher
from services.wire.shapes import Shape, is_secret, wire_name

FIELDS_MAX = 4_096
ECHO_CHARACTERS_MAX = 256
"""No more than that of a value or a name that we were sent appears in a message."""
FAILURES_SHOWN_MAX = 32
"""An answer words that many failures and counts the rest."""

_DEPTH_MAX = 12
"""Dots that part a field's name. The models' deepest input has fewer, so a deeper one is unknown in any case."""

_XML_TEXT = r"[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*"
"""Where the model has no pattern: what an answer could carry back (https://www.w3.org/TR/xml/#charsets)."""

_HEX = "0123456789ABCDEFabcdef"
_PERCENT_DECODED = {(a + b).encode(): bytes.fromhex(a + b) for a, b in product(_HEX, repeat=2)}
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_INTEGER_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def form_fields(body: bytes, query: bytes) -> dict[str, str]:
    """The fields of an application/x-www-form-urlencoded body and of a URL's query string, by name.

    Raises MalformedQueryString for what a browser would repair (https://url.spec.whatwg.org/#urlencoded-parsing): a
    request of which two programs could read different things is refused.
    """
    fields: dict[str, str] = {}
    for form in (body, query):
        if not form:
            continue
        if form.count(b"&") >= FIELDS_MAX:
            raise MalformedQueryString(f"The request has more than {FIELDS_MAX} fields.")
        for field in form.split(b"&"):
            name, equals, value = field.partition(b"=")
            decoded = _decoded(name)
            if not equals or not name:
                raise MalformedQueryString("A field of the request is not of the form name=value.")
            if decoded in fields:
                raise MalformedQueryString(f"The request has more than one field named '{excerpt(decoded)}'.")
            fields[decoded] = _decoded(value)
    if len(fields) > FIELDS_MAX:
        raise MalformedQueryString(f"The request has more than {FIELDS_MAX} fields.")
    return fields


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


def excerpt(text: str) -> str:
    """A text that we were sent, cut to what a message may hold of it."""
    return text if len(text) <= ECHO_CHARACTERS_MAX else text[:ECHO_CHARACTERS_MAX] + "…"


Node = str | dict[str, "Node"]
"""A field's value, or the fields below a part of a name: Tags.member.1.Key=a is {"Tags": {"member": {"1": …}}}."""


class Failures:
    """What is wrong with a request, in the words of AWS."""

    def __init__(self) -> None:
        self.count = 0
        self._shown: list[str] = []

    def add(self, value: str, path: str, constraint: str) -> None:
        self.count += 1
        if self.count <= FAILURES_SHOWN_MAX:
            self._shown.append(f"{value} at '{path}' failed to satisfy constraint: {constraint}")

    def refusal(self) -> ValidationError:
        plural = "s" if self.count > 1 else ""
        rest = f"; and {self.count - FAILURES_SHOWN_MAX} more" if self.count > FAILURES_SHOWN_MAX else ""
        return ValidationError(f"{self.count} validation error{plural} detected: {'; '.join(self._shown)}{rest}")


Reader = Callable[[Node, str, Failures], object]
"""Reads a node that stands at a path. What it gives back after adding a failure is of no use to anybody."""

Parse = Callable[[Mapping[str, str]], dict[str, object]]


def compile_input(shape: Shape | None) -> Parse:
    """A function from fields, without Action and Version, to parameters by snake_case name, in nested structures too.

    Values are str, int, bool, datetime in UTC, bytes, list and dict; what was not sent is absent. The function raises
    ValidationError, with every failure in one message, for what the model does not allow and for fields that it does
    not know. Sizes are checked before patterns, so that no pattern runs on more than its maximum.
    """
    read = _members({}, frozenset(), union=False) if shape is None else _structure("", shape)

    def parse(fields: Mapping[str, str]) -> dict[str, object]:
        failures = Failures()
        parameters = read(_tree(fields), "", failures)
        if failures.count:
            raise failures.refusal()
        assert isinstance(parameters, dict)
        return parameters

    return parse


def _tree(fields: Mapping[str, str]) -> Node:
    root: dict[str, Node] = {}
    for name, value in fields.items():
        *parents, leaf = name.split(".", _DEPTH_MAX)
        node = root
        for parent in parents:
            child = node.setdefault(parent, {})
            if isinstance(child, str):
                raise _both(name)
            node = child
        if node.setdefault(leaf, value) is not value:
            raise _both(name)
    return root


def _both(name: str) -> ValidationError:
    return ValidationError(f"'{excerpt(name)}' is given both as one value and as a group of values.")


def _reader(member: str, shape: Shape) -> Reader:
    if shape.type_name not in _READERS:
        raise TypeError(f"{shape.name}: nothing reads values of type {shape.type_name}.")
    return _READERS[shape.type_name](member, shape)


def _structure(_member: str, shape: Shape) -> Reader:
    members = {wire_name(name, member): (name, _reader(name, member)) for name, member in shape.members.items()}
    return _members(members, frozenset(shape.required_members), union=bool(shape.metadata.get("union")))


def _members(members: Mapping[str, tuple[str, Reader]], required: frozenset[str], *, union: bool) -> Reader:
    steps = [
        (wire, xform_name(name), _lower_camel(name), reader, name in required)
        for wire, (name, reader) in members.items()
    ]
    known = f"[{', '.join(members)}]"

    def read(node: Node, path: str, failures: Failures) -> object:
        if isinstance(node, str):
            failures.add("Value", path, f"Member must be a structure of {known}")
            return None
        prefix = f"{path}." if path else ""
        value: dict[str, object] = {}
        for wire, name, label, reader, is_required in steps:
            inner = node.get(wire)
            if inner is not None:
                value[name] = reader(inner, prefix + label, failures)
            elif is_required:
                failures.add("Value null", prefix + label, "Member must not be null")
        if len(value) != len(node):
            for wire in filter(lambda wire: wire not in members, node):
                failures.add("Value", prefix + excerpt(wire), f"Member must be one of {known}")
        if union and len(value) != 1:
            failures.add("Value", path, f"Member must be exactly one of {known}")
        return value

    return read


def _lower_camel(name: str) -> str:
    return name[0].lower() + name[1:]


def _string(member: str, shape: Shape) -> Reader:
    shortest, longest = _limits(shape)
    pattern, choices = shape.metadata.get("pattern"), shape.metadata.get("enum")
    matches = matcher(pattern or _XML_TEXT)
    secret = is_secret(member, shape)

    def read(node: Node, path: str, failures: Failures) -> object:
        if (
            isinstance(node, str)
            and shortest <= len(node) <= longest
            and matches(node)
            and (choices is None or node in choices)
        ):
            return node
        if not isinstance(node, str):
            failures.add("Value", path, "Member must be a single value")
            return None
        echo = _echo(node, secret=secret)
        if len(node) > longest:
            failures.add(echo, path, f"Member must have length less than or equal to {longest}")
            return None
        if not matches(node):
            failures.add(echo, path, f"Member must satisfy regular expression pattern: {pattern or _XML_TEXT}")
        if len(node) < shortest:
            failures.add(echo, path, f"Member must have length greater than or equal to {shortest}")
        if choices is not None and node not in choices:
            failures.add(echo, path, f"Member must satisfy enum value set: [{', '.join(choices)}]")
        return None

    return read


def _limits(shape: Shape) -> tuple[int, int]:
    """The least and the greatest length of a text or a collection."""
    return shape.metadata.get("min", 0), shape.metadata.get("max", sys.maxsize)


def _echo(value: str, *, secret: bool) -> str:
    return "Value" if secret else f"Value '{excerpt(value)}'"


def _converted(convert: Callable[[str], object], expected: str) -> Callable[[str, Shape], Reader]:
    """What compiles the readers of a type; `convert` raises ValueError for a text that is none of its values."""

    def compile_reader(member: str, shape: Shape) -> Reader:
        secret = is_secret(member, shape)

        def read(node: Node, path: str, failures: Failures) -> object:
            if not isinstance(node, str):
                failures.add("Value", path, "Member must be a single value")
                return None
            try:
                return convert(node)
            except ValueError:
                failures.add(_echo(node, secret=secret), path, f"Member must be {expected}")
                return None

        return read

    return compile_reader


def _integer(member: str, shape: Shape) -> Reader:
    least, most = _INTEGER_RANGES[shape.type_name]
    least, most = shape.metadata.get("min", least), shape.metadata.get("max", most)
    secret = is_secret(member, shape)
    read_number = _converted(_number, "an integer")(member, shape)

    def read(node: Node, path: str, failures: Failures) -> object:
        value = read_number(node, path, failures)
        if isinstance(value, int) and value < least:
            failures.add(
                _echo(str(value), secret=secret), path, f"Member must have value greater than or equal to {least}"
            )
        if isinstance(value, int) and value > most:
            failures.add(_echo(str(value), secret=secret), path, f"Member must have value less than or equal to {most}")
        return value

    return read


def _number(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text]


def _timestamp(text: str) -> datetime:
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:  # within a day of the first or the last year
        raise ValueError from None


def _blob(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _list(_member: str, shape: Shape) -> Reader:
    tag = None if shape.serialization.get("flattened") else shape.member.serialization.get("name", "member")
    element = _reader("", shape.member)
    suffix = "" if tag is None else f".{_lower_camel(tag)}"
    limits = _limits(shape)

    def read(node: Node, path: str, failures: Failures) -> object:
        nodes = [] if node == "" else _numbered(node, tag, path, failures)  # Tags= is how an empty list is sent
        if nodes is None or not _sized(nodes, limits, path, failures):
            return None
        return [element(inner, f"{path}.{number}{suffix}", failures) for number, inner in enumerate(nodes, 1)]

    return read


def _map(_member: str, shape: Shape) -> Reader:
    tag = None if shape.serialization.get("flattened") else "entry"
    sides = (("key", shape.key), ("value", shape.value))
    pair = _members(
        {wire_name(name, side): (name, _reader("", side)) for name, side in sides},
        frozenset({"key", "value"}),
        union=False,
    )
    limits = _limits(shape)

    def read(node: Node, path: str, failures: Failures) -> object:
        nodes = _numbered(node, tag, path, failures)
        if nodes is None or not _sized(nodes, limits, path, failures):
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


def _numbered(node: Node, tag: str | None, path: str, failures: Failures) -> list[Node] | None:
    """The nodes below 1, 2, 3…: as many as there are, whatever numbers they claim."""
    group: Node | None = node
    if tag is not None:
        group = node.get(tag) if isinstance(node, dict) and len(node) == 1 else None
    numbers = [str(number) for number in range(1, len(group) + 1)] if isinstance(group, dict) else []
    if not isinstance(group, dict) or group.keys() != set(numbers):
        example = "1" if tag is None else f"{tag}.1"
        failures.add("Value", path, f"Member must be numbered from {example} on without gaps")
        return None
    return [group[number] for number in numbers]


def _sized(nodes: list[Node], limits: tuple[int, int], path: str, failures: Failures) -> bool:
    shortest, longest = limits
    if len(nodes) < shortest:
        failures.add("Value", path, f"Member must have length greater than or equal to {shortest}")
    if len(nodes) > longest:
        failures.add("Value", path, f"Member must have length less than or equal to {longest}")
    return shortest <= len(nodes) <= longest


_READERS: Mapping[str, Callable[[str, Shape], Reader]] = {
    "blob": _converted(_blob, "base64"),
    "boolean": _converted(_boolean, "true or false"),
    "integer": _integer,
    "list": _list,
    "long": _integer,
    "map": _map,
    "string": _string,
    "structure": _structure,
    "timestamp": _converted(_timestamp, "a time such as 2026-11-23T21:37:00Z"),
}
