"""What every protocol does with what was sent: values are checked in full against the model and turned into Python's.

Each shape is compiled once into a reader. How numbers, lists and the like are written is the protocol's affair: it
brings a table of compilers.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence, Sized
from datetime import UTC, datetime

from botocore import xform_name

from domain.foundation.abridged import PRIVATE_KEY
from domain.foundation.errors import ValidationError
from services.wire.patterns import matcher
from services.wire.shapes import Shape, is_secret, wire_name
from services.wire.wording import SMITHY, Wording

ECHO_CHARACTERS_MAX = 256
"""No more than that of a value or a name that we were sent appears in a message."""
LENGTH_MAX = 131_072
"""Of a text or a collection for which a model has no limit: as much as any model takes elsewhere."""
FAILURES_SHOWN_MAX = 32
"""An answer words that many failures and counts the rest."""

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_INTEGER_RANGES = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_BOOLEANS = {"true": True, "false": False}


def excerpt(text: str) -> str:
    """A text that we were sent, cut to what a message may hold of it: messages are recorded."""
    if PRIVATE_KEY in text:
        return "…"
    return text if len(text) <= ECHO_CHARACTERS_MAX else text[:ECHO_CHARACTERS_MAX] + "…"


InputNode = None | bool | int | float | str | list["InputNode"] | dict[str, "InputNode"]
"""A value as it was sent: any of JSON's, or of a form a field's text and the fields below a part of a name."""


class ValidationFailures:
    """What is wrong with a request, in the words of AWS."""

    def __init__(self, wording: Wording = SMITHY) -> None:
        self.count = 0
        self._wording = wording
        self._shown: list[str] = []
        self._in_words: ValidationError | None = None

    def add_pattern(self, value: str, path: str, shape: str, pattern: str) -> None:
        """That a value of this shape breaks its pattern."""
        if (expectation := self._wording.expectations.get(shape)) is None:
            self._add_kind(value, path, f"Member must satisfy regular expression pattern: {pattern}")
        elif self._in_words is None:
            sentence = f"The specified value for {path} is invalid. {expectation}"
            self._in_words = ValidationError(sentence, f"{value}; expected {pattern}")

    def add_enumeration(self, value: str, path: str, choices: Sequence[str]) -> None:
        self._add_kind(value, path, f"Member must satisfy enum value set: [{', '.join(choices)}]")

    def _add_kind(self, value: str, path: str, constraint: str) -> None:
        self.add(value if self._wording.repeats_value else "Value", path, constraint)

    def add(self, value: str, path: str, constraint: str) -> None:
        self.count += 1
        if self.count <= FAILURES_SHOWN_MAX:
            self._shown.append(f"{value} at '{path}' failed to satisfy constraint: {constraint}")

    def refusal(self) -> ValidationError | None:
        """None where nothing failed. What is said in words is said alone, where nothing else failed."""
        if not self.count:
            return self._in_words
        plural = "s" if self.count > 1 else ""
        rest = f"; and {self.count - FAILURES_SHOWN_MAX} more" if self.count > FAILURES_SHOWN_MAX else ""
        return ValidationError(f"{self.count} validation error{plural} detected: {'; '.join(self._shown)}{rest}")


ShapeReader = Callable[[InputNode, str, ValidationFailures], object]
"""Reads a node that stands at a path. What it gives back after adding a failure is of no use to anybody."""

ShapeReaders = Mapping[str, "CompileReader"]
"""A protocol's compilers, by the type of shape."""

CompileReader = Callable[[str, Shape, ShapeReaders], ShapeReader]
"""Takes the name of the member, its shape, and what compiles the shapes within."""


def read_parameters(read: ShapeReader, node: InputNode, wording: Wording = SMITHY) -> dict[str, object]:
    """The parameters of an operation. Raises ValidationError with every failure in one message."""
    failures = ValidationFailures(wording)
    parameters = read(node, "", failures)
    if (refusal := failures.refusal()) is not None:
        raise refusal
    assert isinstance(parameters, dict)
    return parameters


def reader(member: str, shape: Shape, readers: ShapeReaders) -> ShapeReader:
    if shape.type_name not in readers:
        raise TypeError(f"{shape.name}: no reader for values of type {shape.type_name}.")
    return readers[shape.type_name](member, shape, readers)


