"""The command `policy`: says what is wrong with a policy. It asks no server and no database."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from domain.policy import PARTITION, PARTITIONS, POLICY_TYPES, FindingType, lint, positions
from services.api.action_catalogue import CATALOGUE
from services.cli.lib.arguments import add_command, add_output_argument, add_subcommands, add_verbose_argument
from services.cli.lib.output import Column, make_output
from services.cli.lib.policy_file import read_document
from services.cli.lib.terminal import Failure, print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    what = "report errors, security warnings and redundant statements in a policy; offline"
    lint = add_command(commands, "lint", what)
    lint.epilog = (
        "Exit code 1 when there is an ERROR or a SECURITY_WARNING. With one that is REFUSED the policy cannot be saved."
    )
    lint.add_argument("file", metavar="FILE", help="the policy, in JSON; - is standard input")
    lint.add_argument(
        "--type", choices=list(POLICY_TYPES), default="identity", help="what it is for (default: identity)"
    )
    lint.add_argument("--partition", choices=PARTITIONS, default=PARTITION, help="of its account (default: aws)")
    add_output_argument(lint)
    add_verbose_argument(lint)
    lint.set_defaults(run=_lint)


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
    refused: bool
    """Whether the policy is refused for it when it is written."""


def _lint(args: argparse.Namespace) -> None:
    """Raises Failure when the policy has errors or security warnings."""
    text = read_document(args.file)
    found = lint(text, POLICY_TYPES[args.type], CATALOGUE, args.partition)
    places = positions(text)
    rows = []
    for each in found:
        start = places.span_of(each.path).start
        place = (start.line, start.column + 1)
        rows.append(LintRow(each.type.value, each.code, *place, each.path, each.message, each.learn_more, each.refused))
    make_output(args, FINDINGS).show(rows)
    if not found:
        print_note("Nothing was found.")
    if any(finding.type in FAILING for finding in found):
        raise Failure("The policy has errors or security warnings.")


FINDINGS: Sequence[Column[LintRow]] = (
    Column("TYPE", lambda row: row.type),
    Column("REFUSED", lambda row: "yes" if row.refused else ""),
    Column("CODE", lambda row: row.code),
    Column("LINE:COLUMN", lambda row: f"{row.line}:{row.column}"),
    Column("MESSAGE", lambda row: row.message, wraps=True),
)
