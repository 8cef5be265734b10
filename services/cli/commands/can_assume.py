"""The command `can-assume`: which principals can assume a role."""

import argparse

from services.api.contract.access import CanAssume
from services.api.contract.access_between import CouldAssume
from services.cli.lib.access_output import add_access_arguments, show_intervals, show_principals
from services.cli.lib.arguments import add_historical_arguments, span_parameters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", metavar="ROLE", help="name, ARN or unique id of a role of the account")
    add_access_arguments(parser)
    add_historical_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    parameters = {"role": args.role, "everybody": args.everybody or None}
    if between := span_parameters(args):
        show_intervals(args, CouldAssume, {**parameters, **between}, f"No principal could assume {args.role}.")
        return
    show_principals(args, CanAssume, parameters, f"No principal can assume {args.role}.")
