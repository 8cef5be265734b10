"""A policy as the linter reads it: decoded JSON with its paths, whatever sense it makes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.policy.decode import Json, JsonNumber, unquoted
from domain.policy.positions import Path


def decoded(text: str) -> Json:
    """Raises ValueError and RecursionError. Of members with one name the last counts."""
    value: Json = json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=JsonNumber)
    return value


@dataclass(frozen=True, slots=True)
class ListedText:
    """One text of an element, which may stand for itself or in a list."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class ParsedCondition:
    path: Path
    operator: str
    """Without quantifier and IfExists."""
    quantifier: str
    """ForAllValues, ForAnyValue or nothing."""
    if_exists: bool
    key: str
    """In lower case."""
    values: tuple[ListedText, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(value.text for value in self.values)

    @property
    def has_variables(self) -> bool:
        return any("${" in text for text in self.texts)


@dataclass(frozen=True, slots=True)
class ParsedStatement:
    path: Path
    elements: Mapping[str, Json]

    @property
    def allows(self) -> bool:
        return self.elements.get("Effect") == "Allow"

    def at(self, *names: str | int) -> Path:
        return (*self.path, *names)

    def listed(self, element: str) -> tuple[ListedText, ...]:
        """The texts of Action, Resource and so on."""
        return listed(self.elements.get(element), self.at(element))

    def texts(self, element: str) -> list[str]:
        return [item.text for item in self.listed(element)]

    def conditions(self) -> Iterator[ParsedCondition]:
        operators = self.elements.get("Condition")
        for operator, keys in operators.items() if isinstance(operators, dict) else ():
            quantifier, colon, base = operator.rpartition(":")
            if_exists = base.endswith("IfExists")
            for key, values in keys.items() if isinstance(keys, dict) else ():
                path = self.at("Condition", operator, key)
                yield ParsedCondition(
                    path,
                    base.removesuffix("IfExists"),
                    quantifier if colon else "",
                    if_exists,
                    key.lower(),
                    tuple(_condition_values(values, path)),
                )


def statements(document: Mapping[str, Json]) -> Iterator[ParsedStatement]:
    """Those that are objects."""
    written = document.get("Statement")
    if isinstance(written, dict):
        yield ParsedStatement(("Statement",), written)
    elif isinstance(written, list):
        for index, statement in enumerate(written):
            if isinstance(statement, dict):
                yield ParsedStatement(("Statement", index), statement)


def listed(value: Json, path: Path) -> tuple[ListedText, ...]:
    """The texts of a value that is one or lists some; what is no text is left out."""
    return tuple(ListedText(place, item) for place, item in _items(value, path) if type(item) is str)


def _condition_values(value: Json, path: Path) -> Iterator[ListedText]:
    for place, item in _items(value, path):
        text = unquoted(item)
        if isinstance(text, str):
            yield ListedText(place, text)


def _items(value: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    if not isinstance(value, list):
        yield path, value
        return
    for index, item in enumerate(value):
        yield (*path, index), item
