"""The command `coverage`: which operations of AWS's models this program answers. It asks no server and no database."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from services.aws_services import aws_protocols
from services.cli.lib.arguments import add_output_argument, add_verbose_argument
from services.cli.lib.output import Column, count_noun, make_output
from services.cli.lib.terminal import print_note
from services.wire.operations import find_operation, refusal_reason

SERVICES = ("access-analyzer", "account", "cloudtrail", "config", "iam", "organizations", "securityhub", "sts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Unknown are operations that AWS has and this program knows nothing of; calls to them are refused."
    add_output_argument(parser)
    add_verbose_argument(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class CoverageRow:
    service: str
    operation: str
    state: Literal["answered", "refused", "unknown"]
    reason: str | None
    """Why it is refused."""


def run(args: argparse.Namespace) -> None:
    rows = list(coverage())
    make_output(args, COVERAGE).show(rows)
    counts = Counter(row.state for row in rows)
    print_note(
        f"{count_noun(len(rows), 'operation')}: {counts['answered']} answered, {counts['refused']} refused, "
        f"{counts['unknown']} unknown."
    )


def coverage() -> Iterator[CoverageRow]:
    """Of every operation of the models, in the order of their names."""
    described = {service: protocol.described(service) for protocol in aws_protocols() for service in protocol.services}
    for service in SERVICES:
        for name in sorted(described[service].operation_names):
            reason = refusal_reason(service, name)
            if find_operation(service, name) is not None:
                yield CoverageRow(service, name, "answered", None)
            else:
                yield CoverageRow(service, name, "unknown" if reason is None else "refused", reason)


COVERAGE: Sequence[Column[CoverageRow]] = (
    Column("SERVICE", lambda row: row.service),
    Column("OPERATION", lambda row: row.operation),
    Column("STATE", lambda row: row.state),
    Column("REASON", lambda row: row.reason, wraps=True),
)
