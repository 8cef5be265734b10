"""The command that tells by which keys the transparency log is known."""

import argparse

from services.api.contract.evidence import GetTransparencyLog
from services.cli.lib.arguments import add_question_arguments
from services.cli.lib.client import ask
from services.cli.lib.output import JsonLines
from services.cli.lib.terminal import print_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The output is a policy for `muniment verify-bundle --policy` (c2sp.org/tlog-policy). Whoever verifies keeps "
        "it: proofs are as good as what he knows of the keys."
    )
    add_question_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    log = ask(args, GetTransparencyLog, {})
    if args.output == "json":
        JsonLines().show([log])
        return
    print_line(f"# The log of heads {log.origin}")
    print_line(f"# The log of account {log.account_id} is {log.account_origin}, with the same keys")
    for key in log.verifier_keys:
        print_line(f"log {key}")
    print_line("quorum none")
