"""What a person reads: aligned tables; and what a program reads: JSON lines. No text that came from a request reaches
the terminal as it is, for it may hold escape sequences."""

import csv
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TextIO, TypeVar

from pydantic_core import to_jsonable_python

from domain.foundation.identifiers import account_of_arn
from services.cli.lib.terminal import printable

GAP = "  "
SHRUNK_CHARACTERS_MIN = 8
ABSENT = "-"
_BEGINS_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  the wide forms of the four are meant
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


@dataclass(frozen=True, slots=True)
class Column(Generic[T_contra]):
    title: str
    of: Callable[[T_contra], str | None]
    shrinks: bool = False
    """Whether it may be cut to make the table fit. What one copies from a table must not be."""


class Output(Protocol[T_contra]):
    """Shows rows as they come, page after page."""

    def show(self, rows: Sequence[T_contra]) -> None: ...


class Table(Generic[T]):
    """Aligned columns under a title line. A column may grow wider from one page to the next, never narrower."""

    def __init__(self, columns: Sequence[Column[T]], out: TextIO, width: int | None) -> None:
        """The width is in characters; None where nothing is cut, such as in a pipe."""
        self._columns = columns
        self._out = out
        self._width = width
        self._widths = [len(column.title) for column in columns]
        self._titled = False

    def show(self, rows: Sequence[T]) -> None:
        if not rows:
            return
        lines = [[printable(column.of(row) or "") or ABSENT for column in self._columns] for row in rows]
        self._widths = [
            max(width, *map(len, cells)) for width, cells in zip(self._widths, zip(*lines, strict=True), strict=True)
        ]
        self._fit()
        if not self._titled:
            self._write([column.title for column in self._columns])
            self._titled = True
        for line in lines:
            self._write(line)

    def _fit(self) -> None:
        """Takes from the widest of the columns that may shrink until the line fits or nothing is left to take."""
        shrinking = [number for number, column in enumerate(self._columns) if column.shrinks]
        while self._width is not None and sum(self._widths) + len(GAP) * (len(self._widths) - 1) > self._width:
            widest = max(shrinking, key=self._widths.__getitem__, default=None)
            if widest is None or self._widths[widest] <= SHRUNK_CHARACTERS_MIN:
                return
            self._widths[widest] -= 1

    def _write(self, cells: list[str]) -> None:
        padded = [cut(cell, width).ljust(width) for cell, width in zip(cells, self._widths, strict=True)]
        self._out.write(GAP.join(padded).rstrip() + "\n")


class JsonLines:
    """One JSON object a line, in ASCII, with all that is known."""

    def show(self, rows: Sequence[object]) -> None:
        for row in rows:
            sys.stdout.write(json.dumps(to_jsonable_python(row)) + "\n")


class Csv(Generic[T]):
    """Comma-separated values (RFC 4180) under a line of titles, which comes also where there are no rows. A spreadsheet
    takes no cell for a formula: one that begins like one has an apostrophe before it. What is absent is empty."""

    def __init__(self, columns: Sequence[Column[T]], out: TextIO, written: Callable[[str], str]) -> None:
        """`written` is what becomes of a cell's text: on a terminal, only what is printable."""
        self._columns = columns
        self._writer = csv.writer(out, lineterminator="\r\n")
        self._written = written
        self._writer.writerow([column.title for column in columns])

    def show(self, rows: Sequence[T]) -> None:
        for row in rows:
            self._writer.writerow([self._cell(column.of(row) or "") for column in self._columns])

    def _cell(self, text: str) -> str:
        text = self._written(text)
        return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text


def make_output(form: str, columns: Sequence[Column[T]], exported: Sequence[Column[T]] = ()) -> Output[T]:
    """As `--output` has it: json, csv with the columns that are exported, or a table."""
    match form:
        case "json":
            return JsonLines()
        case "csv":
            return Csv(exported, sys.stdout, printable if sys.stdout.isatty() else str)
        case _:
            return stdout_table(columns)


def stdout_table(columns: Sequence[Column[T]]) -> Table[T]:
    """On standard output, as wide as its terminal."""
    return Table(columns, sys.stdout, stdout_width())


def stdout_width() -> int | None:
    """In characters, where it is a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
