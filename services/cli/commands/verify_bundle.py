"""The command that verifies a bundle, with nothing but the file."""

import argparse
from pathlib import Path

from domain.evidence.bundles import InvalidBundle, verify_bundle
from domain.evidence.witness_policies import InvalidPolicy, WitnessPolicy, parse_policy
from services.cli.lib.arguments import add_output_argument, add_verbose_argument
from services.cli.lib.bundle_output import show_bundle
from services.cli.lib.progress import Progress
from services.cli.lib.terminal import Failure, UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="as `muniment bundle` or `muniment prove` has made it")
    parser.add_argument(
        "--policy",
        metavar="FILE",
        type=Path,
        help="whose signatures count: keys of logs and witnesses, and the quorum (c2sp.org/tlog-policy); default: the "
        "keys that the bundle itself names",
    )
    add_output_argument(parser)
    add_verbose_argument(parser)
    parser.set_defaults(run=run)
    parser.epilog = "It asks nobody. Exit code 1: something does not fit, and the message says what."


def run(args: argparse.Namespace) -> None:
    """Raises Failure for a bundle that does not verify."""
    policy = None if args.policy is None else _policy(args.policy)
    progress = Progress()
    try:
        with args.file.open("rb") as file:
            verified = verify_bundle(
                file, policy, lambda done, total: progress.tell("verifying entries", done, total, "entries")
            )
    except InvalidBundle as error:
        raise Failure(f"{args.file} does not verify: {error}") from error
    finally:
        progress.clear()
    show_bundle(args, verified)


def _policy(path: Path) -> WitnessPolicy:
    try:
        return parse_policy(path.read_bytes())
    except InvalidPolicy as error:
        raise UsageError(f"{path}: {error}") from error
