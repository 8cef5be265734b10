"""The command that asks for the access history."""

import argparse
import json
from collections.abc import Sequence

from pydantic_core import to_jsonable_python

from services.api.history import Call, LookupHistory
from services.api.question import instant
from services.cli.asking import show
from services.cli.output import Column, exact_time, say, short
from services.cli.words import TABLE_OR_JSON, Commands, count, reading, understood


def add(commands: Commands) -> None:
    what = "every call that fits all that is asked for, refused ones included, in order"
    history = reading(commands, "history", _history, what, (*TABLE_OR_JSON, "csv"))
    for name, what in (
        ("access-key-id", "made with this key, or claiming it"),
        ("session-id", "made in this session"),
        ("principal", "made by this ARN (a role's finds its sessions), unique id or user name"),
        ("source-address", "from this address"),
        ("user-agent", "by a client that called itself exactly so"),
        ("operation", "of this operation, such as CreateUser"),
        ("resource", "about the resource with this ARN, as an authorisation decision had it"),
        ("error-code", "refused with this code, such as AccessDenied"),
    ):
        history.add_argument(f"--{name}", help=what)
    history.add_argument("--since", type=understood(instant), metavar="TIME", help="at this time or later")
    history.add_argument("--until", type=understood(instant), metavar="TIME", help="at this time or earlier")
    history.add_argument("--limit", type=count, metavar="N", help="the first N of them")


def _history(chosen: argparse.Namespace) -> None:
    filters = ("access_key_id", "session_id", "principal", "source_address", "user_agent", "operation", "error_code")
    parameters = {name: getattr(chosen, name) for name in (*filters, "since", "until", "as_of")}
    parameters["on"] = chosen.resource
    if not show(chosen, LookupHistory, parameters, lambda page: page.calls, HISTORY, chosen.limit, EXPORTED):
        say("No call fits.")


def _principal(call: Call) -> str | None:
    """The ARN, or the operator."""
    if call.principal_arn is None:
        return None if call.operator is None else f"operator {call.operator}"
    return short(call.principal_arn, call.account_id)


def _result(call: Call) -> str:
    result = call.error_code or "ok"
    return result if call.requests == 1 else f"{result} ({call.requests} times)"


def _exported(name: str) -> Column[Call]:
    def cell(call: Call) -> str | None:
        value = to_jsonable_python(getattr(call, name))
        return value if value is None or isinstance(value, str) else json.dumps(value)

    return Column(name, cell)


HISTORY: Sequence[Column[Call]] = (
    # A position of the installation's ledger, where strangers' calls stand, is none of this account's.
    Column("POSITION", lambda call: None if call.concerns_account_id else str(call.position)),
    Column("TIME", lambda call: exact_time(call.at)),
    Column("SOURCE", lambda call: call.source_address),
    Column("PRINCIPAL", _principal, shrinks=True),
    Column("OPERATION", lambda call: f"{call.service}:{call.operation}".strip(":"), shrinks=True),
    Column("RESULT", _result),
    Column("USER AGENT", lambda call: call.user_agent, shrinks=True),
)
EXPORTED: Sequence[Column[Call]] = tuple(_exported(name) for name in (*Call.model_fields, "source_address"))
"""All that is known of a call, under the names that its JSON has. What is no text is written as in JSON."""
