"""The command that asks for the access history."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from pydantic_core import to_jsonable_python

from domain.read_models.history import HistoryCall
from services.api.contract.history import HistoryPage, LookupHistory
from services.api.contract.question import ROWS_MAX
from services.cli.lib.arguments import TABLE_OR_JSON, add_historical_arguments, add_span_arguments, positive_int
from services.cli.lib.client import QuestionClient, build_question, open_client, show_pages
from services.cli.lib.clipping import note_clipping
from services.cli.lib.output import (
    Column,
    Output,
    date_of,
    exact_time,
    make_output,
    result_colour,
    short_arn,
    time_of_day,
)
from services.cli.lib.resources_output import named_resources
from services.cli.lib.terminal import UsageError, print_note

FOLLOWED_DEFAULT = 10
FOLLOW_SECONDS = 1.0
"""Between one question and the next."""

Given = dict[str, object]
FILTERS = (
    ("access_key_id", ("--access-key-id",), "made with this key, or claiming it"),
    ("session_id", ("--session-id",), "made in this session"),
    (
        "principal",
        ("--principal",),
        "made by this user, role, session, root, or `operator user@host`: as a table shows it, its name, ARN or id",
    ),
    ("source_address", ("--source-address", "--address"), "from this address, or network such as 192.0.2.0/24"),
    ("source_identity", ("--source-identity",), "in a session that has this source identity, or asked for one"),
    ("user_agent", ("--user-agent",), "by a client whose user agent has this part"),
    (
        "operation",
        ("--operation",),
        "of this operation, such as CreateUser or iam:CreateUser, or asking for this action, such as iam:PassRole",
    ),
    ("on", ("--resource", "--on"), "about this: an entity as a table shows it, its name, ARN or id; any other ARN"),
    ("error_code", ("--error-code",), "refused with this code, such as AccessDenied"),
)
_MAY_BE_UNRECORDED = {"servicefailure", "internalfailure", "serviceunavailable", "throttling"}
WHICH = {
    "operation": "of {}",
    "principal": "by {}",
    "access_key_id": "with the key {}",
    "session_id": "in the session {}",
    "source_address": "from {}",
    "source_identity": "with the source identity {}",
    "user_agent": "by a user agent with {}",
    "on": "about {}",
    "error_code": "refused with {}",
}
"""Of each filter, which calls it leaves."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Exit code 1 for a value that never was: the message names the nearest that was. That nothing ever called from "
        "an address, or by a user agent, is an answer: exit code 0."
    )
    for name, words, what in FILTERS:
        parser.add_argument(*words, dest=name, help=what)
    add_span_arguments(parser, "at this moment or later", "at this moment or earlier")
    parser.add_argument(
        "--last", "--limit", dest="last", type=positive_int, metavar="N", help="only the newest N, in their order"
    )
    what = f"go on with what is called from now on, after the newest N (default: {FOLLOWED_DEFAULT}); Ctrl-C ends it"
    parser.add_argument("--follow", action="store_true", help=what)
    add_historical_arguments(parser, run, (*TABLE_OR_JSON, "csv"))


def run(args: argparse.Namespace) -> None:
    parameters: Given = {name: getattr(args, name) for name, _, _ in FILTERS}
    parameters |= {"since": args.since, "until": args.until, "as_of": args.as_of}
    if args.follow:
        if args.until is not None or args.as_of is not None:
            raise UsageError("--follow is about what comes: it takes no --until and no --as-of.")
        _follow(args, parameters)
    elif args.last is not None:
        with open_client(args) as client:
            calls, _ = _newest(client, parameters, args.last)
        make_output(args, HISTORY, CSV_COLUMNS).show(calls)
        shown = len(calls)
    else:
        shown = show_pages(
            args,
            LookupHistory,
            parameters,
            lambda page: page.calls,
            HISTORY,
            exported=CSV_COLUMNS,
            first=lambda page: note_clipping(page.clipped_to),
        )
    if not shown:
        print_note(_none(args))


def _none(args: argparse.Namespace) -> str:
    """That there was no such call, in a sentence that says which, and when."""
    given = {name: getattr(args, name) for name in WHICH}
    asked = "".join(f" {which.format(given[name])}" for name, which in WHICH.items() if given[name] is not None)
    moments = (("since", args.since), ("up to", args.until), ("as of", args.as_of))
    span = "".join(f" {word} {moment}" for word, moment in moments if moment is not None)
    if given["error_code"] is not None and given["error_code"].lower() in _MAY_BE_UNRECORDED:
        return f"No call{asked} is recorded{span}. Not all that are answered so are."
    return f"No call{asked} was {'' if span else 'ever '}made{span}."


