"""Pins the stored bytes of every event. For new events: `python -m tests.vectors.events.generate`.

A file that stands is never written again: its bytes are in ledgers. An event that gets an optional field gets another
file, TOPIC.2.json; any other change is a new topic and an upcast.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import domain
from domain.foundation.events import Cause, Entry, Event, Value, event_classes
from services.ledger.mapper import EntryMapper

PINNED = Path(__file__).parent
ACCOUNT = "123456789012"
AT = datetime(2026, 1, 31, 23, 59, 59, 1, tzinfo=UTC)
EVENT_ID = "00000000-0000-4000-8000-000000000000"
LARGE_POSITION = 2**53 + 1
"""The first whole number that a program which reads numbers as floats would change."""
KINDS = {"entity": "role"}
"""Of the kinds that families have registered."""
TEXTS = {**KINDS, "user_agent": '\t"\\" Zoë \u2028 €\U0001f511\x7f'}
"""Other texts are their fields' names. This one has what JSON escapes and what it does not, in one to four bytes."""
SCALARS: Mapping[Any, object] = {int: 7, bool: True, datetime: AT, object: ["nested", {"key": 1}]}


def events() -> Mapping[str, type[Event]]:
    """Every event of the domain, by topic."""
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        import_module(module.name)
    return event_classes()


def files_of(topic: str) -> list[Path]:
    """The oldest first."""
    later = (PINNED / f"{topic}.{number}.json" for number in range(2, 10))
    return [path for path in (PINNED / f"{topic}.json", *later) if path.exists()]


def examples(event: type[Event]) -> Iterator[Entry]:
    """Two entries: every field set, and only those that must be."""
    for position, everything in ((LARGE_POSITION, True), (1, False)):
        cause = Cause.model_validate(_fields(Cause, everything=everything))
        example = event.model_validate(_fields(event, everything=everything))
        yield Entry(ACCOUNT, position, EVENT_ID, AT, cause, example)


def _fields(of: type[Any], *, everything: bool) -> dict[str, object]:
    """Of a Value, or of a dataclass that rides in one."""
    if is_dataclass(of):
        hints = get_type_hints(of)
        members = {field.name: (hints[field.name], field.default is MISSING) for field in fields(of)}
    else:
        members = {name: (field.annotation, field.is_required()) for name, field in of.model_fields.items()}
    return {
        name: _example(name, annotation, everything=everything)
        for name, (annotation, required) in members.items()
        if everything or required
    }


def _example(name: str, of: Any, *, everything: bool) -> object:
    """A value of the type. One that it does not know is a TypeError: then this function has to learn it."""
    origin, arguments = get_origin(of), get_args(of)
    while origin in {UnionType, Union, Annotated}:
        of = next(argument for argument in arguments if argument is not NoneType)
        origin, arguments = get_origin(of), get_args(of)
    if of is str:
        return TEXTS.get(name, name) if everything else KINDS.get(name, "")
    if of in SCALARS:
        return SCALARS[of]
    if origin is Literal:
        return arguments[-1]
    if origin is tuple:
        return (_example(name, arguments[0], everything=everything),) if everything else ()
    if origin in {Mapping, dict}:
        key = name if arguments[0] is str else _example(name, arguments[0], everything=everything)
        return {key: _example(name, arguments[1], everything=everything)} if everything else {}
    if isinstance(of, type) and (issubclass(of, Value) or is_dataclass(of)):
        return _fields(of, everything=everything)
    raise TypeError(f"{name}: no example of a {of} is known.")


def lines(event: type[Event]) -> bytes:
    """The stored bytes of the examples, a line each."""
    return b"".join(EntryMapper().to_stored_event(entry).state + b"\n" for entry in examples(event))


if __name__ == "__main__":
    for topic, event in events().items():
        files, now = files_of(topic), lines(event)
        if not files or files[-1].read_bytes() != now:
            name = f"{topic}.{len(files) + 1}.json" if files else f"{topic}.json"
            (PINNED / name).write_bytes(now)
