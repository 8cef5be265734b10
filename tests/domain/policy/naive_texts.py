"""Variables and wildcards once more, a character at a time."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Context = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Piece:
    """One character of a pattern."""

    character: str
    is_written: bool
    """Not so where a variable stood: what replaces it is no wildcard."""

    @property
    def is_wildcard(self) -> bool:
        return self.is_written and self.character in {"*", "?"}


@dataclass(frozen=True)
class Step:
    """One character, or a wildcard, which may be kept from matching colons."""

    piece: Piece
    crosses_colons: bool = True


_VARIABLE = re.compile(r"\$\{([^}',]+)(?:, '([^']*)')?\}", re.DOTALL)


def replaced(text: str, variables: Context | None) -> list[Piece] | None:
    """The text with its variables replaced ("Variables and tags"); None if one of them has no value and no default.
    No variables are those of a policy of the first version, where they are text like any other."""
    pieces: list[Piece] = []
    place = 0
    while place < len(text):
        found = _VARIABLE.match(text, place) if variables is not None else None
        if variables is None or not found:
            pieces.append(Piece(text[place], is_written=True))
            place += 1
            continue
        place = found.end()
        key, default = found.groups()
        values = [key] if key in {"*", "?", "$"} else variables.get(key.lower(), ())
        value = values[0] if len(values) == 1 else default
        if value is None:
            return None
        pieces.extend(Piece(character, is_written=False) for character in value)
    return pieces


def matches(pattern: Sequence[Step], text: str) -> bool:
    """By all the places of the text that could be reached when the first steps of the pattern were taken."""
    reached = {0}
    for step in pattern:
        reached = {place for start in reached for place in _reachable(step, text, start)}
    return len(text) in reached


def _reachable(step: Step, text: str, start: int) -> Iterator[int]:
    if not step.piece.is_wildcard:
        if text[start : start + 1] == step.piece.character:
            yield start + 1
        return
    if step.piece.character == "*":
        yield start
    for place in range(start, len(text)):
        if text[place] == ":" and not step.crosses_colons:
            return
        yield place + 1
        if step.piece.character == "?":
            return
