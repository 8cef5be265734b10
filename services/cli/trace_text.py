"""The story of a credential on a terminal."""

import textwrap
from collections.abc import Iterable, Sequence

from projections.tracing import Tallies, Tally, TracedCall
from services.api.lineage import LineageNode
from services.api.tracing import Did, Trace
from services.cli import trace_words as words
from services.cli.output import Column, line, short, table, time

WIDTH = 100
"""Of running text, in characters."""
SERVICES_TOLD = 8
INDENT = "  "


def show(trace: Trace) -> None:
    line(words.title(trace))
    line(words.verdict(trace))
    line("")
    for fact in words.facts(trace):
        line(f"{fact.title + ':':<17}{fact.told}")
    _head(words.to_contain(trace.containment))
    _contained(trace)
    _head("What it gave birth to")
    for node in words.order(trace.descent.nodes):
        line(f"{INDENT * node.depth}{words.label(node, trace.account_id)}: {words.state(node)}")
    for told in words.descent_left(trace.descent):
        line(told)
    for did in trace.did:
        _head("From where, with what and for what")
        _done(did)
    _head("What it and its descendants could have done and did not")
    _wrapped(words.reach(trace.could_have))
    _lines(words.whose(trace.could_have, trace.account_id))
    for fact in words.actions_by_service(trace.could_have):
        _wrapped(f"{fact.title}: {fact.told}")
    table(GRANTED).show(list(words.granted(trace.could_have, SERVICES_TOLD)))


def _contained(trace: Trace) -> None:
    """Commands stand whole: one that is cut is none."""
    found = trace.containment
    if found.contain is None and not found.accounts:
        line(f"{INDENT}Nothing is left to contain or to undo.")
    if found.contain is not None:
        line(f"{INDENT}{found.contain}")
    for undone in found.accounts:
        line(words.undone_by(undone))
        _lines(undone.commands)


def _done(did: Did) -> None:
    line(words.looked_at(did))
    _tallied(did.addresses, "ADDRESS", "addresses", "none recorded")
    _tallied(words.products(did.user_agents), "USER AGENT", "user agents", "none sent")
    _tallied(did.operations, "OPERATION", "operations", "none")
    _head("Everything done")
    table(_calls(did.account_id)).show(did.calls)
    if (left := words.calls_left(did)) is not None:
        line(left)
        _lines(did.histories)


def show_alive(nodes: Sequence[LineageNode]) -> None:
    table(ALIVE).show(nodes)


def _head(title: str) -> None:
    line("")
    line(title.upper())


def _said(text: str | None) -> None:
    if text is not None:
        line(text)


def _lines(commands: Iterable[str]) -> None:
    for command in commands:
        line(f"{INDENT}{command}")


def _wrapped(text: str) -> None:
    for row in textwrap.wrap(text, WIDTH, subsequent_indent=INDENT, break_on_hyphens=False):
        line(row)


def _tallied(tallies: Tallies, title: str, what: str, if_none: str) -> None:
    columns: Sequence[Column[Tally]] = (
        Column(title, lambda row: words.tally(row, if_none), shrinks=True),
        Column("FIRST", lambda row: time(row.first.at)),
        Column("LAST", lambda row: time(row.last.at)),
        Column("OK", lambda row: str(row.answered)),
        Column("REFUSED", lambda row: str(row.refused)),
    )
    line("")
    table(columns).show(tallies.rows)
    _said(words.more(tallies, what))


def _calls(account_id: str) -> Sequence[Column[TracedCall]]:
    return (
        Column("POSITION", lambda call: str(call.position)),
        Column("TIME", lambda call: time(call.at)),
        Column("CREDENTIAL", words.credential, shrinks=True),
        Column("SOURCE", lambda call: call.source_address),
        Column("OPERATION", words.operation, shrinks=True),
        Column("RESULT", words.result),
        Column("ON", lambda call: ", ".join(short(arn, account_id) for arn in call.resources), shrinks=True),
    )


GRANTED: Sequence[Column[words.Granted]] = (
    Column("GRANTED BY", lambda granted: granted.by, shrinks=True),
    Column("ACTIONS", lambda granted: str(granted.actions)),
    Column("CONDITIONAL", lambda granted: str(granted.conditional)),
    Column("OF THE SERVICES", lambda granted: granted.services, shrinks=True),
)
ALIVE: Sequence[Column[LineageNode]] = (
    Column("ACCOUNT", lambda node: node.account_id),
    Column("ALIVE", lambda node: words.label(node, node.account_id)),
    Column("BORN", lambda node: time(node.at)),
    Column("POSITION", lambda node: str(node.position)),
    Column("EXPIRES", lambda node: None if node.expires_at is None else time(node.expires_at)),
    Column("BY", lambda node: node.by, shrinks=True),
)
