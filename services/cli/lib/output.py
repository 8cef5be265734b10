"""What a command prints: tables for people, JSON lines and CSV for programs. No text that came from a request reaches
the terminal as it is, for it may hold escape sequences.

A terminal shows a table whole, however narrow it is. Ids, names and ARNs are never cut: running text is broken between
words, a row takes two lines, a row that is longer than most is ragged, and where all are, each is a block."""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from math import ceil
from operator import le
from typing import Generic, Protocol, TextIO, TypeVar

from pydantic_core import to_jsonable_python

from domain.foundation.identifiers import account_of_arn
from services.cli.lib.terminal import Colour, colours_shown, painted, printable, stdout_width, visible, wrapped

GAP = "  "
FOLD_INDENT = "    "
FOLDED_LINES_MAX = 2
TEXT_CHARACTERS_MIN = 40
"""Running text is made no narrower, unless it is shorter."""
USUAL_SHARE = 0.75
"""Of the rows: where so many fit, the others may be ragged."""
ABSENT = "-"
_BEGINS_A_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001  the wide forms of the four are meant
"""To a spreadsheet (OWASP, "CSV Injection"; ASVS 1.2.10)."""


T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


def short_time(at: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact_time(at: datetime) -> str:
    """RFC 3339 in UTC, as exactly as the ledger keeps time: copied, it finds the same moment again."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def count_noun(count: int, what: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def cut(text: str, characters: int) -> str:
    """So long at most."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def short_arn(arn: str, account_id: str) -> str:
    """Without what all ARNs of the account have in common; whole where it is another account's."""
    return arn_resource(arn) if account_of_arn(arn) == account_id else arn


def arn_resource(arn: str) -> str:
    """What follows the account."""
    return arn.split(":", 5)[-1]


def _no_colour(_text: str) -> Colour | None:
    return None


@dataclass(frozen=True, slots=True)
class Column(Generic[T_contra]):
    title: str
    of: Callable[[T_contra], str | None]
    wraps: bool = False
    """Whether it is running text or a list, which may be broken between words."""
    wide: bool = False
    """Whether only `--wide` shows it."""
    colour: Callable[[str], Colour | None] = _no_colour
    """Of a cell with this text."""


def result_colour(text: str) -> Colour:
    """Of how something ended."""
    return Colour.GREEN if text.startswith(("ok", "equal")) else Colour.RED


@dataclass(frozen=True, slots=True)
class Layout:
    """Of a row: the numbers of the columns on each of its lines, and how wide each column is."""

    lines: Sequence[Sequence[int]]
    widths: Sequence[int]


class Output(Protocol[T_contra]):
    """Shows rows as they come, page after page."""

    def show(self, rows: Sequence[T_contra]) -> None: ...


class Table(Generic[T]):
    """Aligned columns under a title. A column may grow wider from one page to the next, never narrower."""

    def __init__(self, columns: Sequence[Column[T]], out: TextIO, width: int | None, *, coloured: bool = False) -> None:
        """The width is in characters; None where nothing is broken, such as in a pipe."""
        self._columns = columns
        self._out = out
        self._width = width
        self._coloured = coloured
        titles = [len(column.title) for column in columns]
        self._widest, self._needed, self._usual = titles, titles, titles
        """What each column takes: not broken anywhere, broken where it may be, and so but for the longest rows."""
        self._line = 0
        """And a row that is no longer than most, on one line."""
        self._titled: Layout | None = None
        self._is_first = True

    def show(self, rows: Sequence[T]) -> None:
        if not rows:
            return
        shown = [[printable(column.of(row) or "") or ABSENT for column in self._columns] for row in rows]
        self._measure(shown)
        layout = self._layout()
        if layout is not None and (self._titled is None or layout.lines != self._titled.lines):
            self._write_row(layout, [column.title for column in self._columns], [Colour.BOLD] * len(self._columns))
            self._titled = layout
        for cells in shown:
            colours = [column.colour(cell) for column, cell in zip(self._columns, cells, strict=True)]
            if layout is None:
                self._write_block(cells, colours)
            elif all(map(le, self._needs(cells), layout.widths)):
                self._write_row(layout, cells, colours)
            else:
                self._write_ragged(layout, cells, colours)
            self._is_first = False

    def _needs(self, cells: Sequence[str]) -> list[int]:
        """How many characters each cell takes at least."""
        return [
            _narrowest(cell) if column.wraps else len(cell) for column, cell in zip(self._columns, cells, strict=True)
        ]

    def _measure(self, shown: Sequence[Sequence[str]]) -> None:
        needs = [self._needs(cells) for cells in shown]
        usual = ceil(USUAL_SHARE * len(needs)) - 1
        self._widest = _widest(self._widest, *([*map(len, cells)] for cells in shown))
        self._needed = _widest(self._needed, *needs)
        self._usual = _widest(self._usual, [sorted(column)[usual] for column in zip(*needs, strict=True)])
        self._line = max(self._line, sorted(map(_line_length, needs))[usual])

    def _layout(self) -> Layout | None:
        """With the fewest lines a row that fit, the longest rows left aside; None where blocks are easier to read."""
        if self._width is None:
            return Layout([[*range(len(self._columns))]], self._widest)
        for lines_max in range(1, FOLDED_LINES_MAX + 1):
            for needed in (self._needed, self._usual):
                lines = self._packed(needed)
                fits = all(self._room(needed, line, at) >= 0 for at, line in enumerate(lines))
                if fits and len(lines) <= lines_max and (len(lines) > 1 or self._line <= self._width):
                    return Layout(lines, self._widened(needed, lines))
        return None

    def _packed(self, needed: Sequence[int]) -> list[list[int]]:
        """As many columns on each line as fit."""
        lines: list[list[int]] = [[]]
        for number in range(len(self._columns)):
            if lines[-1] and self._room(needed, [*lines[-1], number], len(lines) - 1) < 0:
                lines.append([])
            lines[-1].append(number)
        return lines

    def _room(self, needed: Sequence[int], line: Sequence[int], at: int) -> int:
        """What is left of the width beside these columns, on the first line or one below it."""
        assert self._width is not None
        return self._width - (len(FOLD_INDENT) if at else 0) - _line_length([needed[each] for each in line])

    def _widened(self, needed: Sequence[int], lines: Sequence[Sequence[int]]) -> list[int]:
        """What is left on a line is given to the columns that lack most."""
        widths = list(needed)
        for at, line in enumerate(lines):
            for _ in range(self._room(needed, line, at)):
                lacking = max(line, key=lambda each: self._widest[each] - widths[each])
                widths[lacking] += widths[lacking] < self._widest[lacking]
        return widths

    def _write_row(self, layout: Layout, cells: Sequence[str], colours: Sequence[Colour | None]) -> None:
        for at, line in enumerate(layout.lines):
            broken = [wrapped(cells[each], layout.widths[each], GAP) for each in line]
            for texts in zip_longest(*broken, fillvalue=""):
                written = [
                    self._painted(text, colours[each]) + " " * (layout.widths[each] - len(text))
                    for each, text in zip(line, texts, strict=True)
                ]
                self._out.write((FOLD_INDENT if at else "") + GAP.join(written).rstrip() + "\n")

    def _write_ragged(self, layout: Layout, cells: Sequence[str], colours: Sequence[Colour | None]) -> None:
        """Each cell under its title, or as near to it as the others allow; on a new line where it would be broken."""
        assert self._width is not None
        needs = self._needs(cells)
        for at, line in enumerate(layout.lines):
            stop = len(FOLD_INDENT) if at else 0
            written, place = "", 0
            for number in line:
                rest = _line_length([needs[each] for each in line if each >= number])
                begin = max(place + len(GAP), min(stop, self._width - rest)) if place else stop
                if place and begin + needs[number] > self._width:
                    written, place, begin = f"{written}\n", 0, stop
                if begin + needs[number] > self._width:
                    begin = min(begin, len(FOLD_INDENT))
                texts = wrapped(cells[number], max(self._width - begin, needs[number]), GAP)
                shown = [self._painted(text, colours[number]) for text in texts]
                written += " " * (begin - place) + ("\n" + " " * begin).join(shown)
                place = begin + len(texts[-1])
                stop += layout.widths[number] + len(GAP)
            self._out.write(written + "\n")

    def _write_block(self, cells: Sequence[str], colours: Sequence[Colour | None]) -> None:
        """A line a cell, its title beside it. What is absent is left out."""
        assert self._width is not None
        if not self._is_first:
            self._out.write("\n")
        indent = max(len(column.title) for column in self._columns) + len(GAP)
        for column, cell, colour in zip(self._columns, cells, colours, strict=True):
            if cell == ABSENT:
                continue
            first, *more = wrapped(cell, max(self._width - indent, TEXT_CHARACTERS_MIN), GAP)
            self._out.write(
                self._painted(column.title.ljust(indent), Colour.BOLD) + self._painted(first, colour) + "\n"
            )
            for text in more:
                self._out.write(" " * indent + self._painted(text, colour) + "\n")

    def _painted(self, text: str, colour: Colour | None) -> str:
        return painted(text, colour) if self._coloured else text


def _narrowest(text: str) -> int:
    """Of running text. Where it is broken, its later lines are indented: none looks like a row."""
    longest = max(map(len, text.split(" ")))
    return min(len(text), max(TEXT_CHARACTERS_MIN, len(GAP) + longest))


def _line_length(cells: Sequence[int]) -> int:
    return sum(cells) + len(GAP) * (len(cells) - 1)


def _widest(*rows: Sequence[int]) -> list[int]:
    """Column by column."""
    return [max(column) for column in zip(*rows, strict=True)]


class JsonLines:
    """One JSON object a line, in ASCII, with all that is known."""

    def show(self, rows: Sequence[object]) -> None:
        for row in rows:
            sys.stdout.write(json.dumps(to_jsonable_python(row)) + "\n")


class Csv(Generic[T]):
    """Comma-separated values (RFC 4180) under a line of titles, which comes also where there are no rows. A spreadsheet
    takes no cell for a formula: one that begins like one has an apostrophe before it. No control character of a cell's
    text comes out, on a terminal or into a file that is shown on one. What is absent is empty."""

    def __init__(self, columns: Sequence[Column[T]], out: TextIO) -> None:
        self._columns = columns
        self._writer = csv.writer(out, lineterminator="\r\n")
        self._writer.writerow([column.title for column in columns])

    def show(self, rows: Sequence[T]) -> None:
        for row in rows:
            self._writer.writerow([self._cell(column.of(row) or "") for column in self._columns])

    def _cell(self, text: str) -> str:
        text = visible(text)
        return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text


def make_output(
    args: argparse.Namespace, columns: Sequence[Column[T]], exported: Sequence[Column[T]] = ()
) -> Output[T]:
    """As `--output` has it: json, csv with the columns that are exported, or a table."""
    match args.output:
        case "json":
            return JsonLines()
        case "csv":
            return Csv(exported, sys.stdout)
        case _:
            return stdout_table(columns, wide=args.wide)


def stdout_table(columns: Sequence[Column[T]], *, wide: bool) -> Table[T]:
    """On standard output, as wide as its terminal, or with `wide` as it comes."""
    shown = [column for column in columns if wide or not column.wide]
    return Table(shown, sys.stdout, None if wide else stdout_width(), coloured=colours_shown(sys.stdout))
