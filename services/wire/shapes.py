"""What we read of botocore's shapes, and two questions that parsing and serialising both ask of them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Shape(Protocol):
    """A shape of a service model. `members` belongs to structures, `member` to lists, `key` and `value` to maps."""

    name: str
    type_name: str
    serialization: Mapping[str, Any]
    metadata: Mapping[str, Any]
    required_members: Sequence[str]
    members: Mapping[str, "Shape"]
    member: "Shape"
    key: "Shape"
    value: "Shape"


SECRET_MEMBERS = frozenset({
    "AuthenticationCode1",
    "AuthenticationCode2",
    "ContextAssertion",
    "EncodedMessage",
    "ProvidedContexts",
    "SessionToken",
    "TokenCode",
})  # fmt: skip
"""Members that hold secrets although the models do not say so."""


def is_secret(member: str, shape: Shape) -> bool:
    """Whether values of this member must never be seen in a message."""
    return bool(shape.metadata.get("sensitive")) or member in SECRET_MEMBERS


def wire_name(member: str, shape: Shape) -> str:
    """How a structure's member is called in forms and documents.

    A flattened list goes by the name of its elements
    (https://smithy.io/2.0/aws/protocols/aws-query-protocol.html, "Collections").
    """
    if shape.type_name == "list" and shape.serialization.get("flattened"):
        shape = shape.member if "name" in shape.member.serialization else shape
    return str(shape.serialization.get("name", member))
