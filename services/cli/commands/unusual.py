"""The command that tells what is unusual in an account's calls."""

import argparse
from collections.abc import Sequence

from domain.read_models.unusual import SILENT_DAYS_DEFAULT, Anomaly, UnusualKind
from services.api.contract.unusual import FindUnusual, UnusualPage
from services.cli.lib.arguments import SPAN_OF_CALLS, add_historical_arguments, add_span_arguments, positive_int
from services.cli.lib.client import show_pages
from services.cli.lib.clipping import note_clipping
from services.cli.lib.output import Column, arn_resource, count_noun, short_time
from services.cli.lib.terminal import print_note


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_span_arguments(parser, *SPAN_OF_CALLS)
    what = f"report keys used again after N days without use (default: {SILENT_DAYS_DEFAULT})"
    parser.add_argument("--silent-days", type=positive_int, metavar="N", help=what)
    add_historical_arguments(parser, run)


def run(args: argparse.Namespace) -> None:
    parameters = {name: getattr(args, name) for name in ("since", "until", "silent_days", "as_of")}
    if not show_pages(
        args, FindUnusual, parameters, _findings, UNUSUAL, first=lambda page: note_clipping(page.clipped_to)
    ):
        print_note("Nothing unusual was found.")


def _findings(page: UnusualPage) -> Sequence[Anomaly]:
    for session_id in page.cut_sessions:
        print_note(
            f"Of session {session_id} only the first {page.calls_a_session} calls were examined: give a shorter span."
        )
    return page.findings


def _evidence(finding: Anomaly) -> str:
    addresses = ", ".join(dict.fromkeys(call.source_address or "no address" for call in finding.evidence))
    match finding.kind:
        case UnusualKind.SEVERAL_ADDRESSES:
            return f"{count_noun(finding.calls, 'call')}, from {addresses}"
        case UnusualKind.SILENT_KEY:
            assert finding.silent_since is not None
            heard = "last used" if len(finding.evidence) > 1 else "never used since it was created"
            days = count_noun((finding.at - finding.silent_since).days, "day")
            return f"{heard} {short_time(finding.silent_since)}, {days} before"
        case UnusualKind.ROOT:
            return f"{count_noun(finding.calls, 'call')} that day, first and last from {addresses}"


UNUSUAL: Sequence[Column[Anomaly]] = (
    Column("UNUSUAL", lambda finding: finding.kind.value),
    Column("TIME", lambda finding: short_time(finding.at)),
    Column("POSITION", lambda finding: str(finding.position)),
    Column("CREDENTIAL", lambda finding: finding.credential),
    Column("PRINCIPAL", lambda finding: arn_resource(finding.principal_arn), least=10),
    Column("EVIDENCE", _evidence, wraps=True),
    Column("REQUEST", lambda finding: finding.evidence[-1].request_id),
)
