"""The command that proves that something was not done: a bundle with a claim about its period."""

import argparse
from pathlib import Path

from services.api.contract.evidence import LocateEntries
from services.cli.lib.arguments import add_command, add_question_arguments, add_span_arguments, add_subcommands
from services.cli.lib.bundle_output import show_bundle
from services.cli.lib.bundling import make_bundle
from services.cli.lib.client import build_question, open_client
from services.cli.lib.terminal import UsageError

CLAIMS = {
    "access_key_id": ("--access-key-id", "AKIA...", "no call was made with this key"),
    "principal_arn": ("--principal-arn", "ARN", "this principal made no call; of a session its own ARN"),
    "principal_id": ("--principal-id", "ID", "the principal of this unique id made no call"),
    "operation": ("--operation", "SERVICE:NAME", "this was not called, such as iam:CreateAccessKey"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    absence = add_command(commands, "absence", "that no call of a kind was recorded in a period")
    absence.add_argument("file", metavar="FILE", type=Path, help="the bundle; what is there is not replaced")
    for name, (option, metavar, what) in CLAIMS.items():
        absence.add_argument(option, dest=name, metavar=metavar, help=what)
    add_span_arguments(absence, "from this moment on", "to this moment (default: now)", required=True)
    absence.epilog = (
        "Of several options together, that no call was all of it. The bundle has every entry of the period, so that "
        "whoever verifies it looks for himself. Of one call, `muniment receipt` has the proofs; of all calls of a "
        "period, `muniment bundle`."
    )
    add_question_arguments(absence, _absence)


def _absence(args: argparse.Namespace) -> None:
    """Raises Failure, where such a call was recorded too."""
    claim = {name: getattr(args, name) for name in CLAIMS if getattr(args, name) is not None}
    if not claim:
        raise UsageError(f"Say what is absent: one of {', '.join(option for option, _, _ in CLAIMS.values())}.")
    period = build_question(LocateEntries, {"since": args.since, "until": args.until})
    with open_client(args) as client:
        verified = make_bundle(client, args.file, period, [claim])
    show_bundle(args, verified)