def _newest(client: QuestionClient, parameters: Given, count: int) -> tuple[Sequence[HistoryCall], int]:
    """So many calls at most, in the order of the ledger, and the position as of which they are the newest."""
    calls: list[HistoryCall] = []
    pages = _pages(client, {**parameters, "newest_first": True}, lambda: count - len(calls))
    for page in pages:
        calls += page.calls
    note_clipping(page.clipped_to)
    return calls[::-1], page.position


def _pages(client: QuestionClient, parameters: Given, wanted: Callable[[], int]) -> Iterator[HistoryPage]:
    """Until there is no other, or no more calls are wanted."""
    marker = None
    while wanted() > 0:
        given = {"limit": min(ROWS_MAX, wanted()), "marker": marker}
        page = client.ask(build_question(LookupHistory, {**parameters, **given}))
        yield page
        marker = page.marker
        if marker is None:
            return


def _follow(args: argparse.Namespace, parameters: Given) -> None:
    """Until it is interrupted. To ask is a call too, which the command leaves out."""
    showing: Output[HistoryCall] = make_output(args, HISTORY, CSV_COLUMNS)
    count = args.last or FOLLOWED_DEFAULT
    with open_client(args) as client:
        # One more: the call that asks is the newest, unless it does not fit the filters.
        calls, reached = _newest(client, parameters, count + 1)
        _show_others(showing, calls, reached, count)
        while True:
            time.sleep(FOLLOW_SECONDS)
            following = {**parameters, "since": f"p{reached + 1}"}
            for page in _pages(client, following, lambda: ROWS_MAX):
                _show_others(showing, page.calls, page.position, ROWS_MAX)
            reached = page.position


def _show_others(showing: Output[HistoryCall], calls: Sequence[HistoryCall], asked: int, count: int) -> None:
    """Without the call at the position `asked`. A position of the installation's ledger is another one."""
    showing.show([call for call in calls if call.concerns_account_id or call.position != asked][-count:])
    sys.stdout.flush()


def _principal(call: HistoryCall) -> str | None:
    """The ARN, or the operator."""
    if call.principal_arn is None:
        return None if call.operator is None else f"operator {call.operator}"
    who = short_arn(call.principal_arn, call.account_id)
    return who if call.root_assumed_by is None else f"{who}, assumed by {call.root_assumed_by}"


def _operation(call: HistoryCall) -> str:
    return f"{call.service}:{call.operation}".strip(":")


def _on(call: HistoryCall) -> str | None:
    """What it names or touches, by name."""
    return ", ".join(named_resources(call.resources, call.account_id)) or None


def _result(call: HistoryCall) -> str:
    result = call.error_code or "ok"
    if call.counted_from is not None and call.counted_to is not None:
        between = f"from {exact_time(call.counted_from)} to {exact_time(call.counted_to)}"
        return f"{result} (and {call.requests:,} more like it {between})"
    return result if call.requests == 1 else f"{result} ({call.requests:,} times)"


def _csv_column(name: str) -> Column[HistoryCall]:
    def cell(call: HistoryCall) -> str | None:
        value = to_jsonable_python(getattr(call, name))
        return value if value is None or isinstance(value, str) else json.dumps(value)

    return Column(name, cell)


HISTORY: Sequence[Column[HistoryCall]] = (
    # A position of the installation's ledger, where strangers' calls stand, is none of this account's.
    Column("POSITION", lambda call: None if call.concerns_account_id else str(call.position), wide=True),
    Column(
        "TIME",
        lambda call: exact_time(call.at),
        short=lambda call: time_of_day(call.at),
        above=lambda call: date_of(call.at),
    ),
    Column("WHO", _principal, least=10),
    Column("OPERATION", _operation, least=13, short=lambda call: call.operation),
    Column("ON", _on, wraps=True, least=12),
    Column("RESULT", _result, wraps=True, colour=result_colour),
    Column("FROM", lambda call: call.source_address),
    Column("ACCESS KEY", lambda call: call.access_key_id, wide=True),
    Column("SOURCE IDENTITY", lambda call: call.source_identity, wide=True),
    Column("REQUEST", lambda call: call.request_id, wide=True),
    Column("USER AGENT", lambda call: call.user_agent, wraps=True, wide=True),
)
_NEWEST = ("source_identity", "root_assumed_by")
CSV_COLUMNS: Sequence[Column[HistoryCall]] = tuple(
    _csv_column(name)
    for name in (*(name for name in HistoryCall.model_fields if name not in _NEWEST), "source_address", *_NEWEST)
)
"""All that is known of a call, under the names that its JSON has; a column stays in its place, new ones come last. What
is no text is written as in JSON."""
