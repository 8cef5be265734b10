"""Which fields of events are about a person."""

from typing import Annotated, TypeVar

T = TypeVar("T")


class _AboutAPerson:
    """The mark. Nothing reads it yet: what bears it can be sealed, each person's by a key of its own."""


Personal = Annotated[T, _AboutAPerson()]
"""In an event that a family brings: `email: Personal[str]`. What a person chose, is called or is reached by; not ids
that we drew, nor what is about the account."""
