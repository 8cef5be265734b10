"""Where things stand in the text of a policy: for findings of the linter, the matched statements of a simulation, and
names that are not what they were when it was written."""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.policy.decode import NESTING_LEVELS_MAX

Path = tuple[str | int, ...]
"""Names of members and indexes of elements, from the document inwards: ("Statement", 0, "Action", 1)."""

_PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]},:]|[^\s"\[{\]},:]+')


@dataclass(frozen=True, slots=True)
class Position:
    """A place before a character, counted as Access Analyzer's Position is (botocore's model of it)."""

    line: int
    """From 1. Lines end with a line feed."""
    column: int
    """Characters before it in its line, from 0."""
    offset: int
    """Characters before it in the text, from 0."""


@dataclass(frozen=True, slots=True)
class Span:
    """From the first character of a value to behind its last.

    IAM's Position counts columns from 1, and its StartPosition of a statement stands behind the opening brace: in the
    example of the AWS CLI's `simulate-custom-policy` a statement from offset 36 up to 166 of a single line begins at
    column 38 and ends at column 167. From a Span that is `start.column + 2` and `end.column + 1`.
    """

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Positions:
    _offsets: Mapping[Path, tuple[int, int]]
    _line_feeds: Sequence[int]

    def __contains__(self, path: Path) -> bool:
        return path in self._offsets

    def __iter__(self) -> Iterator[Path]:
        """Inner values before those around them, otherwise in the order of the text."""
        return iter(self._offsets)

    def span_of(self, path: Path) -> Span:
        """That of the value; () is the document. Raises LookupError when the text has no such value."""
        start, end = self._offsets[path]
        return Span(self._place(start), self._place(end))

    def statement(self, index: int) -> Path:
        """The path of a statement, from 0, whether they stand in a list or the only one stands for itself."""
        return ("Statement", index) if ("Statement", index) in self._offsets else ("Statement",)

    def nearest(self, path: Path) -> Path:
        """The path itself, or that of the nearest value around it which the text has. A single statement that stands
        for itself is found by its index too."""
        if path[:2] == ("Statement", 0) and path[:2] not in self._offsets:
            path = ("Statement", *path[2:])
        while path not in self._offsets:
            path = path[:-1]
        return path

    def _place(self, offset: int) -> Position:
        lines_before = bisect_left(self._line_feeds, offset)
        begins_at = self._line_feeds[lines_before - 1] + 1 if lines_before else 0
        return Position(lines_before + 1, offset - begins_at, offset)


def positions(text: str) -> Positions:
    """One pass over the text. Of one that is not JSON, or nested deeper than any policy, only () is known: all of it.

    Where a name stands twice in one object the last is meant, as everywhere in JSON decoding.
    """
    line_feeds = [found.start() for found in re.finditer("\n", text)]
    return Positions(_offsets(text) or {(): (0, len(text))}, line_feeds)


def rename_principals(text: str, names: Mapping[str, str]) -> str:
    """The trust policy with other names for some of the principals in its Principal elements. All else stays as it
    was written, to the character."""
    places = positions(text)
    spans = [places.span_of(path) for path in places if _member_names(path) == ("Statement", "Principal", "AWS")]
    written = {(span.start.offset, span.end.offset): text[span.start.offset : span.end.offset] for span in spans}
    # From the end: so the offsets before stay what they are.
    for (start, end), value in sorted(written.items(), reverse=True):
        if value.startswith('"') and (name := json.loads(value)) in names:
            text = f"{text[:start]}{json.dumps(names[name])}{text[end:]}"
    return text


def _member_names(path: Path) -> Path:
    return tuple(part for part in path if isinstance(part, str))


def _offsets(text: str) -> dict[Path, tuple[int, int]] | None:
    try:
        json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return None
    offsets: dict[Path, tuple[int, int]] = {}
    path: list[str | int] = []
    """Ends with the name or index of the member that comes next."""
    opened_at: list[int] = []
    before = ""
    for found in _PIECE.finditer(text):
        piece = found[0]
        if piece in {"[", "{"}:
            if len(path) == NESTING_LEVELS_MAX:
                return None
            opened_at.append(found.start())
            path.append(0 if piece == "[" else "")
        elif piece in {"]", "}"}:
            path.pop()
            offsets[tuple(path)] = (opened_at.pop(), found.end())
        elif piece == ",":
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else ""
        elif piece != ":":
            if before in {"{", ","} and isinstance(path[-1], str):
                path[-1] = json.loads(piece)
            else:
                offsets[tuple(path)] = found.span()
        before = piece
    return offsets
