"""What the steps of random histories draw from."""

from collections.abc import Callable, Iterable, Sequence, Sized
from datetime import datetime
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from domain.account import Account
from domain.foundation.events import Event
from domain.foundation.identifiers import Random

T = TypeVar("T")
NAMES = st.sampled_from(["ann", "Ann", "bob", "ops"])
"""Few, so that they collide; two differ by case alone, which is a collision too."""
PATHS = st.sampled_from(["/", "/a/", "/a/b/"])
Step = Callable[[DrawFn, Account, datetime, Random], Sequence[Event]]


class Nothing(Exception):  # noqa: N818  no error: there is nothing in the account that the step could concern
    pass


def one(draw: DrawFn, of: Iterable[T]) -> T:
    there = sorted(of, key=repr)  # a Map's order differs from process to process, and what was drawn must not
    if not there:
        raise Nothing
    return draw(st.sampled_from(there))


def step(draw: DrawFn, there: Sized, *others: str) -> str:
    """What is done with entities of a kind: while there are none, one is created."""
    return draw(st.sampled_from(["create", *others])) if len(there) else "create"
