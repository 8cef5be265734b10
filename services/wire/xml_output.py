"""The query protocol, outwards: an operation's result becomes the XML that AWS's clients read.

Each output shape is compiled once into writers. A result that does not fit its shape is a defect of ours: TypeError.
"""

import base64
import re
from collections.abc import Callable, Mapping

from services.wire.output_shapes import ShapeWriter, elements, entries, in_utc, scalar, string_reader, written
from services.wire.shapes import Shape, wire_name

CompileWriter = Callable[[str, str, Shape, str], ShapeWriter]
"""Takes an element's tag, the name of its member, its shape, and its path for the messages of defects. What is written
stands between its tags, or in place of them in a flattened collection."""

SerialiseXml = Callable[[Mapping[str, object], str], bytes]

# A carriage return would reach the reader as a line feed (XML 1.0, 2.11).
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_SPECIAL = re.compile("[^\t\n\x20-\x25\x27-\x3b\x3d\x3f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escape_xml(content: str) -> str:
    """Text for the inside of an element. What XML 1.0 cannot say (2.2: U+0000, surrogates…) becomes U+FFFD."""
    return _SPECIAL.sub(_entity, content)


def _entity(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0], "\ufffd")


def compile_output(operation: str, shape: Shape | None, namespace: str) -> SerialiseXml:
    """A function from a result, by AWS's member names, and a request id to a document.

    Values are str, int, bool, aware datetime, bytes, list or tuple, and dict; a secret member may be a Secret. The
    function raises TypeError for a member that the model does not know, a required one that is missing, and a value
    of another type; the message holds names only.
    """
    if shape is None:
        body = _nothing(operation)
    else:
        body = _writer(shape.serialization.get("resultWrapper", f"{operation}Result"), "", shape, operation)
    head = f'<{operation}Response xmlns="{namespace}">'
    tail = f"</RequestId></ResponseMetadata></{operation}Response>"

    def serialise(result: Mapping[str, object], request_id: str) -> bytes:
        return f"{head}{body(result)}<ResponseMetadata><RequestId>{escape_xml(request_id)}{tail}".encode()

    return serialise


def compile_unwrapped_output(operation: str, shape: Shape | None, namespace: str) -> SerialiseXml:
    """As `compile_output`, with the members in the response itself, behind the request id, as EC2 has them."""
    body = _nothing(operation) if shape is None else _structure("", "", shape, operation)

    def serialise(result: Mapping[str, object], request_id: str) -> bytes:
        return (
            f'<{operation}Response xmlns="{namespace}"><requestId>{escape_xml(request_id)}</requestId>'
            f"{body(result)}</{operation}Response>"
        ).encode()

    return serialise


def _nothing(operation: str) -> ShapeWriter:
    def write(value: object) -> str:
        if value:
            raise TypeError(f"{operation} answers nothing.")
        return ""

    return write


def _writer(tag: str, member: str, shape: Shape, path: str) -> ShapeWriter:
    if shape.type_name not in _WRITERS:
        raise TypeError(f"{path}: no writer for values of type {shape.type_name}.")
    write = _WRITERS[shape.type_name](tag, member, shape, path)
    if _is_flattened(shape):
        return write
    opening, closing = f"<{tag}>", f"</{tag}>"
    return lambda value: f"{opening}{write(value)}{closing}"


def _is_flattened(shape: Shape) -> bool:
    return bool(shape.serialization.get("flattened"))


def _structure(_tag: str, _member: str, shape: Shape, path: str) -> ShapeWriter:
    members = [
        (name, _writer(wire_name(name, member), name, member, f"{path}.{name}"), name in shape.required_members)
        for name, member in shape.members.items()
    ]
    return lambda value: "".join(written(value, members, path))


def _string(_tag: str, member: str, shape: Shape, path: str) -> ShapeWriter:
    read = string_reader(member, shape, path)
    return lambda value: escape_xml(read(value))


def _scalar(python_type: type, wanted: str, content: Callable[..., str]) -> CompileWriter:
    return lambda _tag, _member, _shape, path: scalar(python_type, wanted, content, path)


def _boolean(value: bool) -> str:  # noqa: FBT001  the value to write
    return "true" if value else "false"


def _blob(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _timestamp(_tag: str, _member: str, _shape: Shape, path: str) -> ShapeWriter:
    return lambda value: in_utc(value, path).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _list(tag: str, _member: str, shape: Shape, path: str) -> ShapeWriter:
    name = tag if _is_flattened(shape) else shape.member.serialization.get("name", "member")
    element = _writer(name, "", shape.member, path)
    return lambda value: "".join(map(element, elements(value, path)))


def _map(tag: str, _member: str, shape: Shape, path: str) -> ShapeWriter:
    entry = tag if _is_flattened(shape) else "entry"
    key = _writer(wire_name("key", shape.key), "", shape.key, path)
    mapped = _writer(wire_name("value", shape.value), "", shape.value, path)
    return lambda value: "".join(
        f"<{entry}>{key(name)}{mapped(inner)}</{entry}>" for name, inner in entries(value, path)
    )


_WRITERS: Mapping[str, CompileWriter] = {
    "blob": _scalar(bytes, "bytes", _blob),
    "boolean": _scalar(bool, "a bool", _boolean),
    "integer": _scalar(int, "an int", str),
    "list": _list,
    "long": _scalar(int, "an int", str),
    "map": _map,
    "string": _string,
    "structure": _structure,
    "timestamp": _timestamp,
}
