"""The command `can-assume`: which principals can assume a role."""

import argparse

from services.api.contract.access import CanAssume
from services.api.contract.access_between import CouldAssume
from services.cli.lib.access_output import add_access_arguments, show_access


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="name, ARN or unique id of a role of the account")
    add_access_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    show_access(args, CanAssume, CouldAssume, {"role": args.role}, f"assume {args.role}")
