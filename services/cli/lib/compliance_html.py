"""A compliance report as one page of HTML with pictures, for an auditor: it opens without a network and prints."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from domain.foundation.suggested_commands import suggested_command
from domain.read_models.compliance import ControlResult, ControlVerdict
from services.api.contract.compliance import ComplianceReport
from services.cli.lib.compliance_evidence import ComplianceEvidence
from services.cli.lib.compliance_output import (
    control_columns,
    exemption_columns,
    exposure,
    interval_columns,
    period_of,
    title_of,
)
from services.cli.lib.compliance_timeline import bar_of_verdicts, timeline
from services.cli.lib.markup import Markup, document, element
from services.cli.lib.output import count_noun
from services.cli.lib.page_parts import bound_note, column_table, command_list, fact_list, legend, page_style

ROWS_MAX, ROWS_OF_CONTROL = 3_000, (10, 100)
LANES_MAX, LANES_OF_CONTROL = 1_500, (5, 50)
"""So many violations are listed, and subjects drawn, in all, shared by the controls that failed; and at least and at
most of each. All are counted."""
LOOKS: Mapping[ControlVerdict, str] = {"pass": "pass", "fail": "fail", "exempt": "exempt", "not answered": "left"}
_SECTION = re.compile(r"[A-Za-z]*[.-]?[0-9]+(?=\.)|[A-Za-z]+(?=[.-][0-9])")
"""What controls that belong together have in common: 1 of 1.4, A.5 of A.5.15, CC6 of CC6.1, AC of AC-2."""
_READING = (
    "A control failed if anything violated it in the period, even if it was mended. Exposure is how long that lasted, "
    "summed over all violations. Positions, such as p12, are places in the account's ledger, which keeps every change; "
    "times are UTC."
)
_STYLE = page_style("compliance_html.css")


def render_compliance(evidence: ComplianceEvidence) -> str:
    report = evidence.report
    failed = [each for each in report.controls if each.verdict == "fail"]
    left = [each for each in report.controls if each.verdict == "not answered"]
    partly = [each for each in report.controls if each.partly and each.verdict != "not answered"]
    counts = Counter(each.verdict for each in report.controls)
    body = element(
        "main",
        element("h1", title_of(report)),
        element("p", _verdict(counts), class_="verdict alive" if failed else "verdict"),
        fact_list(_asked(evidence)),
        element("h2", "Verdicts"),
        bar_of_verdicts([(LOOKS[verdict], counts[verdict], verdict) for verdict in LOOKS]),
        legend((LOOKS[verdict], f"{verdict}: {counts[verdict]:,}") for verdict in LOOKS),
        element("h2", "Controls"),
        *_sections(report.controls),
        *(part for each in failed for part in _failed(evidence, each, len(failed), is_first=each is failed[0])),
        *_exemptions(report),
        *_texts("Not looked at", "Of these controls the checks see a part only.", [(c, c.partly) for c in partly]),
        *_texts(
            "Not answered here",
            "None of these is passed: nothing was looked at, or a part that nothing violates. Answer them otherwise.",
            [(c, c.reason) for c in left],
        ),
        element("h2", "How to check this"),
        *_checked_by(evidence),
    )
    return document(title_of(report), _STYLE, body)


def section_of(control_id: str) -> str:
    found = _SECTION.match(control_id)
    return "" if found is None else found[0]


def _verdict(counts: Mapping[ControlVerdict, int]) -> str:
    answered = counts["pass"] + counts["fail"] + counts["exempt"]
    said = f"{counts['fail']:,} of {count_noun(answered, 'answered control')} failed"
    return f"{said}; {counts['not answered']:,} not answered here"


def _asked(evidence: ComplianceEvidence) -> Iterator[tuple[str, str]]:
    report, framework = evidence.report, evidence.report.framework
    yield "Account", report.account_id
    yield "Framework", f"{framework.title} {framework.version} ({framework.name})"
    yield "Published at", framework.source
    yield "Asked", f"whether each control held {period_of(report)}"
    if report.clipped_to is not None:
        yield "Begins", f"with the account, at position {report.clipped_to.position}"
    yield "Read as", _READING


def _sections(controls: Sequence[ControlResult]) -> Iterator[Markup]:
    for section, of_section in groupby(controls, key=lambda each: section_of(each.control_id)):
        if section:
            yield element("h3", f"Section {section}")
        yield column_table(
            [column for column in control_columns(controls) if not column.wide],
            list(of_section),
            lambda each: LOOKS[each.verdict],
            look="controls",
            target_of=lambda each: f"#{_anchor(each)}" if each.verdict == "fail" else None,
        )


def _failed(
    evidence: ComplianceEvidence, control: ControlResult, failed: int, *, is_first: bool
) -> Iterator[Markup | None]:
    if is_first:
        yield element("h2", "Controls that failed")
    violations = evidence.violations(control.control_id)
    yield element("h3", f"{control.control_id} {control.title}", id=_anchor(control))
    yield element(
        "p",
        f"{count_noun(control.violations, 'violation')}, {exposure(control)}; at the end {control.violating:,} of "
        f"{count_noun(control.subjects, 'subject')} in violation.",
    )
    yield fact_list(_criteria(evidence, control))
    by_subject = evidence.by_subject(control.control_id)
    drawn, listed = share(LANES_MAX, LANES_OF_CONTROL, failed), share(ROWS_MAX, ROWS_OF_CONTROL, failed)
    yield from timeline(evidence, dict([*by_subject.items()][:drawn]))
    yield legend((("life on", "in violation at the end"), ("life over", "ended before")))
    yield bound_note(_more(len(by_subject) - drawn, "more subjects are not drawn."))
    columns = interval_columns(evidence.report.account_id)
    several = len(control.criteria) > 1
    yield column_table([c for c in columns if several or not c.wide], violations[:listed], look="violations")
    csv = evidence.command("violations", "--control", control.control_id, "--output", "csv")
    yield bound_note(_more(len(violations) - listed, f"more violations are not listed: `{csv}` lists all."))
    yield element("p", "The events behind it:", class_="note")
    yield command_list([evidence.command("explain", control.control_id)])


def share(in_all: int, bounds: tuple[int, int], failed: int) -> int:
    """How many of a control that is one of so many."""
    least, most = bounds
    return min(most, max(least, in_all // failed))


def _criteria(evidence: ComplianceEvidence, control: ControlResult) -> Iterator[tuple[str, str]]:
    for criterion in control.criteria:
        check = evidence.check(criterion)
        yield "Looked at", criterion
        if check is not None:
            yield "Why", check.rationale
            yield "Remedy", check.remediation


def _exemptions(report: ComplianceReport) -> Iterator[Markup]:
    if report.exemptions:
        yield element("h2", "Exemptions")
        note = "What these exempt was looked at, and fails no control while they stand."
        yield element("p", note, class_="note")
        yield column_table(exemption_columns(report.account_id), report.exemptions, look="violations")


def _texts(title: str, note: str, controls: Sequence[tuple[ControlResult, str | None]]) -> Iterator[Markup]:
    if controls:
        yield element("h2", title)
        yield element("p", note, class_="note")
        yield fact_list((f"{control.control_id} {control.title}", text or "-") for control, text in controls)


def _checked_by(evidence: ComplianceEvidence) -> Iterator[Markup]:
    account_id = evidence.report.account_id
    yield element("p", f"Each command asks about account {account_id}. The same question, and all violations of it:")
    yield command_list(
        [evidence.command("report"), evidence.command("violations"), evidence.command("violations", "--output", "csv")]
    )
    yield element("p", "The call at a position, such as p12; and for the operator, whether anything was altered:")
    yield command_list(
        [
            suggested_command("muniment", "history", "--from", "p12", "--to", "p12"),
            suggested_command("muniment", "verify"),
        ]
    )


def _anchor(control: ControlResult) -> str:
    return f"control-{control.control_id}"


def _more(count: int, what: str) -> str | None:
    return f"{count:,} {what}" if count > 0 else None
