"""A policy as the linter reads it: decoded JSON with its paths, whatever sense it makes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.policy.positions import Path

Json = None | bool | str | list["Json"] | dict[str, "Json"]


class Bare(str):
    """A number or Boolean of JSON as it was written: conditions compare texts, and no other element takes one."""

    __slots__ = ()


def decoded(text: str) -> Json:
    """Raises ValueError and RecursionError. Of members with one name the last counts."""
    value: Json = json.loads(text, parse_int=Bare, parse_float=Bare, parse_constant=Bare)
    return value


@dataclass(frozen=True, slots=True)
class Listed:
    """One text of an element, which may stand for itself or in a list."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class ConditionRead:
    path: Path
    operator: str
    """Without quantifier and IfExists."""
    quantifier: str
    """ForAllValues, ForAnyValue or nothing."""
    if_exists: bool
    key: str
    """In lower case."""
    values: tuple[Listed, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(value.text for value in self.values)

    @property
    def has_variables(self) -> bool:
        return any("${" in text for text in self.texts)


@dataclass(frozen=True, slots=True)
class StatementRead:
    path: Path
    elements: Mapping[str, Json]

    @property
    def allows(self) -> bool:
        return self.elements.get("Effect") == "Allow"

    def at(self, *names: str | int) -> Path:
        return (*self.path, *names)

    def listed(self, element: str) -> tuple[Listed, ...]:
        """The texts of Action, Resource and so on; what is no text is left out."""
        items = _listed(self.elements.get(element), self.at(element))
        return tuple(item for item in items if not isinstance(item.text, Bare))

    def texts(self, element: str) -> list[str]:
        return [item.text for item in self.listed(element)]

    def conditions(self) -> Iterator[ConditionRead]:
        operators = self.elements.get("Condition")
        for operator, keys in operators.items() if isinstance(operators, dict) else ():
            quantifier, colon, base = operator.rpartition(":")
            if_exists = base.endswith("IfExists")
            for key, values in keys.items() if isinstance(keys, dict) else ():
                path = self.at("Condition", operator, key)
                yield ConditionRead(
                    path,
                    base.removesuffix("IfExists"),
                    quantifier if colon else "",
                    if_exists,
                    key.lower(),
                    tuple(_listed(values, path)),
                )


def statements(document: Mapping[str, Json]) -> Iterator[StatementRead]:
    """Those that are objects."""
    written = document.get("Statement")
    if isinstance(written, dict):
        yield StatementRead(("Statement",), written)
    elif isinstance(written, list):
        for index, statement in enumerate(written):
            if isinstance(statement, dict):
                yield StatementRead(("Statement", index), statement)


def _listed(value: Json, path: Path) -> Iterator[Listed]:
    """Conditions take numbers and Booleans without quotation marks too."""
    items = enumerate(value) if isinstance(value, list) else [(None, value)]
    for index, item in items:
        place = path if index is None else (*path, index)
        if isinstance(item, bool):
            yield Listed(place, Bare("true" if item else "false"))
        elif isinstance(item, str):
            yield Listed(place, item)
