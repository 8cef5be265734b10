"""What a command prints: tables for people, JSON lines and CSV for programs. No text that came from a request reaches
the terminal as it is, for it may hold escape sequences.

A terminal shows a table whole, however narrow it is. Ids, names and ARNs are never cut: running text is broken between
words, what is longer than its column takes the rest of the line or one of its own, a row takes two lines, and where
that does not do either, each row is a block."""

import argparse
import csv
import json
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from math import ceil
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
_APOSTROPHE = "'"
_GUARDED = tuple("=+-@＝＋－＠" + _APOSTROPHE)  # noqa: RUF001  the wide forms of the four are meant
"""What begins a formula to a spreadsheet (OWASP, "CSV Injection"; ASVS 1.2.10), and what guards from that."""


T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


def short_time(at: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact_time(at: datetime) -> str:
    """RFC 3339 in UTC, as exactly as the ledger keeps time: copied, it finds the same moment again."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def date_of(at: datetime) -> str:
    """Of UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d UTC")


def time_of_day(at: datetime) -> str:
    """In UTC, to the second, below its date."""
    return at.astimezone(UTC).strftime("%H:%M:%S")


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
    least: int | None = None
    """So many characters wide at least where not all columns fit; None: as wide as most of its cells."""
    short: Callable[[T_contra], str | None] | None = None
    """A shorter form, for where the whole ones do not fit."""
    above: Callable[[T_contra], str] | None = None
    """What the shorter form leaves out: it stands above the first of the rows that have it."""
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
    is_tight: bool = False
    """Whether it stays so, however long the cells of later pages."""


_Needs = Sequence[Sequence[int]]
"""By column: what each of a page's cells takes at least, in order."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """The lines of a cell, and where they begin."""

    begin: int
    texts: Sequence[str]
    colour: Colour | None


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
        self._shortened = False
        """Whether cells have their shorter forms."""
        self._above: Sequence[str] = ()
        self._forget()
        self._titled: Layout | None = None
        self._is_first = True

    def show(self, rows: Sequence[T]) -> None:
        if not rows:
            return
        shown = self._cells(rows)
        needs = self._measure(shown)
        if (
            not self._shortened
            and self._line > (self._width or self._line)
            and any(column.short for column in self._columns)
        ):
            self._shortened, self._titled = True, None
            self._forget()
            shown = self._cells(rows)
            needs = self._measure(shown)
        layout = self._layout(needs)
        if layout is not None and (self._titled is None or layout.lines != self._titled.lines):
            self._write_row(layout, [column.title for column in self._columns], [Colour.BOLD] * len(self._columns))
            self._titled = layout
        for row, cells in zip(rows, shown, strict=True):
            self._write_above(row)
            colours = [column.colour(cell) for column, cell in zip(self._columns, cells, strict=True)]
            if layout is None:
                self._write_block(cells, colours)
            else:
                self._write_row(layout, cells, colours)
            self._is_first = False

    def _forget(self) -> None:
        """All that was measured."""
        titles = [len(column.title) for column in self._columns]
        self._widest, self._needed, self._usual = titles, titles, titles
        """What each column takes: not broken anywhere, broken where it may be, and so but for the longest rows."""
        self._line = 0
        """And a row that is no longer than most, on one line."""

    def _cells(self, rows: Sequence[T]) -> list[list[str]]:
        forms = [(column.short if self._shortened else None) or column.of for column in self._columns]
        return [[printable(of(row) or "") or ABSENT for of in forms] for row in rows]

    def _write_above(self, row: T) -> None:
        if self._shortened:
            texts = [printable(column.above(row)) for column in self._columns if column.above is not None]
            for text in texts if texts != self._above else []:
                self._out.write(self._painted(text, Colour.BOLD) + "\n")
            self._above = texts

    def _needs(self, cells: Sequence[str]) -> list[int]:
        """How many characters each cell takes at least."""
        return [
            _narrowest(cell, TEXT_CHARACTERS_MIN if column.least is None else column.least)
            if column.wraps
            else len(cell)
            for column, cell in zip(self._columns, cells, strict=True)
        ]

    def _measure(self, shown: Sequence[Sequence[str]]) -> _Needs:
        needs = [self._needs(cells) for cells in shown]
        usual = ceil(USUAL_SHARE * len(needs)) - 1
        self._widest = _widest(self._widest, *([*map(len, cells)] for cells in shown))
        self._needed = _widest(self._needed, *needs)
        columns = [sorted(column) for column in zip(*needs, strict=True)]
        self._usual = _widest(self._usual, [column[usual] for column in columns])
        self._line = max(self._line, sorted(map(_line_length, needs))[usual])
        return columns

    def _layout(self, needs: _Needs) -> Layout | None:
        """With the fewest lines a row that fit, the longest rows left aside; None where blocks are easier to read."""
        if self._width is None:
            return Layout([[*range(len(self._columns))]], self._widest)
        if self._titled is not None and self._titled.is_tight:
            return self._titled
        tight = [
            usual if column.least is None else max(min(needed, column.least), len(column.title))
            for column, needed, usual in zip(self._columns, self._needed, self._usual, strict=True)
        ]
        for lines_max in range(1, FOLDED_LINES_MAX + 1):
            for needed in (self._needed, self._usual, tight):
                lines = self._packed(needed)
                is_tight = needed == tight != self._usual
                fits = all(self._room(needed, line, at) >= 0 for at, line in enumerate(lines))
                if fits and len(lines) <= lines_max and (len(lines) > 1 or is_tight or self._line <= self._width):
                    return Layout(lines, self._widened(needed, lines, needs), is_tight)
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

    def _widened(self, needed: Sequence[int], lines: Sequence[Sequence[int]], needs: _Needs) -> list[int]:
        """What is left on a line is given where it spares most cells a line of their own, a character at a time, then
        to the columns that lack most."""
        widths = list(needed)
        for at, line in enumerate(lines):
            room = self._room(needed, line, at)
            while gains := [gain for number in line for gain in _gains(needs[number], widths[number], room, number)]:
                _, characters, number = max(gains)
                widths[number] += characters
                room -= characters
            for _ in range(room):
                lacking = max(line, key=lambda each: self._widest[each] - widths[each])
                widths[lacking] += widths[lacking] < self._widest[lacking]
        return widths

    def _write_row(self, layout: Layout, cells: Sequence[str], colours: Sequence[Colour | None]) -> None:
        """Each cell under its title. Text that is longer than its column stands on a line of its own below, beginning
        further left; a name, and what a line begins with, takes the rest of its line, unless there is room enough under
        the next titles."""
        needs = self._needs(cells)
        for at, line in enumerate(layout.lines):
            stop = len(FOLD_INDENT) if at else 0
            beside: list[_Placed] = []
            below: list[_Placed] = []
            for number, free in zip(line, self._free(line, layout.widths, needs), strict=True):
                cell, need, colour = cells[number], needs[number], colours[number]
                rest = need if self._width is None else self._width - stop
                if need <= free:
                    beside.append(_Placed(stop, wrapped(cell, free, GAP), colour))
                elif number == line[0] or (need <= rest and (number == line[-1] or not self._columns[number].wraps)):
                    beside.append(_Placed(stop, wrapped(cell, rest, GAP), colour))
                    self._write_placed(beside)
                    beside = []
                else:
                    begin = min(stop, max(len(FOLD_INDENT), stop + rest - len(cell)))
                    below.append(_Placed(begin, wrapped(cell, max(stop + rest - begin, need), GAP), colour))
                stop += layout.widths[number] + len(GAP)
            for placed in (beside, *([each] for each in below)):
                self._write_placed(placed)

    def _free(self, line: Sequence[int], widths: Sequence[int], needs: Sequence[int]) -> list[int]:
        """The characters that each cell of a line has: its column's, and those of the next whose text goes below."""
        free: list[int] = []
        after = 0
        for number in reversed(line):
            free.append(widths[number] + after)
            goes_below = self._columns[number].wraps and needs[number] > free[-1] and number != line[-1]
            after = len(GAP) + free[-1] if goes_below else 0
        return free[::-1]

    def _write_placed(self, placed: Sequence["_Placed"]) -> None:
        for texts in zip_longest(*(each.texts for each in placed), fillvalue=""):
            written, end = "", 0
            for each, text in zip(placed, texts, strict=True):
                if text:
                    written += " " * (each.begin - end) + self._painted(text, each.colour)
                    end = each.begin + len(text)
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


def _gains(needs: Sequence[int], width: int, room: int, number: int) -> Iterator[tuple[float, int, int]]:
    """Of making a column wider: how many cells a character is good for, how many characters, and which column."""
    for need in set(needs):
        if 0 < need - width <= room:
            cells = bisect_right(needs, need) - bisect_right(needs, width)
            yield cells / (need - width), need - width, number


def _narrowest(text: str, least: int) -> int:
    """Of running text. Where it is broken, its later lines are indented: none looks like a row."""
    first, *more = map(len, text.split(" "))
    return min(len(text), max(least, first, *(len(GAP) + each for each in more)))


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


def guarded(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: what begins like one has an apostrophe before it. So has what
    begins with an apostrophe, or `unguarded` would take that away."""
    return _APOSTROPHE + text if text.startswith(_GUARDED) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` has made the cell of. What somebody has typed stays: a formula, and a single apostrophe
    before anything else."""
    is_guarded = cell.startswith(_APOSTROPHE) and cell[1:].startswith(_GUARDED)
    return cell[1:] if is_guarded else cell


class Csv(Generic[T]):
    """Comma-separated values (RFC 4180) under a line of titles, which comes also where there are no rows. A spreadsheet
    takes no cell for a formula (`guarded`). No control character of a cell's text comes out, on a terminal or into a
    file that is shown on one. What is absent is empty."""

    def __init__(self, columns: Sequence[Column[T]], out: TextIO) -> None:
        self._columns = columns
        self._writer = csv.writer(out, lineterminator="\r\n")
        self._writer.writerow([column.title for column in columns])

    def show(self, rows: Sequence[T]) -> None:
        for row in rows:
            self._writer.writerow([guarded(visible(column.of(row) or "")) for column in self._columns])


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
