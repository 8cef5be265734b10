"""The command that tells the story of a credential, and whether anything of it is alive."""

import argparse
import sys

from services.api.contract.question import ROWS_DEFAULT, ROWS_MAX
from services.api.contract.tracing import ListStillAlive, StillAlive, TraceCredential
from services.cli.lib.arguments import add_compromised_since, add_historical_arguments, positive_int
from services.cli.lib.client import ask
from services.cli.lib.doors_output import print_left, show_doors
from services.cli.lib.output import JsonLines, make_output
from services.cli.lib.terminal import Failure, UsageError, print_note
from services.cli.lib.trace_html import render_trace
from services.cli.lib.trace_terminal import ALIVE, show_trace

OUTPUTS = ("table", "json", "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "With --still-alive the exit code is 0 when nothing is still usable and nothing it has altered lets others "
        "in, and 1 when something is or does, or when not all of it could be examined."
    )
    parser.add_argument("credential", metavar="KEY|SESSION|PRINCIPAL", help="an id, an ARN, or the name of a principal")
    add_compromised_since(parser)
    parser.add_argument("--still-alive", action="store_true", help="only what is still usable")
    parser.add_argument(
        "--calls",
        type=positive_int,
        metavar="N",
        help=f"show the first N calls (default: {ROWS_DEFAULT}, at most {ROWS_MAX})",
    )
    add_historical_arguments(parser, run, outputs=OUTPUTS)


def run(args: argparse.Namespace) -> None:
    if args.still_alive:
        _still_alive(args)
        return
    parameters = {**_asked(args), "calls": args.calls}
    found = ask(args, TraceCredential, parameters)
    if args.output == "json":
        JsonLines().show([found])
    elif args.output == "html":
        sys.stdout.write(render_trace(found))
    else:
        show_trace(found, wide=args.wide)


def _still_alive(args: argparse.Namespace) -> None:
    """Raises Failure unless nothing is."""
    if args.output == "html" or args.calls is not None:
        raise UsageError("--still-alive shows no calls and renders no page: use it with --output table or json.")
    found = ask(args, ListStillAlive, _asked(args))
    make_output(args, ALIVE).show(found.alive)
    if args.output == "json":
        JsonLines().show(found.open_doors)
    else:
        show_doors(found.open_doors, found.account_id)
    print_left(found.left)
    if reasons := _why_unsettled(found):
        raise Failure(reasons)
    print_note(f"Nothing of {args.credential} is still usable at position {found.position}.")


def _asked(args: argparse.Namespace) -> dict[str, object]:
    return {"credential": args.credential, "as_of": args.as_of, "compromised_since": args.compromised_since}


def _why_unsettled(found: StillAlive) -> str | None:
    """Why nobody can say that nothing is alive."""
    reasons = []
    if found.alive:
        reasons.append(f"{len(found.alive)} of its credentials or principals are still usable.")
    if found.open_doors:
        reasons.append(f"Open doors that it has made: {len(found.open_doors)}.")
    if found.unexamined_calls:
        reasons.append(f"At least {found.unexamined_calls} calls of others were not examined for using them.")
    if found.stopped_after_nodes is not None:
        reasons.append(f"Only the first {found.stopped_after_nodes} nodes were examined.")
    if found.unfollowed:
        accounts = ", ".join(sorted({way.account_id for way in found.unfollowed}))
        reasons.append(f"Accounts that it leads to were not examined: {accounts}.")
    return " ".join(reasons) or None
