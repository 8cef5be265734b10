"""When which credential of a story was active and called: a picture for each, as SVG."""

from collections.abc import Iterator
from datetime import timedelta

from domain.read_models.credential_activity import TracedCall
from domain.read_models.lineage import LineageNode
from services.api.contract.tracing import Trace
from services.cli.lib import trace_phrases as words
from services.cli.lib.markup import Markup, element
from services.cli.lib.output import short_time
from services.cli.lib.timeline_svg import (
    AXIS_HEIGHT,
    BAR_HEIGHT,
    BAR_SPACE,
    BAR_TOP,
    DrawnSpan,
    along,
    axis,
    bar,
    picture,
)

LANES_MAX = 24
"""So many credentials are drawn, the first ones."""

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
        yield picture(text, BAR_SPACE, _life(node, span), *(_call(call, span) for call in its_calls))
    yield picture("When each credential was active, and when it was used", AXIS_HEIGHT, *axis(span))


def lanes_left(trace: Trace) -> str | None:
    count = sum(node.kind in {"access_key", "session"} for node in trace.descent.nodes) - LANES_MAX
    return f"{count} more credentials are not drawn." if count > 0 else None


def _life(node: LineageNode, span: DrawnSpan) -> Markup:
    over = node.expires_at if node.since is None else node.since.at
    return bar(node.at, over, span, "life alive" if node.alive else "life")


def _call(call: TracedCall, span: DrawnSpan) -> Markup:
    address = call.source_address or "no address"
    text = f"{short_time(call.at)} {words.operation(call)}: {words.result(call)}, from {address}"
    refused = call.error_code is not None
    place, middle = along(call.at, span), BAR_TOP + BAR_HEIGHT / 2
    # Told apart by shape too: not everybody sees the colours.
    return element(
        "line",
        element("title", text),
        x1=f"{place:.2f}%",
        x2=f"{place:.2f}%",
        y1=f"{middle - (4 if refused else 9):g}",
        y2=f"{middle + (4 if refused else 9):g}",
        class_="call refused" if refused else "call",
    )
