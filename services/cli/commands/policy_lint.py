"""The command that says what is wrong with a policy. It asks no server and no database."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from domain.policy import POLICY_TYPES, FindingType, lint, positions
from services.action_catalogue import CATALOGUE
from services.cli.lib.failures import Failure
from services.cli.lib.output import Column, make_output, print_note
from services.cli.lib.policy_file import read_policy

FAILING = (FindingType.ERROR, FindingType.SECURITY_WARNING)


@dataclass(frozen=True, slots=True)
class LintRow:
    type: str
    code: str
    line: int
    """From 1, as editors count, and so the column."""
    column: int
    path: tuple[str | int, ...]
    message: str
    learn_more: str


def lint_policy_file(chosen: argparse.Namespace) -> None:
    """Raises Failure when the policy has errors or security warnings."""
    text = read_policy(chosen.file)
    found = lint(text, POLICY_TYPES[chosen.type], CATALOGUE)
    places = positions(text)
    rows = []
    for finding in found:
        start = places.span_of(finding.path).start
        place = (start.line, start.column + 1)
        rows.append(
            LintRow(finding.type.value, finding.code, *place, finding.path, finding.message, finding.learn_more)
        )
    make_output(chosen.output, FINDINGS).show(rows)
    if not found:
        print_note("Nothing was found.")
    if any(finding.type in FAILING for finding in found):
        raise Failure("The policy has errors or security warnings.")


FINDINGS: Sequence[Column[LintRow]] = (
    Column("TYPE", lambda row: row.type),
    Column("CODE", lambda row: row.code),
    Column("LINE:COLUMN", lambda row: f"{row.line}:{row.column}"),
    Column("MESSAGE", lambda row: row.message),
)
