"""The command that asks for the access history."""

import argparse
import json
from collections.abc import Sequence

from pydantic_core import to_jsonable_python

from domain.read_models.history import HistoryCall
from services.api.contract.history import LookupHistory
from services.cli.lib.arguments import FULL_TIME, TABLE_OR_JSON, add_historical_arguments, positive_int
from services.cli.lib.client import show_pages
from services.cli.lib.output import Column, exact_time, result_colour, short_arn
from services.cli.lib.terminal import print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, what in (
        ("access-key-id", "made with this key, or claiming it"),
        ("session-id", "made in this session"),
        ("principal", "made by this ARN (a role's finds its sessions), unique id or user name"),
        ("source-address", "from this address"),
        ("user-agent", "by a client with exactly this user agent"),
        ("operation", "of this operation, such as CreateUser"),
        ("resource", "about the resource with this ARN, as recorded in an authorization decision"),
        ("error-code", "refused with this code, such as AccessDenied"),
    ):
        parser.add_argument(f"--{name}", help=what)
    parser.add_argument("--since", metavar="TIME", help=f"at this time or later: {FULL_TIME}")
    parser.add_argument("--until", metavar="TIME", help="at this time or earlier")
    parser.add_argument("--limit", type=positive_int, metavar="N", help="the first N of them")
    add_historical_arguments(parser, run, (*TABLE_OR_JSON, "csv"))


def run(args: argparse.Namespace) -> None:
    filters = ("access_key_id", "session_id", "principal", "source_address", "user_agent", "operation", "error_code")
    parameters = {name: getattr(args, name) for name in (*filters, "since", "until", "as_of")}
    parameters["on"] = args.resource
    if not show_pages(args, LookupHistory, parameters, lambda page: page.calls, HISTORY, args.limit, CSV_COLUMNS):
        print_note("No call matches.")


def _principal(call: HistoryCall) -> str | None:
    """The ARN, or the operator."""
    if call.principal_arn is None:
        return None if call.operator is None else f"operator {call.operator}"
    return short_arn(call.principal_arn, call.account_id)


def _on(call: HistoryCall) -> str | None:
    """The resources that its decisions were about."""
    found = dict.fromkeys(arn for decision in call.decisions for arn in decision.resources)
    return ", ".join(short_arn(arn, call.account_id) for arn in found) or None


def _result(call: HistoryCall) -> str:
    result = call.error_code or "ok"
    return result if call.requests == 1 else f"{result} ({call.requests} times)"


def _csv_column(name: str) -> Column[HistoryCall]:
    def cell(call: HistoryCall) -> str | None:
        value = to_jsonable_python(getattr(call, name))
        return value if value is None or isinstance(value, str) else json.dumps(value)

    return Column(name, cell)


HISTORY: Sequence[Column[HistoryCall]] = (
    # A position of the installation's ledger, where strangers' calls stand, is none of this account's.
    Column("POSITION", lambda call: None if call.concerns_account_id else str(call.position), wide=True),
    Column("TIME", lambda call: exact_time(call.at)),
    Column("WHO", _principal),
    Column("OPERATION", lambda call: f"{call.service}:{call.operation}".strip(":")),
    Column("ON", _on, wraps=True),
    Column("RESULT", _result, wraps=True, colour=result_colour),
    Column("FROM", lambda call: call.source_address),
    Column("ACCESS KEY", lambda call: call.access_key_id, wide=True),
    Column("REQUEST", lambda call: call.request_id, wide=True),
    Column("USER AGENT", lambda call: call.user_agent, wraps=True, wide=True),
)
CSV_COLUMNS: Sequence[Column[HistoryCall]] = tuple(
    _csv_column(name) for name in (*HistoryCall.model_fields, "source_address")
)
"""All that is known of a call, under the names that its JSON has. What is no text is written as in JSON."""