def structure(_member: str, shape: Shape, readers: ShapeReaders) -> ShapeReader:
    read = {wire_name(name, member): (name, reader(name, member, readers)) for name, member in shape.members.items()}
    return members(read, frozenset(shape.required_members), union=bool(shape.metadata.get("union")))


def members(known: Mapping[str, tuple[str, ShapeReader]], required: frozenset[str], *, union: bool) -> ShapeReader:
    steps = [
        (wire, xform_name(name), lower_camel(name), read_member, name in required)
        for wire, (name, read_member) in known.items()
    ]
    listed = f"[{', '.join(known)}]"

    def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
        if not isinstance(node, dict):
            failures.add("Value", path or "the request", f"Member must be a structure of {listed}")
            return None
        prefix = f"{path}." if path else ""
        value: dict[str, object] = {}
        for wire, name, label, read_member, is_required in steps:
            inner = node.get(wire)
            if inner is not None:
                value[name] = read_member(inner, prefix + label, failures)
            elif is_required:
                failures.add("Value null", prefix + label, "Member must not be null")
        if len(value) != len(node):
            for wire in filter(lambda wire: wire not in known, node):
                failures.add("Value", prefix + excerpt(wire), f"Member must be one of {listed}")
        if union and len(value) != 1:
            failures.add("Value", path, f"Member must be exactly one of {listed}")
        return value

    return read


def lower_camel(name: str) -> str:
    return name[0].lower() + name[1:]


def text(member: str, shape: Shape, _readers: ShapeReaders, *, otherwise: str) -> ShapeReader:
    """`otherwise` is the pattern where the model has none."""
    pattern = shape.metadata.get("pattern") or otherwise
    shortest, longest = length_limits(shape)
    choices = shape.metadata.get("enum")
    matches = matcher(pattern)
    secret = is_secret(member, shape)

    def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
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
            failures.add_pattern(echo, path, shape.name, pattern)
        if len(node) < shortest:
            failures.add(echo, path, f"Member must have length greater than or equal to {shortest}")
        if choices is not None and node not in choices:
            failures.add_enumeration(echo, path, choices)
        return None

    return read


def length_limits(shape: Shape) -> tuple[int, int]:
    """The least and the greatest length of a text or a collection."""
    return shape.metadata.get("min", 0), shape.metadata.get("max", LENGTH_MAX)


def _echo(value: str, *, secret: bool) -> str:
    return "Value" if secret else f"Value '{excerpt(value)}'"


def converted(convert: Callable[[str], object], expected: str) -> CompileReader:
    """What compiles the readers of a type; `convert` raises ValueError for a text that is none of its values."""

    def compile_reader(member: str, shape: Shape, _readers: ShapeReaders) -> ShapeReader:
        secret = is_secret(member, shape)

        def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
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


def in_range(compile_number: CompileReader) -> CompileReader:
    """What compiles the readers of integers, and complains of those that the model does not allow."""

    def compile_reader(member: str, shape: Shape, readers: ShapeReaders) -> ShapeReader:
        read_number = compile_number(member, shape, readers)
        least, most = _INTEGER_RANGES[shape.type_name]
        least, most = shape.metadata.get("min", least), shape.metadata.get("max", most)
        secret = is_secret(member, shape)

        def read(node: InputNode, path: str, failures: ValidationFailures) -> object:
            value = read_number(node, path, failures)
            if isinstance(value, int) and not least <= value <= most:
                bound = f"greater than or equal to {least}" if value < least else f"less than or equal to {most}"
                failures.add(_echo(str(value), secret=secret), path, f"Member must have value {bound}")
            return value

        return read

    return compile_reader


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


def sized(nodes: Sized, limits: tuple[int, int], path: str, failures: ValidationFailures) -> bool:
    shortest, longest = limits
    if len(nodes) < shortest:
        failures.add("Value", path, f"Member must have length greater than or equal to {shortest}")
    if len(nodes) > longest:
        failures.add("Value", path, f"Member must have length less than or equal to {longest}")
    return shortest <= len(nodes) <= longest


blob = converted(_blob, "base64")
boolean = converted(_boolean, "true or false")
integer = in_range(converted(_number, "an integer"))
timestamp = converted(_timestamp, "a time such as 2026-11-23T21:37:00Z")
