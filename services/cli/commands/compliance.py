"""The commands about compliance: whether the controls of a framework held, who violated them, and why."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from domain.read_models.compliance import ControlResult, ControlVerdict, ReportedExemption, ViolationInterval
from services.api.contract.compliance import (
    ComplianceExplanation,
    ComplianceReport,
    ExplainCompliance,
    ExplainedCriterion,
    ExplainedViolation,
    GetComplianceReport,
    ListViolations,
    ShownViolation,
    TryFramework,
)
from services.api.contract.time_span import Occurrence
from services.cli.lib.arguments import add_command, add_historical_arguments, add_question_arguments, add_subcommands
from services.cli.lib.client import ask, collect_pages
from services.cli.lib.clipping import note_clipping
from services.cli.lib.compliance_evidence import ComplianceEvidence, gather_evidence
from services.cli.lib.compliance_frameworks import add_framework_commands
from services.cli.lib.compliance_html import render_compliance
from services.cli.lib.compliance_ocsf import render_ocsf
from services.cli.lib.compliance_oscal import render_oscal
from services.cli.lib.compliance_output import (
    CONTROLS_EXPORTED,
    VIOLATIONS_EXPORTED,
    control_columns,
    exposure,
    period_of,
    title_of,
    verdict_colour,
    violation_columns,
)
from services.cli.lib.compliance_watch import watch
from services.cli.lib.credential_output import owner_title
from services.cli.lib.output import (
    Column,
    JsonLines,
    Output,
    count_noun,
    make_output,
    short_arn,
    short_time,
    stdout_table,
)
from services.cli.lib.periods import add_period_arguments, period_parameters
from services.cli.lib.policy_file import read_document
from services.cli.lib.terminal import Colour, Failure, print_line, print_note, print_wrapped

VIOLATION_OUTPUTS = ("table", "json", "csv")
_REPORT_NOTES = (
    "csv: one control a line. html: one page with pictures, which opens without a network and prints. oscal: OSCAL "
    "assessment results, as JSON. ocsf: OCSF compliance findings, one a line. The last three have the violations, too; "
    "`compliance violations` has them as table, json or csv. The exit code is 0 whatever was found; with --exit-code "
    "it is 1 when a control failed. Not answered is neither passed nor failed."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    report = add_command(commands, "report", "whether each control of a framework held, at a moment or throughout")
    _add_period(report)
    report.epilog = _REPORT_NOTES
    report.add_argument("--exit-code", action="store_true", help="exit code 1 when a control failed")
    add_historical_arguments(report, _report, outputs=(*VIOLATION_OUTPUTS, *_RENDERERS))
    violations = add_command(commands, "violations", "who violated which control, from when to when")
    violations.add_argument("--control", metavar="ID", help="only of this control")
    violations.add_argument("--subject", metavar="WHO", help="only of this credential, user, role or policy")
    _add_period(violations)
    add_historical_arguments(violations, _violations, outputs=VIOLATION_OUTPUTS)
    watching = add_command(commands, "watch", "what opens and closes from now on; Ctrl-C ends it")
    watching.add_argument("--framework", metavar="NAME", required=True, help="as `compliance frameworks` lists it")
    watching.add_argument("--control", metavar="ID", help="only of this control")
    watching.add_argument("--subject", metavar="WHO", help="only of this credential, user, role or policy")
    watching.epilog = "To have it recorded and told to notification targets, adopt the framework."
    add_question_arguments(watching, watch)
    explain = add_command(commands, "explain", "why a control came out as it did, with the events behind it")
    explain.add_argument("control", metavar="CONTROL", help="its id, as the report has it")
    explain.add_argument("subject", metavar="SUBJECT", nargs="?", help="only of this credential, user, role or policy")
    _add_period(explain)
    add_historical_arguments(explain, _explain)
    trial = add_command(commands, "try", "what rules that nobody has adopted would have found, and what differs")
    trial.add_argument(
        "--rules", metavar="FILE", required=True, help="a framework (TOML or JSON), or a lifecycle profile (JSON)"
    )
    trial.add_argument("--against", metavar="NAME", help="the framework to compare with (default: that of its name)")
    add_period_arguments(trial)
    add_historical_arguments(trial, _try)
    add_framework_commands(commands)


def _add_period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--framework", metavar="NAME", required=True, help="as `compliance frameworks` lists it")
    add_period_arguments(parser)


def _about(args: argparse.Namespace) -> dict[str, str | None]:
    return {"framework": args.framework, **period_parameters(args)}


def _report(args: argparse.Namespace) -> None:
    """Raises Failure where `--exit-code` asks for it."""
    if args.output in _RENDERERS:
        evidence = gather_evidence(args, _about(args))
        report = evidence.report
        sys.stdout.write(_RENDERERS[args.output](evidence))
    else:
        report = ask(args, GetComplianceReport, _about(args))
        _show_report(args, report)
    if args.output != "json":
        note_clipping(report.clipped_to)
    failed = _count(report, "fail")
    if args.exit_code and failed:
        raise Failure(f"{count_noun(failed, 'control')} failed.")


def _show_report(args: argparse.Namespace, report: ComplianceReport) -> None:
    if args.output == "json":
        JsonLines().show([report])
        return
    if args.output == "table":
        _print_heading(report)
    make_output(args, control_columns(report.controls), CONTROLS_EXPORTED).show(report.controls)
    if args.output == "table":
        said = ", ".join(f"{_count(report, verdict)} {word}" for verdict, word in _COUNTED)
        print_note(f"{said}. Why: muniment compliance explain CONTROL --framework {report.framework.name}")


def _count(report: ComplianceReport, verdict: ControlVerdict) -> int:
    return sum(each.verdict == verdict for each in report.controls)


_RENDERERS: Mapping[str, Callable[[ComplianceEvidence], str]] = {
    "html": render_compliance,
    "oscal": render_oscal,
    "ocsf": render_ocsf,
}
_COUNTED: Sequence[tuple[ControlVerdict, str]] = (
    ("pass", "passed"),
    ("fail", "failed"),
    ("exempt", "exempt"),
    ("not answered", "not answered here"),
)


def _print_heading(asked: ComplianceReport | ComplianceExplanation) -> None:
    print_wrapped(f"{title_of(asked)}, {period_of(asked)}")
    print_line("")


def _violations(args: argparse.Namespace) -> None:
    parameters = {**_about(args), "control": args.control, "subject": args.subject}
    showing: Output[ShownViolation] | None = None
    shown = 0
    for page in collect_pages(args, ListViolations, parameters):
        if showing is None:
            note_clipping(page.clipped_to)
            showing = make_output(args, violation_columns(page.account_id), VIOLATIONS_EXPORTED)
        showing.show(page.violations)
        shown += len(page.violations)
    if not shown:
        print_note("There was no violation.")


def _explain(args: argparse.Namespace) -> None:
    explanation = ask(args, ExplainCompliance, {**_about(args), "control": args.control, "subject": args.subject})
    if args.output == "json":
        JsonLines().show([explanation])
    else:
        _show_explanation(explanation, args.subject)


def _show_explanation(explanation: ComplianceExplanation, subject: str | None) -> None:
    control = explanation.control
    _print_heading(explanation)
    of_all = "" if subject is None else ", of everybody"
    verdict = f"{control.control_id} {control.title}: {control.verdict.upper()}{of_all}"
    print_wrapped(verdict, "  ", verdict_colour(control.verdict))
    if note := control.reason or (control.partly and f"Not looked at: {control.partly}"):
        print_wrapped(note)
    for exemption in explanation.exemptions:
        print_wrapped(_exemption(exemption, explanation.account_id))
    for criterion in explanation.criteria:
        print_line("")
        print_wrapped(criterion.criterion, "  ")
        print_wrapped(f"  {criterion.check.title}. {criterion.check.rationale}", "  ")
        print_wrapped(f"  {_looked_at(explanation, criterion)}", "  ")
        if subject is not None and not criterion.violations:
            print_wrapped(f"  {subject} did not violate it.", "  ")
        for each in criterion.violations:
            _show_violation(each, explanation.account_id)
        if hidden := criterion.violations_in_all - len(criterion.violations):
            print_line("")
            print_wrapped(f"  {hidden:,} earlier ones are not told here: muniment compliance violations lists them.")
        if criterion.violations:
            print_wrapped(f"  Remedy: {criterion.check.remediation}", "    ")


def _show_violation(explained: ExplainedViolation, account_id: str) -> None:
    violation = explained.violation
    print_line("")
    print_wrapped(f"  {_subject(violation)}: {_lasted(violation)}", "    ", Colour.RED)
    print_wrapped(f"    {_happened(explained.opened, account_id)}", "      ")
    if violation.by_time:
        print_line(f"    {short_time(violation.opened.at)} it began by time")
    if explained.closed is not None:
        print_wrapped(f"    {_happened(explained.closed, account_id)}", "      ")
    elif violation.closed is not None:
        print_line(f"    {short_time(violation.closed.at)} it ended by time")


def _exemption(exemption: ReportedExemption, account_id: str) -> str:
    by, ends_at = short_arn(exemption.granted.by or "", account_id), short_time(exemption.ends_at)
    granted = f"{short_time(exemption.granted.at)} p{exemption.granted.position}"
    owner = owner_title(exemption.owner_id, exemption.owner_name)
    return f"{owner} is exempt from {granted} to {ends_at}, by {by}: {exemption.reason}"


def _looked_at(explanation: ComplianceExplanation, criterion: ExplainedCriterion) -> str:
    looked = count_noun(criterion.subjects, "subject")
    when = "" if explanation.since == explanation.until else " at the end of the period"
    return f"{looked}{when}, {len(criterion.violating):,} of them in violation."


def _happened(event: Occurrence, account_id: str) -> str:
    by = short_arn(event.by, account_id)
    return f"{short_time(event.at)} p{event.position} {event.event} ({event.operation or 'no call'}, by {by})"


def _subject(violation: ViolationInterval) -> str:
    if violation.subject_id == violation.holder_id:
        return violation.holder_name
    return f"{violation.subject_id} of {violation.holder_name}"


def _lasted(violation: ViolationInterval) -> str:
    begins = short_time(violation.opened.at)
    return f"since {begins}" if violation.closed is None else f"{begins} to {short_time(violation.closed.at)}"


def _try(args: argparse.Namespace) -> None:
    parameters = {**period_parameters(args), "rules": read_document(args.rules), "against": args.against}
    trial = ask(args, TryFramework, parameters)
    if args.output == "json":
        JsonLines().show([trial])
        return
    against = {each.control_id: each for each in trial.against or ()}
    ids = dict.fromkeys((*(each.control_id for each in trial.controls), *against))
    tried = {each.control_id: each for each in trial.controls}
    compared = [_Compared(against.get(each), tried.get(each)) for each in ids]
    stdout_table(COMPARED if against else COMPARED[1:], wide=args.wide).show(compared)
    note_clipping(trial.clipped_to)
    differ = sum(each.differs for each in compared)
    if against:
        print_note(f"{count_noun(differ, 'control')} would come out otherwise.")


class _Compared(NamedTuple):
    """A control by the framework to compare with, and by the rules that are tried; None where one has it not."""

    former: ControlResult | None
    tried: ControlResult | None

    @property
    def either(self) -> ControlResult:
        found = self.tried or self.former
        assert found is not None
        return found

    @property
    def differs(self) -> bool:
        return _verdict(self.former) != _verdict(self.tried) or _violated(self.former) != _violated(self.tried)


def _verdict(result: ControlResult | None) -> str | None:
    return None if result is None else result.verdict


def _violated(result: ControlResult | None) -> str | None:
    return None if result is None else str(result.violations)


COMPARED: Sequence[Column[_Compared]] = (
    Column("NOW", lambda compared: _verdict(compared.former), colour=verdict_colour),
    Column("TRIED", lambda compared: _verdict(compared.tried), colour=verdict_colour),
    Column("CONTROL", lambda compared: compared.either.control_id),
    Column("TITLE", lambda compared: compared.either.title, wraps=True, least=24),
    Column("VIOLATIONS NOW", lambda compared: _violated(compared.former)),
    Column("TRIED", lambda compared: _violated(compared.tried)),
    Column("EXPOSURE", lambda compared: None if compared.tried is None else exposure(compared.tried)),
)
