"""How the controls of a report came out, and when who violated one: pictures, as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from domain.read_models.compliance import ViolationInterval
from services.cli.lib.compliance_evidence import ComplianceEvidence
from services.cli.lib.markup import Markup, element
from services.cli.lib.output import count_noun, short_time
from services.cli.lib.timeline_svg import AXIS_HEIGHT, BAR_HEIGHT, BAR_SPACE, BAR_TOP, DrawnSpan, axis, bar, picture

BARS_OF_LANE_MAX = 20
"""So many violations of a subject are drawn, the newest."""
_VERDICTS_HEIGHT = 28
"""In pixels."""
_MOMENT = timedelta(minutes=1)


def bar_of_verdicts(verdicts: Sequence[tuple[str, int, str]]) -> Markup:
    """One bar in parts: of each its look, how many controls it stands for, and what they are."""
    total = sum(count for _, count, _ in verdicts)
    parts, begin = [], 0.0
    for look, count, what in verdicts:
        width = 100 * count / total
        told = element("title", f"{count:,} {what}")
        place = {"x": f"{begin:.2f}%", "y": "0", "width": f"{width:.2f}%", "height": str(_VERDICTS_HEIGHT)}
        parts += [element("rect", told, class_=look, **place)] if count else []
        begin += width
    title = ", ".join(f"{what}: {count:,}" for _, count, what in verdicts)
    return element("div", picture(title, _VERDICTS_HEIGHT, *parts), class_="verdicts")


def timeline(evidence: ComplianceEvidence, by_subject: Mapping[str, Sequence[ViolationInterval]]) -> Iterator[Markup]:
    """A lane a subject: its violations, over the period, or from the first of them to the moment."""
    ends = evidence.report.until.at
    first = min(evidence.begins_at(each) for violations in by_subject.values() for each in violations)
    begins = first if evidence.is_of_moment else evidence.report.since.at
    span = (begins, ends) if ends > begins else (begins - _MOMENT, ends + _MOMENT)
    for subject_id, violations in by_subject.items():
        last = violations[-1]
        of = "" if subject_id == last.holder_id else f"{subject_id} of "
        undrawn = len(violations) - BARS_OF_LANE_MAX
        more = f", the first {undrawn:,} of them not drawn" if undrawn > 0 else ""
        counted = f": {count_noun(len(violations), 'violation')}{more}" if len(violations) > 1 else ""
        text = f"{of}{last.holder_name}{counted}"
        bars = (_bar(each, span) for each in violations[-BARS_OF_LANE_MAX:])
        yield _row(text, picture(text, BAR_SPACE, _ground(), *bars))
    yield _row("", picture("The period", AXIS_HEIGHT, *axis(span)))


def _row(text: str, drawn: Markup) -> Markup:
    """Beside each other, or below each other on a narrow page."""
    return element("div", element("p", text), drawn, class_="row")


def _ground() -> Markup:
    return element("rect", x="1%", y=str(BAR_TOP), width="98%", height=str(BAR_HEIGHT), class_="ground")


def _bar(violation: ViolationInterval, span: DrawnSpan) -> Markup:
    closed = violation.closed
    until = "and goes on" if closed is None else f"to {short_time(closed.at)}"
    told = f"{short_time(violation.opened.at)} {until}: {violation.criterion}"
    look = "life on" if closed is None else "life over"
    return bar(violation.opened.at, None if closed is None else closed.at, span, look, told)
