"""The command that reports leaked access keys."""

import argparse
from collections.abc import Sequence

from services.api.contract.leak_reports import LeakedKey, ReportLeakedKeys
from services.cli.lib.arguments import add_question_arguments
from services.cli.lib.client import ask
from services.cli.lib.output import Column, JsonLines, arn_resource, stdout_table
from services.cli.lib.terminal import Failure, print_line, print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "What is done about a leaked key, the lifecycle profile of its account says: it is recorded, deactivated or "
        "contained. Exit code 1 when a key is unknown or that could not be done."
    )
    parser.add_argument("access_key_ids", metavar="KEY", nargs="+", help="its id, without the secret")
    parser.add_argument("--source", metavar="TEXT", help="what kind of place it was found in, such as commit")
    parser.add_argument("--url", help="where; recorded without its query")
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    parameters = {"access_key_ids": tuple(args.access_key_ids), "source": args.source, "url": args.url}
    answer = ask(args, ReportLeakedKeys, parameters)
    if args.output == "json":
        JsonLines().show([answer])
    else:
        stdout_table(LEAKED, wide=args.wide).show(answer.keys)
        for key in answer.keys:
            _print_details(key)
    if failed := [key.access_key_id for key in answer.keys if not key.known or key.not_done is not None]:
        raise Failure(f"Unknown, or not done what the account wants done: {', '.join(failed)}.")


def _print_details(key: LeakedKey) -> None:
    print_line("")
    for sentence in key.done:
        print_line(sentence)
    if key.not_done is not None:
        print_note(f"{key.access_key_id}: {key.not_done}")
    for command in key.next_commands:
        print_line(f"  {command}")


def _made(key: LeakedKey) -> str | None:
    return None if key.descendants is None else f"{key.descendants}, {key.alive} alive"


LEAKED: Sequence[Column[LeakedKey]] = (
    Column("ACCESS KEY", lambda key: key.access_key_id),
    Column("OWNER", lambda key: arn_resource(key.owner) if key.owner else "unknown"),
    Column("ACCOUNT", lambda key: key.account_id),
    Column("STATUS", lambda key: key.status),
    Column("RESPONSE", lambda key: key.response),
    Column("REPORTS", lambda key: str(key.reports) if key.known else None),
    Column("MADE", _made),
)
