"""The commands about compliance: whether the controls of a framework held, who violated them, and why."""

import argparse
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from domain.foundation.moments import NamedMoment, format_rfc3339
from domain.read_models.compliance import ControlResult, ControlVerdict, ReportedCheck, ViolationInterval
from services.api.contract.compliance import (
    ComplianceExplanation,
    ComplianceReport,
    ExplainCompliance,
    ExplainedCriterion,
    GetComplianceReport,
    ListComplianceFrameworks,
    ListedFramework,
    ListViolations,
    ShownViolation,
    TryFramework,
    ViolationsPage,
)
from services.api.contract.time_span import Occurrence
from services.cli.lib.arguments import (
    add_command,
    add_historical_arguments,
    add_question_arguments,
    add_span_arguments,
    add_subcommands,
)
from services.cli.lib.client import ask, show_pages
from services.cli.lib.clipping import note_clipping
from services.cli.lib.output import Column, JsonLines, count_noun, make_output, short_time, stdout_table
from services.cli.lib.policy_file import read_document
from services.cli.lib.terminal import Colour, UsageError, print_line, print_note, print_wrapped

OUTPUTS = ("table", "json", "csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = add_subcommands(parser)
    report = add_command(commands, "report", "whether each control of a framework held, at a moment or throughout")
    _add_period(report)
    add_historical_arguments(report, _report, outputs=OUTPUTS)
    violations = add_command(commands, "violations", "who violated which control, from when to when")
    violations.add_argument("--control", metavar="ID", help="only of this control")
    violations.add_argument("--subject", metavar="WHO", help="only of this credential, user, role or policy")
    _add_period(violations)
    add_historical_arguments(violations, _violations, outputs=OUTPUTS)
    explain = add_command(commands, "explain", "why a control came out as it did, with the events behind it")
    explain.add_argument("control", metavar="CONTROL", help="its id, as the report has it")
    explain.add_argument("subject", metavar="SUBJECT", nargs="?", help="only of this credential, user, role or policy")
    _add_period(explain)
    add_historical_arguments(explain, _explain)
    trial = add_command(commands, "try", "what rules that nobody has adopted would have found, and what differs")
    trial.add_argument("rules", metavar="FILE", help="a framework (TOML), or a lifecycle profile (JSON)")
    trial.add_argument("--against", metavar="NAME", help="the framework to compare with (default: that of its name)")
    _add_span(trial)
    add_historical_arguments(trial, _try)
    add_question_arguments(add_command(commands, "frameworks", "the frameworks that there are"), _frameworks)
    add_question_arguments(add_command(commands, "checks", "the checks that controls are made of"), _checks)


def _add_period(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--framework", metavar="NAME", required=True, help="as `compliance frameworks` lists it")
    _add_span(parser)


def _add_span(parser: argparse.ArgumentParser) -> None:
    add_span_arguments(parser, "throughout, from this moment on", "with --from: up to this moment (default: now)")


def _period(args: argparse.Namespace) -> dict[str, object]:
    """Raises UsageError where both a moment and a period are given."""
    if args.until is not None and args.since is None:
        raise UsageError("--to ends what --from begins: give both, or --as-of for one moment.")
    if args.since is not None and args.as_of is not None:
        raise UsageError("--as-of is about one moment, --from and --to about all between two: give one or the other.")
    as_of = args.as_of if args.since is None else _end(args.until)
    return {"since": args.since, "as_of": as_of}


def _about(args: argparse.Namespace) -> dict[str, object]:
    return {"framework": args.framework, **_period(args)}


def _end(until: str | None) -> str | None:
    """Of a date its whole day. The server says what is no moment, or has not come yet."""
    if until is None:
        return None
    named = NamedMoment.parse(until)
    if not named.is_date or named.at is None:
        return until
    return format_rfc3339(named.at + timedelta(days=1) - timedelta(microseconds=1))


def _report(args: argparse.Namespace) -> None:
    report = ask(args, GetComplianceReport, _about(args))
    if args.output == "json":
        JsonLines().show([report])
        return
    if args.output == "table":
        _print_heading(report)
    make_output(args, CONTROLS, CONTROLS).show(report.controls)
    verdicts = [each.verdict for each in report.controls]
    if args.output == "table":
        note_clipping(report.clipped_to)
        said = ", ".join(f"{verdicts.count(verdict)} {word}" for verdict, word in _COUNTED)
        print_note(f"{said}. Why: muniment compliance explain CONTROL --framework {report.framework.name}")


_COUNTED: Sequence[tuple[ControlVerdict, str]] = (
    ("pass", "passed"),
    ("fail", "failed"),
    ("not answered", "not answered here"),
)


def _print_heading(report: ComplianceReport) -> None:
    framework = report.framework
    when = (
        f"as of {short_time(report.until.at)}"
        if report.since == report.until
        else f"throughout {short_time(report.since.at)} to {short_time(report.until.at)}"
    )
    what = f"{framework.title} {framework.version}, account {report.account_id}"
    print_wrapped(f"{what}, {when} (p{report.until.position})")
    print_line("")


def _violations(args: argparse.Namespace) -> None:
    parameters = {**_about(args), "control": args.control, "subject": args.subject}
    shown = show_pages(args, ListViolations, parameters, _rows, VIOLATIONS, exported=VIOLATIONS, first=_note_clipping)
    if not shown:
        print_note("There was no violation.")


def _rows(page: ViolationsPage) -> Sequence[ShownViolation]:
    return page.violations


def _note_clipping(page: ViolationsPage) -> None:
    note_clipping(page.clipped_to)


def _explain(args: argparse.Namespace) -> None:
    explanation = ask(args, ExplainCompliance, {**_about(args), "control": args.control, "subject": args.subject})
    if args.output == "json":
        JsonLines().show([explanation])
    else:
        _show_explanation(explanation)


def _show_explanation(explanation: ComplianceExplanation) -> None:
    control = explanation.control
    print_wrapped(
        f"{control.control_id} {control.title}: {control.verdict.upper()}", "  ", _verdict_colour(control.verdict)
    )
    for text in (control.reason, control.partly and f"Not looked at: {control.partly}"):
        if text:
            print_wrapped(text)
    for criterion in explanation.criteria:
        print_line("")
        print_wrapped(criterion.criterion, "  ")
        print_wrapped(f"  {criterion.check.rationale}", "  ")
        print_wrapped(f"  {_looked_at(criterion)}", "  ")
        for each in criterion.violations:
            print_line("")
            print_wrapped(f"  {_subject(each.violation)}: {_lasted(each.violation)}", "    ", Colour.RED)
            print_wrapped(f"    {_happened(each.opened)}", "      ")
            if each.violation.by_time:
                print_line(f"    {short_time(each.violation.opened.at)} it began by time")
            if each.closed is not None:
                print_wrapped(f"    {_happened(each.closed)}", "      ")
            elif each.violation.closed is not None:
                print_line(f"    {short_time(each.violation.closed.at)} it ended by time")
        if criterion.violations:
            print_wrapped(f"  Remedy: {criterion.check.remediation}", "    ")


def _looked_at(criterion: ExplainedCriterion) -> str:
    looked = count_noun(criterion.subjects, "subject")
    return f"{looked} at the end of the period, {len(criterion.violating):,} of them in violation."


def _happened(event: Occurrence) -> str:
    return f"{short_time(event.at)} p{event.position} {event.event} ({event.operation or 'no call'}, by {event.by})"


def _subject(violation: ViolationInterval) -> str:
    if violation.subject_id == violation.holder_id:
        return violation.holder_name
    return f"{violation.subject_id} of {violation.holder_name}"


def _lasted(violation: ViolationInterval) -> str:
    begins = short_time(violation.opened.at)
    return f"since {begins}" if violation.closed is None else f"{begins} to {short_time(violation.closed.at)}"


def _try(args: argparse.Namespace) -> None:
    parameters = {**_period(args), "rules": read_document(args.rules), "against": args.against}
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


def _frameworks(args: argparse.Namespace) -> None:
    make_output(args, FRAMEWORKS).show(ask(args, ListComplianceFrameworks, {}).frameworks)


def _checks(args: argparse.Namespace) -> None:
    make_output(args, CHECKS).show(ask(args, ListComplianceFrameworks, {}).checks)


def _verdict_colour(text: str) -> Colour | None:
    return {"pass": Colour.GREEN, "fail": Colour.RED}.get(text)


def _exposure(result: ControlResult) -> str:
    return ", ".join(f"{each.amount:,.1f} {each.unit}" for each in result.exposure)


CONTROLS: Sequence[Column[ControlResult]] = (
    Column("CONTROL", lambda result: result.control_id),
    Column("VERDICT", lambda result: result.verdict, colour=_verdict_colour),
    Column("SEVERITY", lambda result: result.severity),
    Column("TITLE", lambda result: result.title, wraps=True, least=24),
    Column("SUBJECTS", lambda result: str(result.subjects)),
    Column("IN VIOLATION", lambda result: str(result.violating)),
    Column("VIOLATIONS", lambda result: str(result.violations)),
    Column("EXPOSURE", _exposure),
    Column("NOTE", lambda result: result.reason or result.partly, wraps=True, wide=True),
)
VIOLATIONS: Sequence[Column[ShownViolation]] = (
    Column("CONTROLS", lambda shown: ", ".join(shown.controls), wraps=True),
    Column("SUBJECT", lambda shown: shown.violation.subject_id),
    Column("OF", lambda shown: shown.violation.holder_name),
    Column("FROM", lambda shown: short_time(shown.violation.opened.at)),
    Column("TO", lambda shown: None if shown.violation.closed is None else short_time(shown.violation.closed.at)),
    Column("POSITION", lambda shown: f"p{shown.violation.opened.position}"),
    Column("BY", lambda shown: "time" if shown.violation.by_time else shown.violation.opened.by, least=16),
    Column("CRITERION", lambda shown: shown.violation.criterion, wide=True),
)
COMPARED: Sequence[Column[_Compared]] = (
    Column("NOW", lambda compared: _verdict(compared.former), colour=_verdict_colour),
    Column("TRIED", lambda compared: _verdict(compared.tried), colour=_verdict_colour),
    Column("CONTROL", lambda compared: compared.either.control_id),
    Column("TITLE", lambda compared: compared.either.title, wraps=True, least=24),
    Column("VIOLATIONS NOW", lambda compared: _violated(compared.former)),
    Column("TRIED", lambda compared: _violated(compared.tried)),
    Column("EXPOSURE", lambda compared: None if compared.tried is None else _exposure(compared.tried)),
)
FRAMEWORKS: Sequence[Column[ListedFramework]] = (
    Column("FRAMEWORK", lambda framework: framework.name),
    Column("VERSION", lambda framework: framework.version),
    Column("TITLE", lambda framework: framework.title, wraps=True),
    Column("CONTROLS", lambda framework: str(framework.controls)),
    Column("ANSWERED", lambda framework: str(framework.answered)),
)
CHECKS: Sequence[Column[ReportedCheck]] = (
    Column("CHECK", lambda check: check.name),
    Column("SEVERITY", lambda check: check.severity),
    Column("TITLE", lambda check: check.title, wraps=True),
    Column("PARAMETERS", lambda check: ", ".join(f"{name}={value}" for name, value in check.parameters.items())),
)
