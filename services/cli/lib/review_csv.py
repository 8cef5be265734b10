"""The lines of a review as a file: out to reviewers, who fill in two columns, and in again."""

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pydantic

from domain.foundation.moments import EventRef
from domain.rules.access_reviews import LINES_MAX
from services.api.contract.access_reviews import AccessReviewLine, AskedLine
from services.cli.lib.output import Column, Csv, exact_time, short_time, unguarded
from services.cli.lib.policy_file import STANDARD_INPUT
from services.cli.lib.review_output import owner, state
from services.cli.lib.terminal import Failure, UsageError, os_error_text

BYTES_MAX = 64 << 20
NEEDED = ("review", "line", "version", "decision", "reason")
"""The columns that are read; all others are for people."""


class ExportedLine(NamedTuple):
    review: str
    line: AccessReviewLine


class ImportedRow(NamedTuple):
    number: int
    """Of the line in the file where it begins, from 1."""
    asked: AskedLine


class WrongRow(NamedTuple):
    number: int
    why: str


class _Evidence(NamedTuple):
    """Of a change, as cells; none of what is not told."""

    by: str | None = None
    at: str | None = None
    position: str | None = None


def _evidence(found: EventRef | None) -> _Evidence:
    return _Evidence() if found is None else _Evidence(found.by, exact_time(found.at), str(found.position))


COLUMNS: Sequence[Column[ExportedLine]] = (
    Column("review", lambda row: row.review),
    Column("line", lambda row: row.line.line_id),
    Column("version", lambda row: row.line.version),
    Column("who", lambda row: owner(row.line)),
    Column("kind", lambda row: row.line.kind),
    Column("has", lambda row: row.line.what),
    Column("gives", lambda row: " ".join(row.line.gives)),
    Column("last_used", lambda row: None if row.line.last_used_at is None else short_time(row.line.last_used_at)),
    Column("state", lambda row: state(row.line)),
    Column("decision", lambda row: row.line.decision),
    Column("reason", lambda row: row.line.reason),
    Column("decided_by", lambda row: _evidence(row.line.decided).by),
    Column("decided_at", lambda row: _evidence(row.line.decided).at),
    Column("decided_position", lambda row: _evidence(row.line.decided).position),
    Column("went_by", lambda row: _evidence(row.line.went).by),
    Column("went_at", lambda row: _evidence(row.line.went).at),
    Column("went_position", lambda row: _evidence(row.line.went).position),
    Column("came_by", lambda row: _evidence(row.line.came).by),
    Column("came_at", lambda row: _evidence(row.line.came).at),
    Column("came_position", lambda row: _evidence(row.line.came).position),
)


def write_lines(name: str, review: str, lines: Sequence[AccessReviewLine]) -> None:
    """Those of the review itself: what is new belongs to none. Raises Failure."""
    rows = [ExportedLine(review, line) for line in lines if line.now != "new"]
    if name == STANDARD_INPUT:
        Csv(COLUMNS, sys.stdout).show(rows)
        return
    try:
        with Path(name).open("w", encoding="utf-8", newline="") as file:
            Csv(COLUMNS, file).show(rows)
    except OSError as error:
        raise Failure(f"{name} cannot be written: {os_error_text(error)}.") from error


def read_lines(name: str) -> tuple[str, list[ImportedRow], list[WrongRow]]:
    """The review's name, the rows with a decision, and those that are wrong. Raises UsageError for what is no such
    file."""
    rows = _rows(name)
    header = [cell.strip().lower() for cell in next(rows, (0, []))[1]]
    if missing := [column for column in NEEDED if column not in header]:
        raise UsageError(f"{name} has no column {', '.join(missing)}: expected what `review export` writes.")
    found, wrong, reviews = list[ImportedRow](), list[WrongRow](), set[str]()
    for number, cells in rows:
        if not any(cells):
            continue
        if len(cells) != len(header):
            wrong.append(WrongRow(number, f"It has {len(cells)} cells; expected {len(header)}."))
            continue
        pairs = zip(header, cells, strict=True)
        row = {column: unguarded(cell) if column == "reason" else cell.strip() for column, cell in pairs}
        reviews.add(row["review"])
        if not row["decision"]:
            continue
        if len(found) == LINES_MAX:
            raise UsageError(f"{name} has more than {LINES_MAX:,} decisions: expected those of one review.")
        try:
            found.append(ImportedRow(number, _asked(row)))
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            wrong.append(WrongRow(number, f"{first['loc'][0]} {first['input']!r}: {first['msg']}."))
    if len(reviews) != 1:
        raise UsageError(f"{name} is of {len(reviews)} reviews: expected rows of one.")
    return reviews.pop(), found, wrong


def _asked(row: Mapping[str, str]) -> AskedLine:
    """Raises pydantic's ValidationError."""
    given = {"line_id": row["line"], "decision": row["decision"].lower()}
    more = {"reason": row["reason"], "version": row["version"]}
    return AskedLine.model_validate(given | {name: text for name, text in more.items() if text.strip()})


def _rows(name: str) -> Iterator[tuple[int, list[str]]]:
    """With the number of the line where each begins. Raises UsageError."""
    try:
        if name == STANDARD_INPUT:
            content = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(BYTES_MAX + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"Cannot read {name}: {os_error_text(error)}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not in UTF-8: byte {error.start}.") from error
    if len(content) > BYTES_MAX:
        raise UsageError(f"{name} has more than {BYTES_MAX} bytes.")
    # Spreadsheets of some languages part cells by semicolons.
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    number = 1
    try:
        for cells in reader:
            yield number, cells
            number = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{name}, line {number}: {error}.") from error
