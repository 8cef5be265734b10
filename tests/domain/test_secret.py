"""A Secret is seen by nobody who does not ask with `reveal`."""

import copy
import json
import pickle
from collections.abc import Callable

import pytest
from pydantic import TypeAdapter

from domain.calls import ApiCalled
from domain.foundation.events import Value, event_classes
from domain.foundation.secret import Secret

HIDDEN = "wJalrXUtnFEMI"


@pytest.mark.parametrize("shown", [str, repr, "{}".format, "{!r:>40}".format, lambda secret: f"{[secret]}"])
def test_it_prints_as_dots(shown: Callable[[Secret], str]) -> None:
    """No way of printing shows any of it, within a container neither."""
    assert HIDDEN not in shown(Secret(HIDDEN))
    assert "•••" in shown(Secret(HIDDEN))


@pytest.mark.parametrize("serialise", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, lambda s: s == s, hash])  # noqa: PLR0124  that is what is refused
def test_it_refuses(serialise: Callable[[Secret], object]) -> None:
    """Serialisation and comparison, which leaks timing, are defects and raise."""
    with pytest.raises(TypeError) as refused:
        serialise(Secret(HIDDEN))
    assert HIDDEN not in str(refused.value)


def test_it_cannot_be_a_field() -> None:
    """A model with a secret in it cannot even be defined."""
    with pytest.raises(TypeError, match="cannot be a field"):

        class Leaky(Value):
            secret: Secret

    with pytest.raises(TypeError, match="cannot be a field"):
        TypeAdapter(dict[str, Secret])


def test_no_event_could_take_one_unseen() -> None:
    """No field of an event is so loosely typed that a secret would pass its validation, but for the parameters of a
    call, which are an allow-list's."""
    loose = {
        (event, name)
        for event in event_classes().values()
        for name, field in event.model_fields.items()
        if "object" in str(field.annotation) or "Any" in str(field.annotation)
    }
    assert loose == {(ApiCalled, "parameters")}


def test_reveal() -> None:
    """The one way out gives the text."""
    assert Secret(HIDDEN).reveal() == HIDDEN
