"""The commands that ask who can do something, and who can assume a role."""

import argparse

from services.api.contract.access import WhoCan
from services.api.contract.access_between import WhoCould
from services.cli.lib.access_output import add_access_arguments, show_access


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", metavar="ACTION", help="such as iam:CreateUser or CreateUser")
    what = "an ARN, an entity such as user/alice, or '*' where the action is about no single resource"
    parser.add_argument("resource", metavar="RESOURCE", help=what)
    add_access_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    parameters = {"action": args.action, "on": args.resource}
    show_access(args, WhoCan, WhoCould, parameters, f"perform {args.action} on {args.resource}")
