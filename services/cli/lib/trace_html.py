"""The story of a credential as one page of HTML, which opens without a network and prints."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from domain.read_models.credential_activity import TracedCall
from domain.read_models.lineage import LineageNode, NodePosition
from services.api.contract.tracing import CredentialUse, Trace
from services.cli.lib import trace_phrases as words
from services.cli.lib import trace_svg as pictures
from services.cli.lib.markup import Markup, document, element
from services.cli.lib.output import cut, short_arn, short_time
from services.cli.lib.page_parts import bound_note, command_list, fact_list, page_style

CELL_CHARACTERS_MAX = 1_000
"""What is longer, as no ARN is, is cut, and whole in its title."""
SERVICES_SHOWN = 40
NODES_LISTED_MAX = 200
"""The first ones."""

T = TypeVar("T")

_STYLE = page_style()


def render_trace(trace: Trace) -> str:
    could, descent = trace.could_have, trace.descent
    alive = bool(descent.alive)
    body = element(
        "main",
        element("h1", words.title(trace)),
        element("p", words.verdict(trace), class_="verdict alive" if alive else "verdict"),
        fact_list(words.trace_fields(trace)),
        element("h2", words.containment_title(trace.containment)),
        *_contained(trace),
        element("h2", "Timeline"),
        *_timeline(trace),
        *_doors(trace),
        element("h2", "What it created"),
        _lineage(descent.nodes, trace.account_id),
        _legend((("born alive", "active, or in force"), ("born", "ended"))),
        bound_note(_nodes_left(descent.nodes)),
        *map(bound_note, words.lineage_left(descent)),
        *(part for did in trace.did for part in _activity(did)),
        element("h2", "Unused permissions of it and its descendants"),
        element("p", words.unused_permissions_note(could), class_="note"),
        element("ul", *(element("li", text) for text in words.unused_by_credential(could, trace.account_id))),
        fact_list(words.actions_by_service(could)),
        _table(words.GRANTED, list(words.unused_by_grant(could, SERVICES_SHOWN))),
    )
    return document(words.title(trace), _STYLE, body)


def _contained(trace: Trace) -> Iterator[Markup]:
    found = trace.containment
    if found.contain is None and not found.accounts:
        yield element("p", "Nothing is left to contain or remediate.")
    if found.contain is not None:
        yield command_list([found.contain])
    for undone in found.accounts:
        yield element("p", words.remediation_title(undone))
        yield command_list(undone.commands)


def _doors(trace: Trace) -> Iterator[Markup]:
    doors = list(words.door_lines(trace.descent.open_doors, trace.account_id))
    if doors:
        yield element("h2", "Open doors")
        yield element("ul", *(element("li", line) for line in doors))


def _activity(did: CredentialUse) -> Iterator[Markup | None]:
    yield element("h2", "Addresses, user agents and operations")
    yield element("p", words.calls_searched(did), class_="note")
    for columns, rows, left_out in words.tallies(did):
        yield _table(columns, rows)
        yield bound_note(left_out)
    yield element("h2", "Calls")
    yield _table(words.call_columns(did.account_id), did.calls, look="calls", look_of=_call_look)
    if (left := words.calls_left(did)) is not None:
        yield bound_note(left)
        yield command_list(did.histories)


def _timeline(trace: Trace) -> Iterator[Markup | None]:
    drawn = list(pictures.timeline(trace))
    yield from drawn or [element("p", "It was never used.")]
    yield _legend((
        ("life alive", "active"), ("life", "ended"), ("call", "call answered"), ("call refused", "call refused"),
    ))  # fmt: skip
    yield bound_note(pictures.lanes_left(trace))
    if any(did.calls_left or did.stopped_position is not None for did in trace.did):
        yield bound_note(f"Only the first {sum(len(did.calls) for did in trace.did)} calls are drawn.")


def _lineage(nodes: Sequence[LineageNode], home: str) -> Markup:
    """Each under what created it. A narrow page breaks their texts between words, and cuts none."""
    created = defaultdict[NodePosition | None, list[Markup]](list)
    for node in reversed(words.depth_first(nodes)[:NODES_LISTED_MAX]):
        below = created.pop(node.place, [])
        item = element(
            "li",
            _sign("born alive" if node.alive else "born"),
            element("span", words.label(node, home)),
            element("small", f"{short_time(node.at)}, {words.state(node)}, by {short_arn(node.by, home)}"),
            element("ul", *reversed(below)) if below else None,
        )
        created[node.parent].append(item)
    return element("ul", *reversed(created[None]), class_="lineage")


def _nodes_left(nodes: Sequence[LineageNode]) -> str | None:
    left = len(nodes) - NODES_LISTED_MAX
    return f"{left} more nodes are not shown." if left > 0 else None


def _call_look(call: TracedCall) -> str | None:
    return None if call.error_code is None else "refused"


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


def _table(
    columns: Sequence[words.TraceColumn[T]],
    rows: Sequence[T],
    *,
    look: str | None = None,
    look_of: Callable[[T], str | None] = lambda _row: None,
) -> Markup | None:
    """None without rows. `look` is the table's, `look_of` a row's."""
    if not rows:
        return None
    titles = (element("th", column.title.capitalize(), scope="col", class_=column.look) for column in columns)
    lines = (element("tr", *(_cell(column, row) for column in columns), class_=look_of(row)) for row in rows)
    return element("table", element("thead", element("tr", *titles)), element("tbody", *lines), class_=look)


def _cell(column: words.TraceColumn[T], row: T) -> Markup:
    """On a narrow page the title stands before the text; the style takes it from there."""
    text = column.of(row) or ""
    shown = cut(text, CELL_CHARACTERS_MAX)
    whole = text if shown != text else None
    content = element("span", shown, title=column.remark(row) or whole)
    return element("td", content, data_title=column.title.capitalize(), class_=column.look)
