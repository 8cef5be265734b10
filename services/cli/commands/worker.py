"""The command `worker`: runs scheduler and projections beside servers, until it is interrupted."""

import argparse

from services.cli.lib.arguments import DATA_DEFAULT, add_verbose_argument
from services.cli.lib.interrupts import interruptible


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", help=f"data directory of the server {DATA_DEFAULT}")
    add_verbose_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    with interruptible():
        # Importing the server takes a while, and has to be interruptible too.
        from services.cli.lib.server_process import work  # noqa: PLC0415

        work(args)
