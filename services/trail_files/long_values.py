"""Values of parameters that a call's record does not hold whole (`domain.foundation.abridged`): what an event of the
call holds of them is put back, of the others there is the beginning, which ends in an ellipsis."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from domain.foundation.abridged import ABRIDGED
from domain.foundation.events import Event

RESTORED_CHARACTERS_MAX = 65_536
"""CloudTrail has no requestParameters of more than 100 kB."""


def with_long_values(parameters: Mapping[str, object], events: Iterable[Event]) -> dict[str, object]:
    if not any(_is_abridged(value) for value in _values(parameters)):
        return dict(parameters)
    texts = (text for event in events for text in _values(event.model_dump()) if isinstance(text, str))
    by_digest = {sha256(text.encode()).hexdigest(): text for text in texts if len(text) <= RESTORED_CHARACTERS_MAX}
    return {name: _restored(value, by_digest) for name, value in parameters.items()}


def _restored(value: object, by_digest: Mapping[str, str]) -> object:
    match value:
        case Mapping() if _is_abridged(value):
            told = value[ABRIDGED]
            assert isinstance(told, Mapping)
            return by_digest.get(str(told["sha256"]), told["beginning"])
        case Mapping():
            return {name: _restored(member, by_digest) for name, member in value.items()}
        case list():
            return [_restored(item, by_digest) for item in value]
        case _:
            return value


def _is_abridged(value: object) -> bool:
    return isinstance(value, Mapping) and value.keys() == {ABRIDGED}


def _values(value: object) -> Iterator[object]:
    """Itself, and all that is in it."""
    yield value
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _values(item)
