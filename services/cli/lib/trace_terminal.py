"""The story of a credential on a terminal."""

import textwrap
from collections.abc import Iterable, Sequence

from domain.read_models.credential_activity import CallTallies, CallTally, TracedCall
from domain.read_models.lineage import LineageNode
from services.api.contract.tracing import CredentialUse, Trace
from services.cli.lib import trace_phrases as words
from services.cli.lib.doors_output import show_doors
from services.cli.lib.output import Column, short_arn, short_time, stdout_table
from services.cli.lib.terminal import print_line

WIDTH = 100
"""Of running text, in characters."""
SERVICES_SHOWN = 8
INDENT = "  "


def show_trace(trace: Trace) -> None:
    print_line(words.title(trace))
    print_line(words.verdict(trace))
    print_line("")
    for fact in words.trace_fields(trace):
        print_line(f"{fact.title + ':':<20}{fact.text}")
    _head(words.containment_title(trace.containment))
    _contained(trace)
    if trace.descent.open_doors:
        _head("Open doors")
        show_doors(trace.descent.open_doors, trace.account_id)
    _head("What it created")
    for node in words.depth_first(trace.descent.nodes):
        print_line(f"{INDENT * node.depth}{words.label(node, trace.account_id)}: {words.state(node)}")
    for text in words.lineage_left(trace.descent):
        print_line(text)
    for did in trace.did:
        _head("Addresses, user agents and operations")
        _activity(did)
    _head("Unused permissions of it and its descendants")
    _wrapped(words.unused_permissions_note(trace.could_have))
    _lines(words.unused_by_credential(trace.could_have, trace.account_id))
    for fact in words.actions_by_service(trace.could_have):
        _wrapped(f"{fact.title}: {fact.text}")
    stdout_table(GRANTED).show(list(words.unused_by_grant(trace.could_have, SERVICES_SHOWN)))


def _contained(trace: Trace) -> None:
    """Commands stand whole: one that is cut is none."""
    found = trace.containment
    if found.contain is None and not found.accounts:
        print_line(f"{INDENT}Nothing is left to contain or remediate.")
    if found.contain is not None:
        print_line(f"{INDENT}{found.contain}")
    for undone in found.accounts:
        print_line(words.remediation_title(undone))
        _lines(undone.commands)


def _activity(did: CredentialUse) -> None:
    print_line(words.calls_searched(did))
    _tallied(did.addresses, "ADDRESS", "addresses", "none recorded")
    _tallied(words.user_agents_by_product(did.user_agents), "USER AGENT", "user agents", "none sent")
    _tallied(did.operations, "OPERATION", "operations", "none")
    _head("Calls")
    stdout_table(_calls(did.account_id)).show(did.calls)
    if (left := words.calls_left(did)) is not None:
        print_line(left)
        _lines(did.histories)


def show_alive(nodes: Sequence[LineageNode]) -> None:
    stdout_table(ALIVE).show(nodes)


def _head(title: str) -> None:
    print_line("")
    print_line(title.upper())


def _optional_line(text: str | None) -> None:
    if text is not None:
        print_line(text)


def _lines(commands: Iterable[str]) -> None:
    for command in commands:
        print_line(f"{INDENT}{command}")


def _wrapped(text: str) -> None:
    for row in textwrap.wrap(text, WIDTH, subsequent_indent=INDENT, break_on_hyphens=False):
        print_line(row)


def _tallied(tallies: CallTallies, title: str, what: str, if_none: str) -> None:
    columns: Sequence[Column[CallTally]] = (
        Column(title, lambda row: words.tally(row, if_none), shrinks=True),
        Column("FIRST", lambda row: short_time(row.first.at)),
        Column("LAST", lambda row: short_time(row.last.at)),
        Column("OK", lambda row: str(row.answered)),
        Column("REFUSED", lambda row: str(row.refused)),
    )
    print_line("")
    stdout_table(columns).show(tallies.rows)
    _optional_line(words.tallies_left(tallies, what))


def _calls(account_id: str) -> Sequence[Column[TracedCall]]:
    return (
        Column("POSITION", lambda call: str(call.position)),
        Column("TIME", lambda call: short_time(call.at)),
        Column("CREDENTIAL", words.credential, shrinks=True),
        Column("SOURCE", lambda call: call.source_address),
        Column("OPERATION", words.operation, shrinks=True),
        Column("RESULT", words.result),
        Column("ON", lambda call: ", ".join(short_arn(arn, account_id) for arn in call.resources), shrinks=True),
    )


GRANTED: Sequence[Column[words.ServiceGrant]] = (
    Column("GRANTED BY", lambda granted: granted.by, shrinks=True),
    Column("ACTIONS", lambda granted: str(granted.actions)),
    Column("CONDITIONAL", lambda granted: str(granted.conditional)),
    Column("SERVICES", lambda granted: granted.services, shrinks=True),
)
ALIVE: Sequence[Column[LineageNode]] = (
    Column("ACCOUNT", lambda node: node.account_id),
    Column("ACTIVE", lambda node: words.label(node, node.account_id)),
    Column("CREATED", lambda node: short_time(node.at)),
    Column("POSITION", lambda node: str(node.position)),
    Column("EXPIRES", lambda node: None if node.expires_at is None else short_time(node.expires_at)),
    Column("BY", lambda node: node.by, shrinks=True),
)
