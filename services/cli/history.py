"""The command that asks for the access history."""

import argparse
from collections.abc import Sequence

from services.api.history import Call, LookupHistory
from services.api.question import instant
from services.cli.asking import show
from services.cli.output import Column, say, short, time
from services.cli.words import Commands, count, reading, understood


def add(commands: Commands) -> None:
    history = reading(commands, "history", _history, "every call that fits, refused ones included, in order")
    for name, what in (
        ("access-key-id", "made with this key, or claiming it"),
        ("session-id", "made in this session"),
        ("principal", "made by this ARN (a role's finds its sessions), unique id or user name"),
        ("source-address", "from this address"),
        ("operation", "of this operation, such as CreateUser"),
        ("error-code", "refused with this code, such as AccessDenied"),
    ):
        history.add_argument(f"--{name}", help=what)
    history.add_argument("--since", type=understood(instant), metavar="TIME", help="at this time or later")
    history.add_argument("--until", type=understood(instant), metavar="TIME", help="at this time or earlier")
    history.add_argument("--limit", type=count, metavar="N", help="the first N of them")


def _history(chosen: argparse.Namespace) -> None:
    filters = ("access_key_id", "session_id", "principal", "source_address", "operation", "error_code")
    parameters = {name: getattr(chosen, name) for name in (*filters, "since", "until", "as_of")}
    if not show(chosen, LookupHistory, parameters, lambda page: page.calls, HISTORY, chosen.limit):
        say("No call fits.")


def _principal(call: Call) -> str | None:
    """The ARN, or the operator."""
    if call.principal_arn is None:
        return None if call.operator is None else f"operator {call.operator}"
    return short(call.principal_arn, call.account_id)


def _result(call: Call) -> str:
    result = call.error_code or "ok"
    return result if call.requests == 1 else f"{result} ({call.requests} times)"


HISTORY: Sequence[Column[Call]] = (
    # A position of the installation's ledger, where strangers' calls stand, is none of this account's.
    Column("POSITION", lambda call: None if call.concerns_account_id else str(call.position)),
    Column("TIME", lambda call: time(call.at)),
    Column("SOURCE", lambda call: call.source_address),
    Column("PRINCIPAL", _principal, shrinks=True),
    Column("OPERATION", lambda call: f"{call.service}:{call.operation}".strip(":"), shrinks=True),
    Column("RESULT", _result),
    Column("USER AGENT", lambda call: call.user_agent, shrinks=True),
)
