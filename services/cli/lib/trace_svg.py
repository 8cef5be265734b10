"""Two pictures of a credential's story, as SVG: when what was alive and called, and what was born of what.

Places along the time are in percent and everything else is in pixels, so that a picture is as wide as the page and its
writing never shrinks.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from domain.read_models.credential_activity import TracedCall
from domain.read_models.lineage import LineageNode, NodePosition
from services.api.contract.tracing import Trace
from services.cli.lib import trace_phrases as words
from services.cli.lib.markup import Markup, element, visible
from services.cli.lib.output import cut, short_time

LANES_MAX = 24
NODES_DRAWN_MAX = 200
"""So many credentials and births are drawn, the first ones."""
CHARACTERS = {"narrow": 38, "wide": 110}
"""Of a label, on a phone and on a desk: which one is seen, the style decides."""

_LANE_HEIGHT, _BAR_HEIGHT, _AXIS_HEIGHT = 46, 14, 22
_ROW_HEIGHT, _INDENT, _INDENTS_MAX = 42, 16, 8
_CHARACTER_WIDTH, _SMALLER = 7, 10
"""In pixels, and by so many characters more of the small writing go beside one another."""
_MOMENT = timedelta(minutes=1)


def timeline(trace: Trace) -> Markup | None:
    """A lane a credential: its life, and in it its calls. None where nothing was ever called."""
    credentials = [node for node in words.depth_first(trace.descent.nodes) if node.kind in {"access_key", "session"}]
    calls = sorted((call for did in trace.did for call in did.calls), key=lambda call: call.at)
    if not calls:
        return None
    begins, ends = calls[0].at, calls[-1].at
    span = (begins, ends) if ends > begins else (begins - _MOMENT, ends + _MOMENT)
    lanes = [
        _lane(
            node, trace.account_id, number, span, [call for call in calls if words.credential(call) == node.subject_id]
        )
        for number, node in enumerate(credentials[:LANES_MAX])
    ]
    height = len(lanes) * _LANE_HEIGHT + _AXIS_HEIGHT
    title = "When each credential was active, and when it was used"
    return _picture(title, height, *lanes, *_axis(span, height))


def lanes_left(trace: Trace) -> str | None:
    count = sum(node.kind in {"access_key", "session"} for node in trace.descent.nodes) - LANES_MAX
    return f"{count} more credentials are not drawn." if count > 0 else None


def _lane(
    node: LineageNode, home: str, number: int, span: tuple[datetime, datetime], calls: Sequence[TracedCall]
) -> Markup:
    top = number * _LANE_HEIGHT
    over = node.expires_at if node.since is None else node.since.at
    begins = _along(node.at, span)
    ends = 100.0 if over is None else _along(over, span)
    middle = top + 24 + _BAR_HEIGHT / 2
    text = f"{words.label(node, home)}: {words.state(node)}, {words.count_phrase(len(calls), 'call', 'calls')}"
    return element(
        "g",
        *_labels(text, 0, x="0", y=str(top + 16)),
        element(
            "rect",
            element("title", text),
            x=f"{begins:.2f}%",
            y=str(top + 24),
            width=f"{max(ends - begins, 0.5):.2f}%",
            height=str(_BAR_HEIGHT),
            class_="life alive" if node.alive else "life",
        ),
        *(_call(call, _along(call.at, span), middle) for call in calls),
    )


def _call(call: TracedCall, along: float, middle: float) -> Markup:
    address = call.source_address or "no address"
    text = f"{short_time(call.at)} {words.operation(call)}: {words.result(call)}, from {address}"
    refused = call.error_code is not None
    # Told apart by shape too: not everybody sees the colours.
    return element(
        "line",
        element("title", text),
        x1=f"{along:.2f}%",
        x2=f"{along:.2f}%",
        y1=f"{middle - (4 if refused else 9):g}",
        y2=f"{middle + (4 if refused else 9):g}",
        class_="call refused" if refused else "call",
    )


def _axis(span: tuple[datetime, datetime], height: int) -> Iterator[Markup]:
    line = height - _AXIS_HEIGHT + 2
    yield element("line", x1="0%", x2="100%", y1=str(line), y2=str(line), class_="axis")
    for place, anchor, at in (("0%", "start", span[0]), ("100%", "end", span[1])):
        yield element("text", short_time(at), x=place, y=str(height - 4), text_anchor=anchor, class_="small")


def _along(at: datetime, span: tuple[datetime, datetime]) -> float:
    """In percent; what lies outside is put at the edge. A little room is left for the ends to be seen."""
    first, last = span
    share = (at - first) / (last - first)
    return 1 + 98 * min(max(share, 0.0), 1.0)


def lineage_tree(nodes: Sequence[LineageNode], home: str) -> Markup:
    """Each birth under what gave birth to it, with a line to it."""
    ordered = words.depth_first(nodes)[:NODES_DRAWN_MAX]
    rows = {node.place: number for number, node in enumerate(ordered)}
    lines = [_edge(node, rows) for node in ordered if node.parent is not None]
    births = (_node(node, home, number) for number, node in enumerate(ordered))
    return _picture("Lineage", len(ordered) * _ROW_HEIGHT, *lines, *births)


def _picture(title: str, height: int, *content: Markup | None) -> Markup:
    return element("svg", element("title", title), *content, width="100%", height=str(height), role="img")


def nodes_left(nodes: Sequence[LineageNode]) -> str | None:
    left = len(nodes) - NODES_DRAWN_MAX
    return f"{left} more nodes are not drawn." if left > 0 else None


def _edge(node: LineageNode, rows: dict[NodePosition, int]) -> Markup | None:
    assert node.parent is not None
    parent = rows.get(node.parent)
    if parent is None:
        return None
    from_x, x = _x(node.depth - 1), _x(node.depth)
    from_y, y = parent * _ROW_HEIGHT + 15, rows[node.place] * _ROW_HEIGHT + 15
    return element("path", d=f"M{from_x} {from_y}V{y}H{x}", class_="descent")


def _node(node: LineageNode, home: str, number: int) -> Markup:
    x, y = _x(node.depth), number * _ROW_HEIGHT + 15
    indent = x // _CHARACTER_WIDTH
    text, how = words.label(node, home), f"{short_time(node.at)}, {words.state(node)}"
    look = "born alive" if node.alive else "born"
    return element(
        "g",
        element("circle", element("title", f"{text}: {how}"), cx=str(x), cy=str(y), r="5", class_=look),
        *_labels(text, indent, x=str(x + 12), y=str(y + 4)),
        *_labels(f"{how}, by {node.by}", indent - _SMALLER, x=str(x + 12), y=str(y + 19), look="small"),
    )


def _x(depth: int) -> int:
    return 8 + min(depth, _INDENTS_MAX) * _INDENT


def _labels(whole: str, less: int, *, look: str = "label", **place: str) -> Iterator[Markup]:
    """One for each width of page, so many characters shorter than there is room for; the whole is its title."""
    for width, characters in CHARACTERS.items():
        shown = cut(visible(whole), characters - less)
        yield element("text", element("title", whole), element("tspan", shown), **place, class_=f"{look} {width}")
