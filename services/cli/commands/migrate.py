"""The command `migrate`: brings the database to this version, as the ledger's owner."""

import argparse

from services.cli.lib.arguments import add_operator_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_operator_arguments(parser, run)
    parser.epilog = "The embedded database needs no such command: every start of the server migrates it."
    parser.add_argument("--login", metavar="ROLE", help="the servers' login (that in MUNIMENT_DATABASE_URL)")


def run(args: argparse.Namespace) -> None:
    # Importing the server takes a while.
    from services.cli.lib.migration import migrate  # noqa: PLC0415

    migrate(args)
