"""The story of a credential on a terminal."""

from collections.abc import Iterable, Sequence

from domain.read_models.lineage import LineageNode
from services.api.contract.tracing import CredentialUse, Trace
from services.cli.lib import trace_phrases as words
from services.cli.lib.doors_output import show_doors
from services.cli.lib.output import Column, short_arn, short_time, stdout_table
from services.cli.lib.terminal import Colour, print_heading, print_line, print_wrapped, stdout_width, wrapped

WIDTH = 100
"""Of running text, in characters."""
SERVICES_SHOWN = 8
INDENT = "  "
INDENTS_MAX = 12


def show_trace(trace: Trace, *, wide: bool) -> None:
    print_line(words.title(trace), Colour.BOLD)
    print_wrapped(words.verdict(trace), colour=words.verdict_colour(trace))
    print_line("")
    for fact in words.trace_fields(trace):
        print_wrapped(f"{fact.title + ':':<20}{fact.text}", " " * 20)
    print_heading(words.containment_title(trace.containment))
    _contained(trace)
    if trace.descent.open_doors:
        print_heading("Open doors")
        show_doors(trace.descent.open_doors, trace.account_id)
    print_heading("What it created")
    for node in words.depth_first(trace.descent.nodes):
        indent = INDENT * min(node.depth, INDENTS_MAX)
        text = f"{words.label(node, trace.account_id)}: {words.state(node)}"
        print_wrapped(indent + text, indent + INDENT * 2, words.node_colour(node))
    for text in words.lineage_left(trace.descent):
        print_line(text)
    for did in trace.did:
        print_heading("Addresses, user agents and operations")
        _activity(did, wide=wide)
    print_heading("Unused permissions of it and its descendants")
    _wrapped(words.unused_permissions_note(trace.could_have))
    for text in words.unused_by_credential(trace.could_have, trace.account_id):
        print_wrapped(INDENT + text, INDENT * 2)
    if wide:
        for fact in words.actions_by_service(trace.could_have):
            _wrapped(f"{fact.title}: {fact.text}")
    elif counts := words.actions_counted(trace.could_have):
        _wrapped(f"{counts}. To list them: --wide, or --output json or html.")
    print_line("")
    stdout_table(words.GRANTED, wide=wide).show(list(words.unused_by_grant(trace.could_have, SERVICES_SHOWN)))


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


def _activity(did: CredentialUse, *, wide: bool) -> None:
    print_line(words.calls_searched(did))
    for columns, rows, left_out in words.tallies(did):
        print_line("")
        stdout_table(columns, wide=wide).show(rows)
        if left_out is not None:
            print_line(left_out)
    print_heading("Calls")
    stdout_table(words.call_columns(did.account_id), wide=wide).show(did.calls)
    if (left := words.calls_left(did)) is not None:
        print_line(left)
        _lines(did.histories)


def _lines(commands: Iterable[str]) -> None:
    for command in commands:
        print_line(f"{INDENT}{command}")


def _wrapped(text: str) -> None:
    for row in wrapped(text, min(WIDTH, stdout_width() or WIDTH), INDENT):
        print_line(row)


ALIVE: Sequence[Column[LineageNode]] = (
    Column("ACCOUNT", lambda node: node.account_id),
    Column("ACTIVE", lambda node: words.label(node, node.account_id), wraps=True),
    Column("CREATED", lambda node: short_time(node.at)),
    Column("POSITION", lambda node: str(node.position)),
    Column("EXPIRES", lambda node: None if node.expires_at is None else short_time(node.expires_at)),
    Column("BY", lambda node: short_arn(node.by, node.account_id), least=10),
)
