"""The command that says what is wrong with a policy. It asks no server and no database."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.policy import TEXT_CHARACTERS_MAX, FindingType, PolicyType, lint, positions
from services.action_catalogue import CATALOGUE
from services.cli.failures import Failure, NotUnderstood
from services.cli.output import Column, output, say

STANDARD_INPUT = "-"
BYTES_MAX = 4 * TEXT_CHARACTERS_MAX
"""As many as so many characters can have. Of what is longer one more is read, so that it is refused as too long."""
FAILING = (FindingType.ERROR, FindingType.SECURITY_WARNING)


@dataclass(frozen=True, slots=True)
class Row:
    type: str
    code: str
    line: int
    """From 1, as editors count, and so the column."""
    column: int
    path: tuple[str | int, ...]
    message: str
    learn_more: str


def lint_file(chosen: argparse.Namespace) -> None:
    """Raises Failure when the policy has errors or security warnings."""
    text = _read(chosen.file)
    found = lint(text, PolicyType(chosen.type), CATALOGUE)
    places = positions(text)
    rows = []
    for finding in found:
        start = places.span_of(finding.path).start
        place = (start.line, start.column + 1)
        rows.append(Row(finding.type.value, finding.code, *place, finding.path, finding.message, finding.learn_more))
    output(chosen.output, FINDINGS).show(rows)
    if not found:
        say("Nothing was found.")
    if any(finding.type in FAILING for finding in found):
        raise Failure("The policy has errors or security warnings.")


def _read(name: str) -> str:
    """Raises NotUnderstood when there is no text to be had."""
    try:
        if name == STANDARD_INPUT:
            content = sys.stdin.buffer.read(BYTES_MAX + 4)
        else:
            with Path(name).open("rb") as file:
                content = file.read(BYTES_MAX + 4)
        # What is cut off may end within a character.
        return content.decode("utf-8", errors="strict" if len(content) <= BYTES_MAX else "replace")
    except OSError as error:
        raise NotUnderstood(f"Cannot read {name}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise NotUnderstood(f"{name} is not in UTF-8: byte {error.start}.") from error


FINDINGS: Sequence[Column[Row]] = (
    Column("TYPE", lambda row: row.type),
    Column("CODE", lambda row: row.code),
    Column("LINE:COLUMN", lambda row: f"{row.line}:{row.column}"),
    Column("MESSAGE", lambda row: row.message),
)
