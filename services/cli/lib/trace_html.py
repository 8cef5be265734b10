"""The story of a credential as one page of HTML, which opens without a network and prints."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import NamedTuple

from domain.read_models.credential_activity import CallTallies, TracedCall
from services.api.contract.tracing import CredentialUse, Trace
from services.api.contract.unused_permissions import UnusedPermissions
from services.cli.lib import trace_phrases as words
from services.cli.lib import trace_svg as pictures
from services.cli.lib.markup import Markup, cut, document, element, group
from services.cli.lib.output import short_arn, short_time

CELL_CHARACTERS_MAX = 160
"""What is longer is cut, and whole in its title."""
SERVICES_SHOWN = 40

_STYLE = resources.files("services.cli.lib").joinpath("trace_html.css").read_text("utf-8")


class Cell(NamedTuple):
    text: str
    look: str | None = None
    title: str | None = None
    """What more there is to say, where it is not only the text that is too long."""


def render_trace(trace: Trace) -> str:
    could, descent = trace.could_have, trace.descent
    alive = bool(descent.alive)
    body = element(
        "main",
        element("h1", words.title(trace)),
        element("p", words.verdict(trace), class_="verdict alive" if alive else "verdict"),
        _facts(words.trace_fields(trace)),
        element("h2", words.containment_title(trace.containment)),
        *_contained(trace),
        element("h2", "Timeline"),
        *_timeline(trace),
        *_doors(trace),
        element("h2", "What it created"),
        pictures.lineage_tree(descent.nodes, trace.account_id),
        _legend((("born alive", "active, or in force"), ("born", "ended"))),
        _note(pictures.nodes_left(descent.nodes)),
        *map(_note, words.lineage_left(descent)),
        *(part for did in trace.did for part in _activity(did)),
        element("h2", "Unused permissions of it and its descendants"),
        element("p", words.unused_permissions_note(could), class_="note"),
        element("ul", *(element("li", text) for text in words.unused_by_credential(could, trace.account_id))),
        _facts(words.actions_by_service(could)),
        _granted(could),
    )
    return document(words.title(trace), _STYLE, body)


def _facts(facts: Iterable[words.TraceField]) -> Markup:
    return element("dl", *(group(element("dt", fact.title), element("dd", fact.text)) for fact in facts))


def _commands(commands: Sequence[str]) -> Markup:
    """Whole: a command that is cut is none."""
    return element("ol", *(element("li", element("code", command)) for command in commands))


def _contained(trace: Trace) -> Iterator[Markup]:
    found = trace.containment
    if found.contain is None and not found.accounts:
        yield element("p", "Nothing is left to contain or remediate.")
    if found.contain is not None:
        yield _commands([found.contain])
    for undone in found.accounts:
        yield element("p", words.remediation_title(undone))
        yield _commands(undone.commands)


def _doors(trace: Trace) -> Iterator[Markup]:
    doors = list(words.door_lines(trace.descent.open_doors, trace.account_id))
    if doors:
        yield element("h2", "Open doors")
        yield element("ul", *(element("li", line) for line in doors))


def _activity(did: CredentialUse) -> Iterator[Markup | None]:
    yield element("h2", "Addresses, user agents and operations")
    yield element("p", words.calls_searched(did), class_="note")
    yield from _tallied(did.addresses, "Address", "addresses", "none recorded")
    yield from _tallied(words.user_agents_by_product(did.user_agents), "User agent", "user agents", "none sent")
    yield from _tallied(did.operations, "Operation", "operations", "none")
    yield element("h2", "Calls")
    yield _calls(did)
    if (left := words.calls_left(did)) is not None:
        yield _note(left)
        yield _commands(did.histories)


def _timeline(trace: Trace) -> Iterator[Markup | None]:
    picture = pictures.timeline(trace)
    yield element("p", "It was never used.") if picture is None else picture
    yield _legend((
        ("life alive", "active"), ("life", "ended"), ("call", "call answered"), ("call refused", "call refused"),
    ))  # fmt: skip
    yield _note(pictures.lanes_left(trace))
    if any(did.calls_left or did.stopped_position is not None for did in trace.did):
        yield _note(f"Only the first {sum(len(did.calls) for did in trace.did)} calls are drawn.")


def _legend(looks: Iterable[tuple[str, str]]) -> Markup:
    return element("p", *(element("span", _sign(look), meaning) for look, meaning in looks), class_="legend")


def _sign(look: str) -> Markup:
    if look.startswith("born"):
        shape = element("circle", cx="7", cy="7", r="5", class_=look)
    elif look.startswith("life"):
        shape = element("rect", x="1", y="2", width="12", height="10", class_=look)
    else:
        short_ = look.endswith("refused")
        shape = element("line", x1="7", x2="7", y1="4" if short_ else "0", y2="10" if short_ else "14", class_=look)
    return element("svg", shape, width="14", height="14", aria_hidden="true")


def _tallied(tallies: CallTallies, title: str, what: str, if_none: str) -> Iterator[Markup | None]:
    yield _table(
        (title, "First", "Last", "Ok", "Refused"),
        (
            [
                Cell(words.tally(row, if_none)),
                Cell(short_time(row.first.at), "time"),
                Cell(short_time(row.last.at), "time"),
                *_numbers(row.answered, row.refused),
            ]
            for row in tallies.rows
        ),
    )
    yield _note(words.tallies_left(tallies, what))


def _calls(did: CredentialUse) -> Markup | None:
    return _table(
        ("Position", "Time", "Credential", "Source", "Operation", "Result", "On"),
        ([Cell(str(call.position), "number"), Cell(short_time(call.at), "time"), *_call(call, did.account_id)]
         for call in did.calls),
        ["refused" if call.error_code is not None else None for call in did.calls],
        look="calls",
    )  # fmt: skip


def _call(call: TracedCall, account_id: str) -> Iterator[Cell]:
    yield Cell(words.credential(call))
    yield Cell(call.source_address or "-")
    yield Cell(words.operation(call))
    yield Cell(words.result(call), title=call.error_message)
    yield Cell(", ".join(short_arn(arn, account_id) for arn in call.resources) or "-")


def _granted(could: UnusedPermissions) -> Markup | None:
    return _table(
        ("Granted by", "Actions", "Conditional", "Services"),
        (
            [Cell(found.by), *_numbers(found.actions, found.conditional), Cell(found.services)]
            for found in words.unused_by_grant(could, SERVICES_SHOWN)
        ),
    )


def _numbers(*numbers: int) -> Iterator[Cell]:
    return (Cell(str(number), "number") for number in numbers)


def _table(
    titles: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    looks: Sequence[str | None] | None = None,
    *,
    look: str | None = None,
) -> Markup | None:
    """None without rows. `looks` are those of the rows, `look` is the table's."""
    cells = list(rows)
    if not cells:
        return None
    head = element(
        "tr",
        *(element("th", title, scope="col", class_=cell.look) for title, cell in zip(titles, cells[0], strict=True)),
    )
    written = [
        element("tr", *map(_cell, row, titles), class_=None if looks is None else looks[number])
        for number, row in enumerate(cells)
    ]
    return element("table", element("thead", head), element("tbody", *written), class_=look)


def _cell(cell: Cell, title: str) -> Markup:
    """On a narrow page the title stands before the text; the style takes it from there."""
    shown = cut(cell.text, CELL_CHARACTERS_MAX)
    whole = cell.text if shown != cell.text else None
    return element("td", element("span", shown, title=cell.title or whole), data_title=title, class_=cell.look)


def _note(text: str | None) -> Markup | None:
    return None if text is None else element("p", text, class_="bound")
