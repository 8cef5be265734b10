"""What every protocol does with a result: it fits its shape, or it is a defect of ours, a TypeError of names only."""

from collections.abc import Callable, ItemsView, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from domain.foundation.secret import Secret
from services.wire.shapes import Shape, is_secret

ShapeWriter = Callable[[object], str]
"""Writes a value as its protocol has it."""

POLICY_DOCUMENT = "policyDocumentType"
"""Strings of this shape are answered percent-encoded (RFC 3986). Wherever the IAM model has it in an output, stock
clients decode it (botocore does so by this same name)."""

LEFT_OUT = object()
"""The value of a member that the model requires and AWS leaves out all the same."""

MemberWriters = Sequence[tuple[str, ShapeWriter, bool]]
"""Of a structure: AWS's name, what writes it, and whether it is required."""


def expected(path: str, wanted: str, value: object) -> TypeError:
    return TypeError(f"{path} must be {wanted}, not {type(value).__name__}.")


def written(value: object, members: MemberWriters, path: str) -> list[str]:
    """The members of a structure that are there, each as its writer has it."""
    if not isinstance(value, dict):
        raise expected(path, "a dict", value)
    texts = []
    for name, writer, required in members:
        if name in value:
            texts.append("" if value[name] is LEFT_OUT else writer(value[name]))
        elif required:
            raise TypeError(f"{path}.{name} is missing.")
    if len(texts) != len(value):
        unknown = sorted(map(str, value.keys() - {name for name, _, _ in members}))
        raise TypeError(f"{path} has no member {', '.join(unknown)}.")
    return texts


def string_reader(member: str, shape: Shape, path: str) -> ShapeWriter:
    """The text of a string member, not yet escaped. A Secret is revealed where its member is one."""
    secret, is_policy = is_secret(member, shape), shape.name == POLICY_DOCUMENT

    def read(value: object) -> str:
        if secret and isinstance(value, Secret):
            value = value.reveal()
        if not isinstance(value, str):
            raise expected(path, "a str", value)
        return quote(value, safe="", errors="replace") if is_policy else value

    return read


def scalar(python_type: type, wanted: str, encode: Callable[..., str], path: str) -> ShapeWriter:
    def write(value: object) -> str:
        # By the type itself: a bool is an int to isinstance.
        if type(value) is not python_type:
            raise expected(path, wanted, value)
        return encode(value)

    return write


def in_utc(value: object, path: str) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise expected(path, "an aware datetime", value)
    return value.astimezone(UTC)


def elements(value: object, path: str) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise expected(path, "a list", value)
    return value


def entries(value: object, path: str) -> ItemsView[object, object]:
    if not isinstance(value, dict):
        raise expected(path, "a dict", value)
    return value.items()
