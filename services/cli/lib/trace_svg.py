"""When which credential of a story was active and called: a picture for each, as SVG.

Places along the time are in percent and everything else is in pixels, so that a picture is as wide as the page. What is
written stands beside it, where a narrow page breaks it between words.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from domain.read_models.credential_activity import TracedCall
from domain.read_models.lineage import LineageNode
from services.api.contract.tracing import Trace
from services.cli.lib import trace_phrases as words
from services.cli.lib.markup import Markup, element
from services.cli.lib.output import short_time

LANES_MAX = 24
"""So many credentials are drawn, the first ones."""

_BAR_TOP, _BAR_HEIGHT, _BAR_SPACE, _AXIS_HEIGHT = 4, 14, 24, 22
"""In pixels."""
_MOMENT = timedelta(minutes=1)


def timeline(trace: Trace) -> Iterator[Markup]:
    """A lane a credential: its life, and in it its calls. Nothing where nothing was ever called."""
    credentials = [node for node in words.depth_first(trace.descent.nodes) if node.kind in {"access_key", "session"}]
    calls = sorted((call for did in trace.did for call in did.calls), key=lambda call: call.at)
    if not calls:
        return
    begins, ends = calls[0].at, calls[-1].at
    span = (begins, ends) if ends > begins else (begins - _MOMENT, ends + _MOMENT)
    for node in credentials[:LANES_MAX]:
        its_calls = [call for call in calls if words.credential(call) == node.subject_id]
        told = f"{words.state(node)}, {words.count_phrase(len(its_calls), 'call', 'calls')}"
        text = f"{words.label(node, trace.account_id)}: {told}"
        yield element("p", text, class_="lane")
        yield _picture(text, _BAR_SPACE, _life(node, span), *(_call(call, span) for call in its_calls))
    yield _picture("When each credential was active, and when it was used", _AXIS_HEIGHT, *_axis(span))


def lanes_left(trace: Trace) -> str | None:
    count = sum(node.kind in {"access_key", "session"} for node in trace.descent.nodes) - LANES_MAX
    return f"{count} more credentials are not drawn." if count > 0 else None


def _life(node: LineageNode, span: tuple[datetime, datetime]) -> Markup:
    over = node.expires_at if node.since is None else node.since.at
    begins = _along(node.at, span)
    ends = 100.0 if over is None else _along(over, span)
    return element(
        "rect",
        x=f"{begins:.2f}%",
        y=str(_BAR_TOP),
        width=f"{max(ends - begins, 0.5):.2f}%",
        height=str(_BAR_HEIGHT),
        class_="life alive" if node.alive else "life",
    )


def _call(call: TracedCall, span: tuple[datetime, datetime]) -> Markup:
    address = call.source_address or "no address"
    text = f"{short_time(call.at)} {words.operation(call)}: {words.result(call)}, from {address}"
    refused = call.error_code is not None
    along, middle = _along(call.at, span), _BAR_TOP + _BAR_HEIGHT / 2
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


def _axis(span: tuple[datetime, datetime]) -> Iterator[Markup]:
    yield element("line", x1="0%", x2="100%", y1="2", y2="2", class_="axis")
    for place, anchor, at in (("0%", "start", span[0]), ("100%", "end", span[1])):
        yield element("text", short_time(at), x=place, y=str(_AXIS_HEIGHT - 4), text_anchor=anchor, class_="small")


def _along(at: datetime, span: tuple[datetime, datetime]) -> float:
    """In percent; what lies outside is put at the edge. A little room is left for the ends to be seen."""
    first, last = span
    share = (at - first) / (last - first)
    return 1 + 98 * min(max(share, 0.0), 1.0)


def _picture(title: str, height: int, *content: Markup | None) -> Markup:
    return element("svg", element("title", title), *content, width="100%", height=str(height), role="img")
