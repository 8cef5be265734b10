"""What every protocol does with a result: it fits its shape, or it is a defect of ours, a TypeError of names only."""

from collections.abc import Callable, Sequence

from domain.foundation.secret import Secret

ShapeWriter = Callable[[object], str]
"""Writes a value as its protocol has it."""

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
            texts.append(writer(value[name]))
        elif required:
            raise TypeError(f"{path}.{name} is missing.")
    if len(texts) != len(value):
        unknown = sorted(map(str, value.keys() - {name for name, _, _ in members}))
        raise TypeError(f"{path} has no member {', '.join(unknown)}.")
    return texts


def text(value: object, path: str, *, secret: bool) -> str:
    """A Secret is revealed where its member is one."""
    if secret and isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str):
        raise expected(path, "a str", value)
    return value
