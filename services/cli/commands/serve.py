"""The command `serve`: runs the server, until it is interrupted."""

import argparse

from services.cli.lib.arguments import DATA_DEFAULT, add_verbose_argument
from services.cli.lib.interrupts import interruptible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help=f"directory of database, master key and profile {DATA_DEFAULT}")
    parser.add_argument("--listen", help="HOST:PORT (default: $MUNIMENT_LISTEN or 127.0.0.1:8420)")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=("scheduler", "projections"),
        help="leave this to a `muniment worker` on the same database (may be given twice)",
    )
    parser.add_argument(
        "--accept-loss",
        action="store_true",
        help="start although entries that were published are missing; it is recorded, and another log begins",
    )
    add_verbose_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    with interruptible():
        # Importing the server takes a while, and has to be interruptible too.
        from services.cli.lib.server_process import serve  # noqa: PLC0415

        serve(args)
