"""The command that tells the story of a credential, and whether anything of it is alive."""

import argparse
import sys

from services.api.contract.question import ROWS_DEFAULT, ROWS_MAX
from services.api.contract.tracing import ListStillAlive, StillAlive, TraceCredential
from services.cli.lib.arguments import Commands, add_historical_command, positive_int
from services.cli.lib.client import build_question, open_client
from services.cli.lib.failures import Failure, UsageError
from services.cli.lib.output import JsonLines, print_note

OUTPUTS = ("table", "json", "html")


def add(commands: Commands) -> None:
    what = "the story of a key, session, user or role: its use, what it gave birth to, what is alive, what contains it"
    trace = add_historical_command(commands, "trace", _trace, what, outputs=OUTPUTS)
    trace.epilog = (
        "With --still-alive the exit code is 0 when nothing is alive, and 1 when something is, or when not everything "
        "could be looked at."
    )
    trace.add_argument("credential", metavar="KEY|SESSION|PRINCIPAL", help="an id, an ARN, or the name of a principal")
    trace.add_argument("--still-alive", action="store_true", help="only what lets somebody in")
    trace.add_argument(
        "--calls", type=positive_int, metavar="N", help=f"tell the first N calls ({ROWS_DEFAULT}, at most {ROWS_MAX})"
    )


def _trace(chosen: argparse.Namespace) -> None:
    if chosen.still_alive:
        _still_alive(chosen)
        return
    parameters = {"credential": chosen.credential, "as_of": chosen.as_of, "calls": chosen.calls}
    with open_client(chosen) as answering:
        found = answering.ask(build_question(TraceCredential, parameters))
    if chosen.output == "json":
        JsonLines().show([found])
        return
    # Each of the two is wanted alone.
    if chosen.output == "html":
        from services.cli.lib.trace_html import render_trace  # noqa: PLC0415

        sys.stdout.write(render_trace(found))
        return
    from services.cli.lib.trace_terminal import show_trace  # noqa: PLC0415

    show_trace(found)


def _still_alive(chosen: argparse.Namespace) -> None:
    """Raises Failure unless nothing is."""
    if chosen.output == "html" or chosen.calls is not None:
        raise UsageError("--still-alive tells no calls and makes no page: it goes with --output table or json.")
    with open_client(chosen) as answering:
        found = answering.ask(build_question(ListStillAlive, {"credential": chosen.credential, "as_of": chosen.as_of}))
    if chosen.output == "json":
        JsonLines().show(found.alive)
    else:
        from services.cli.lib.trace_terminal import show_alive  # noqa: PLC0415

        show_alive(found.alive)
    if told := _why_unsettled(found):
        raise Failure(told)
    print_note(f"Nothing of {chosen.credential} is alive at position {found.position}.")


def _why_unsettled(found: StillAlive) -> str | None:
    """Why nobody can say that nothing is alive."""
    told = []
    if found.alive:
        told.append(f"{len(found.alive)} of it can still be acted with.")
    if found.stopped_after_nodes is not None:
        told.append(f"Only the first {found.stopped_after_nodes} births were looked at.")
    if found.unfollowed:
        accounts = ", ".join(sorted({way.account_id for way in found.unfollowed}))
        told.append(f"Nobody has looked into accounts that it led to: {accounts}.")
    return " ".join(told) or None
