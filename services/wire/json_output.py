"""JSON, outwards: an operation's result becomes the document that clients of AWS's JSON protocols read."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime

from services.wire.output_shapes import ShapeWriter, elements, entries, in_utc, scalar, string_reader, written
from services.wire.shapes import Shape, wire_name

SerialiseJson = Callable[[Mapping[str, object]], bytes]


def compile_document(operation: str, shape: Shape | None) -> SerialiseJson:
    """A function from a result, by AWS's member names, to a document. The values and the defects are those of
    `xml_output.compile_output`.

    Raises TypeError for a member that stands elsewhere than in the document.
    """
    write = _structure("", shape, operation) if shape else _nothing(operation)
    return lambda result: write(result).encode()


def _nothing(operation: str) -> ShapeWriter:
    return lambda value: "{" + "".join(written(value, (), operation)) + "}"


def _writer(member: str, shape: Shape, path: str) -> ShapeWriter:
    if shape.type_name not in _WRITERS:
        raise TypeError(f"{path}: no writer for values of type {shape.type_name}.")
    return _WRITERS[shape.type_name](member, shape, path)


def _structure(_member: str, shape: Shape, path: str) -> ShapeWriter:
    members = [
        (name, _named(name, member, f"{path}.{name}"), name in shape.required_members)
        for name, member in shape.members.items()
    ]
    is_union = bool(shape.metadata.get("union"))

    def write(value: object) -> str:
        texts = written(value, members, path)
        if is_union and len(texts) != 1:
            raise TypeError(f"{path} must have exactly one member, not {len(texts)}.")
        return "{" + ",".join(texts) + "}"

    return write


def _named(name: str, member: Shape, path: str) -> ShapeWriter:
    if "location" in member.serialization:
        raise TypeError(f"{path}: no writer for members located in the {member.serialization['location']}.")
    write, prefix = _writer(name, member, path), json.dumps(wire_name(name, member)) + ":"
    return lambda value: prefix + write(value)


def _string(member: str, shape: Shape, path: str) -> ShapeWriter:
    read = string_reader(member, shape, path)
    return lambda value: json.dumps(read(value))


def _scalar(python_type: type, wanted: str, encode: Callable[..., str]) -> Callable[[str, Shape, str], ShapeWriter]:
    return lambda _member, _shape, path: scalar(python_type, wanted, encode, path)


def _blob(value: bytes) -> str:
    return json.dumps(base64.b64encode(value).decode("ascii"))


def _timestamp(_member: str, shape: Shape, path: str) -> ShapeWriter:
    """Seconds since 1970 unless the model has another format (https://smithy.io/2.0/spec/protocol-traits.html)."""
    encode = _TIMES[shape.serialization.get("timestampFormat", "unixTimestamp")]
    return lambda value: encode(in_utc(value, path))


def _iso8601(at: datetime) -> str:
    return f'"{at.replace(tzinfo=None).isoformat(timespec="seconds")}Z"'


def _unix(at: datetime) -> str:
    return str(int(at.timestamp()))


_TIMES: Mapping[str, Callable[[datetime], str]] = {"iso8601": _iso8601, "unixTimestamp": _unix}


def _list(_member: str, shape: Shape, path: str) -> ShapeWriter:
    element = _writer("", shape.member, path)
    return lambda value: "[" + ",".join(map(element, elements(value, path))) + "]"


def _map(_member: str, shape: Shape, path: str) -> ShapeWriter:
    key, mapped = _writer("", shape.key, path), _writer("", shape.value, path)
    return lambda value: "{" + ",".join(f"{key(name)}:{mapped(inner)}" for name, inner in entries(value, path)) + "}"


_WRITERS: Mapping[str, Callable[[str, Shape, str], ShapeWriter]] = {
    "blob": _scalar(bytes, "bytes", _blob),
    "boolean": _scalar(bool, "a bool", json.dumps),
    "double": _scalar(float, "a float", json.dumps),
    "integer": _scalar(int, "an int", str),
    "list": _list,
    "long": _scalar(int, "an int", str),
    "map": _map,
    "string": _string,
    "structure": _structure,
    "timestamp": _timestamp,
}
