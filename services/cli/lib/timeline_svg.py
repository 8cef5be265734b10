"""Pictures of what was when, as SVG.

Places along the time are in percent and everything else is in pixels, so that a picture is as wide as the page. What is
written stands beside it, where a narrow page breaks it between words.
"""

from collections.abc import Iterator
from datetime import datetime

from services.cli.lib.markup import Markup, element
from services.cli.lib.output import short_time

BAR_TOP, BAR_HEIGHT, BAR_SPACE, AXIS_HEIGHT = 4, 14, 24, 22
"""In pixels."""
_BAR_PERCENT_MIN = 0.5
"""So wide is a bar at least, for it to be seen."""

DrawnSpan = tuple[datetime, datetime]


def bar(begins: datetime, ends: datetime | None, span: DrawnSpan, look: str, told: str | None = None) -> Markup:
    """From one time to another, or to the end of the span."""
    left = along(begins, span)
    right = 100.0 if ends is None else along(ends, span)
    return element(
        "rect",
        None if told is None else element("title", told),
        x=f"{left:.2f}%",
        y=str(BAR_TOP),
        width=f"{max(right - left, _BAR_PERCENT_MIN):.2f}%",
        height=str(BAR_HEIGHT),
        class_=look,
    )


def axis(span: DrawnSpan) -> Iterator[Markup]:
    yield element("line", x1="0%", x2="100%", y1="2", y2="2", class_="axis")
    for place, anchor, at in (("0%", "start", span[0]), ("100%", "end", span[1])):
        yield element("text", short_time(at), x=place, y=str(AXIS_HEIGHT - 4), text_anchor=anchor, class_="small")


def along(at: datetime, span: DrawnSpan) -> float:
    """In percent; what lies outside is put at the edge. A little room is left for the ends to be seen."""
    first, last = span
    share = (at - first) / (last - first)
    return 1 + 98 * min(max(share, 0.0), 1.0)


def picture(title: str, height: int, *content: Markup | None) -> Markup:
    return element("svg", element("title", title), *content, width="100%", height=str(height), role="img")
