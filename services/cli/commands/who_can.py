"""The commands that ask who can do something, and who can assume a role."""

import argparse

from services.api.contract.access import WhoCan
from services.api.contract.access_between import WhoCould
from services.cli.lib.access_output import add_access_arguments, show_intervals, show_principals
from services.cli.lib.arguments import add_historical_arguments, span_parameters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", metavar="ACTION", help="such as iam:CreateUser or CreateUser")
    what = "an ARN, an entity such as user/alice, or '*' where the action is about no single resource"
    parser.add_argument("resource", metavar="RESOURCE", help=what)
    add_access_arguments(parser)
    add_historical_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    parameters = {"action": args.action, "on": args.resource, "everybody": args.everybody or None}
    if between := span_parameters(args):
        show_intervals(
            args, WhoCould, {**parameters, **between}, f"No principal could perform {args.action} on {args.resource}."
        )
        return
    show_principals(args, WhoCan, parameters, f"No principal can perform {args.action} on {args.resource}.")
